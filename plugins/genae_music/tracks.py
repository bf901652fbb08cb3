r"""Which track of a file is the melody: the one that is named so, or else the one that is most like one.

    worth of an instrument   the bars in which it is heard · the share of its notes that are struck alone · the share that end
                             before its next one begins; basses come last

On POP909, whose tracks say what they are, the melody is found without their names in 74 of 80 songs, and else the bridge.
"""

from __future__ import annotations

import numpy as np

from genae_music.mix import BASS
from genae_music.quantise import Steps
from genae_music.score import Score
from genae_music.smf import Array

NAMES = ("melod", "vocal", "voice", "lead")  # in the names of tracks that are one
MELODY = "melody"


def wanted(score: Score, steps: Steps, use: Array, tracks: str) -> Array:
    """The instruments (n,) of notes (N,) that `tracks` asks for: the melody, or those whose track's name holds it."""
    if tracks == MELODY:
        return np.array([leader(score, steps, use)] if len(use) else [], np.int64)
    return np.array([i for i, who in enumerate(score.instruments) if tracks.lower() in who.name.lower()], np.int64)


def is_named(name: str) -> bool:
    """Whether a track's name says that it is a melody."""
    return any(part in name.lower() for part in NAMES)


def leader(score: Score, steps: Steps, use: Array) -> int:
    """The melody among the instruments of notes (N,)."""
    use = use[np.lexsort((steps.start[use], steps.piece[use], score.instrument[use]))]
    instrument, piece, start = score.instrument[use], steps.piece[use], steps.start[use]
    who, of, notes = np.unique(instrument, return_inverse=True, return_counts=True)
    bars = _count(instrument, piece, start // np.maximum(steps.unit[piece], 1))
    alone = _count(instrument, piece, start) / notes
    late = np.append(
        (instrument[1:] == instrument[:-1]) & (piece[1:] == piece[:-1]) & (steps.stop[use][:-1] > start[1:]), False
    )
    worth = bars * alone * (1 - np.bincount(of, late) / notes)
    bass = np.array([BASS[0] <= score.instruments[i].program <= BASS[1] for i in who])
    named = np.array([is_named(score.instruments[i].name) for i in who])
    return int(who[np.lexsort((-who, worth, ~bass, named))[-1]])


def _count(*columns: Array) -> Array:
    """How many different rows of columns (N,) there are for each value of the first, ascending."""
    counts: Array = np.unique(np.unique(np.stack(columns, 1), axis=0)[:, 0], return_counts=True)[1]
    return counts
