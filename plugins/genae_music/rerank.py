r"""A cheap score of new music, by which the best of several is kept: its n-grams, all streams together.

    score = Σ log p(stream) / (1 + onsets)^.6

The sum alone prefers few notes, the mean over the notes many: between them a reranked set has about as many as it had.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genae_music.agreement import Kind, onsets, streams
from genae_music.ngram import NGram, stream_ngrams

POWER = 0.6


def learned(train: Tensor, kind: Kind, steps_per_bar: int) -> dict[str, Tensor]:
    """The n-grams of training events (M, *event), as tensors."""
    models = stream_ngrams(train, kind, steps_per_bar)
    return {f"{name}/{part}": tensor for name, model in models.items() for part, tensor in model.tensors().items()}


def score(events: Tensor, kind: Kind, tensors: Mapping[str, Tensor]) -> Tensor:
    """Events (N, *event) of any length to scores (N,)."""
    total, struck = torch.zeros(len(events)), torch.ones(len(events))
    for name, x in streams(events, kind).items():
        parts = {key.removeprefix(f"{name}/"): tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
        total -= torch.from_numpy(NGram.restored(parts).nll(x)).float()
        struck += (onsets(x, name) >= 0).sum((1, 2))
    return total / struck**POWER
