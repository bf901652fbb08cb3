r"""What is measured of a set of melodies, and how far two sets are apart: numbers that need no model.

    in_scale      the largest share of a window's sounding time on one of the 24 major and natural-minor scales, averaged
    one_scale     share of windows where that is 1
    leaps         share of intervals beyond 7 semitones
    trigrams      runs of three successive intervals; of all in a set, the share that another set has
    repeats       of the bars after the first that have an onset, how many are an earlier one's: token for token, or its onsets
    border_leap   mean interval, semitones, between the last note before and the first after a border of two windows
    distance      total variation ½ Σ |p − q| of the histograms of two sets

Windows without a note are left out of averages over windows. Where several scales hold a window's notes alike, as a minor scale
and its relative major do, its tonic is that of the scale whose tonic triad sounds longest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genae_music.melody import FIRST, LOWEST
from genae_music.smf import Array

Floats = npt.NDArray[np.float64]
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
LEAP = 7  # semitones
WHOLE = 1 - 1e-9
CLASSES = 12  # pitch classes
SPAN = 256  # intervals lie within ±87


def _scales(degrees: tuple[int, ...]) -> Floats:
    """Degrees above each tonic (12, 12), 0 or 1."""
    return np.array([np.isin((np.arange(CLASSES) - tonic) % CLASSES, degrees) for tonic in range(CLASSES)], np.float64)


SCALES = np.concatenate([_scales(MAJOR), _scales(MINOR)])  # (24, 12)
TRIADS = np.concatenate([_scales((0, 4, 7)), _scales((0, 3, 7))])


class Notes(NamedTuple):
    """The notes (M,) of windows (N, T), sorted by window and start."""

    window: Array
    start: Array  # steps of the window
    length: Array  # steps; a note ends at the next event
    pitch: Array  # MIDI


def notes(x: Array) -> Notes:
    """Of windows (N, T) of a melody's tokens."""
    flat, steps = x.ravel(), x.shape[1]
    event = np.flatnonzero(flat)
    window = event // steps
    end = np.minimum(np.append(event[1:], flat.size), (window + 1) * steps)
    on = flat[event] >= FIRST
    return Notes(window[on], (event % steps)[on], (end - event)[on], flat[event][on] - FIRST + LOWEST)


# -- scales -----------------------------------------------------------------------------------------------------------


def sounding(of: Notes, windows: int) -> Floats:
    """Steps of every pitch class in every window (N, 12)."""
    total = np.zeros((windows, CLASSES))
    np.add.at(total, (of.window, of.pitch % CLASSES), of.length)
    return total


def in_scale(of: Notes, windows: int) -> Floats:
    """The share of each window that has a note (n,)."""
    time = sounding(of, windows)
    time = time[time.any(1)]
    return np.asarray((time @ SCALES.T).max(1) / time.sum(1))


def scales(of: Notes, windows: int) -> Array:
    """The best scale of each window (N,): 0 … 11 major on that pitch class, 12 … 23 minor."""
    time = sounding(of, windows)
    return np.asarray((time @ SCALES.T + 1e-3 * (time @ TRIADS.T)).argmax(1))


def degrees(of: Notes, windows: int) -> Array:
    """Semitones of every note above its window's tonic (M,), 0 … 11."""
    return np.asarray((of.pitch - scales(of, windows)[of.window]) % CLASSES)


# -- intervals --------------------------------------------------------------------------------------------------------


def intervals(of: Notes) -> Array:
    """From each note to the next of its window, semitones."""
    return np.asarray(np.diff(of.pitch)[np.diff(of.window) == 0])


def trigrams(of: Notes) -> Array:
    """A number for each run of three successive intervals in a window."""
    step, same = np.diff(of.pitch) + SPAN // 2, np.diff(of.window) == 0
    runs = same[:-2] & same[1:-1] & same[2:]
    return np.asarray((step[:-2] * SPAN**2 + step[1:-1] * SPAN + step[2:])[runs])


def border_leap(of: Notes, steps: int) -> Array:
    """Intervals over the borders of windows of `steps`, semitones."""
    place = of.start // steps
    crossing = (np.diff(of.window) == 0) & (np.diff(place) > 0)
    return np.asarray(np.abs(np.diff(of.pitch))[crossing])


# -- form -------------------------------------------------------------------------------------------------------------


def repeats(x: Array, bar: int, rhythm: bool = False) -> Array:
    """Of each window (N, T), how many bars with an onset are as an earlier one (N,), tokens or, by `rhythm`, onsets alone."""
    bars = x.reshape(len(x), -1, bar)
    onset = bars >= FIRST
    seen = onset if rhythm else bars
    same = (seen[:, :, None] == seen[:, None]).all(3)
    return np.asarray((np.tril(same, -1).any(2) & onset.any(2)).sum(1))


# -- sets -------------------------------------------------------------------------------------------------------------


def distance(x: Array, y: Array) -> float:
    """Between the histograms of whole numbers (n,) and (m,), 0 … 1; 1 where one has none."""
    if not len(x) or not len(y):
        return float(len(x) != len(y))
    size = int(max(x.max(), y.max())) + 1
    p, q = (np.bincount(values, minlength=size) / len(values) for values in (x, y))
    return 0.5 * float(np.abs(p - q).sum())


def outlines(x: Array) -> Array:
    """Windows (N, T) to what transposition leaves: at each onset the length and the pitch above the first note, else 0."""
    of, made = notes(x), np.zeros(x.shape, np.int64)
    first = np.searchsorted(of.window, of.window)
    made[of.window, of.start] = (of.pitch - of.pitch[first] + SPAN // 2) * (x.shape[1] + 1) + of.length
    return made


def rows(x: Array) -> list[bytes]:
    """Rows (N, …) as keys."""
    return [row.tobytes() for row in np.ascontiguousarray(x, np.int64)]
