r"""A cheap score of new music, by which the best of several is kept: n-grams, and that it stays in one key.

    score = Σ [log p(stream) + 2 log k(stream)] / (1 + onsets)

k is the likelihood of a stream's notes in the best of 24 keys: of each, the share of training notes that are so far above the
tonic, where training is in that mode. The n-gram alone hears no key over eight bars. The sum would prefer few notes; by the
mean over the notes a reranked set has about as many as it had. Drums have no key.

Of many n-grams the rare ones are left out: POP909's melodies have 444 000, of which 111 000 were counted four times or more,
and by these the best of eight windows is better than the mean by 95 % of what it is by all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from genae.errors import GenaeError
from genae_music import figures
from genae_music.agreement import DRUMS, Kind, onsets, streams
from genae_music.baselines import whole
from genae_music.figures import CLASSES, Floats
from genae_music.ngram import NGram, stream_ngrams
from genae_music.smf import Array

WEIGHT = 2.0  # of the key
MODES = 2  # major, minor
MANY, RARE = 100_000, 3  # n-grams of which those are left out that were counted so often, or less
KEY = "key"  # beside an n-gram's tensors


def learned(train: Tensor, kind: Kind, steps_per_bar: int) -> dict[str, Tensor]:
    """The n-grams and the keys of training events (M, *event), as tensors named after their streams."""
    made: dict[str, Tensor] = {}
    for name, model in stream_ngrams(train, kind, steps_per_bar).items():
        kept = model.above(RARE) if len(model.pair) > MANY else model
        made |= {f"{name}/{part}": tensor for part, tensor in kept.tensors().items()}
    pitched = {name: whole(x) for name, x in streams(train, kind).items() if name != DRUMS}
    return made | {f"{name}/{KEY}": torch.from_numpy(profiles(x)) for name, x in pitched.items()}


def score(events: Tensor, kind: Kind, tensors: Mapping[str, Tensor]) -> Tensor:
    """Events (N, *event) of any length to scores (N,)."""
    total, struck = torch.zeros(len(events)), torch.ones(len(events))
    for name, x in streams(events, kind).items():
        parts = {key.removeprefix(f"{name}/"): tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
        profile = parts.pop(KEY, None)
        total -= torch.from_numpy(NGram.restored(parts).nll(x)).float()
        struck += (onsets(x, name) >= 0).sum((1, 2))
        if profile is not None:
            total += WEIGHT * torch.from_numpy(in_key(whole(x), profile.numpy())).float()
    return total / struck


def profiles(x: Array) -> Floats:
    """Training windows (M, T) to the log share of each semitone above the tonic, in major and in minor: (2, 12)."""
    of = figures.notes(x)
    mode, tonic = np.divmod(figures.scales(of, len(x))[of.window], CLASSES)
    count = np.ones((MODES, CLASSES))
    np.add.at(count, (mode, (of.pitch - tonic) % CLASSES), 1)
    return np.asarray(np.log(count / count.sum(1, keepdims=True)))


def in_key(x: Array, profile: Floats) -> Floats:
    """Windows (N, T) to the log-likelihood of their notes in the best key (N,). GenaeError for what are no keys."""
    if profile.shape != (MODES, CLASSES):
        raise GenaeError(f"the keys of a score are {(MODES, CLASSES)} numbers, not {profile.shape}")
    of, count = figures.notes(x), np.zeros((len(x), CLASSES))
    np.add.at(count, (of.window, of.pitch % CLASSES), 1)
    keys = np.concatenate([[np.roll(mode, tonic) for tonic in range(CLASSES)] for mode in profile])  # (24, 12)
    return np.asarray((count @ keys.T).max(1))
