r"""Many voices: for every sixteenth and each of the piano's 88 keys whether it is silent, struck, or goes on sounding.

    0         silent
    1 … 127   struck, and how hard
    128       goes on: from the step before, or, in a window's first step, from what was before the window

All pitched tracks are one player's. A key that is struck while it sounds ends the note before, and sounds as long as the longer
of both; of notes that strike one key at one step the loudest counts. What goes on in a window's first step is tied to the note
before it, where there is one, and struck where there is none. So any number of notes a step is kept between 21 and 108; what
is not are players, the pedal, and what lies between steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from genae_music import pieces
from genae_music.melody import HIGHEST, LOWEST
from genae_music.quantise import Setting, Steps, along, quantise
from genae_music.reasons import Reason, Unusable
from genae_music.score import Instrument, Score, arrange
from genae_music.smf import Array
from genae_music.windows import Lost, Windows, choose, cut, passages, sift, ticks, unfilled

KEYS = HIGHEST - LOWEST + 1
GOES_ON = 128
USUAL = 80  # velocity, where none is known


class Struck(NamedTuple):
    """Notes (N,) of a line of steps, sorted by onset."""

    note: Array  # places in the score
    start: Array
    stop: Array
    key: Array  # 0 … 87
    velocity: Array


def windows(score: Score, setting: Setting) -> Windows:
    """All windows (W, T, 88) uint8 of a score's pitched tracks."""
    steps = quantise(score, setting)
    use, lost = eligible(score, steps, setting)
    if not len(use):
        return Windows(np.zeros((0, setting.steps, KEYS), np.uint8), use, use, lost)
    of, others = struck(score, steps, use)
    lost += others
    piece, instrument = steps.piece[of.note], score.instrument[of.note]
    p = passages(piece, of.start, _latest(of.stop, piece), steps.unit[piece], setting)
    lost += unfilled(p, instrument, setting)
    shift = p.at - p.start
    end = np.minimum(of.stop + shift, (p.place + p.length)[p.of])
    heard = p.at < end
    line = rows(p.at[heard], end[heard], of.key[heard], of.velocity[heard], int(p.length.sum()))
    found, whose, step = cut(line, p, setting)
    first = p.first[whose]
    tick = ticks(steps, piece[first], step, score.resolution)
    each = choose(Windows(found, instrument[first], tick, lost), np.asarray(onsets(found).any(2)), piece[first], setting)
    return replace(each, instrument=np.tile(np.unique(instrument), (len(each.tokens), 1)))


def song(score: Score, setting: Setting) -> pieces.Song:
    """All pitched tracks of a score, in windows that tile it."""
    if score.drums().all():
        raise Unusable(Reason.KIND, "has drums alone (channel 10)")
    steps, tick = along(score, setting)
    use, lost = eligible(score, steps, setting)
    pieces.require(use)
    of, others = struck(score, steps, use)
    grid = pieces.tiles(steps, tick, of.note, setting)
    before = (steps.length.cumsum() - steps.length)[steps.piece[of.note]]
    line = rows(before + of.start, before + of.stop, of.key, of.velocity, int(steps.length.sum()) + setting.steps)
    after = np.arange(setting.steps) - grid.take[:, None]
    tokens = line[np.minimum(grid.start[:, None] + np.arange(setting.steps), len(line) - 1)]
    tokens[grid.last[:, None] & (after >= 0)] = 0
    heard = tokens.any((1, 2))
    hold = np.zeros(len(tokens), np.int64)
    return pieces.Song(tokens, heard, hold, grid, np.unique(score.instrument[use]), [*lost, *others])


def eligible(score: Score, steps: Steps, setting: Setting) -> tuple[Array, list[Lost]]:
    """The notes (n,) that a piano has, as places in the score, and why others cannot be used."""
    keys, meter = (score.pitch < LOWEST) | (score.pitch > HIGHEST), steps.unit[steps.piece] == 0
    wanted = np.array([setting.tracks.lower() in who.name.lower() for who in score.instruments], bool)
    faults = [
        (Reason.KIND, score.drums()),
        (Reason.TRACK, ~wanted[score.instrument]),
        (Reason.RANGE, keys),
        (Reason.METER, meter),
    ]
    return sift(score, faults)


def struck(score: Score, steps: Steps, use: Array) -> tuple[Struck, list[Lost]]:
    """Of notes (n,) one for each key and step, by piece and step, each ended where its key is struck again; and the others."""
    place = np.stack([steps.piece[use], score.pitch[use], steps.start[use]])
    order = np.lexsort((-score.velocity[use], *place[::-1]))
    use, place = use[order], place[:, order]
    first = np.append(True, (place[:, 1:] != place[:, :-1]).any(0))[: len(use)]
    kept = np.flatnonzero(first)
    piece, pitch, start = place[:, kept]
    stop = _latest(np.maximum.reduceat(steps.stop[use], kept), 128 * piece + pitch)
    again = (piece[1:] == piece[:-1]) & (pitch[1:] == pitch[:-1])
    stop[:-1] = np.where(again, np.minimum(stop[:-1], start[1:]), stop[:-1])
    note, twice = use[kept], score.instrument[use[~first]]
    by_onset = np.lexsort((pitch, start, piece))
    made = Struck(*(c[by_onset] for c in (note, start, stop, pitch - LOWEST, score.velocity[note])))
    return made, [Lost(Reason.UNISON, "notes", twice)] if len(twice) else []


def rows(start: Array, stop: Array, key: Array, velocity: Array, length: int) -> Array:
    """Notes (N,) to a line (length, 88), uint8."""
    line = np.zeros((length, KEYS), np.uint8)
    held = np.repeat(np.arange(len(start)), stop - start)
    step = np.arange(len(held)) - np.repeat((stop - start).cumsum() - (stop - start), stop - start) + start[held]
    line[step, key[held]] = GOES_ON
    line[start, key] = velocity
    return line


def onsets(tokens: Array) -> Array:
    """Where rolls (…, 88) have a key struck."""
    return np.asarray((tokens > 0) & (tokens < GOES_ON))


def _latest(stop: Array, group: Array) -> Array:
    """Of notes (N,) sorted by group, the latest end among those up to each, in its group."""
    far = int(stop.max()) + 1
    return np.asarray(np.maximum.accumulate(stop + group * far) - group * far)


# -- the way back -----------------------------------------------------------------------------------------------------


class Played(NamedTuple):
    """Notes (N,) of a roll, by onset."""

    start: Array
    stop: Array
    pitch: Array  # MIDI
    velocity: Array  # 1 … 127


def notes(tokens: Array) -> Played:
    """A roll (T, 88) to its notes; what goes on from nothing is struck, as loud as others are in the middle."""
    before = np.pad(tokens[:-1], ((1, 0), (0, 0)))
    begins = onsets(tokens) | ((tokens == GOES_ON) & (before == 0))
    carried = np.pad((tokens == GOES_ON) & ~begins, ((0, 1), (0, 0)))
    start, key = np.nonzero(begins)
    ends = np.where(carried, len(tokens), np.arange(len(tokens) + 1)[:, None])
    following = np.minimum.accumulate(ends[::-1], axis=0)[::-1]  # the first step from each on to which nothing is carried
    velocity = tokens[start, key].astype(np.int64)
    own = velocity[velocity != GOES_ON]
    usual = int(np.median(own)) if len(own) else USUAL
    return Played(start, following[start + 1, key], key + LOWEST, np.where(velocity == GOES_ON, usual, velocity))


def score(of: Played, steps: int, tempo: float, program: int, steps_per_bar: int, frame: pieces.Frame | None = None) -> Score:
    """Notes (N,) of so many steps to a score, in a song's frame if there is one; tempo in quarters per minute."""
    part = Instrument(program, name="piano"), (of.start, of.stop, of.pitch)
    made = replace(arrange([part], steps, tempo, USUAL, steps_per_bar), velocity=of.velocity)
    return made if frame is None else pieces.place(made, frame)
