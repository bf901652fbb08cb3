r"""MIDI sample dumps (.sds), which are looked at before libsndfile reads them: of a damaged one it prints a line for every
packet on standard output, and what is not there it makes up of what came before.

    F0 7E c 01 n n b p p p l l l …   21 bytes: b bits, l words of seven bits each, 2 for b ≤ 14, 3 for b ≤ 21, 4 for more
    F0 7E c 02 k d … s F7            packets of 127 bytes, 120 of them d
"""

from __future__ import annotations

from io import SEEK_END
from typing import BinaryIO

HEADER, PACKET, WORDS = 21, 127, 120  # bytes
BEGIN = b"\xf0\x7e"


def is_dump(head: bytes) -> bool:
    """Whether a file that begins so is a sample dump, by libsndfile's own rule."""
    return head[:2] == BEGIN and len(head) > 3 and head[2] < 0x80 and head[3] == 1


def damage(content: BinaryIO) -> str:
    """What is wrong with a sample dump, from its beginning; "" if nothing."""
    content.seek(0)
    head = content.read(HEADER)
    if not is_dump(head):
        return "a sample dump that does not begin its file"
    if len(head) < HEADER:
        return "its header is cut short"
    packets = (content.seek(0, SEEK_END) - HEADER) // PACKET
    each = WORDS // (2 if head[6] <= 14 else 3 if head[6] <= 21 else 4)
    told = head[10] | head[11] << 7 | head[12] << 14
    if told > packets * each:
        return f"{packets * each} of its {told} samples are there"
    content.seek(HEADER)
    for k in range(packets):
        if content.read(PACKET)[:2] != BEGIN:
            return f"packet {k + 1} of {packets} is none"
    return ""
