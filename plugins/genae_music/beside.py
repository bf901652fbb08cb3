r"""Bar lines that are written beside a MIDI file, as POP909 has them: https://github.com/music-x-lab/POP909-Dataset

    beat_midi.txt    a beat a row: its time in seconds, 1 where a bar of two beats begins, 1 where one of four does

They are used where the file itself gives beats and no bars, and if their bars are of four quarters: else who annotated heard
other beats than the file has.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from genae.data.examples import File
from genae.errors import Rejected
from genae_music.quantise import unbarred
from genae_music.score import Score
from genae_music.smf import Array

BEATS = "beat_midi.txt"
QUARTERS = 4  # of a bar
NEAR = 0.5  # quarters
FEWEST = 4  # bars


def barred(score: Score, file: File) -> Score:
    """The score with the bar lines beside its file, if it needs them and has them."""
    if not unbarred(score):
        return score
    lines = _lines(score, _beats(file))
    return score if lines is None else replace(score, lines=lines)


def _beats(file: File) -> str:
    """What is beside a file, "" for nothing."""
    try:
        if file.member:
            member = str(PurePosixPath(file.member).with_name(BEATS))
            return File(file.path, member).read().decode()
        return File(file.path.with_name(BEATS)).read().decode()
    except (Rejected, UnicodeDecodeError):
        return ""


def _lines(score: Score, text: str) -> Array | None:
    """The ticks of bar lines (B,), ascending; None of what is no annotation of this score."""
    try:
        rows = np.array([[float(word) for word in row.split()] for row in text.splitlines() if row.strip()])
    except ValueError:
        return None
    if rows.ndim != 2 or rows.shape[1] < 3 or not np.isfinite(rows).all() or (rows[:, 0] < 0).any():
        return None
    lines: Array = np.unique(score.ticks(rows[rows[:, 2] == 1, 0]))
    lines = lines[lines < score.length]
    if len(lines) < FEWEST or abs(float(np.median(np.diff(lines))) / score.resolution - QUARTERS) > NEAR:
        return None
    return lines
