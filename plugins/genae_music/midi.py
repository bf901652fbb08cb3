r"""MIDI bytes to a score, and a score to MIDI bytes.

Notes are paired and grouped as pretty_midi does it, since Magenta's windows depend on it (https://github.com/craffel/pretty-midi):

    note        a note-off ends every open note of its track, channel and pitch that began before it. One that began at the
                same tick goes on if another ended there, and else is forgotten. A note-on with velocity 0 is a note-off. A
                note without an end is left out.
    instrument  a (program, channel, track), the program being that at the note's end; channel 10 is drums

symusic's reader gives the first note-off to the first note-on and leaves out what is still open, so its notes are others
wherever a pitch is struck again before it ends; it also hides the channel. Hence the reader here.

Pairing, without a loop: messages are sorted stably by (track, channel, pitch), then for the off at place j of its group, with
p the off before it,

    C(j) = A(j) or C(p) and G(j)     j ends some note             A(j): a note-on between p and j at an earlier tick than j
                                                                  G(j): one between p's predecessor and p, at p's own tick < j's

is a chain of implications: C(j) holds if, going back from j, an A comes no later than the first place that has no G.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from genae_music import smf
from genae_music.reasons import Reason, Unusable
from genae_music.score import Instrument, Meter, Score, Tempo
from genae_music.smf import Array, Mask

DRUM_CHANNEL = 9
MAX_NOTES = 250_000
_MELODIC = [c for c in range(16) if c != DRUM_CHANNEL]


class _Messages(NamedTuple):
    """All note-ons and note-offs of a file, in its order, as columns (M,)."""

    tick: Array
    run: Array  # which run of the scan
    channel: Array
    pitch: Array
    velocity: Array  # 0 is a note-off
    run_ends: Array  # (R,), the tick at which each run ends


def read(data: bytes) -> Score:
    """A MIDI file's bytes to a score. Unusable with the reason, whatever the bytes are."""
    resolution, bounds = smf.chunks(data)
    found = smf.scan(data, bounds)
    if not found.runs:
        raise Unusable(Reason.EMPTY, "has no notes")
    messages = _messages(data, found)
    tracks = [run[2] for run in found.runs]

    def tick(track: int, before: int, waited: int) -> int:
        return waited + (int(messages.run_ends[before - 1]) if before and tracks[before - 1] == track else 0)

    length = max((tick(*end) for end in found.ends), default=0)
    if length >= smf.MAX_TICK:
        raise Unusable(Reason.TIME, f"lasts {length:,} ticks, more than {smf.MAX_TICK:,}: likely corrupt")
    tempos = [Tempo(tick(track, run, waited), 6e7 / micros, track) for track, run, waited, micros in found.tempos]
    meters = [Meter(tick(track, run, waited), beats, unit, track) for track, run, waited, beats, unit in found.meters]
    start, end, unended = _pair(messages, tracks)
    if not len(start):
        none = f"none of its {unended} notes has an end" if unended else "has no notes"
        raise Unusable(Reason.UNENDED if unended else Reason.EMPTY, none)
    instruments, instrument = _instruments(messages, found, end)
    order = (((instrument << 24) | messages.tick[start]) << 20 | end).argsort(kind="stable")  # ticks < 2²⁴, messages < 2²⁰
    start, end = start[order], end[order]
    return Score(
        resolution, instruments, instrument[order], messages.tick[start], messages.tick[end], messages.pitch[start],
        messages.velocity[start], tuple(sorted(tempos, key=_tick)), tuple(sorted(meters, key=_tick)), length, unended,
    )  # fmt: skip


def _tick(change: Tempo | Meter) -> int:
    return change.tick


def _messages(data: bytes, found: smf.Scan) -> _Messages:
    """The notes in the runs of a scan as columns."""
    b = np.frombuffer(b"".join([data[start:end] for start, end, *_ in found.runs]), np.uint8)
    low = (b < 128).nonzero()[0]
    if len(low) > 3 * smf.MAX_EVENTS:
        raise Unusable(Reason.LARGE, f"has {len(low) // 3:,} messages, more than the {smf.MAX_EVENTS:,} that are read")
    last, first, second = low[0::3], low[1::3], low[2::3]  # places of delta's last byte and of the two data bytes
    bounds = np.array([0, *accumulate(end - start for start, end, *_ in found.runs)])
    begin = second.searchsorted(bounds)  # (R + 1,), each run's first message
    tick = _ticks(b, last, second, begin[:-1], found)
    own = (first - last == 2).nonzero()[0]  # messages with a status of their own
    status = b[first[own] - 1]
    if len(own) < len(last):
        status = status[own.searchsorted(np.arange(len(last)), "right") - 1]
    note = (status < 0xA0).nonzero()[0]
    status, velocity = status[note], b[second[note]]
    run = begin.searchsorted(note, "right") - 1 if len(begin) > 2 else np.zeros(len(note), np.int64)
    return _Messages(
        tick[note], run, (status & 15).astype(np.int64), b[first[note]].astype(np.int64),
        np.where(status < 0x90, 0, velocity).astype(np.int64), tick[begin[1:] - 1],
    )  # fmt: skip


def _ticks(b: Array, last: Array, second: Array, begin: Array, found: smf.Scan) -> Array:
    """When each message comes, (M,) ticks from its track's start; `begin` (R,) are the runs' first messages."""
    delta = b[last].astype(np.int64)
    more = last.copy()  # bytes of a delta before its last one
    more[1:] -= second[:-1] + 1
    k = 1
    while len(longer := (more >= k).nonzero()[0]):
        delta[longer] += (b[last[longer] - k] & 127).astype(np.int64) << 7 * k
        k += 1
    delta[begin] += [waited for _, _, _, waited, _ in found.runs]
    tick = delta.cumsum()
    opens = [begin[r] for r, (old, new) in enumerate(pairwise(found.runs), 1) if old[2] != new[2]]  # the tracks' first messages
    if opens:
        before = np.zeros_like(tick)
        before[opens] = np.diff(tick[np.array(opens) - 1], prepend=0)
        tick -= before.cumsum()
    return tick


def _pair(m: _Messages, tracks: Sequence[int]) -> tuple[Array, Array, int]:
    """Places of note-ons and of the note-offs that end them (N,), and how many notes never end."""
    count = np.count_nonzero(m.velocity)
    if count > MAX_NOTES:
        raise Unusable(Reason.LARGE, f"has {count:,} notes, more than the {MAX_NOTES:,} that are read")
    key = (np.array(tracks, np.int64)[m.run] << 11) | (m.channel << 7) | m.pitch
    order = (key.astype(np.uint16) if tracks and tracks[-1] < 32 else key).argsort(kind="stable")  # 16 bits sort faster
    key, tick, sounds = key[order], m.tick[order], m.velocity[order] > 0
    ons, offs = sounds.nonzero()[0], (~sounds).nonzero()[0]
    if not len(offs):
        return ons[:0], offs, len(ons)
    key_on, key_off = key[ons], np.append(key[offs], -1)  # the last of the offs stands for none
    tick_on, tick_off = tick[ons], np.append(tick[offs], -1)
    end = offs.searchsorted(ons)  # the first off after each on, an index into `offs`
    ended = key_off[end] == key_on
    at_once = ended & (tick_off[end] == tick_on)
    if at_once.any():
        at_once &= np.append(_ends_some(key, tick, offs), False)[end]
        end += at_once
        ended = (key_off[end] == key_on) & (tick_off[end] > tick_on)
    return order[ons[ended]], order[offs[end[ended]]], int(len(ons) - np.count_nonzero(ended))


def _ends_some(key: Array, tick: Array, offs: Array) -> Mask:
    """Whether each off ends a note, C(j) of the module's head: (F,). `key`, `tick` (M,), `offs` (F,) places of offs."""
    group = key[offs]
    same = np.append(False, group[1:] == group[:-1])  # there is an off before it in its group
    first = np.where(same, np.append(0, offs[:-1] + 1), key.searchsorted(group))  # the first message after that one
    some = first < offs  # there are note-ons in between
    a = some & (tick[first] < tick[offs])
    b = some & (tick[offs - 1] == tick[offs])
    g = same & np.append(False, b[:-1] & (tick[offs[:-1]] < tick[offs[1:]]))
    place = np.arange(len(offs))
    return np.maximum.accumulate(np.where(a, place, -1)) > np.maximum.accumulate(np.where(~a & ~g, place, -1))


def _instruments(m: _Messages, found: smf.Scan, end: Array) -> tuple[tuple[Instrument, ...], Array]:
    """Instruments in the order of their first note's end, and the index of each note's (N,)."""
    run, channel = m.run[end], m.channel[end]
    programs = np.frombuffer(b"".join([r[4] for r in found.runs]), np.uint8).reshape(-1, 16)
    track = np.array([r[2] for r in found.runs])[run]
    key = (track << 11) | (channel << 7) | programs[run, channel]
    keys = list(dict.fromkeys(key[end.argsort()].tolist()))
    order = np.argsort(keys)
    index = order[np.array(keys)[order].searchsorted(key)]
    named = [(k >> 11, k >> 7 & 15, k & 127) for k in keys]
    return tuple(Instrument(p, c == DRUM_CHANNEL, found.names.get(t, "")) for t, c, p in named), index


def write(score: Score) -> bytes:
    """A score to the bytes of a type-1 MIDI file: a track of tempo and meter that lasts `length`, a track per instrument."""
    changes = [(t.tick, b"\xff\x51\x03" + round(6e7 / t.qpm).to_bytes(3, "big")) for t in score.tempos]
    changes += [(m.tick, bytes([0xFF, 0x58, 4, m.beats, m.unit.bit_length() - 1, 24, 8])) for m in score.meters]
    tracks = [smf.chunk(sorted(changes), score.length)]
    free = 0
    for i, instrument in enumerate(score.instruments):
        channel = DRUM_CHANNEL if instrument.is_drum else _MELODIC[free % 15]
        free += not instrument.is_drum
        tracks.append(_track(score, score.instrument == i, instrument, channel))
    return struct.pack(">4sLHHH", b"MThd", 6, 1, len(tracks), score.resolution) + b"".join(tracks)


def _track(score: Score, mine: Array, instrument: Instrument, channel: int) -> bytes:
    name = instrument.name.encode()
    start: list[tuple[int, bytes]] = [(0, b"\xff\x03" + smf.number(len(name)) + name)] if name else []
    start.append((0, bytes([0xC0 | channel, instrument.program])))
    notes = np.stack([score.onset[mine], score.offset[mine], score.pitch[mine], score.velocity[mine]], 1).tolist()
    ends = [(off, 0, bytes([0x80 | channel, pitch, 0])) for _, off, pitch, _ in notes]  # before an onset at the same tick
    onsets = [(on, 1, bytes([0x90 | channel, pitch, velocity])) for on, _, pitch, velocity in notes]
    return smf.chunk(start + [(tick, message) for tick, _, message in sorted(ends + onsets)], 0)
