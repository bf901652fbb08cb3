r"""MIDI bytes to a score, and a score to MIDI bytes.

    note        ends as `genae_music.pairs` has it. One without an end is left out, and one that ends at once, but not a drum's
                hit: its end is never used, so that it counts and lasts a tick.
    instrument  a (program, channel, track), the program being that at the note's end; `genae_music.banks` says which are drums

What Magenta's windows are cut from is pretty_midi's reading, where drums are channel 10 alone and every note has a length
(https://github.com/craffel/pretty-midi). symusic's reader gives the first note-off to the first note-on and leaves out what is
still open, so its notes are others wherever a pitch is struck again before it ends; it also hides the channel. Hence the reader
here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from genae_music import banks, mix, smf
from genae_music.banks import DRUM_CHANNEL
from genae_music.messages import Messages, messages
from genae_music.pairs import pair
from genae_music.reasons import Reason, Unusable
from genae_music.score import Instrument, Key, Meter, Score, Tempo
from genae_music.smf import Array, Mask

MAX_QUARTERS, MAX_SECONDS = 1 << 18, 86_400  # a file that lasts longer is corrupt, whatever its ticks are
SILENCE = 1 << 12  # quarters after the last note that are kept
CONTROLLERS = (7, 10)  # level and panning
_MELODIC = [c for c in range(16) if c != DRUM_CHANNEL]

Tick = Callable[[int, int, int], int]  # of a track, the runs before and the ticks waited since the last of them


def read(data: bytes, magenta: bool = False) -> Score:
    """A MIDI file's bytes to a score, with `magenta` as pretty_midi has it. Unusable with the reason, whatever they are."""
    resolution, bounds = smf.chunks(data)
    found = smf.scan(data, bounds)
    if not found.runs:
        raise Unusable(Reason.EMPTY, "has no notes")
    m = messages(data, found)
    tracks = [run[2] for run in found.runs]

    def tick(track: int, before: int, waited: int) -> int:
        return waited + (int(m.run_ends[before - 1]) if before and tracks[before - 1] == track else 0)

    start, end = pair(m, tracks)
    drum = m.channel[start] == DRUM_CHANNEL if magenta else _drums(m, start, found, tick)
    kept = end >= 0 if magenta else (end >= 0) | drum
    unended = int(len(start) - np.count_nonzero(kept))
    if not kept.any():
        none = f"none of its {unended} notes has an end" if unended else "has no notes"
        raise Unusable(Reason.UNENDED if unended else Reason.EMPTY, none)
    length = max((tick(*end) for end in found.ends), default=0)
    score = _score(m, found, tick, (start[kept], end[kept], drum[kept]), (resolution, length, unended))
    _check(score)
    return score


def _drums(m: Messages, start: Array, found: smf.Scan, tick: Tick) -> Mask:
    """Which of the notes at the places `start` (N,) are drums."""
    systems = ((tick(track, run, waited), body) for track, run, waited, body in found.systems)
    return banks.drums(m.tick[start], m.channel[start], m.banks, systems)


def _score(m: Messages, found: smf.Scan, tick: Tick, notes: tuple[Array, Array, Mask], facts: tuple[int, int, int]) -> Score:
    """Notes as places of note-ons, of note-offs or -1, and whether they are drums (N,); resolution, length, notes left out."""
    start, end, drum = notes
    resolution, length, unended = facts
    tempos = [Tempo(tick(track, run, waited), 6e7 / micros, track) for track, run, waited, micros in found.tempos]
    meters = [Meter(tick(track, run, waited), beats, unit, track) for track, run, waited, beats, unit in found.meters]
    keys = [_key(tick(track, run, waited), sharps, minor) for track, run, waited, sharps, minor in found.keys]
    last = np.where(end < 0, start, end)
    instruments, instrument = _instruments(m, found, last, drum)
    onset, offset = m.tick[start], m.tick[last] + (end < 0)
    order = np.lexsort((last, onset, instrument))
    start = start[order]
    return Score(
        resolution, instruments, instrument[order], onset[order], offset[order], m.pitch[start], m.velocity[start],
        tuple(sorted(tempos, key=_tick)), tuple(sorted(meters, key=_tick)),
        min(length, int(offset.max()) + SILENCE * resolution), unended, tuple(sorted(keys, key=_tick)),
        bends=m.bends, pedals=m.pedals,
    )  # fmt: skip


def _key(tick: int, sharps: int, minor: int) -> Key:
    """Of a signature with so many sharps, or flats below 0."""
    tonic = 7 * sharps % 12
    return Key(tick, (tonic + 9) % 12, -3) if minor else Key(tick, tonic, certain=False)


def _check(score: Score) -> None:
    """Unusable if a score is longer than music."""
    quarters = score.length // score.resolution
    seconds = float(score.seconds(np.array([score.length]))[0])
    for what, number, most in (("quarters", quarters, MAX_QUARTERS), ("seconds", int(seconds), MAX_SECONDS)):
        if number > most:
            raise Unusable(Reason.TIME, f"lasts {number:,} {what}, more than {most:,}: likely corrupt")


def _tick(change: Tempo | Meter | Key) -> int:
    return change.tick


def _instruments(m: Messages, found: smf.Scan, last: Array, drum: Mask) -> tuple[tuple[Instrument, ...], Array]:
    """Instruments in the order of their first note's end, and the index of each note's (N,); `last` are places of ends."""
    run, channel = m.run[last], m.channel[last]
    programs = np.frombuffer(b"".join([r[4] for r in found.runs]), np.uint8).reshape(-1, 16)
    track = np.array([r[2] for r in found.runs])[run]
    key = (track << 12) | (channel << 8) | (programs[run, channel].astype(np.int64) << 1) | drum
    keys = list(dict.fromkeys(key[last.argsort()].tolist()))
    order = np.argsort(keys)
    index = order[np.array(keys)[order].searchsorted(key)]
    named = [(k >> 12, k >> 1 & 127, bool(k & 1)) for k in keys]
    return tuple(Instrument(program, d, found.names.get(t, "")) for t, program, d in named), index


def write(score: Score) -> bytes:
    """A score to the bytes of a type-1 MIDI file: a track of tempo and meter that lasts `length`, a track per instrument."""
    changes = [(t.tick, b"\xff\x51\x03" + round(6e7 / t.qpm).to_bytes(3, "big")) for t in score.tempos]
    changes += [(m.tick, bytes([0xFF, 0x58, 4, m.beats, m.unit.bit_length() - 1, 24, 8])) for m in score.meters]
    tracks = [smf.chunk(sorted(changes), score.length)]
    free, band = 0, len(score.instruments) > 1
    for i, (instrument, seat) in enumerate(zip(score.instruments, mix.seats(score), strict=True)):
        channel = DRUM_CHANNEL if instrument.is_drum else _MELODIC[free % 15]
        free += not instrument.is_drum
        tracks.append(_track(score, score.instrument == i, instrument, channel, seat.controllers if band else ()))
    return struct.pack(">4sLHHH", b"MThd", 6, 1, len(tracks), score.resolution) + b"".join(tracks)


def _track(score: Score, mine: Array, instrument: Instrument, channel: int, controllers: tuple[int, ...]) -> bytes:
    name = instrument.name.encode()
    start: list[tuple[int, bytes]] = [(0, b"\xff\x03" + smf.number(len(name)) + name)] if name else []
    start.append((0, bytes([0xC0 | channel, instrument.program])))
    start += [(0, bytes([0xB0 | channel, which, value])) for which, value in zip(CONTROLLERS, controllers, strict=False)]
    notes = np.stack([score.onset[mine], score.offset[mine], score.pitch[mine], score.velocity[mine]], 1).tolist()
    ends = [(off, 0, bytes([0x80 | channel, pitch, 0])) for _, off, pitch, _ in notes]  # before an onset at the same tick
    onsets = [(on, 1, bytes([0x90 | channel, pitch, velocity])) for on, _, pitch, velocity in notes]
    return smf.chunk(start + [(tick, message) for tick, _, message in sorted(ends + onsets)], 0)
