r"""Melodies: 90 classes a step.

    0 nothing new   the note before goes on, or the silence
    1 note-off      the note before ends
    2…89 note-on    MIDI pitches 21…108, the piano's keys; it ends the note before

One line per instrument that is not drums. Of notes with the same onset step the highest counts; a note ends where the next
begins. A window knows nothing of what was before it: a note held over its beginning is silence, and its note-off is left out.
https://github.com/magenta/note-seq, melodies_lib.py
"""

from __future__ import annotations

import numpy as np

from genae_music.quantise import Setting, Steps, quantise
from genae_music.reasons import Reason
from genae_music.score import Instrument, Score, arrange
from genae_music.smf import Array
from genae_music.tracks import wanted
from genae_music.windows import Lost, Passages, Windows, changes, choose, cut, passages, sift, ticks, unfilled, without

CLASSES = 90
OFF = 1
LOWEST, HIGHEST = 21, 108  # MIDI pitches
FIRST = 2  # the class of the lowest pitch


def windows(score: Score, setting: Setting) -> Windows:
    """All windows (W, T) uint8 of a score's melodies."""
    steps = quantise(score, setting)
    use, lost = eligible(score, steps, setting)
    if not len(use):
        return Windows(np.zeros((0, setting.steps), np.uint8), use, use, lost)
    kept = skyline(score, steps, use)
    if len(kept) < len(use):
        lost.append(Lost(Reason.POLYPHONY, "notes", score.instrument[without(use, kept)]))
    piece, instrument, stop = steps.piece[kept], score.instrument[kept], steps.stop[kept]
    p = passages(voices(piece, instrument, steps), steps.start[kept], stop, steps.unit[piece], setting)
    lost += unfilled(p, instrument, setting)
    found, of, step = cut(line(p, score.pitch[kept], stop), p, setting)
    found = without_orphans(found)
    first = p.first[of]
    tick = ticks(steps, piece[first], step, score.resolution)
    return choose(Windows(found, instrument[first], tick, lost), found >= FIRST, piece[first], setting)


def eligible(score: Score, steps: Steps, setting: Setting) -> tuple[Array, list[Lost]]:
    """The notes (n,) that melodies can be made of, as places in the score, and why others cannot be used."""
    program, drum = score.programs(), score.drums()
    wrong = (program < setting.programs[0]) | (program > setting.programs[1])
    beyond = (score.pitch < LOWEST) | (score.pitch > HIGHEST)
    meter = steps.unit[steps.piece] == 0
    faults = [(Reason.KIND, drum), (Reason.PROGRAM, wrong), (Reason.RANGE, beyond), (Reason.METER, meter)]
    use, lost = sift(score, faults)
    if not setting.tracks:
        return use, lost
    other = ~np.isin(score.instrument[use], wanted(score, steps, use, setting.tracks))
    return use[~other], [*lost, Lost(Reason.TRACK, "notes", score.instrument[use[other]])]


def voices(piece: Array, instrument: Array, steps: Steps) -> Array:
    """One number for every instrument in every piece, (N,)."""
    return instrument * len(steps.unit) + piece


def skyline(score: Score, steps: Steps, use: Array) -> Array:
    """Of notes (n,) the highest at every onset step of every voice, sorted by voice and onset."""
    voice = voices(steps.piece[use], score.instrument[use], steps)
    start = steps.start[use]
    place = voice * (int(start.max()) + 1) + start
    order = (place << 7 | (127 - score.pitch[use])).argsort(kind="stable")  # of equals, the one that began first
    return np.asarray(use[order[changes(place[order])]])


def line(p: Passages, pitch: Array, stop: Array) -> Array:
    """The passages' notes (N,) as tokens, one array."""
    end = (p.place + p.length)[p.of]
    until = end.copy()  # where a note-off would come too late
    until[:-1] = np.where(p.of[1:] == p.of[:-1], np.minimum(end[:-1], p.at[1:]), end[:-1])
    off = p.at + stop - p.start
    line = np.zeros(int(p.length.sum()), np.uint8)
    line[off[off < until]] = OFF
    heard = p.at < end
    line[p.at[heard]] = pitch[heard] - LOWEST + FIRST
    return line


def without_orphans(windows: Array) -> Array:
    """Windows (W, T) without the note-offs that come before the first onset."""
    silent = ~np.logical_or.accumulate(windows >= FIRST, axis=1)
    windows[silent] = 0
    return windows


def notes(tokens: Array) -> tuple[Array, Array, Array]:
    """Tokens (T,) to onsets and ends in steps and MIDI pitches, (N,) each. A note sounds until the next event, or the end."""
    events = np.flatnonzero(tokens)
    ends = np.append(events[1:], len(tokens))
    on = tokens[events] >= FIRST
    return events[on], ends[on], tokens[events[on]].astype(np.int64) - FIRST + LOWEST


def score(tokens: Array, tempo: float = 120.0, program: int = 0, velocity: int = 80, steps_per_bar: int = 16) -> Score:
    """Tokens (T,) to a score of one instrument; tempo in quarters per minute."""
    return arrange([(Instrument(program, False, "melody"), notes(tokens))], len(tokens), tempo, velocity, steps_per_bar)
