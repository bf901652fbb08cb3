r"""How loud, and of drums how early, the notes of a song were, for those that come back of it or go on from it.

A stroke is [voice, step of the joined windows, velocity above the song's median, ticks of 120 a step late]. A note that comes
back has what its voice had at its step; between strokes velocities go linearly, and timing is that of the nearest one. After
the song its last two bars are played on and on. A voice is a pitched part by its number, or a drum, FIRST_DRUM and its pitch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from genae_music.quantise import STEPS_PER_QUARTER, Steps
from genae_music.score import LOUDEST, TICKS_PER_STEP, Score, early
from genae_music.smf import Array

FIRST_DRUM = 128
BARS = 2  # of the song's end that go on
FURTHEST = TICKS_PER_STEP // 2 - 2  # ticks: what is written is read again at its own step

Strokes = Sequence[Sequence[int]]


def strokes(score: Score, steps: Steps, mine: Array, start: int, voice: Array, who: int) -> list[list[int]]:
    """Of the notes `mine` (n,), places in the score, of those voices (n,); the median velocity is that of instrument `who`.

    `start` is the step of the whole line at which the first window begins.
    """
    before = steps.length.cumsum() - steps.length
    step = before[steps.piece[mine]] + steps.start[mine] - start
    above = score.velocity[mine] - middle(score, who)
    grid = steps.origin[steps.piece[mine]] + steps.start[mine] * score.resolution / STEPS_PER_QUARTER
    ticks = np.round((score.onset[mine] - grid) * STEPS_PER_QUARTER * TICKS_PER_STEP / score.resolution).astype(np.int64)
    late = np.where(score.drums()[mine], ticks.clip(-FURTHEST, FURTHEST), 0)
    rows = np.stack([voice, step, above, late], 1)
    return [[int(n) for n in row] for row in rows[np.lexsort((-above, step, voice))]]


def middle(score: Score, who: int) -> int:
    """The median velocity of an instrument's notes."""
    return int(np.median(score.velocity[score.instrument == who]))


def played(score: Score, step: Array, of: Strokes, length: int, unit: int, velocity: int, amount: float) -> Score:
    """A score whose notes (N,) lie on steps of a song of so many, `unit` a bar, as loud and as early as the strokes were.

    `velocity` is the median; of drums `amount` of it, from 0 to 1.
    """
    table = np.array(of, np.int64).reshape(-1, 4)
    drum = score.drums()
    voice = np.where(drum, FIRST_DRUM + score.pitch, score.instrument)
    within = np.where(step < length, step, length - BARS * unit + (step - length) % (BARS * unit)).clip(0)
    above, late = np.zeros(len(step)), np.zeros(len(step))
    for one in np.unique(voice):
        rows = table[table[:, 0] == one]
        if len(rows):
            _, first = np.unique(rows[:, 1], return_index=True)  # of several at a step the loudest
            at, rows = voice == one, rows[first]
            above[at] = np.interp(within[at], rows[:, 1], rows[:, 2])
            late[at] = rows[np.abs(within[at][:, None] - rows[:, 1]).argmin(1), 3]
    share = np.where(drum, amount, 1.0)
    made = np.clip(np.round(velocity + share * above), 1, LOUDEST).astype(np.int64)
    return early(replace(score, velocity=made), -2 * share * late / TICKS_PER_STEP)
