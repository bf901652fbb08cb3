r"""How new windows of many voices are judged: by what they have in common with held-out ones, and what they took from training.

    notes              a window
    polyphony          distance of the numbers of keys that sound at a step; `chord`, how many are struck together where any is
    pitch_classes      distance of pitch classes above the lowest note of the window, by how long they sound
    registers          distance of the octaves of notes
    onsets, lengths    distances of places in the window, and of durations in sixteenths
    intervals          distance of the semitones between keys next to each other that sound together
    top, bass          distance of the semitones that the highest, and the lowest, sounding key moves from one step to the next
    in_scale           the largest share of a window's sounding time on one of the 24 major and natural-minor scales
    clashes            share of the intervals that are of one semitone
    copies             share of windows that are one of training, loudness aside
    loudness           distance of velocities, by fours

A distance is total variation, ½ Σ |p − q| (`figures`). Others that are judged: held-out windows against the rest of them; keys
drawn one by one, each struck and each going on as often as there in training (`cells`); and training windows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from genae.errors import GenaeError
from genae_music.figures import CLASSES, SCALES, distance
from genae_music.piano import GOES_ON, KEYS
from genae_music.piano_cells import Cells
from genae_music.piano_events import event
from genae_music.score import LOUDEST
from genae_music.smf import Array, Mask

HELD, CELLS, TRAINING = "held-out", "cells", "training"
SPAN = 2 * KEYS  # moves lie within ± KEYS
COUNTED = 8192  # training windows that cells are counted in
Figures = dict[str, float]


class Judge:
    """What the figures need of training and held-out windows (N, T, 88), stored ones, is worked out once."""

    def __init__(self, train: Tensor, held: Tensor) -> None:
        if not len(held) or not len(train):
            raise GenaeError(f"judging needs held-out and training windows, not {len(held)} and {len(train)}")
        self.train, self.held = train, event(held)
        self.seen = {
            hash(row.tobytes()) for row in torch.where(train == GOES_ON, -1, (train > 0).long()).numpy().astype(np.int8)
        }

    def __call__(self, samples: Tensor) -> Figures:
        """Figures of events (N, T′, 88)."""
        return self._against(samples, _histograms(self.held.numpy()))

    def baselines(self, n: int) -> dict[str, Figures]:
        """See above; random numbers are torch's."""
        order = torch.randperm(len(self.held))
        some, others = self.held[order[:n]], self.held[order[n:]]
        drawn = {
            CELLS: Cells.of(event(self.train[torch.randperm(len(self.train))[:COUNTED]])).sample(n),
            TRAINING: event(self.train[torch.randint(len(self.train), (n,))]),
        }
        floor = self._against(some, _histograms((others if len(others) else some).numpy()))
        return {HELD: floor, **{name: self(x) for name, x in drawn.items()}}

    def _against(self, samples: Tensor, theirs: dict[str, Array]) -> Figures:
        x = samples.numpy()
        mine, states = _histograms(x), _states(x)
        windows = states.reshape(-1, *self.train.shape[1:])
        apart = {name: distance(mine[name], theirs[name]) for name in theirs}
        fit = _in_scale(x != 0)
        return {
            "notes": float((x > 0).sum() / len(windows)),
            "in_scale": float(fit.mean()) if len(fit) else float("nan"),
            "clashes": float((mine["intervals"] == 1).mean()) if len(mine["intervals"]) else float("nan"),
            "copies": sum(hash(row.tobytes()) in self.seen for row in windows) / len(windows),
            **apart,
        }


def _states(x: Array) -> Array:
    """Events to 0, 1 where a key is struck, −1 where it goes on."""
    return np.sign(x).astype(np.int8)


def _histograms(x: Array) -> dict[str, Array]:
    """Events (N, T, 88) to whole numbers of which distances are measured."""
    sounds, struck = x != 0, x > 0
    together = struck.sum(2)
    _, step, key = np.nonzero(struck)
    return {
        "polyphony": sounds.sum(2).ravel(),
        "chord": together[together > 0],
        "pitch_classes": _above_lowest(sounds),
        "registers": (key + 9) // 12,
        "onsets": step,
        "lengths": _lengths(x),
        "intervals": _intervals(sounds),
        "top": _moves(sounds[..., ::-1]),
        "bass": _moves(sounds),
        "loudness": np.round(x[struck] * LOUDEST).astype(np.int64) // 4,
    }


def _above_lowest(sounds: Mask) -> Array:
    """Of every key and step that sounds, the pitch class above the window's lowest."""
    window, _, key = np.nonzero(sounds)
    return np.asarray((key - sounds.any(1).argmax(1)[window]) % CLASSES)


def _lengths(x: Array) -> Array:
    """Of every note that is struck, the steps for which it sounds in its window."""
    going = np.append(x < 0, np.zeros_like(x[:, :1], bool), 1)
    ends = np.where(going, x.shape[1], np.arange(x.shape[1] + 1)[:, None])
    following = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    window, step, key = np.nonzero(x > 0)
    return np.asarray(following[window, step + 1, key] - step)


def _intervals(sounds: Mask) -> Array:
    """Between neighbours of those that sound at a step, semitones."""
    place, key = np.nonzero(sounds.reshape(-1, KEYS))
    return np.asarray(np.diff(key)[np.diff(place) == 0])


def _moves(sounds: Mask) -> Array:
    """Of the first key that sounds, from step to step where both have one and it is another: semitones, from 0 on."""
    first, there = sounds.argmax(2), np.asarray(sounds.any(2))
    move = np.diff(first, axis=1)
    return np.asarray(move[there[:, 1:] & there[:, :-1] & (move != 0)] + SPAN // 2)


def _in_scale(sounds: Mask) -> Array:
    """The share of each window that sounds (n,)."""
    time = np.zeros((len(sounds), CLASSES))
    for key in range(KEYS):
        time[:, (key + 9) % CLASSES] += sounds[:, :, key].sum(1)
    time = time[time.any(1)]
    return np.asarray((time @ SCALES.T).max(1) / time.sum(1))
