r"""What melody and drums share: passages of a voice, laid end to end, and the windows cut from them.

A voice is one instrument, or all drums, in one piece of the score. A passage is a stretch of it without a bar's length of
silence; it begins on the bar line at or before its first onset and ends on the one at or after its last end. All passages of a
file lie in one array, so that its windows are one gather. In the default grid a voice that enters in the second bar of its
piece keeps the silent first one, and windows with nothing in their first two bars are left out: so a window that is written
and read again is itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from genae_music.quantise import STEPS_PER_QUARTER, Setting, Steps
from genae_music.reasons import Reason, Unusable
from genae_music.score import Score
from genae_music.smf import Array, Mask

MAX_WINDOWS = 1 << 16  # of a file
MAX_STEPS = 1 << 24  # of all voices of a file
MAGENTA_BARS = 100  # a passage is cut after these


class Lost(NamedTuple):
    """What was not used: for each case, whose it was."""

    reason: Reason
    what: str  # "notes" or "windows"
    instrument: Array  # (n,)


@dataclass(frozen=True)
class Windows:
    """What a file gives."""

    tokens: Array  # (W, T), or (W, 3, T)
    instrument: Array  # (W,), or (W, 3): whose they are
    tick: Array  # (W,), where they begin in the file
    lost: list[Lost] = field(default_factory=list)

    def sounds(self, resolution: int) -> Array:
        """Where in the file the first event of each is, (W,) ticks."""
        event = self.tokens > 0
        first: Array = (event.any(1) if event.ndim == 3 else event).argmax(-1)
        return self.tick + first * resolution // STEPS_PER_QUARTER


class Passages(NamedTuple):
    """Passages (R,) of notes (N,) sorted by voice and onset."""

    of: Array  # (N,), which passage a note is in
    start: Array  # (N,), the step of the piece at which it begins
    at: Array  # (N,), its place in the one array
    origin: Array  # (R,), the step of the piece at which a passage begins
    place: Array  # (R,), where it begins in the one array
    length: Array  # (R,), steps
    unit: Array  # (R,), steps of a bar
    first: Array  # (R,), its first note


def passages(voice: Array, start: Array, stop: Array, unit: Array, setting: Setting) -> Passages:
    """Notes (N,) sorted by voice and onset, with steps per bar `unit`, to passages. A silent bar ends one."""
    opens = changes(voice)
    begins = opens.copy()
    begins[1:] |= start[1:] - stop[:-1] >= unit[1:]
    first = begins.nonzero()[0]
    last = np.concatenate([first[1:], [len(start)]]) - 1
    bar = unit[first]
    origin = start[first] // bar
    if not setting.magenta:
        origin -= opens[first] & (origin == 1)
    bars = -(-stop[last] // bar) - origin
    if setting.magenta:
        bars = np.minimum(bars, MAGENTA_BARS)
    length = bars * bar
    limit("steps in all voices", int(length.sum()), MAX_STEPS)
    place = length.cumsum() - length
    of = begins.cumsum() - 1
    origin *= bar
    return Passages(of, start, place[of] + start - origin[of], origin, place, length, bar, first)


def limit(what: str, number: int, most: int) -> None:
    """Unusable if there are more than can be read: memory stays bounded whatever the file says."""
    if number > most:
        raise Unusable(Reason.LARGE, f"has {number:,} {what}, more than the {most:,} that are read")


def changes(values: Array) -> Array:
    """Where values (N,) differ from the one before, (N,) bool; the first does."""
    found = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def without(some: Array, others: Array) -> Array:
    """The places (n,) in `some` that are not in `others`."""
    mask = np.zeros(int(some.max(initial=0)) + 1, bool)
    mask[some] = True
    mask[others] = False
    return mask.nonzero()[0]


def cut(line: Array, p: Passages, setting: Setting) -> tuple[Array, Array, Array]:
    """Windows (W, T) of the one array `line`, one from every bar of every passage; the passage, and the first step, of each."""
    count = np.maximum((p.length - setting.steps) // p.unit + 1, 0)
    total = int(count.sum())
    limit("windows", total, MAX_WINDOWS)
    of = np.arange(len(count)).repeat(count)
    step = (np.arange(total) - (count.cumsum() - count).repeat(count)) * p.unit[of]  # of the passage
    return line[(p.place[of] + step)[:, None] + np.arange(setting.steps)], of, p.origin[of] + step


def sift(score: Score, faults: list[tuple[Reason, Mask]]) -> tuple[Array, list[Lost]]:
    """Notes (n,) without a fault, as places in the score, and those with one under the first that they have."""
    good = np.ones(len(score.onset), bool)
    lost = []
    for reason, bad in faults:
        if bad.any():
            lost.append(Lost(reason, "notes", score.instrument[bad & good]))
            good &= ~bad
    return good.nonzero()[0], lost


def unfilled(p: Passages, instrument: Array, setting: Setting) -> list[Lost]:
    """Notes (N,) of passages that are shorter than a window, and those after the longest passage taken."""
    short = (p.length < setting.steps)[p.of]
    late = p.start - p.origin[p.of] >= p.length[p.of]
    faults = ((Reason.SHORT, short), (Reason.LONG, late))
    return [Lost(reason, "notes", instrument[bad]) for reason, bad in faults if bad.any()]


def ticks(steps: Steps, piece: Array, step: Array, resolution: int) -> Array:
    """Steps (n,) of pieces (n,) to ticks of the file; a piece of Magenta's has one tempo."""
    return steps.origin[piece] + step * resolution // STEPS_PER_QUARTER


def choose(each: Windows, onset: Mask, piece: Array, setting: Setting) -> Windows:
    """Of windows with onsets (W, T) those that are used: none silent, none twice in a file (Magenta: a piece)."""
    found, whose, lost = each.tokens, each.instrument, each.lost
    good = np.ones(len(found), bool)
    if not setting.magenta:
        heard, soon = onset.any(1), onset[:, : 2 * setting.steps_per_bar].any(1)
        lost += [Lost(Reason.EMPTY, "windows", whose[~heard]), Lost(Reason.GAP, "windows", whose[heard & ~soon])]
        good = good & soon
        piece = np.zeros_like(piece)
    first = good.nonzero()[0][unique(found[good], piece[good])]
    twice = good.copy()
    twice[first] = False
    lost.append(Lost(Reason.DUPLICATE, "windows", whose[twice]))
    return Windows(found[first], whose[first], each.tick[first], lost)


def unique(windows: Array, group: Array) -> Array:
    """The windows (W, …) that are the first of their kind in their group (W,): their places (n,), ascending."""
    if not len(windows):
        return np.zeros(0, np.int64)
    rows = np.ascontiguousarray(windows.reshape(len(windows), -1))
    keys = zip(group.tolist(), rows.view(f"V{rows.itemsize * rows.shape[1]}").ravel().tolist(), strict=True)
    first: dict[tuple[int, bytes], int] = {}
    for i, key in enumerate(keys):
        first.setdefault(key, i)
    return np.array(list(first.values()))
