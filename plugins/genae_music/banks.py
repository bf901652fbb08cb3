r"""Which channels play drums, and when: channel 10, and what a file says beside.

    bank select   MSB 126 and 127 (XG's kits) and 120 (General MIDI 2's) make a channel drums, any other a melody again; channel
                  10 becomes one by 121 (General MIDI 2's melodies) alone, or by any in a file that is XG
    XG            F0 43 1n 4C 00 00 7E 00 F7 is system on; F0 43 1n 4C 08 pp 07 vv F7 the mode of part pp: 0 a melody, else
                  drums
    GS            F0 41 dd 42 12 40 1b 15 vv ss F7 is use for rhythm part: 0 a melody, 1 and 2 drums. Block b is part 10 for 0,
                  b for 1 … 9 and b + 1 for 10 … 15. After a reset (… 40 00 7F 00 41 F7) banks are variations of one
                  instrument, 127 those of the MT-32, and say nothing of drums.

Parts listen to the channel of their number. Yamaha, XG specifications; Roland, SC-88 owner's manual; RP-024, General MIDI 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from genae_music.smf import Array, Mask

DRUM_CHANNEL = 9
KITS = (120, 126, 127)
GM2_MELODY = 121
_XG_ON = re.compile(rb"\x43[\x10-\x1f]\x4c\x00\x00\x7e\x00")
_GS_RESET = re.compile(rb"\x41.\x42\x12\x40\x00\x7f\x00", re.DOTALL)
_XG_PART = re.compile(rb"\x43[\x10-\x1f]\x4c\x08([\x00-\x0f])\x07(.)", re.DOTALL)
_GS_PART = re.compile(rb"\x41.\x42\x12\x40([\x10-\x1f])\x15(.)", re.DOTALL)
_CHANNELS = (DRUM_CHANNEL, *range(9), *range(10, 16))  # of GS blocks


def drums(tick: Array, channel: Array, banks: Array, systems: Iterable[tuple[int, bytes]]) -> Mask:
    """Which notes (N,) are drums. `banks` (B, 3) as in Messages, `systems` the tick and bytes of exclusive messages."""
    drum = np.asarray(channel == DRUM_CHANNEL)
    bodies = list(systems)
    changes = np.concatenate([np.array([*_parts(bodies)], np.int64).reshape(-1, 3), _of_banks(banks, bodies)])
    for one in np.unique(changes[:, 1]).tolist():
        own = changes[changes[:, 1] == one]
        own = own[own[:, 0].argsort(kind="stable")]
        mine = np.flatnonzero(channel == one)
        latest = own[:, 0].searchsorted(tick[mine], "right") - 1
        drum[mine] = np.where(latest < 0, one == DRUM_CHANNEL, own[latest, 2] > 0)
    return drum


def _parts(systems: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, int, int]]:
    """Tick, channel, and whether it is drums from there on."""
    for tick, body in systems:
        if match := _XG_PART.match(body):
            yield tick, match[1][0], match[2][0]
        elif match := _GS_PART.match(body):
            yield tick, _CHANNELS[match[1][0] & 15], match[2][0]


def _of_banks(banks: Array, systems: list[tuple[int, bytes]]) -> Array:
    """The same (B', 3) of bank selects."""
    if any(_GS_RESET.match(body) for _, body in systems):
        return banks[:0]
    kit = np.isin(banks[:, 2], KITS)
    xg = any(_XG_ON.match(body) for _, body in systems)
    says = kit | (banks[:, 1] != DRUM_CHANNEL) | (banks[:, 2] == GM2_MELODY) | xg
    return np.stack([banks[says, 0], banks[says, 1], kit[says]], 1).astype(np.int64)
