r"""How drums are played whose velocities and timing nobody said: as Groove's drummers do at that place of the bar.

    velocity = mean + a · [VELOCITY(drum, step) − their mean + b_v(drum) ε(drum) + w_v(drum) ε(hit)]
    late     = a · [LATE(drum, step) + b_t(drum) ε(drum) + w_t(drum) ε(step)]                    ticks of 120 a step

ε is standard normal: one for each drum of the clip, each hit, and each step, whose drums stay together. They belong to the
clip: the same music is always played the same. The tables are of the training performances in 4/4: `python bench/feel.py`.
https://magenta.tensorflow.org/datasets/groove, CC BY 4.0
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

import numpy as np

from genae_music import drums
from genae_music.score import LOUDEST, TICKS_PER_STEP, Score, early
from genae_music.smf import Array

BAR = 16  # steps
FURTHEST = 0.8  # offset, of a half step: what is played is read again at its own step
VELOCITY = (
    (74, 27, 66, 52, 66, 50, 51, 51, 68, 43, 67, 51, 69, 50, 52, 47),
    (65, 47, 66, 65, 95, 53, 74, 59, 69, 62, 68, 69, 99, 64, 82, 61),
    (74, 45, 70, 62, 78, 53, 69, 56, 70, 58, 71, 60, 78, 53, 68, 56),
    (83, 50, 89, 71, 93, 49, 75, 65, 88, 61, 90, 67, 93, 59, 100, 68),
    (95, 74, 78, 81, 92, 83, 85, 87, 89, 81, 90, 93, 102, 89, 96, 92),
    (79, 73, 69, 84, 94, 73, 95, 70, 84, 90, 90, 94, 100, 87, 90, 74),
    (99, 93, 90, 101, 107, 101, 95, 97, 106, 101, 100, 94, 104, 95, 93, 91),
    (92, 86, 65, 81, 91, 78, 77, 60, 79, 63, 74, 65, 88, 57, 91, 93),
    (82, 58, 65, 67, 86, 63, 69, 65, 75, 67, 71, 60, 85, 62, 70, 61),
)
LATE = (
    (-11, -20, -5, -8, -4, -1, -11, 0, -9, -12, -7, -11, -8, -4, -9, -1),
    (-12, -1, -9, -7, -8, -2, -10, -6, -12, -2, -6, -10, -8, -3, -8, -7),
    (-10, 3, -11, 1, -15, 4, -8, -2, -13, 4, -11, 2, -14, 4, -11, -2),
    (-6, 12, -11, -4, -7, 12, -7, -10, -9, 10, -9, -8, -6, 2, -7, -10),
    (-12, -1, -5, -14, -11, 2, -1, -24, -11, 1, -7, -8, -13, 0, -6, -18),
    (12, 0, 2, -7, -8, -5, -9, 1, 5, -4, -7, -17, -12, -8, -8, -2),
    (-14, -10, -11, -6, -12, -6, -9, -12, -12, -4, -6, -18, -6, -16, -9, -23),
    (-11, 4, -5, 10, 4, -2, 1, -8, -1, 0, 11, -14, -1, -13, 4, 2),
    (-5, 17, -5, -14, -5, 11, -2, -18, -5, 17, -7, -7, -6, 3, -1, -22),
)
BETWEEN = np.array([(23, 23, 18, 24, 20, 20, 19, 25, 22), (11, 13, 11, 12, 14, 14, 12, 13, 11)])  # b, by drum
WITHIN = np.array([(17, 28, 25, 25, 20, 20, 20, 22, 22), (23, 23, 22, 20, 21, 23, 22, 21, 20)])  # w


def played(score: Score, step: Array, amount: float, mean: int) -> Score:
    """A score whose notes (N,) lie on steps, its drums as loud and as early as drummers have them, `amount` of it."""
    kind = np.where(score.drums(), drums.classes("reduced")[score.pitch], -1)
    drum = np.flatnonzero(kind >= 0)
    if not amount or not len(drum):
        return score
    own, steps = kind[drum], step[drum]
    mark = np.stack([steps, score.pitch[drum]]).astype("<i8").tobytes()
    chance = np.random.default_rng(int.from_bytes(blake2b(mark, digest_size=8).digest(), "little"))
    of_drum = chance.standard_normal((2, len(drums.REDUCED)))[:, own] * BETWEEN[:, own]
    _, together = np.unique(steps, return_inverse=True)
    of_step = chance.standard_normal(int(together.max()) + 1)[together]
    of_hit = np.stack([chance.standard_normal(len(drum)), of_step]) * WITHIN[:, own]
    table = np.array(VELOCITY)[own, steps % BAR]
    louder, late = np.stack([table - np.mean(VELOCITY), np.array(LATE)[own, steps % BAR]]) + of_drum + of_hit
    velocity, offset = score.velocity.copy(), np.zeros(len(score.onset))
    velocity[drum] = np.clip(np.round(mean + amount * louder), 1, LOUDEST)
    offset[drum] = np.clip(-2 * amount * late / TICKS_PER_STEP, -FURTHEST, FURTHEST)
    return early(replace(score, velocity=velocity), offset)
