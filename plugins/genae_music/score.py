r"""A score: a table of notes in ticks, with maps of tempo and meter.

Times in seconds follow from the tempo map: from a change at tick c to tempo q (quarters per minute), with r ticks per quarter,

    t(n) = t(c) + (n - c) · 60 / (q r)                        float64, in pretty_midi's order of operations

https://github.com/craffel/pretty-midi takes tempo and meter from the first track alone, as the standard wants them. Magenta's
windows depend on that, so `tempos` and `meters` keep their track and both readings are possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genae_music.smf import Array, Mask

DEFAULT_QPM = 120.0  # of a file that does not say
TICKS_PER_STEP = 120  # of scores made of tokens; a step is a sixteenth
LOUDEST = 127  # velocity
Floats = npt.NDArray[np.floating]


class Instrument(NamedTuple):
    """Who plays. `program` is General MIDI's, 0…127."""

    program: int = 0
    is_drum: bool = False
    name: str = ""


class Tempo(NamedTuple):
    tick: int
    qpm: float  # quarters per minute
    track: int = 0


class Meter(NamedTuple):
    tick: int
    beats: int
    unit: int  # 4 is a quarter
    track: int = 0

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


class Key(NamedTuple):
    """A key that a file says: its tonic, 0…11 from C, and its mode by how many fifths it is from major: −3 is minor."""

    tick: int
    tonic: int
    mode: int = 0
    certain: bool = True  # False for what programs write of themselves, or leave at major


class Chord(NamedTuple):
    """A chord that lasts until the next: its class, as `genae_music.chords` has them."""

    tick: int
    number: int


def _none() -> Array:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Score:
    """Notes as columns (N,), sorted by instrument, then onset."""

    resolution: int  # ticks per quarter
    instruments: tuple[Instrument, ...] = ()
    instrument: Array = field(default_factory=_none)  # index into `instruments`
    onset: Array = field(default_factory=_none)  # ticks
    offset: Array = field(default_factory=_none)  # ticks, > onset
    pitch: Array = field(default_factory=_none)  # 0…127
    velocity: Array = field(default_factory=_none)  # 1…127
    tempos: tuple[Tempo, ...] = ()  # by tick
    meters: tuple[Meter, ...] = ()  # by tick
    length: int = 0  # ticks, the end of the longest track
    unended: int = 0  # notes that never stop, left out
    keys: tuple[Key, ...] = ()  # by tick
    lines: Array = field(default_factory=_none)  # ticks of bar lines that are known from beside the file
    chords: tuple[Chord, ...] = ()  # that are written over the notes, by tick
    bends: int = 0  # messages of the pitch wheel,
    pedals: int = 0  # and of the sustain pedal, which nothing here heeds

    def tempo(self, tick: float) -> float:
        """Quarters per minute at a tick: of several changes at one the last holds, and none reaches back."""
        return next((t.qpm for t in reversed(self.tempos) if t.tick <= tick), DEFAULT_QPM)

    def drums(self) -> Mask:
        """Which notes are drums, (N,)."""
        return np.array([i.is_drum for i in self.instruments], bool)[self.instrument]

    def programs(self) -> Array:
        """The program of every note, (N,)."""
        return np.array([i.program for i in self.instruments], np.int64)[self.instrument]

    @cached_property
    def tempo_map(self) -> tuple[Array, Array, Array]:
        """The first track's tempi (K,) from tick 0: ticks, seconds, seconds per tick."""
        changes = [(0, 60.0 / (DEFAULT_QPM * self.resolution))]
        for tick, qpm, track in self.tempos:
            scale = 60.0 / (qpm * self.resolution)
            if track == 0 and tick == 0:
                changes = [(0, scale)]
            elif track == 0 and scale != changes[-1][1]:
                changes.append((tick, scale))
        times = [0.0]
        for (start, scale), (end, _) in pairwise(changes):
            times.append(times[-1] + scale * (end - start))
        ticks, scales = zip(*changes, strict=True)
        return np.array(ticks), np.array(times), np.array(scales)

    def seconds(self, ticks: Array) -> Array:
        """Ticks (N,) to seconds (N,) float64."""
        changes, times, scales = self.tempo_map
        if len(changes) == 1:
            return np.asarray(scales[0] * ticks)
        at = np.searchsorted(changes, ticks, "right") - 1
        return np.asarray(times[at] + scales[at] * (ticks - changes[at]))

    def ticks(self, seconds: Array) -> Array:
        """And back, to the nearest."""
        changes, times, scales = self.tempo_map
        at = np.searchsorted(times, seconds, "right") - 1
        return np.asarray(changes[at] + np.round((seconds - times[at]) / scales[at]).astype(np.int64))


Part = tuple[Instrument, tuple[Array, Array, Array]]  # onsets, ends (steps), pitches, (N,) each


def arrange(parts: Sequence[Part], steps: int, tempo: float, velocity: int, steps_per_bar: int) -> Score:
    """Parts in steps of a sixteenth to a score of `steps` steps; tempo in quarters per minute, velocity 1…127."""
    onset, end, pitch = (np.concatenate([notes[i] for _, notes in parts]).astype(np.int64) for i in range(3))
    instrument = np.repeat(np.arange(len(parts)), [len(notes[0]) for _, notes in parts])
    return Score(
        4 * TICKS_PER_STEP, tuple(part for part, _ in parts), instrument, onset * TICKS_PER_STEP, end * TICKS_PER_STEP, pitch,
        np.full(len(onset), velocity), (Tempo(0, tempo),), (Meter(0, steps_per_bar // 4, 4),), steps * TICKS_PER_STEP,
    )  # fmt: skip


def early(score: Score, offsets: Floats) -> Score:
    """A score whose notes (N,) begin, and end, so many halves of a sixteenth before; none before the beginning."""
    by = np.round(offsets * score.resolution / 8).astype(np.int64)
    onset = np.maximum(score.onset - by, 0)
    offset = np.maximum(score.offset - by, onset + 1)
    order = np.lexsort((onset, score.instrument))
    return replace(
        score, instrument=score.instrument[order], onset=onset[order], offset=offset[order], pitch=score.pitch[order],
        velocity=score.velocity[order],
    )  # fmt: skip
