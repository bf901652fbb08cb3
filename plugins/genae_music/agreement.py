r"""How well two sets of windows agree, stream by stream.

    accuracy    the share of all steps with the same token; "hold" dominates it
    onset F1    2 TP / (onsets of one + onsets of the other), pooled over the set; an onset agrees if the other has the same
                pitch, or drum, at the same step. 1 where neither has any.

Of drums a step's token is one label, so that its accuracy asks for all classes at once, and its onsets are the label's bits.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from genae_music import drums, melody, trio

Kind = Literal["melody", "drums", "trio"]
Streams = dict[str, Tensor]  # by name, tokens (N, T) int64 on the CPU
DRUMS = "drums"


def streams(events: Tensor, kind: Kind) -> Streams:
    """Events (N, *event) to each stream's tokens; of the full kit's roll (N, T, 61) they are Σ 2^class, too."""
    x = events.detach().round().long().cpu()
    if kind == "trio":
        return dict(zip(trio.PARTS, x.unbind(1), strict=True))
    if x.ndim == 3:
        x = (x << torch.arange(x.shape[2])).sum(2)
    return {kind: x}


def classes(stream: str, full: bool = False) -> int:
    """How many tokens a stream can have."""
    return (1 << len(drums.FULL) if full else drums.LABELS) if stream == DRUMS else melody.CLASSES


def alphabets(events: Tensor, kind: Kind) -> dict[str, int]:
    """How many tokens each stream of events (N, *event) can have."""
    full = kind == DRUMS and events.ndim == 3
    return {name: classes(name, full) for name in (trio.PARTS if kind == "trio" else (kind,))}


def accuracy(x: Streams, y: Streams) -> dict[str, float]:
    """By stream."""
    return {name: (x[name] == y[name]).double().mean().item() for name in x}


def onset_f1(x: Streams, y: Streams) -> dict[str, float]:
    """By stream."""
    return {name: _f1(*(onsets(of[name], name) for of in (x, y))) for name in x}


def onsets(tokens: Tensor, stream: str) -> Tensor:
    """Tokens (N, T) to a number for every onset, -1 where there is none: (N, T, 1) pitches, (N, T, 61) drums."""
    if stream != DRUMS:
        return torch.where(tokens >= melody.FIRST, tokens, -1)[..., None]
    return torch.where(tokens[..., None] >> torch.arange(len(drums.FULL)) & 1 == 1, 1, -1)


def _f1(x: Tensor, y: Tensor) -> float:
    both, either = int(((x == y) & (x >= 0)).sum()), int((x >= 0).sum() + (y >= 0).sum())
    return 2 * both / either if either else 1.0


def by_stream(name: str, values: dict[str, float]) -> dict[str, float]:
    """`name` is the mean over the streams; of several streams each is there too, as name_stream."""
    each = {f"{name}_{stream}": value for stream, value in values.items()} if len(values) > 1 else {}
    return {name: sum(values.values()) / len(values), **each}
