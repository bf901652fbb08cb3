r"""A whole score as windows that tile it, and the way back to its own ticks.

The line of a voice goes through all pieces of the score, bar line to bar line. A window begins at the voice's first bar, the
next one as many whole bars later as fit into it, and none reaches over a change of meter: of the T steps of window w the first
take(w) are its own, and the rest of it is silence or what the next one has too. Their sum is the length of the voice.

    tick(s) = tick(k) + (s − first(k)) · r / 4       the step s of the joined windows, in the last piece k that begins before it

A window knows nothing of what was before it, so that a note held over its beginning is silence there; hold(w) is for how many
of its steps the note before went on, and joined windows end it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from genae_music import drums, dynamics, melody, trio
from genae_music.quantise import STEPS_PER_QUARTER, Setting, Steps, along, written
from genae_music.reasons import Reason, Unusable
from genae_music.score import TICKS_PER_STEP, Meter, Score, Tempo
from genae_music.smf import Array, Mask
from genae_music.tracks import leader
from genae_music.windows import Lost, Passages, limit, without

MAX_WINDOWS = 1 << 14


class Grid(NamedTuple):
    """Where windows lie: columns (W,), and pieces of the score (K,)."""

    start: Array  # the step of the whole line at which a window begins
    take: Array  # how many steps of it are its own
    last: Mask  # which are the last of their piece of the score
    first: Array  # (K,), the step of the joined windows at which the first bar line of a piece is, or would be
    tick: Array  # (K,), and its tick
    bar: Array  # (W,), of the file, from 1, at which a window begins
    unit: int  # steps of a bar where the last window is


@dataclass(frozen=True)
class Song:
    """A voice, or several that sound together, in windows."""

    tokens: Array  # (W, …, T)
    heard: Mask  # (W,), which have an onset
    hold: Array  # (W,) or (W, 2), steps for which a note of the window before goes on
    grid: Grid
    instrument: Array  # (V,), who plays
    lost: list[Lost]
    strokes: dynamics.Strokes = ()


def melodic(score: Score, setting: Setting) -> Song:
    """The melody: see `genae_music.tracks`."""
    steps, tick = along(score, setting)
    use, lost = melody.eligible(score, steps, setting)
    require(use)
    who = leader(score, steps, use)
    mine = melody.skyline(score, steps, use[score.instrument[use] == who])
    lost += _left(score, use, mine, np.array([who]))
    grid = tiles(steps, tick, mine, setting)
    tokens, hold = _melodic(score, steps, mine, grid, setting)
    strokes = dynamics.strokes(score, steps, mine, int(grid.start[0]), np.zeros_like(mine), who)
    return Song(tokens, np.asarray((tokens >= melody.FIRST).any(1)), hold, grid, np.array([who]), lost, strokes)


def drummed(score: Score, setting: Setting, kit: drums.Kit) -> Song:
    """All drums together."""
    steps, tick = along(score, setting)
    use, lost = drums.eligible(score, steps, kit)
    require(use)
    grid = tiles(steps, tick, use, setting)
    tokens = _drummed(score, steps, use, grid, setting, kit)
    who = np.unique(score.instrument[use])
    strokes = dynamics.strokes(score, steps, use, int(grid.start[0]), _struck(score, use, kit), int(who[0]))
    return Song(tokens, np.asarray(tokens.any(1)), np.zeros(len(tokens), np.int64), grid, who, lost, strokes)


def _struck(score: Score, use: Array, kit: drums.Kit) -> Array:
    """The voices of drums (n,): the pitches that they are written as."""
    first = np.array([pitches[0] for pitches in drums.KITS[kit]])
    return np.asarray(dynamics.FIRST_DRUM + first[drums.classes(kit)[score.pitch[use]]])


def together(score: Score, setting: Setting) -> Song:
    """A melody, a bass and drums: of each the instrument that is most like one. Unusable without all three."""
    (steps, tick), part = along(score, setting), trio.parts(score)
    use, lost = trio.eligible(score, steps, part)
    of = part[score.instrument[use]]
    if not all(np.isin(range(3), of)):
        raise Unusable(Reason.PARTS, "has no melody, bass and drums that sound together")
    who = np.array([leader(score, steps, use[of == i]) for i in range(3)])
    mine = [use[score.instrument[use] == i] for i in who]
    mine[:2] = [melody.skyline(score, steps, notes) for notes in mine[:2]]
    lost += _left(score, use, np.concatenate(mine), who)
    grid = tiles(steps, tick, np.concatenate(mine), setting)
    pitched = [_melodic(score, steps, notes, grid, setting) for notes in mine[:2]]
    hits = _drummed(score, steps, mine[2], grid, setting, "reduced")
    tokens = np.stack([*(line.astype(np.int16) for line, _ in pitched), hits], 1)
    heard = (tokens[:, :2] >= melody.FIRST).any((1, 2)) | hits.any(1)
    voice = np.concatenate([*(np.full(len(notes), i) for i, notes in enumerate(mine[:2])), _struck(score, mine[2], "reduced")])
    strokes = dynamics.strokes(score, steps, np.concatenate(mine), int(grid.start[0]), voice, int(who[0]))
    return Song(tokens, np.asarray(heard), np.stack([hold for _, hold in pitched], 1), grid, who, lost, strokes)


def _left(score: Score, use: Array, mine: Array, who: Array) -> list[Lost]:
    """Notes (n,) that are not among mine (m,): of other instruments, or under a higher note."""
    whose = score.instrument[without(use, mine)]
    others = ~np.isin(whose, who)
    return [Lost(Reason.TRACK, "notes", whose[others]), Lost(Reason.POLYPHONY, "notes", whose[~others])]


def require(use: Array) -> None:
    if not len(use):
        raise Unusable(Reason.EMPTY, "has no notes that this model reads")


# -- where windows lie ------------------------------------------------------------------------------------------------


def tiles(steps: Steps, tick: Array, use: Array, setting: Setting) -> Grid:
    """The windows from the first bar of notes (n,) to the last of them."""
    piece, unit = steps.piece[use], np.where(steps.unit > 0, steps.unit, 16)
    low, high = int(piece.min()), int(piece.max())
    begin, end = np.zeros(len(unit), np.int64), steps.length.copy()
    begin[low] = steps.start[use][piece == low].min() // unit[low] * unit[low]
    end[high] = steps.stop[use][piece == high].max()
    before, within = steps.length.cumsum() - steps.length, slice(low, high + 1)
    hop = setting.steps // unit * unit
    places = [np.arange(begin[k], end[k], hop[k]) for k in range(low, high + 1)]
    limit("windows", sum(map(len, places)), MAX_WINDOWS)
    of = np.arange(low, high + 1).repeat([len(p) for p in places])
    place = np.concatenate(places)
    lengths, bars = (end - begin)[within], -(-steps.length // unit)
    return Grid(
        before[of] + place, np.minimum(hop[of], end[of] - place), place + hop[of] >= end[of],
        lengths.cumsum() - lengths - begin[within], tick[within],
        (bars.cumsum() - bars)[of] + place // unit[of] + 1, int(unit[high]),
    )  # fmt: skip


def _own(grid: Grid, line: Array, setting: Setting, off: int = -1) -> Array:
    """The windows (W, T) of a line (steps,), silent after a change of meter and at the end, but for a note-off just there."""
    padded = np.append(line, np.zeros(setting.steps, line.dtype))
    found = padded[np.minimum(grid.start[:, None] + np.arange(setting.steps), len(padded) - 1)]
    after = np.arange(setting.steps) - grid.take[:, None]
    found[grid.last[:, None] & (after >= 0) & ((after > 0) | (found != off))] = 0
    return np.asarray(found)


def _melodic(score: Score, steps: Steps, use: Array, grid: Grid, setting: Setting) -> tuple[Array, Array]:
    """Windows (W, T) uint8 of one instrument's skyline of notes (n,), and their holds (W,)."""
    before = (steps.length.cumsum() - steps.length)[steps.piece[use]]
    start, stop = before + steps.start[use], before + steps.stop[use]
    whole, zero = np.array([int(steps.length.sum()) + 1]), np.zeros(1, np.int64)  # and the note-off at the end
    p = Passages(np.zeros(len(use), np.int64), start, start, zero, zero, whole, whole, zero)
    line = melody.line(p, score.pitch[use], stop)
    found = _own(grid, line, setting, melody.OFF)
    return melody.without_orphans(found.copy()), _holds(found, line, grid)


def _holds(found: Array, line: Array, grid: Grid) -> Array:
    """For how many steps of each window (W, T) the note before it goes on, (W,): until its first note-off, if one sounds."""
    event = np.maximum.accumulate(np.where(line > 0, np.arange(len(line)), -1))
    last = np.append(-1, event)[grid.start]  # the latest event before each window
    sounding = (last >= 0) & (line[last] >= melody.FIRST)
    first = np.where(found.any(1), (found > 0).argmax(1), grid.take)
    return np.where(sounding, np.minimum(first, grid.take), 0)


def _drummed(score: Score, steps: Steps, use: Array, grid: Grid, setting: Setting, kit: drums.Kit) -> Array:
    """Windows (W, T) of the labels of notes (n,)."""
    start = (steps.length.cumsum() - steps.length)[steps.piece[use]] + steps.start[use]
    dtype = np.int16 if kit == "reduced" else np.int64
    line = drums.labels(start, drums.classes(kit)[score.pitch[use]], int(steps.length.sum()), dtype)
    return _own(grid, line, setting)


# -- the way back -----------------------------------------------------------------------------------------------------


class Frame(NamedTuple):
    """What leads from joined windows back to the song: lists of numbers, as JSON has them."""

    take: list[int]
    hold: list[list[int]]  # (V, W), of the melodies
    first: list[int]
    tick: list[int]
    bar: list[int]
    unit: int
    resolution: int
    length: int  # ticks of the file
    meters: list[list[int]]  # tick, beats, unit
    tempo: Sequence[list[float]] = ()  # tick, quarters per minute; none: it is said by whoever writes
    strokes: dynamics.Strokes = ()


def frame_of(score: Score, song: Song) -> Frame:
    """Of a song in its score."""
    grid, track = song.grid, score.tempos[0].track if score.tempos else 0
    return Frame(
        grid.take.tolist(), np.atleast_2d(song.hold.T).tolist(), grid.first.tolist(), grid.tick.tolist(), grid.bar.tolist(),
        grid.unit, score.resolution, score.length, [[m.tick, m.beats, m.unit] for m in written(score)],
        [[t.tick, t.qpm] for t in score.tempos if t.track == track] or [[0, score.tempo(0)]], list(song.strokes),
    )  # fmt: skip


def taken(frame: Frame, count: int, steps: int) -> list[int]:
    """How many steps of each of `count` windows are its own: those after the song's are whole, its last bar then too."""
    take = list(frame.take[:count])
    if count > len(take):
        take[-1] = min(steps, -(-take[-1] // frame.unit) * frame.unit)
    return take + [steps] * (count - len(take))


def begins(frame: Frame) -> Array:
    """The tick at which each window begins, (W,)."""
    take = np.array(frame.take)
    return _ticks(take.cumsum() - take, frame)


def bars(frame: Frame, count: int, each: int) -> list[tuple[int, int]]:
    """The first and last bar of each of `count` windows, those after the song's of `each` bars."""
    last = [*(bar - 1 for bar in frame.bar[1:]), frame.bar[-1] + -(-frame.take[-1] // frame.unit) - 1]
    places = list(zip(frame.bar, last, strict=True))[:count]
    while len(places) < count:
        places.append((places[-1][1] + 1, places[-1][1] + each))
    return places


def join(windows: Array, take: Sequence[int], hold: Sequence[int]) -> Array:
    """Melodies (W, T) in a row (steps,): a note goes on over a border for as long as the song's did, at its end none does."""
    parts, sounding = list[Array](), False
    for window, own, held in zip(windows, take, [*hold, *[0] * (len(take) - len(hold))], strict=True):
        part = window[:own].copy()
        events = part.nonzero()[0]
        if sounding and held < (events[0] if len(events) else own):
            part[held], sounding = melody.OFF, False
        sounding = bool(part[events[-1]] >= melody.FIRST) if len(events) else sounding
        parts.append(part)
    return np.concatenate(parts)


def place(score: Score, frame: Frame) -> Score:
    """A score of joined windows in the ticks of the song, with its meters and tempi."""
    onset, offset = _ticks(score.onset // TICKS_PER_STEP, frame), _ticks(score.offset // TICKS_PER_STEP - 1, frame, 1)
    tempos = tuple(Tempo(int(tick), qpm) for tick, qpm in frame.tempo) or score.tempos
    end = int(_ticks(np.array([score.length // TICKS_PER_STEP - 1]), frame, 1)[0])
    length = end if end >= frame.length + frame.resolution / STEPS_PER_QUARTER else frame.length  # the last step may be cut
    offset = np.minimum(offset, length)
    return replace(
        score, resolution=frame.resolution, onset=onset, offset=np.maximum(offset, onset + 1), tempos=tempos,
        meters=tuple(Meter(*m) for m in frame.meters), length=length,
    )  # fmt: skip


def _ticks(step: Array, frame: Frame, after: int = 0) -> Array:
    """Steps (n,) of joined windows to ticks of the song, so many steps later."""
    first, tick = np.array(frame.first), np.array(frame.tick)
    k = np.maximum(first.searchsorted(step, "right") - 1, 0)
    return np.asarray(np.maximum(tick[k] + (step + after - first[k]) * frame.resolution // STEPS_PER_QUARTER, 0))
