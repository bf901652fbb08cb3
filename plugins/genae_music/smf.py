r"""Standard MIDI File bytes to flat arrays of note messages, and back.

    file   MThd  length = 6  type  tracks  division          big-endian; division > 0 is ticks per quarter
           (MTrk  length  event…)…
    event  delta  message                                    delta: 1 to 4 bytes of 7 bits, the last one below 128
    message  [status] data data        status 8n 9n An Bn En;  left out when it is that of the message before (running status)
             [status] data             status Cn (program) Dn
             FF type length …          meta: 2F end, 03 name, 51 tempo, 58 meter, 59 key
             F0 | F7 length …          system exclusive

Statuses and all but the last byte of a delta are ≥ 128, data are < 128. So in a run of two-data messages every event has
exactly three bytes below 128 (delta's last, data, data), and all its events are found at once by counting those. A regular
expression finds how far a run reaches, a loop in Python reads the few events in between. MIDI 1.0 specification, RP-001.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genae_music.reasons import Reason, Unusable

Array = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]

MAX_BYTES = 1 << 23  # of a file
MAX_EVENTS = 1 << 20  # two-data messages
MAKERS = b"\x41\x43"  # Roland and Yamaha, whose system exclusive messages are kept,
SYSTEM = range(7, 17)  # if they are so many bytes: those that say what is a drum

_DELTA = rb"[\x80-\xff]{0,3}[\x00-\x7f]"
_RUN = re.compile(rb"(?:" + _DELTA + rb"[\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2})++")
_START = re.compile(_DELTA + rb"[\x80-\xbf\xe0-\xef][\x00-\x7f]{2}(?:" + _DELTA + rb"[\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2})*+")
_TWO_DATA, _ONE_DATA, _SYSTEM, _META = 0x80, 0xC0, 0xF0, 0xFF


@dataclass
class Scan:
    """What one pass over a file finds: runs of two-data messages, and the few events between them."""

    runs: list[tuple[int, int, int, int, bytes]] = field(default_factory=list)  # from, to, track, ticks waited, programs
    tempos: list[tuple[int, int, int, int]] = field(default_factory=list)  # track, runs before, ticks waited, µs per quarter
    meters: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # track, runs before, waited, 4, 4
    keys: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # track, runs before, waited, sharps, minor
    systems: list[tuple[int, int, int, bytes]] = field(default_factory=list)  # track, runs before, waited, what it says
    ends: list[tuple[int, int, int]] = field(default_factory=list)  # track, runs before, ticks waited
    names: dict[int, str] = field(default_factory=dict)  # track to its name


def chunks(data: bytes) -> tuple[int, list[tuple[int, int]]]:
    """A file to its ticks per quarter and the bounds of its tracks in it. Unusable with the reason.

    Whole tracks behind those that the header promises are read too: programs forget to count the ones they add.
    """
    if len(data) > MAX_BYTES:
        raise Unusable(Reason.LARGE, f"{len(data) >> 20} MiB, more than the {MAX_BYTES >> 20} MiB that are read")
    if not data.startswith(b"MThd"):
        raise Unusable(Reason.NOT_MIDI, "has 0 bytes" if not data else "not a MIDI file: does not begin with MThd")
    if len(data) < 14:
        raise Unusable(Reason.CUT, f"the header is cut after {len(data)} of 14 bytes")
    size, kind, count, division = struct.unpack_from(">LHHh", data, 4)
    if kind > 1:
        raise Unusable(Reason.TYPE, f"a MIDI file of type {kind}; types 0 and 1 are read")
    if division <= 0:
        raise Unusable(Reason.DIVISION, "time is in SMPTE frames, not in quarters" if division else "0 ticks per quarter")
    found: list[tuple[int, int]] = []
    at = 8 + size
    while len(found) < count:
        if at + 8 > len(data):
            raise Unusable(Reason.CUT, f"has {len(found)} of the {count} tracks that its header promises")
        name, size = struct.unpack_from(">4sL", data, at)
        at += 8
        if at + size > len(data):
            raise Unusable(Reason.CUT, f"track {len(found)} is cut after {len(data) - at} of {size} bytes")
        if name == b"MTrk":
            found.append((at, at + size))
        at += size
    return division, found + _more(data, at)


def promised(data: bytes) -> int:
    """How many tracks the header of a file says that there are."""
    count: int = struct.unpack_from(">H", data, 10)[0]
    return count


def _more(data: bytes, at: int) -> list[tuple[int, int]]:
    """The bounds of the tracks from `at` on, up to the first that is not whole: what else is there is no harm."""
    found: list[tuple[int, int]] = []
    while data[at : at + 4] == b"MTrk" and at + 8 <= len(data):
        (size,) = struct.unpack_from(">L", data, at + 4)
        bounds = at + 8, at + 8 + size
        if bounds[1] > len(data) or not _is_whole(data, bounds):
            break
        found.append(bounds)
        at += 8 + size
    return found


def _is_whole(data: bytes, bounds: tuple[int, int]) -> bool:
    try:
        scan(data, [bounds])
    except Unusable:
        return False
    return True


def scan(data: bytes, bounds: Iterable[tuple[int, int]]) -> Scan:
    """All tracks of a file. Unusable if one is broken."""
    found = Scan()
    for track, (at, end) in enumerate(bounds):
        try:
            _scan_track(data, at, end, track, found)
        except IndexError:
            raise Unusable(Reason.CUT, f"track {track} ends inside an event") from None
    return found


def _scan_track(data: bytes, at: int, end: int, track: int, found: Scan) -> None:
    running, waited, programs = 0, 0, bytes(16)  # the status that counts when none is given; ticks since the last run
    while at < end:
        match = (_RUN if running == _TWO_DATA else _START).match(data, at, end)
        if match:
            found.runs.append((at, match.end(), track, waited, programs))
            running, waited, at = _TWO_DATA, 0, match.end()
            continue
        delta, at = _number(data, at, end)
        waited += delta
        status = _byte(data, at, end)
        if status >= _SYSTEM:
            at, last = _system(data, at, end, (track, len(found.runs), waited), found)
            running = running if status == _META else 0
            if last:
                break
            continue
        if status < _TWO_DATA:
            status = running
        else:
            at += 1
        if not _ONE_DATA <= status < 0xE0:
            _byte(data, at + 1, end)  # cut, if there are not two data bytes
            line = "a data byte above 127" if status else "running status without a status before it"
            raise Unusable(Reason.BROKEN, f"track {track}, byte {at}: {line}")
        value = _byte(data, at, end)
        if value > 127:
            raise Unusable(Reason.BROKEN, f"track {track}, byte {at}: a data byte above 127")
        if status < 0xD0:
            channel = status & 15
            programs = programs[:channel] + bytes([value]) + programs[channel + 1 :]
        running, at = status, at + 1
    found.ends.append((track, len(found.runs), waited))


def _system(data: bytes, at: int, end: int, where: tuple[int, int, int], found: Scan) -> tuple[int, bool]:
    """The meta or system event at `at`; gives where the next begins, and whether the track is over."""
    status = data[at]
    if status not in (0xF0, 0xF7, _META):
        raise Unusable(Reason.BROKEN, f"track {where[0]}, byte {at}: status {status:02X} has no place in a file")
    kind = _byte(data, at + 1, end) if status == _META else -1
    size, at = _number(data, at + 1 + (status == _META), end)
    if at + size > end:
        raise IndexError
    body = data[at : at + size]
    if status == 0xF0 and size in SYSTEM and body[0] in MAKERS:
        found.systems.append((*where, body))
    elif kind == 0x03:
        found.names[where[0]] = _text(body)
    elif kind == 0x51:
        if size != 3 or not any(body):
            line = "a tempo of 0" if size == 3 else f"a tempo event of {size} bytes"
            raise Unusable(Reason.TEMPO if size == 3 else Reason.BROKEN, f"track {where[0]}, byte {at}: {line}")
        found.tempos.append((*where, int.from_bytes(body, "big")))
    elif kind == 0x58 and size >= 2:
        found.meters.append((*where, body[0], 1 << min(body[1], 30)))
    elif kind == 0x59 and size == 2:
        found.keys.append((*where, body[0] - (body[0] >> 7 << 8), body[1]))
    return at + size, kind == 0x2F


def _text(body: bytes) -> str:
    """The standard leaves the encoding open: UTF-8 where it can be that."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _byte(data: bytes, at: int, end: int) -> int:
    if at >= end:
        raise IndexError
    return data[at]


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of 1 to 4 bytes of 7 bits, and where it ends."""
    value = 0
    for i in range(at, at + 4):
        byte = _byte(data, i, end)
        value = value << 7 | byte & 127
        if byte < 128:
            return value, i + 1
    raise Unusable(Reason.BROKEN, f"byte {at}: a number of more than 4 bytes")


def number(value: int) -> bytes:
    """The reverse of a delta: 200 to 81 48."""
    parts = [value & 127]
    while value := value >> 7:
        parts.append(value & 127 | 128)
    return bytes(reversed(parts))


def chunk(events: Iterable[tuple[int, bytes]], length: int) -> bytes:
    """(tick, message) sorted by tick to an MTrk chunk that ends at tick `length`."""
    body, now = bytearray(), 0
    for tick, message in events:
        body += number(tick - now) + message
        now = tick
    body += number(max(length - now, 0)) + b"\xff\x2f\x00"
    return struct.pack(">4sL", b"MTrk", len(body)) + bytes(body)
