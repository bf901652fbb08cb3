r"""Trios: a melody, a bass and drums that sound together, three streams [90 | 90 | 512] of one window.

Every combination of a melody (programs 0…31), a bass (32…39) and a drum instrument is a trio wherever all three play. There
are no passages: a window begins at every bar of the piece. A part plays in a window

    magenta   if all its bars lie within 2 bars of one of its notes, the ends of the piece aside (GAP_BARS)
    default   if it is not silent for more than 4 bars on end within the window itself; orphaned note-offs are left out, and
              no trio is given twice. So a trio that is written and read again is itself.

https://github.com/magenta/magenta, music_vae/data.py, TrioConverter
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np

from genae_music import drums, melody
from genae_music.mix import BASS
from genae_music.quantise import Setting, Steps, quantise
from genae_music.reasons import Reason
from genae_music.score import Instrument, Score, arrange
from genae_music.smf import Array
from genae_music.windows import MAX_STEPS, MAX_WINDOWS, Lost, Passages, Windows, limit, sift, ticks, unique

MELODY = (0, 31)  # programs
GAP_BARS = 2
MAGENTA_BARS = 1024  # of a piece
INSTRUMENTS = 128  # the first of a file, in either grid
MAX_TRIOS = 1 << 14  # combinations of instruments in a piece
ELECTRIC_BASS = 33
PARTS = ("melody", "bass", "drums")


def windows(score: Score, setting: Setting) -> Windows:
    """All windows (W, 3, T) int16 of a score's trios; `instrument` (W, 3)."""
    steps, part = quantise(score, setting), parts(score)
    use, lost = eligible(score, steps, part)
    tokens, whose = [np.zeros((0, 3, setting.steps), np.int16)], [np.zeros((0, 3), np.int64)]
    tick: list[Array] = [np.zeros(0, np.int64)]
    bands = [Band(score, steps, part, use, piece, setting) for piece in np.unique(steps.piece[use]).tolist()]
    total = 0
    for band in bands:
        for members in band.trios():
            at = band.together(members)
            tokens.append(np.stack([band.windows[i][at] for i in members], 1))
            whose.append(np.tile(members, (len(at), 1)))
            tick.append(ticks(steps, np.full(len(at), band.piece), band.first[at], score.resolution))
            total += len(at)
            limit("windows", total, MAX_WINDOWS)
    lost += [Lost(Reason.GAP, "windows", band.silent) for band in bands]
    lost += [Lost(Reason.SHORT, "notes", band.short) for band in bands]
    if not all(np.isin(range(3), part[score.instrument[use]])):
        lost.append(Lost(Reason.PARTS, "notes", score.instrument[use]))
    return _distinct(Windows(np.concatenate(tokens), np.concatenate(whose), np.concatenate(tick), lost), setting)


def _distinct(found: Windows, setting: Setting) -> Windows:
    """Without those that were there already; Magenta keeps them."""
    if setting.magenta:
        return found
    first = unique(found.tokens, np.zeros(len(found.tokens), np.int64))
    twice = np.delete(found.instrument[:, 0], first)
    lost = [*found.lost, Lost(Reason.DUPLICATE, "windows", twice)]
    return Windows(found.tokens[first], found.instrument[first], found.tick[first], lost)


def parts(score: Score) -> Array:
    """Which part each instrument (I,) can play: 0 melody, 1 bass, 2 drums, -1 none."""
    program = np.array([i.program for i in score.instruments], np.int64)
    part = np.full(len(program), -1)
    for i, (low, high) in enumerate((MELODY, BASS)):
        part[(program >= low) & (program <= high)] = i
    return np.where([i.is_drum for i in score.instruments], 2, part)


def eligible(score: Score, steps: Steps, part: Array) -> tuple[Array, list[Lost]]:
    """The notes (n,) that trios can be made of, as places in the score, and why others cannot be used."""
    drum = score.drums()
    keys = (score.pitch < melody.LOWEST) | (score.pitch > melody.HIGHEST)
    beyond = np.where(drum, drums.classes("reduced")[score.pitch] < 0, keys)
    meter = steps.unit[steps.piece] == 0
    return sift(score, [(Reason.PROGRAM, (part < 0)[score.instrument]), (Reason.RANGE, beyond), (Reason.METER, meter)])


class Band:
    """The instruments of one piece of a score: each one's windows, and where it plays."""

    def __init__(self, score: Score, steps: Steps, part: Array, use: Array, piece: int, setting: Setting) -> None:
        self.setting, self.part, self.piece, self.unit = setting, part, piece, int(steps.unit[piece])
        self.bars = -(-int(steps.length[piece]) // self.unit)
        if setting.magenta:
            self.bars = min(self.bars, MAGENTA_BARS)
        self.first = np.arange(0, max(self.bars * self.unit - setting.steps, -1) + 1, self.unit)  # (n,), windows' first steps
        use = use[steps.piece[use] == piece]
        use = use[score.instrument[use] < INSTRUMENTS]
        self.short = score.instrument[use] if not len(self.first) else use[:0]  # whose notes fill no window
        self.members = np.unique(score.instrument[use]).tolist()
        limit("steps in the windows of all instruments", len(self.members) * len(self.first) * setting.steps, MAX_STEPS)
        lines = self._melodic(score, steps, use[~score.drums()[use]]) | self._drums(score, steps, use[score.drums()[use]])
        self.windows = {i: line[self.first[:, None] + np.arange(setting.steps)] for i, line in lines.items()}  # (n, T)
        if setting.magenta:
            self.covered = self._coverage(score, steps, piece)
        self.playing = {} if setting.magenta else {i: self._plays(i) for i in self.members}
        self.silent = np.repeat(list(self.playing), [np.count_nonzero(~p) for p in self.playing.values()]).astype(np.int64)

    def trios(self) -> Iterator[tuple[int, ...]]:
        """Every combination of a melody, a bass and drums."""
        of_part = [[i for i in self.members if self.part[i] == part] for part in range(3)]
        limit("trios", math.prod(map(len, of_part)), MAX_TRIOS)
        return product(*of_part) if len(self.first) else iter(())

    def together(self, members: tuple[int, ...]) -> Array:
        """Which windows (n,) a trio fills: (W,) places."""
        if not self.setting.magenta:
            return np.flatnonzero(np.logical_and.reduce([self.playing[i] for i in members]))
        near = self.covered[:, members]  # (bars, 3)
        together: Array = np.asarray(near.all(1))
        for edge in (slice(None, GAP_BARS), slice(-GAP_BARS, None)):
            together[edge] = near[edge].any()
        full = np.append(0, np.cumsum(together))
        return np.flatnonzero(full[self.setting.bars :] - full[: -self.setting.bars] == self.setting.bars)[: len(self.first)]

    def _melodic(self, score: Score, steps: Steps, use: Array) -> dict[int, Array]:
        """Instrument to its melody over the whole piece, (steps,)."""
        if not len(use):
            return {}
        kept = melody.skyline(score, steps, use)
        members, of = np.unique(score.instrument[kept], return_inverse=True)
        length = np.full(len(members), self.bars * self.unit)
        place = length.cumsum() - length
        start = steps.start[kept]
        p = Passages(of, start, place[of] + start, np.zeros_like(place), place, length, length, place)
        lines = melody.line(p, score.pitch[kept], steps.stop[kept]).astype(np.int16)
        return dict(zip(members.tolist(), lines.reshape(len(members), -1), strict=True))

    def _drums(self, score: Score, steps: Steps, use: Array) -> dict[int, Array]:
        """Instrument to its labels over the whole piece, (steps,)."""
        length = self.bars * self.unit
        members, of = np.unique(score.instrument[use], return_inverse=True)
        start, kind = steps.start[use], drums.classes("reduced")[score.pitch[use]]
        heard = start < length
        lines = drums.labels((of * length + start)[heard], kind[heard], len(members) * length)
        return dict(zip(members.tolist(), lines.reshape(len(members), length), strict=True))

    def _plays(self, i: int) -> Array:
        """In which windows (n,) an instrument is never silent for more than 2 · GAP_BARS bars on end."""
        found = self.windows[i]
        if self.part[i] == 2:
            sounds = found > 0
        else:
            found = self.windows[i] = melody.without_orphans(found)
            event = np.maximum.accumulate(np.where(found > 0, np.arange(found.shape[1]), 0), axis=1)  # the latest one's step
            sounds = np.take_along_axis(found, event, 1) >= melody.FIRST
        step = np.arange(1, found.shape[1] + 1)
        silence = step - np.maximum.accumulate(np.where(sounds, step, 0), axis=1)  # (n, T), steps since the last sound
        return np.asarray((silence <= 2 * GAP_BARS * self.setting.steps_per_bar).all(1) & sounds.any(1))

    def _coverage(self, score: Score, steps: Steps, piece: int) -> Array:
        """Bars (bars, I) within GAP_BARS of a note of each instrument."""
        known = (steps.piece == piece) & (score.instrument < INSTRUMENTS)
        mine = np.flatnonzero(known & (steps.start < self.bars * self.unit))
        change = np.zeros((self.bars + 1, min(len(score.instruments), INSTRUMENTS)), np.int64)
        whose = score.instrument[mine]
        np.add.at(change, (np.maximum(steps.start[mine] // self.unit - GAP_BARS, 0), whose), 1)
        np.add.at(change, (np.minimum(-(-steps.stop[mine] // self.unit) + GAP_BARS, self.bars), whose), -1)
        return np.asarray(change[:-1].cumsum(0) > 0)


def notes(tokens: Array) -> list[tuple[Array, Array, Array]]:
    """Tokens (3, T) to onsets and ends in steps and MIDI pitches of melody, bass and drums."""
    return [melody.notes(tokens[0]), melody.notes(tokens[1]), drums.notes(tokens[2])]


def score(tokens: Array, tempo: float = 120.0, program: int = 0, velocity: int = 80, steps_per_bar: int = 16) -> Score:
    """Tokens (3, T) to a score of three instruments; tempo in quarters per minute, program of the melody."""
    played = (Instrument(program, False, PARTS[0]), Instrument(ELECTRIC_BASS, False, PARTS[1]), Instrument(0, True, PARTS[2]))
    return arrange(list(zip(played, notes(tokens), strict=True)), tokens.shape[1], tempo, velocity, steps_per_bar)
