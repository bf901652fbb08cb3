"""Notes in sixteenths to the bytes of a type-1 MIDI file. https://midi.org/standard-midi-files-specification"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

STEP = 24  # ticks
QUARTER = 4 * STEP

Notes = npt.NDArray[np.int64]  # (N, 4): onset and duration in sixteenths, pitch, velocity


def song(tempo: float, tracks: Sequence[bytes], events: bytes = b"") -> bytes:
    """Tracks at so many quarters per minute, in 4/4; `events`, such as a key's, stand beside the tempo."""
    opening = b"\0\xff\x51\x03" + round(6e7 / tempo).to_bytes(3, "big") + b"\0\xff\x58\x04\x04\x02\x18\x08" + events
    chunks = (_chunk(opening), *tracks)
    return struct.pack(">4sLHHH", b"MThd", 6, 1, len(chunks), QUARTER) + b"".join(chunks)


def track(name: str, channel: int, program: int, notes: Notes) -> bytes:
    """Notes (N, 4) as note-ons and note-offs, the latter first where they are at one time."""
    onset, duration, pitch, velocity = notes.T
    status = np.repeat([0x90 | channel, 0x80 | channel], len(notes))
    tick = STEP * np.concatenate([onset, onset + duration])
    events = np.stack([tick, status, np.tile(pitch, 2), np.concatenate([velocity, 0 * velocity])], 1)
    events = events[np.lexsort((events[:, 2], status, tick))]
    delta = np.diff(events[:, 0], prepend=0)
    written = np.column_stack([delta >> 7 | 0x80, delta & 0x7F, events[:, 1:]])
    used = np.ones(written.shape, bool)
    used[:, 0] = delta > 0x7F  # a variable-length number of two bytes, or of one
    opening = b"\0\xff\x03" + bytes([len(name)]) + name.encode() + bytes([0, 0xC0 | channel, program])
    return _chunk(opening + written[used].astype(np.uint8).tobytes())


def _chunk(events: bytes) -> bytes:
    """With its header and the event that ends it."""
    body = events + b"\0\xff\x2f\0"
    return struct.pack(">4sL", b"MTrk", len(body)) + body
