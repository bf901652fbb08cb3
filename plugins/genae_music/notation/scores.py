r"""A tune in ABC notation to a score.

Bar lines are said to those who read the score by its meters: one stands at the beginning, and one more wherever a bar begins
that is not a whole number of bars after it, as after an anacrusis. Where parts of bars make a whole one, as the end of a
repeat and the anacrusis to which it goes back do, the bar line between them is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate

import numpy as np

from genae_music.notation.bars import Bar, Note, Tune, Voice, read
from genae_music.notation.books import lines_of
from genae_music.notation.form import played
from genae_music.reasons import Reason, Unusable
from genae_music.score import Chord, Instrument, Key, Meter, Score, Tempo

RESOLUTION = 10_080  # ticks per quarter: 2⁵ 3² 5 7, so that groups of 3, 5, 7 and 9 are exact
WHOLE = 4 * RESOLUTION
VELOCITY = 80


def score(data: bytes) -> Score:
    """The one tune of a file. Unusable with the reason and the line."""
    tune = read(lines_of(data))
    voices = [(voice, played(voice.bars, tune.order)) for voice in tune.voices]
    tables = [_table(bars) for _, bars in voices]
    if not any(len(table) for table in tables):
        raise Unusable(Reason.EMPTY, "has no notes")
    index = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    onset, offset, pitch = np.concatenate([table for table in tables if len(table)]).T
    bars = max((bars for _, bars in voices), key=_length)
    length = _ticks(_length(bars))
    harmony = next(filter(None, (tuple(_chords(bars)) for _, bars in voices)), ())
    return Score(
        RESOLUTION, tuple(Instrument(0, False, _name(voice, tune)) for voice, _ in voices), index, onset, offset, pitch,
        np.full(len(onset), VELOCITY), tuple(_tempos(bars)), tuple(_meters(bars)), length, keys=tuple(_keys(bars)),
        chords=harmony,
    )  # fmt: skip


def _name(voice: Voice, tune: Tune) -> str:
    return voice.name or tune.title


def _length(bars: Sequence[Bar]) -> Fraction:
    return sum((bar.length for bar in bars), Fraction(0))


def _ticks(x: Fraction) -> int:
    """Of a whole note, to the nearest tick."""
    return round(x * WHOLE)


def _starts(bars: Sequence[Bar]) -> list[int]:
    """The tick at which each bar begins."""
    return [_ticks(at) for at in accumulate((bar.length for bar in bars), initial=Fraction(0))][:-1]


def _table(bars: Sequence[Bar]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Onset, end (ticks) and pitch of the notes of a voice, (N, 3), sorted; a tied note is one with what it is tied to."""
    made: list[list[int]] = []
    going: dict[int, tuple[int, Fraction]] = {}  # pitch to the row of a note that is tied on, and where it ends so far
    begin = Fraction(0)
    for bar in bars:
        for note in sorted(bar.notes, key=_onset):
            at = begin + note.onset
            row, until = going.pop(note.pitch, (-1, at))
            end = at + note.length
            if row >= 0 and until == at:
                made[row][1] = _ticks(end)
            else:
                row = len(made)
                made.append([_ticks(at), max(_ticks(end), _ticks(at) + 1), note.pitch])
            if note.tied:
                going[note.pitch] = (row, end)
        begin += bar.length
    table = np.array(made, np.int64).reshape(-1, 3)
    return table[np.lexsort((table[:, 1], table[:, 0]))]


def _onset(note: Note) -> Fraction:
    return note.onset


def _tempos(bars: Sequence[Bar]) -> Iterator[Tempo]:
    for start, bar in zip(_starts(bars), bars, strict=True):
        for at, qpm in bar.tempos:
            yield Tempo(start + _ticks(at), qpm)


def _meters(bars: Sequence[Bar]) -> Iterator[Meter]:
    """Where bars of a meter begin: see the module."""
    starts, now, line = _starts(bars), None, 0
    for i, (bar, start) in enumerate(zip(bars, starts, strict=True)):
        if bar.meter is None:
            continue
        whole = _ticks(bar.meter.bar)
        into = (start - line) % whole
        ends = [next_ - start + into for next_ in [*starts[i + 1 : i + 3], start + _ticks(bar.length)]]
        if bar.meter == now and (not into or whole in ends):
            continue
        now, line = bar.meter, start
        yield Meter(start, now.beats, now.unit)


def _keys(bars: Sequence[Bar]) -> Iterator[Key]:
    before = None
    for start, bar in zip(_starts(bars), bars, strict=True):
        if bar.key.tonic is not None and bar.key != before:
            yield Key(start, bar.key.tonic, bar.key.fifths)
        before = bar.key


def _chords(bars: Sequence[Bar]) -> Iterator[Chord]:
    for start, bar in zip(_starts(bars), bars, strict=True):
        for at, number in bar.chords:
            yield Chord(start + _ticks(at), number)
