r"""Bar lines of music in 1/4, a meter that says beats and no bars: they are estimated from the notes.

    steps     n ticks each, the first at the mean angle of the onsets o, n/2π · arg Σ exp 2πi o/n: what was cut out of a
              recording begins anywhere between two beats
    strength  of a step: how much the harmony changes there, 1 − cos of what pitch classes sound in the two beats before and
              after it, and how low a note begins there, .3 times; each divided by its mean
    beats     the fourth of the steps that are strongest together; their strength s(b) is standardised
    bars      the beats b₁ < b₂ < … of the largest Σ s(bᵢ) − COST [bᵢ − bᵢ₋₁ ≠ 4], with bars of 4 beats, or 2, 3, 5, 6

Of the 517 songs of POP909 that are in 1/4 alone, 505 have steps, whose beats are those of its annotation, and 76 % of the
annotated downbeats are bar lines, in 81 % of the songs more than half. With bars from the first tick on these are 4 %.
"""

from __future__ import annotations

import numpy as np

from genae_music.smf import Array

FEWEST, MOST = 64, 1 << 16  # beats of music that bars are estimated for
CLEAR = 0.3  # the least length of the onsets' mean vector: what was played freely has no steps
BASS, MIDDLE = 0.3, 60  # weight of low notes, and the pitch below which they are
COST = 4.0  # standard deviations
BEATS, OTHERS = 4, (2, 3, 5, 6)  # of a bar
STEPS, OCTAVE = 4, 12  # of a beat; pitch classes


def downbeats(onset: Array, offset: Array, pitch: Array, resolution: int) -> Array | None:
    """Notes (N,), in ticks, to the ticks of bar lines (B,); None where there is too little music, or none of a steady beat."""
    if not len(onset) or not FEWEST <= (offset.max() - onset.min()) // resolution <= MOST:
        return None
    ticks = resolution / STEPS
    mean = np.exp(2j * np.pi * onset / ticks).mean()
    if abs(mean) < CLEAR:
        return None
    shift = ticks * np.angle(mean) / (2 * np.pi)
    start = np.round((onset - shift) / ticks).astype(np.int64)
    stop = np.maximum(np.round((offset - shift) / ticks).astype(np.int64), start + 1)
    first = int(start.min())
    strength = _strength(start - first, stop - first, pitch)
    beat = int(np.argmax([strength[k::STEPS].sum() for k in range(STEPS)]))
    beats = strength[beat::STEPS]
    bars = _path((beats - beats.mean()) / max(float(beats.std()), 1e-9))
    lines: Array = np.round((bars * STEPS + beat + first) * ticks + shift).astype(np.int64)
    return lines


def _strength(start: Array, stop: Array, pitch: Array) -> Array:
    """Notes (N,), in steps, to how strong each step (T,) is."""
    length = int(stop.max())
    sounding = np.zeros((length + 1, OCTAVE))
    np.add.at(sounding, (start, pitch % OCTAVE), 1)
    np.add.at(sounding, (stop, pitch % OCTAVE), -1)
    total = np.concatenate([np.zeros((1, OCTAVE)), sounding[:-1].cumsum(0).cumsum(0)])  # (T + 1, 12)
    step = np.arange(length)
    before = total[step] - total[np.maximum(step - 2 * STEPS, 0)]
    after = total[np.minimum(step + 2 * STEPS, length)] - total[step]
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = 1 - (before * after).sum(1) / np.maximum(norms, 1e-9)
    low = np.zeros(length)
    np.maximum.at(low, start, np.maximum(MIDDLE - pitch, 0))
    return np.asarray(change / max(float(change.mean()), 1e-9) + BASS * low / max(float(low.mean()), 1e-9))


def _path(strength: Array) -> Array:
    """The beats (B,) that begin bars, of beats' strength (T,)."""
    s = strength.tolist()
    best, previous = s[:BEATS], [-1] * BEATS
    for b in range(BEATS, len(s)):
        ways = [(best[b - BEATS], b - BEATS)] + [(best[b - n] - COST, b - n) for n in OTHERS if b >= n]
        value, before = max(ways)
        best.append(value + s[b])
        previous.append(before)
    at = max(range(len(s) - BEATS, len(s)), key=best.__getitem__)
    path = []
    while at >= 0:
        path.append(at)
        at = previous[at]
    return np.array(path[::-1])
