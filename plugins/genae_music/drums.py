r"""Drums: which of K kinds are struck at a step, as one label Σ 2^class.

    reduced   9 classes, 512 labels: kick, snare, closed and open hi-hat, low, mid and high tom, crash, ride. The pitches of
              General MIDI that sound alike share a class, and the first of them is what a class is written as.
    full      61 classes, one per pitch of those above but Roland's 22 and 26

The roll of a label is its K bits. All instruments on channel 10 are one voice; a hit lasts a step.
https://github.com/magenta/note-seq, drums_encoder_decoder.py
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from genae_music.quantise import Setting, Steps, quantise
from genae_music.reasons import Reason
from genae_music.score import Instrument, Score, arrange
from genae_music.smf import Array
from genae_music.windows import Lost, Windows, choose, cut, passages, sift, ticks, unfilled

Kit = Literal["reduced", "full"]

NAMES = ("kick", "snare", "closed hi-hat", "open hi-hat", "low tom", "mid tom", "high tom", "crash", "ride")
REDUCED = (
    (36, 35),
    (38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85),
    (42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22),
    (46, 67, 72, 74, 79, 81, 26),
    (45, 29, 41, 43, 61, 64, 84),
    (48, 47, 60, 63, 77, 86, 87),
    (50, 30, 62, 76, 83),
    (49, 52, 55, 57, 58),
    (51, 53, 59, 82),
)
FULL = tuple((pitch,) for pitch in sorted(sum(REDUCED, ())) if pitch not in (22, 26))
KITS: dict[Kit, tuple[tuple[int, ...], ...]] = {"reduced": REDUCED, "full": FULL}
LABELS = 1 << len(REDUCED)


def windows(score: Score, setting: Setting, kit: Kit = "reduced") -> Windows:
    """All windows of labels (W, T) of a score's drums; int16, or int64 for the full kit."""
    steps, kind = quantise(score, setting), classes(kit)[score.pitch]
    use, lost = eligible(score, steps, kit)
    dtype = np.int16 if kit == "reduced" else np.int64
    if not len(use):
        return Windows(np.zeros((0, setting.steps), dtype), use, use, lost)
    use = use[np.lexsort((steps.start[use], steps.piece[use]))]
    piece, start, instrument = steps.piece[use], steps.start[use], score.instrument[use]
    p = passages(piece, start, start + 1, steps.unit[piece], setting)
    lost += unfilled(p, instrument, setting)
    heard = p.at < (p.place + p.length)[p.of]
    found, of, step = cut(labels(p.at[heard], kind[use][heard], int(p.length.sum()), dtype), p, setting)
    first = p.first[of]
    tick = ticks(steps, piece[first], step, score.resolution)
    return choose(Windows(found, instrument[first], tick, lost), found > 0, piece[first], setting)


def eligible(score: Score, steps: Steps, kit: Kit) -> tuple[Array, list[Lost]]:
    """The notes (n,) that are drums of the kit, as places in the score, and why others cannot be used."""
    melodic, unknown, meter = ~score.drums(), classes(kit)[score.pitch] < 0, steps.unit[steps.piece] == 0
    return sift(score, [(Reason.KIND, melodic), (Reason.RANGE, unknown), (Reason.METER, meter)])


def classes(kit: Kit) -> Array:
    """The class of every MIDI pitch (128,); -1 where it has none."""
    found = np.full(128, -1)
    for i, pitches in enumerate(KITS[kit]):
        found[list(pitches)] = i
    return found


def labels(start: Array, kind: Array, length: int, dtype: type = np.int16) -> Array:
    """Hits (N,) at steps `start` of classes `kind` to labels (length,)."""
    line: Array = np.zeros(length, dtype)
    np.bitwise_or.at(line, start, np.left_shift(1, kind).astype(dtype))
    return line


def roll(tokens: Array, kit: Kit = "reduced") -> Array:
    """Labels (…, T) to the bits of their classes (…, T, K), uint8."""
    return (tokens[..., None] >> np.arange(len(KITS[kit])) & 1).astype(np.uint8)


def notes(tokens: Array, kit: Kit = "reduced") -> tuple[Array, Array, Array]:
    """Labels (T,) to onsets and ends in steps and MIDI pitches, (N,) each."""
    start, kind = np.nonzero(roll(tokens, kit))
    return start, start + 1, np.array([pitches[0] for pitches in KITS[kit]])[kind]


def score(tokens: Array, tempo: float = 120.0, velocity: int = 80, steps_per_bar: int = 16, kit: Kit = "reduced") -> Score:
    """Labels (T,) to a score of drums; tempo in quarters per minute."""
    return arrange([(Instrument(0, True, "drums"), notes(tokens, kit))], len(tokens), tempo, velocity, steps_per_bar)
