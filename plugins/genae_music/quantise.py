r"""Scores to steps: which bar, and which sixteenth of it.

A quarter has 4 steps. Two grids:

    magenta   exactly what MusicVAE was trained on (Roberts et al. 2018, https://arxiv.org/abs/1803.05428; note_seq). The file
              is cut where the first track changes tempo or meter. In each piece step(t) = ⌊t · 4 q / 60 + ½⌋, t seconds from
              the piece's start, q quarters per minute; a note lasts one step at least. Only bars of 16 steps count.
    default   step(n) = ⌊4 (n - c) / r + ½⌋, n - c ticks from the piece's start, r ticks per quarter: tempo changes cut nothing.
              The file is cut where the meter changes, or is said again off its own bar lines. A piece shorter than a bar of
              the next one is the anacrusis of that: its notes fill the end of a bar before. Bars of 2/4 or 2/2 are read as
              4/4, as many as make 16 steps; 3/4, 3/8, 6/8 … likewise on bars of 12. 1/4 gives no bars: they are those beside
              the file (`genae_music.beside`), or estimated (`genae_music.downbeats`), and where one has other than 4 beats,
              what follows is a piece of its own.

A grid of 16 steps a bar also reads meters in three when `triple` is set, in windows of as many steps that begin on their own
bar lines: nothing is bent, only the window ends inside a bar. A grid of 12 reads meters in three alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from genae.errors import GenaeError
from genae_music.downbeats import downbeats
from genae_music.reasons import Reason, Unusable
from genae_music.score import DEFAULT_QPM, Meter, Score
from genae_music.smf import Array

STEPS_PER_QUARTER = 4
MAX_BARS = 1 << 14  # of a file
MAX_PIECES = 1 << 12  # of one tempo and meter
_COMMON = Meter(0, 4, 4)

Piece = tuple[int, int, Meter]  # where it begins and where its first bar line is, in ticks; its meter


@dataclass(frozen=True)
class Setting:
    """What is cut out of a file: windows of `bars` bars, one beginning at every bar."""

    bars: int = 2
    grid: Literal["default", "magenta"] = "default"
    steps_per_bar: int = 16  # or 12, for a model trained on meters in three
    triple: bool = True  # on bars of 16, read 3/4, 6/8 … too (default grid)
    programs: tuple[int, int] = (0, 127)  # first and last of a melody's; Magenta's 2-bar models have (0, 31)
    tracks: str = ""  # of a melody's: all, "melody", or what their names hold

    def __post_init__(self) -> None:
        if self.magenta and self.steps_per_bar != 16:
            raise GenaeError(f"domain.steps_per_bar must be 16 with domain.grid=magenta, not {self.steps_per_bar}")

    @property
    def magenta(self) -> bool:
        return self.grid == "magenta"

    @property
    def steps(self) -> int:
        """T, the length of a window."""
        return self.bars * self.steps_per_bar

    def unit(self, meter: Meter) -> int:
        """Steps between the bar lines at which windows of this meter begin; 0 if it is not read."""
        steps = STEPS_PER_QUARTER * 4 * meter.beats / meter.unit
        if self.magenta or steps % 1 or not steps:
            return 16 if steps == 16 else 0
        if self.steps_per_bar == 16 and (16 % steps == 0 or steps % 16 == 0):
            return 16
        in_three = steps % 3 == 0 and (12 % steps == 0 or steps % 12 == 0)
        return 12 if in_three and (self.steps_per_bar == 12 or self.triple) else 0


@dataclass(frozen=True)
class Steps:
    """A score's notes in steps, as columns (N,) in its order, and the pieces that they lie in, as columns (P,)."""

    piece: Array  # (N,), which piece
    start: Array  # (N,), steps from the piece's start
    stop: Array  # (N,), > start
    unit: Array  # (P,), steps from bar line to bar line; 0 if the meter is not read
    length: Array  # (P,), steps to the end of the piece
    meters: tuple[Meter, ...]  # (P,)
    origin: Array  # (P,), the piece's start in ticks, a bar line


def quantise(score: Score, setting: Setting) -> Steps:
    """A score in steps. Unusable if it is far longer than music."""
    return _bounded((_by_seconds if setting.magenta else _by_ticks)(score, setting))


def along(score: Score, setting: Setting) -> tuple[Steps, Array]:
    """A score in steps of the default grid, whatever its own, and the tick of each piece's first bar line, (P,)."""
    steps = _bounded(_by_ticks(score, setting))
    return steps, steps.origin


def _bounded(steps: Steps) -> Steps:
    for what, number, most in (("bars", int(steps.length.sum()) // 16, MAX_BARS), ("pieces", len(steps.meters), MAX_PIECES)):
        if number > most:
            raise Unusable(Reason.LARGE, f"has {number:,} {what}, more than the {most:,} that are read")
    return steps


def _units(meters: tuple[Meter, ...], setting: Setting) -> Array:
    return np.array([setting.unit(meter) for meter in meters], np.int64)


def _by_seconds(score: Score, setting: Setting) -> Steps:
    onset, offset = score.seconds(score.onset), score.seconds(score.offset)
    times, qpm, meters = _changes(score, offset.max())
    piece = times.searchsorted(onset, "right") - 1
    begin, end = times[piece], np.append(times, offset.max())[piece + 1]
    rate = STEPS_PER_QUARTER * qpm[piece] / 60.0  # steps per second
    start = ((onset - begin) * rate + 0.5).astype(np.int64)
    stop = ((np.minimum(offset, end) - begin) * rate + 0.5).astype(np.int64)
    stop += stop == start
    length = np.zeros(len(times), np.int64)
    np.maximum.at(length, piece, stop)
    return Steps(piece, start, stop, _units(meters, setting), length, meters, score.ticks(times))


def _changes(score: Score, end: float) -> tuple[Array, Array, tuple[Meter, ...]]:
    """Where pieces begin, in seconds, and the tempo (quarters per minute) and meter of each, (P,); all before `end`."""
    _, times, scales = score.tempo_map
    first = [meter for meter in score.meters if meter.track == 0]
    changes: list[tuple[float, float | Meter]] = []
    changes += zip(score.seconds(np.array([m.tick for m in first], np.int64)).tolist(), first, strict=True)
    changes += zip(times.tolist(), (60.0 / (scales * score.resolution)).tolist(), strict=True)
    changes.sort(key=lambda change: change[0])
    qpm, meter = DEFAULT_QPM, _COMMON
    pieces = [(0.0, qpm, meter)]
    for time, value in changes:
        if time >= end:
            break
        was = (qpm, meter.beats, meter.unit)
        qpm, meter = (qpm, value) if isinstance(value, Meter) else (value, meter)
        if time > pieces[-1][0] and (qpm, meter.beats, meter.unit) != was:
            pieces.append((time, qpm, meter))
        elif time == pieces[-1][0]:
            pieces[-1] = (time, qpm, meter)
    begin, qpms, meters = zip(*pieces, strict=True)
    return np.array(begin), np.array(qpms), meters


def _by_ticks(score: Score, setting: Setting) -> Steps:
    begins, origins, meters = zip(*_barred(score, _pieces(score)), strict=True)
    begin, origin = np.array(begins), np.array(origins)
    step = score.resolution / STEPS_PER_QUARTER  # ticks
    # a first beat that comes early is not of the piece before
    piece = begin.searchsorted(score.onset + step / 2, "right") - 1
    zero = origin[piece]
    end = np.append(begin[1:], max(score.length, score.offset.max()))
    start = _nearest(score.onset - zero, score.resolution)
    last = _nearest(end - origin, score.resolution)
    stop = np.maximum(np.minimum(_nearest(score.offset - zero, score.resolution), last[piece]), start + 1)
    np.maximum.at(last, piece, stop)
    return Steps(piece, start, stop, _units(meters, setting), last, meters, origin)


def _nearest(ticks: Array, resolution: int) -> Array:
    """Ticks to the nearest step, halves upwards; exact."""
    return (2 * STEPS_PER_QUARTER * ticks + resolution) // (2 * resolution)


def _pieces(score: Score) -> list[Piece]:
    """What changes of meter cut a score into."""
    pieces = [(0, 0, _COMMON)]
    for meter in score.meters:
        begin, line, now = pieces[-1]
        bar = 4 * score.resolution * now.beats / now.unit
        if (meter.beats, meter.unit) == (now.beats, now.unit) and (not bar or (meter.tick - line) % bar == 0):
            continue
        following = 4 * score.resolution * meter.beats / meter.unit
        if meter.tick == begin:
            pieces[-1] = (begin, begin, meter)
        elif meter.tick - begin < following:
            pieces[-1] = (begin, meter.tick - int(following), meter)
        else:
            pieces.append((meter.tick, meter.tick, meter))
    return pieces


def _barred(score: Score, pieces: list[Piece]) -> list[Piece]:
    """The same with the bars of those in 1/4 as they are estimated, where they can be."""
    ends = dict(unbarred(score))
    made: list[Piece] = []
    for begin, line, meter in pieces:
        lines = estimated(score, begin, ends[begin]) if begin in ends else None
        made += [(begin, line, meter)] if lines is None else _regular(begin, lines, meter, 4 * score.resolution)
    return made


def unbarred(score: Score) -> list[tuple[int, int]]:
    """Where pieces in 1/4 begin and end, in ticks: a meter that says beats, and no bars."""
    pieces = _pieces(score)
    ends = [*(begin for begin, _, _ in pieces[1:]), score.length]
    return [(begin, end) for (begin, _, m), end in zip(pieces, ends, strict=True) if (m.beats, m.unit) == (1, 4)]


def estimated(score: Score, begin: int, end: int) -> Array | None:
    """The bar lines (B,) of a piece in 1/4, ticks: those that are known, else estimated; None where they cannot be."""
    known = score.lines[(score.lines >= begin) & (score.lines < end)]
    if len(known):
        return known
    mine = (score.onset >= begin) & (score.onset < end) & ~score.drums()
    offset = np.minimum(score.offset[mine], end)
    lines = downbeats(score.onset[mine], offset, score.pitch[mine], score.resolution)
    return None if lines is None else lines[lines < end]


def _regular(begin: int, lines: Array, meter: Meter, bar: int) -> list[Piece]:
    """Bar lines (B,) to stretches with a bar every `bar` ticks; the first reaches back to where the piece begins."""
    pieces = [(begin, int(lines[0]) - -(-(int(lines[0]) - begin) // bar) * bar, meter)]
    for line in lines[np.flatnonzero(np.abs(np.diff(lines) - bar) > bar // 8) + 1].tolist():
        if line - pieces[-1][0] < bar:
            pieces[-1] = (pieces[-1][0], line - bar, meter)
        else:
            pieces.append((line, line, meter))
    return pieces


def written(score: Score) -> tuple[Meter, ...]:
    """The meters of a score, those of estimated bars as ones of four beats, which give the same bars again."""
    if not any(estimated(score, *bounds) is not None for bounds in unbarred(score)):
        return score.meters
    made: list[Meter] = []
    for begin, line, m in _barred(score, _pieces(score)):
        beats, unit = (4, 4) if (m.beats, m.unit) == (1, 4) else (m.beats, m.unit)
        made.append(Meter(begin, beats, unit))
        if line < begin:
            made.append(Meter(line + 4 * score.resolution * beats // unit, beats, unit))
    return tuple(made)
