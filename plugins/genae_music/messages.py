r"""The messages in the runs of a scan as columns: notes, and what chooses a bank of instruments.

Every message of a run has exactly three bytes below 128: the last one of its delta, and its two data. Their places give those
of all else, without a loop over messages.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from genae_music import smf
from genae_music.reasons import Reason, Unusable
from genae_music.smf import Array

PEDAL = 64  # controller


class Messages(NamedTuple):
    """All note-ons and note-offs of a file, in its order, as columns (M,)."""

    tick: Array
    run: Array  # which run of the scan
    channel: Array
    pitch: Array
    velocity: Array  # 0 is a note-off
    run_ends: Array  # (R,), the tick at which each run ends
    banks: Array  # (B, 3): tick, channel and most significant byte of every bank select
    bends: int = 0  # messages of the pitch wheel,
    pedals: int = 0  # and of the sustain pedal


def messages(data: bytes, found: smf.Scan) -> Messages:
    """What the runs of a scan hold."""
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
    run = begin.searchsorted(note, "right") - 1 if len(begin) > 2 else np.zeros(len(note), np.int64)
    bank = ((status >> 4 == 0xB) & (b[first] == 0)).nonzero()[0]
    banks = np.stack([tick[bank], status[bank] & 15, b[second[bank]]], 1).astype(np.int64)
    bends, pedals = status >> 4 == 0xE, (status >> 4 == 0xB) & (b[first] == PEDAL)
    status, velocity = status[note], b[second[note]]
    return Messages(
        tick[note], run, (status & 15).astype(np.int64), b[first[note]].astype(np.int64),
        np.where(status < 0x90, 0, velocity).astype(np.int64), tick[begin[1:] - 1], banks,
        int(bends.sum()), int(pedals.sum()),
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
