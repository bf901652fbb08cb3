"""Items: a whole file each, or one example of a data set.

seven.png                a file: all its windows in time order where the domain joins them, else its first example
mnist:test:7             the example of a data set at a place
files/, files.zip        all files of a folder or an archive, or of a file that holds several, in order

Of a file one window can be asked for instead, by its number from 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from zipfile import is_zipfile

import torch
from torch import Tensor

from genae.data.books import is_book
from genae.data.domain import Domain
from genae.data.examples import SPLITS, Dataset, Examples, File, Piece, require
from genae.data.local import files_of
from genae.data.opening import open_data
from genae.data.pieces import read_piece
from genae.data.pool import each
from genae.data.reading import read_rows, read_split
from genae.errors import GenaeError, Rejected, remark
from genae.files import require_regular


@dataclass(frozen=True)
class Span:
    """Examples in a row that are one thing: a whole file's windows, or an example alone."""

    name: str = ""  # of the file or item
    count: int = 1
    piece: Piece | None = None  # where it is a whole file, its x left to the examples
    window: int = 0  # which window of its file it is, from 1; 0 for a whole file and an item

    @property
    def voices(self) -> int:
        """How many sequences run at once."""
        return self.piece.voices if self.piece is not None else 1

    @property
    def resting(self) -> Tensor:
        """Which of the examples hold nothing, (count,) bool."""
        rests = None if self.piece is None else self.piece.rests
        return torch.zeros(self.count, dtype=torch.bool) if rests is None else rests


class Gathered(NamedTuple):
    """What an item stands for: a file or example, or those of a folder."""

    spans: list[Span]
    examples: list[Examples]  # of each span
    unused: tuple[str, ...] = ()  # files that gave none, and why, a line each


class _Place(NamedTuple):
    """Where an item is in a data set."""

    data: str
    split: str
    at: int


def gathered(items: Sequence[str], domain: Domain, window: int = 0) -> list[Gathered]:
    """What each item stands for; of a file a `window` alone, unless it is 0. GenaeError for what gives no example."""
    folders = {item for item in items if _is_folder(Path(item), domain)}
    files = {item for item in items if item not in folders and Path(item).exists()}
    single = iter(read_items([item for item in items if item not in folders | files], domain))

    def of(item: str) -> Gathered:
        if item in folders:
            return _of_folder(Path(item), domain, window)
        if item not in files:
            return Gathered([Span(item)], [next(single)])
        require_regular(Path(item), "give a file, a folder, or an item such as mnist:test:7")
        span, examples = _of_file(File(Path(item)), domain, window)
        return Gathered([span], [examples])

    return [of(item) for item in items]


def _is_folder(path: Path, domain: Domain) -> bool:
    if not path.is_file() or (is_book(path.suffix.lower()) and len(files_of(path)) > 1):
        return path.is_dir() or path.is_file()
    return path.suffix.lower() not in domain.suffixes and is_zipfile(path)


def _of_folder(path: Path, domain: Domain, window: int) -> Gathered:
    spans, examples, unused = list[Span](), list[Examples](), list[str]()
    for file, piece in each([file for _, file in files_of(path)], domain, read_piece):
        if isinstance(piece, Rejected):
            unused.append(str(piece))
        else:
            span, found = _spanned(file.name, piece, domain, window)
            spans.append(span)
            examples.append(found)
    if not examples:
        raise GenaeError(f"{path}: none of its {len(unused)} files gives an example ({unused[0] if unused else 'it is empty'})")
    return Gathered(spans, examples, tuple(unused))


def _of_file(file: File, domain: Domain, window: int) -> tuple[Span, Examples]:
    try:
        piece = read_piece(file, domain)
    except Rejected as error:
        raise GenaeError(str(error)) from error
    return _spanned(file.name, piece, domain, window)


def _spanned(name: str, piece: Piece, domain: Domain, window: int) -> tuple[Span, Examples]:
    """The whole piece where the domain joins windows, else the first of them; or the one that is asked for."""
    count = len(piece) // piece.voices
    if window > count:
        raise GenaeError(f"{name} has {count:,} window{'s' if count > 1 else ''}, so there is no window {window}")
    if not window and len(piece) > 1 and domain.join(domain.prepare(piece.x[:2], "show")) is None:
        remark(f"{name}: the first of its {count:,} examples is taken; --window K takes another")
        window = 1
    rows = slice(window - 1, window) if window else slice(None)
    examples = Examples(piece.x[rows], fields={key: value[rows] for key, value in piece.fields.items()})
    return (Span(name, window=window) if window else Span(name, len(piece), replace(piece, x=piece.x[:0]))), examples


def read_items(items: Sequence[str], domain: Domain) -> list[Examples]:
    """One example each of data sets, with what is known of it; a split is read once for all of its items."""
    places = {item: _place(item) for item in items}
    wanted: dict[tuple[str, str], set[int]] = {}
    for place in places.values():
        wanted.setdefault((place.data, place.split), set()).add(place.at)
    read = {of: read_rows(open_data(of[0]), of[1], index, domain) for of, index in wanted.items()}
    return [_found(item, places[item], read, domain) for item in items]


def _place(item: str) -> _Place:
    name, _, index = item.rpartition(":")
    data, _, split = name.rpartition(":")
    if not data or not re.fullmatch(r"-?[0-9]+", index) or split not in SPLITS:
        raise GenaeError(f"no such file or item: '{item}'; give a file, or an item such as mnist:test:7")
    return _Place(data, split, int(index))


def _found(item: str, place: _Place, read: dict[tuple[str, str], dict[int, Examples]], domain: Domain) -> Examples:
    data, split, index = place
    rows = read[data, split]
    if index not in rows:
        n = len(read_split(open_data(data), split, domain))
        raise GenaeError(f"item '{item}': {data}:{split} has {n} examples{f', 0 to {n - 1}' if n else ''}")
    return rows[index]


def best_split(dataset: Dataset, domain: Domain, wanted: Sequence[str]) -> tuple[str, Examples]:
    """The first of the wanted splits that holds anything."""
    for name in wanted:
        examples = read_split(dataset, name, domain)
        if len(examples):
            return name, examples
    return wanted[-1], require(examples, f"{dataset.name}")
