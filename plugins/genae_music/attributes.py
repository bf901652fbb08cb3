r"""What people say of a clip, as numbers: conditions (`--set condition=density`), and directions of a run's latent space.

density       notes, or strokes of one or more drums together, a bar
interval      mean |p_i+1 − p_i|, semitones; 0 where there are fewer than two notes
syncopation   share of notes that begin off the beat; 0 without notes
in_scale      the largest share of the sounding time on one of the 24 major and natural-minor scales; 1 without notes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from genae_music import figures, melody
from genae_music.smf import Array

BEAT = 4  # steps
Of = Callable[[Tensor], Tensor]


def attributes(kind: str, steps_per_bar: int) -> Mapping[str, Of]:
    """Name to f(events (B, T)) → (B,), of melodies, and of drums of 9 classes."""
    if kind == "melody":
        return {"density": partial(density, steps_per_bar=steps_per_bar), "interval": interval, "syncopation": syncopation,
                "in_scale": in_scale}  # fmt: skip
    return {"density": partial(strokes, steps_per_bar=steps_per_bar)} if kind == "drums" else {}


def density(events: Tensor, steps_per_bar: int) -> Tensor:
    """Notes a bar."""
    return (events.round() >= melody.FIRST).flatten(1).sum(1) * steps_per_bar / events[0].numel()


def strokes(events: Tensor, steps_per_bar: int) -> Tensor:
    """Steps with a stroke, a bar; of (B, T) labels or (B, T, 61) pitches."""
    struck = events.round() > 0
    struck = struck.any(-1) if struck.ndim > 2 else struck
    return struck.sum(1) * steps_per_bar / struck.shape[1]


def interval(events: Tensor) -> Tensor:
    """Semitones from note to note."""
    of = _notes(events)
    same = np.diff(of.window) == 0
    return _means(of.window[1:][same], np.abs(np.diff(of.pitch))[same], events)


def syncopation(events: Tensor) -> Tensor:
    """The share of notes between beats."""
    of = _notes(events)
    return _means(of.window, of.start % BEAT != 0, events)


def in_scale(events: Tensor) -> Tensor:
    """The share of the time on the best scale."""
    time = figures.sounding(_notes(events), len(events))
    whole = time.sum(1)
    share = np.where(whole > 0, (time @ figures.SCALES.T).max(1) / np.maximum(whole, 1), 1.0)
    return torch.from_numpy(share).float().to(events.device)


def _notes(events: Tensor) -> figures.Notes:
    tokens = events.detach().round().clamp(0, melody.CLASSES - 1).long().cpu().numpy()
    return figures.notes(tokens)


def _means(window: Array, values: Array, events: Tensor) -> Tensor:
    """The mean of the values of each window (N,), 0 where it has none."""
    count = np.bincount(window, minlength=len(events))
    total = np.bincount(window, values.astype(np.float64), minlength=len(events))
    return torch.from_numpy(total / np.maximum(count, 1)).float().to(events.device)
