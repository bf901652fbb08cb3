r"""Which note-off ends a note.

As in pretty_midi, since Magenta's windows depend on it (https://github.com/craffel/pretty-midi): a note-off ends every open
note of its track, channel and pitch that began before it. One that began at the same tick goes on if another ended there, and
else has no end. A note-on with velocity 0 is a note-off.

Without a loop: messages are sorted stably by (track, channel, pitch), then for the off at place j of its group, with p the off
before it,

    C(j) = A(j) or C(p) and G(j)     j ends some note             A(j): a note-on between p and j at an earlier tick than j
                                                                  G(j): one between p's predecessor and p, at p's own tick < j's

is a chain of implications: C(j) holds if, going back from j, an A comes no later than the first place that has no G.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genae_music.messages import Messages
from genae_music.reasons import Reason, Unusable
from genae_music.smf import Array, Mask

MAX_NOTES = 250_000


def pair(m: Messages, tracks: Sequence[int]) -> tuple[Array, Array]:
    """The places of note-ons (N,), and of the note-offs that end them (N,), -1 where none does; `tracks` (R,) of the runs."""
    count = np.count_nonzero(m.velocity)
    if count > MAX_NOTES:
        raise Unusable(Reason.LARGE, f"has {count:,} notes, more than the {MAX_NOTES:,} that are read")
    key = (np.array(tracks, np.int64)[m.run] << 11) | (m.channel << 7) | m.pitch
    order = (key.astype(np.uint16) if tracks and tracks[-1] < 32 else key).argsort(kind="stable")  # 16 bits sort faster
    key, tick, sounds = key[order], m.tick[order], m.velocity[order] > 0
    ons, offs = sounds.nonzero()[0], (~sounds).nonzero()[0]
    if not len(offs):
        return order[ons], np.full(len(ons), -1)
    key_on, key_off = key[ons], np.append(key[offs], -1)  # the last of the offs stands for none
    tick_on, tick_off = tick[ons], np.append(tick[offs], -1)
    end = offs.searchsorted(ons)  # the first off after each on, an index into `offs`
    ended = key_off[end] == key_on
    at_once = ended & (tick_off[end] == tick_on)
    if at_once.any():
        at_once &= np.append(_ends_some(key, tick, offs), False)[end]
        end += at_once
        ended = (key_off[end] == key_on) & (tick_off[end] > tick_on)
    return order[ons], np.where(ended, order[np.append(offs, 0)[end]], -1)


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
