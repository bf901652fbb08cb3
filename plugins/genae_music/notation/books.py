r"""A file of ABC notation to its tunes, and a tune to its lines.

    file    header fields, for all tunes; then tunes, apart by empty lines, and free text between them
    tune    X:number … K:key, its header, in the middle of which T: M: L: Q: P: V: may stand; then music, until an empty line
    mark    %line 340, before a part of a file that is a tune of its own: where what follows stood in it

https://abcnotation.com/wiki/abc:standard:v2.1#abc_files_tunes_and_fragments
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genae_music.reasons import Reason, Unusable

MAX_BYTES = 1 << 23  # of a file
FIELD = re.compile(r"\s?([A-Z]|[mrsw]):(?![|:])(.*)", re.DOTALL)  # A:| is music
_BEGIN = re.compile(r"X:\s*(\d*)")
_MARK = re.compile(r"%line (\d{1,9})$")


class Line(NamedTuple):
    """A line of a tune without its comment, and its number in the file."""

    number: int
    text: str


def tunes(data: bytes) -> Sequence[tuple[str, bytes]]:
    """A file's tunes with their names, where it has several; each is a whole file, with the header of all of them."""
    lines = _text(data).splitlines() if len(data) <= MAX_BYTES else []
    begins = [i for i, line in enumerate(lines) if _BEGIN.match(line)]
    if len(begins) < 2:
        return []
    head = [line for line in lines[: begins[0]] if FIELD.match(line) or line.startswith("%%")]
    seen: Counter[str] = Counter()
    found = []
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        match = _BEGIN.match(lines[begin])
        number = (match[1] if match else "") or "0"
        seen[number] += 1
        name = number if seen[number] == 1 else f"{number}-{seen[number]}"
        found.append((f"{name}.abc", "\n".join([*head, f"%line {begin + 1}", *lines[begin:end]]).encode()))
    return found


def lines_of(data: bytes) -> list[Line]:
    """The lines of the one tune that a file holds, the first one's fields before. Unusable where it holds none, or several."""
    if len(data) > MAX_BYTES:
        raise Unusable(Reason.LARGE, f"{len(data) >> 20} MiB, more than the {MAX_BYTES >> 20} MiB that are read")
    every = list(_numbered(_text(data)))
    begins = [i for i, line in enumerate(every) if _BEGIN.match(line.text)]
    if len(begins) > 1:
        raise Unusable(Reason.NOTATION, f"holds {len(begins)} tunes, where one is read")
    begin = begins[0] if begins else 0
    head = [line for line in every[:begin] if FIELD.match(line.text)]
    body = every[begin:]
    ends = (i for i, line in enumerate(body) if not line.text.strip() and (begins or i)), len(body)
    tune = [line for line in body[: next(ends[0], ends[1])] if line.text.strip()]
    if not any(FIELD.match(line.text) for line in tune):
        raise Unusable(Reason.NOTATION, "has 0 bytes" if not data else "no ABC notation: it has no field such as X:1 or K:C")
    return [*head, *tune]


def _numbered(text: str) -> Iterator[Line]:
    """Lines without what is said to people alone; a line of that alone is left out."""
    number = 0
    for line in text.splitlines():
        number += 1
        if mark := _MARK.match(line):
            number = int(mark[1]) - 1
        elif not line.startswith("%"):
            yield Line(number, re.split(r"(?<!\\)%", line, maxsplit=1)[0])


def _text(data: bytes) -> str:
    """UTF-8, as the standard has it, else Latin-1, as files were before it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
