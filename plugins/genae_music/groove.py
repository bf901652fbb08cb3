r"""Grooves: for every step and each of nine drums whether it is struck, how hard, and how early: GrooVAE's 27 numbers a step.

    hits        9, each 0 or 1
    velocities  9, v / 127 where there is a hit, else 0
    offsets     9, 2 (grid − onset) / step where there is a hit, else 0: 1 is half a step early, −1 half a step late

The nine are those of the drum kit that the Groove set was recorded on; pitches of General MIDI that it lacks go to the drum
that sounds alike (`drums`), in the grid `magenta` to none. Of hits of one drum in one step the loudest counts. In the grid
`magenta` windows follow each other from the first bar on; in the default one begins at every bar of a passage, as of drums.
https://arxiv.org/abs/1905.06118
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from genae_music import drums, pieces
from genae_music.quantise import STEPS_PER_QUARTER, Setting, Steps, along, quantise
from genae_music.reasons import Reason, Unusable
from genae_music.score import LOUDEST, Floats, Instrument, Score, arrange, early
from genae_music.smf import Array, Mask
from genae_music.windows import MAX_WINDOWS, Lost, Windows, choose, cut, limit, passages, sift, ticks, unfilled

ROLAND = ((36,), (38, 37, 40), (42, 22, 44), (46, 26), (43, 58), (47, 45), (50, 48), (49, 52, 55, 57), (51, 53, 59))
KINDS = len(ROLAND)
WIDTH = 3 * KINDS  # numbers of a step
FINEST = 20_160  # of a stored offset's unit: any number of ticks up to ten a step, and 480 a quarter, are whole numbers of it


def windows(score: Score, setting: Setting) -> Windows:
    """All windows (W, T, 27) int16 of a score's drums, velocities 0…127, offsets in units of 1 / FINEST."""
    steps, kind = quantise(score, setting), classes(setting)[score.pitch]
    use, lost = eligible(score, steps, kind)
    kept, softer = loudest(score, steps, use, kind)
    lost += softer
    early = _offsets(score, steps, setting)
    if not len(kept):
        return Windows(np.zeros((0, setting.steps, WIDTH), np.int16), kept, kept, lost)
    values = Hits(steps.start[kept], kind[kept], score.velocity[kept], early[kept])
    if setting.magenta:
        return _in_a_row(values, steps.piece[kept], steps, score, setting, lost)
    p = passages(steps.piece[kept], values.step, values.step + 1, steps.unit[steps.piece[kept]], setting)
    lost += unfilled(p, score.instrument[kept], setting)
    heard = p.at < (p.place + p.length)[p.of]
    line = rows(values._replace(step=p.at), int(p.length.sum()), heard)
    found, of, step = cut(line, p, setting)
    first = p.first[of]
    piece = steps.piece[kept][first]
    tick = ticks(steps, piece, step, score.resolution)
    whole = Windows(found, score.instrument[kept][first], tick, lost)
    return choose(whole, np.asarray(found[:, :, :KINDS].any(2)), piece, setting)


class Hits(NamedTuple):
    """Hits (N,)."""

    step: Array
    kind: Array  # 0…8
    velocity: Array  # 1…127
    early: Floats  # offset, −1…1


def _in_a_row(values: Hits, piece: Array, steps: Steps, score: Score, setting: Setting, lost: list[Lost]) -> Windows:
    """As GrooVAE has them: window after window from the first bar of each piece, the rest left out."""
    found: list[Array] = [np.zeros((0, setting.steps, WIDTH), np.int16)]
    tick: list[Array] = [np.zeros(0, np.int64)]
    for k in np.unique(piece).tolist():
        mine = Hits(*(column[piece == k] for column in values))
        bars = -(-(int(mine.step.max()) + 1) // setting.steps_per_bar)
        count = bars // setting.bars
        limit("windows", count, MAX_WINDOWS)
        line = rows(mine, bars * setting.steps_per_bar)
        found.append(line[: count * setting.steps].reshape(count, setting.steps, WIDTH))
        at = np.arange(count) * setting.steps
        tick.append(ticks(steps, np.full(count, k), at, score.resolution))
    tokens = np.concatenate(found)
    return Windows(tokens, np.zeros(len(tokens), np.int64), np.concatenate(tick), lost)


def song(score: Score, setting: Setting) -> pieces.Song:
    """All drums of a score, in windows that tile it."""
    if not score.drums().any():
        raise Unusable(Reason.KIND, "has no drums (channel 10)")
    (steps, tick), kind = along(score, setting), classes(setting)[score.pitch]
    steps = replace(steps, stop=steps.start + 1)
    use, lost = eligible(score, steps, kind)
    pieces.require(use)
    kept, softer = loudest(score, steps, use, kind)
    grid = pieces.tiles(steps, tick, kept, setting)
    start = (steps.length.cumsum() - steps.length)[steps.piece[kept]] + steps.start[kept]
    values = Hits(start, kind[kept], score.velocity[kept], _offsets(score, steps, replace(setting, grid="default"))[kept])
    line = rows(values, int(grid.start.max()) + setting.steps + int(start.max()) + 1)
    after = np.arange(setting.steps) - grid.take[:, None]
    tokens = line[grid.start[:, None] + np.arange(setting.steps)]
    tokens[grid.last[:, None] & (after >= 0)] = 0
    heard, hold = tokens[:, :, :KINDS].any((1, 2)), np.zeros(len(tokens), np.int64)
    return pieces.Song(tokens, heard, hold, grid, np.unique(score.instrument[use]), [*lost, *softer])


def classes(setting: Setting) -> Array:
    """The drum of every MIDI pitch (128,); -1 where it has none."""
    found = np.full(128, -1) if setting.magenta else drums.classes("reduced")
    for i, pitches in enumerate(ROLAND):
        found[list(pitches)] = i
    return found


def eligible(score: Score, steps: Steps, kind: Array) -> tuple[Array, list[Lost]]:
    """The notes (n,) that are drums, as places in the score, and why others cannot be used."""
    meter = steps.unit[steps.piece] == 0
    return sift(score, [(Reason.KIND, ~score.drums()), (Reason.RANGE, kind < 0), (Reason.METER, meter)])


def loudest(score: Score, steps: Steps, use: Array, kind: Array) -> tuple[Array, list[Lost]]:
    """Of notes (n,) the loudest of each drum at each step, by piece and step, the first of equals; and the others."""
    order = use[np.lexsort((-score.velocity[use], kind[use], steps.start[use], steps.piece[use]))]
    place = np.stack([steps.piece[order], steps.start[order], kind[order]])
    first = np.append(True, (place[:, 1:] != place[:, :-1]).any(0))[: len(order)]
    softer = score.instrument[order[~first]]
    return order[first], [Lost(Reason.SOFTER, "notes", softer)] if len(softer) else []


def _offsets(score: Score, steps: Steps, setting: Setting) -> Floats:
    """By how much notes (N,) are before their step, in half steps."""
    if not setting.magenta:
        late = score.onset - steps.origin[steps.piece]
        return np.asarray(2 * (steps.start - STEPS_PER_QUARTER * late / score.resolution))
    changes, _, scales = score.tempo_map
    per_step = scales[np.searchsorted(changes, score.onset, "right") - 1] * score.resolution / STEPS_PER_QUARTER  # seconds
    begin = score.seconds(steps.origin)[steps.piece]
    return np.asarray(2 * (steps.start - (score.seconds(score.onset) - begin) / per_step))


def rows(of: Hits, length: int, heard: Mask | None = None) -> Array:
    """Hits (N,), those that are `heard`, to stored rows (length, 27), int16."""
    line = np.zeros((length, WIDTH), np.int16)
    keep = slice(None) if heard is None else heard
    step, kind = of.step[keep], of.kind[keep]
    line[step, kind] = 1
    line[step, KINDS + kind] = of.velocity[keep]
    line[step, 2 * KINDS + kind] = np.round(np.clip(of.early[keep], -1, 1) * FINEST)
    return line


# -- the way back -----------------------------------------------------------------------------------------------------


def hits(x: Floats) -> Hits:
    """An event (T, 27) to its hits, by step."""
    step, kind = np.nonzero(x[:, :KINDS] > 0.5)
    velocity = np.clip(np.round(LOUDEST * x[step, KINDS + kind]), 1, LOUDEST).astype(np.int64)
    return Hits(step, kind, velocity, np.clip(x[step, 2 * KINDS + kind], -1, 1))


def score(of: Hits, steps: int, tempo: float, steps_per_bar: int, frame: pieces.Frame | None = None) -> Score:
    """Hits (N,) of so many steps to a score, in a song's frame if there is one; tempo in quarters per minute."""
    pitch = np.array([pitches[0] for pitches in ROLAND])[of.kind]
    made = arrange([(Instrument(0, True, "drums"), (of.step, of.step + 1, pitch))], steps, tempo, LOUDEST, steps_per_bar)
    made = replace(made, velocity=of.velocity)
    return early(made if frame is None else pieces.place(made, frame), of.early)
