r"""How near two bands are, and what new bars are worth.

    onset_f1           2 TP / (notes of one + notes of the other): the same track, step and pitch; 1 where neither has any
    players_f1         the same of who plays in a bar: a track and its program

Of a set of bars, beside held-out ones and `mixed`, whose tracks are each from another held-out bar:

    tracks, notes      a bar
    polyphony          pitched notes that begin together, where any does
    in_scale           sounding time of the other tracks on the scale that fits the melody's best; bars with both alone
    degrees            distance of their pitch classes above that scale's tonic from the held-out bars'
    together           share of the other tracks' onsets at a step where the melody has one too
    distinct           different bars, of all
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genae_music import figures
from genae_music.figures import CLASSES, SCALES, TRIADS, Floats
from genae_music.multitrack import BAR, COLUMNS, DRUMS, LEAD, NOTES, PROGRAMS, TRACKS, Notes, notes
from genae_music.smf import Array, Mask

PITCHES = 128


def onset_f1(x: Tensor, y: Tensor) -> float:
    """Of bands (B, NOTES, 6)."""
    return f1(_struck(x), _struck(y))


def players_f1(x: Tensor, y: Tensor) -> float:
    """Of bands (B, NOTES, 6)."""
    return f1(_players(x), _players(y))


METRICS: Mapping[str, Callable[[Tensor, Tensor], float]] = {"onset_f1": onset_f1, "players_f1": players_f1}


def track_f1(x: Tensor, y: Tensor) -> dict[int, float]:
    """The onset F1 of each track that x has anywhere."""
    one, other = _struck(x), _struck(y)
    whose = [of // (BAR * PITCHES) % TRACKS for of in (one, other)]
    return {track: f1(one[whose[0] == track], other[whose[1] == track]) for track in np.unique(whose[0]).tolist()}


def f1(x: Array, y: Array) -> float:
    """Of two sets of whole numbers (n,), (m,)."""
    return 2 * len(np.intersect1d(x, y)) / (len(x) + len(y)) if len(x) + len(y) else 1.0


def _table(x: Tensor) -> Array:
    return x.detach().cpu().round().long().numpy()


def _struck(x: Tensor) -> Array:
    """A number for every note's bar, track, step and pitch."""
    of = notes(_table(x))
    return np.asarray(((of.bar * TRACKS + of.track) * BAR + of.step) * PITCHES + of.pitch)


def _players(x: Tensor) -> Array:
    """A number for every bar, track and program that has a note."""
    of = notes(_table(x))
    return np.unique((of.bar * TRACKS + of.track) * PROGRAMS + of.program)


# -- new bars ---------------------------------------------------------------------------------------------------------


def judged(samples: Tensor, held: Tensor) -> dict[str, dict[str, float]]:
    """Figures of bars (N, NOTES, 6) beside held-out ones (M, NOTES, 6), of which half are compared with the others."""
    order = torch.randperm(len(held))
    some, others = held[order[: len(held) // 2]], held[order[len(held) // 2 :]]
    ways = {"samples": samples, "held-out": some, "mixed": mixed(some)}
    made = {way: of(x, others) for way, x in ways.items()}
    return {name: {way: values[name] for way, values in made.items()} for name in made["samples"]}


def mixed(x: Tensor) -> Tensor:
    """Bars (N, NOTES, 6) whose tracks come from a bar each, drawn at random."""
    made = x.new_zeros(len(x), TRACKS, NOTES, COLUMNS)
    for track in range(TRACKS):
        other = x[torch.randperm(len(x))]
        made[:, track] = other * (other[..., :1] == track + 1)
    rows = made.flatten(1, 2)
    order = (rows[..., 0] > 0).to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :NOTES]
    return rows.gather(1, order[..., None].expand(-1, -1, COLUMNS))


class Harmony(NamedTuple):
    """Of bars with a melody and other pitched tracks."""

    in_scale: Floats  # (n,)
    degrees: Array  # (m,), of the other tracks' notes


def of(x: Tensor, held: Tensor) -> dict[str, float]:
    """Figures of bars (N, NOTES, 6), and distances from held-out ones."""
    table = notes(_table(x))
    harmony, theirs = _harmony(table, len(x)), _harmony(notes(_table(held)), len(held))
    pitched = table.program < DRUMS
    onsets = np.unique(table.bar[pitched] * BAR + table.step[pitched])
    return {
        "tracks": len(np.unique(table.bar * TRACKS + table.track)) / len(x),
        "notes": len(table.bar) / len(x),
        "polyphony": float(pitched.sum()) / max(1, len(onsets)),
        "in_scale": float(harmony.in_scale.mean()) if len(harmony.in_scale) else float("nan"),
        "degrees": figures.distance(harmony.degrees, theirs.degrees),
        "together": _together(table),
        "distinct": len(set(figures.rows(_table(x)))) / len(x),
    }


def _harmony(of: Notes, bars: int) -> Harmony:
    lead, rest = (_sounding(of, where, bars) for where in (of.track == LEAD, (of.track != LEAD) & (of.program < DRUMS)))
    both = np.asarray(lead.any(1) & rest.any(1))
    best = (lead @ SCALES.T + 1e-3 * (lead + rest) @ TRIADS.T).argmax(1)
    share = np.asarray((rest * SCALES[best]).sum(1))[both] / np.asarray(rest.sum(1))[both]
    mine = (of.track != LEAD) & (of.program < DRUMS) & both[of.bar]
    return Harmony(share, (of.pitch[mine] - best[of.bar[mine]]) % CLASSES)


def _sounding(of: Notes, where: Mask, bars: int) -> Floats:
    """Steps of each pitch class in each bar (bars, 12)."""
    time = np.zeros((bars, CLASSES))
    np.add.at(time, (of.bar[where], of.pitch[where] % CLASSES), np.minimum(of.length, BAR - of.step)[where])
    return time


def _together(of: Notes) -> float:
    """The share of the others' onsets, in bars with a melody, that are at a step of it."""
    place, lead = of.bar * BAR + of.step, of.track == LEAD
    others = ~lead & np.isin(of.bar, of.bar[lead])
    return float(np.isin(place[others], place[lead]).mean()) if others.any() else float("nan")
