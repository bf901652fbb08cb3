"""JSON of a stranger's: read within bounds, or a ValueError that says in a line what is wrong with it.

Python's own reader takes what makes trouble later: keys given twice, numbers of any length, text that no file can hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genae.files import require_regular

MOST, DEEPEST, DIGITS = 1 << 22, 20, 19  # bytes, levels of lists and objects, digits of a whole number (64 bits)


def read_json(path: Path) -> Any:
    """A file's JSON. ValueError for what is none or beyond the bounds, OSError for what cannot be read."""
    require_regular(path)
    with path.open("rb") as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise ValueError(f"it has more than {MOST >> 20} MiB")
    return parsed(content)


def parsed(content: bytes) -> Any:
    """UTF-8 to what it says."""
    text = content.decode("utf-8-sig")
    _require_shallow(text)
    value = json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    for word in _texts(value):
        _require_storable(word)
    return value


def _require_shallow(text: str) -> None:
    """Before it is parsed: parsing takes a level of the stack for each of the file's."""
    depth = 0
    for sign in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if sign in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"it is more than {DEEPEST} lists and objects deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has the key {next(name for name in names if names.count(name) > 1)!r} twice")
    return made


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS:
        raise ValueError(f"it has a whole number of {len(digits)} digits")
    return int(digits)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _require_storable(word: str) -> None:
    """Names of files may hold bytes that are no UTF-8, as Python writes them; nothing else may."""
    if "\0" in word:
        raise ValueError(f"it has text with a zero byte: {word[:40]!r}")
    try:
        word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"it has text that cannot be written: {word[:40]!r}") from error
