"""Items: one example each, of a file or of a data set.

seven.png                the first example of a file
mnist:test:7             the example of a data set at a place
files/, files.zip        the first examples of all files of a folder or an archive, in order
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import is_zipfile

from genae.data.domain import Domain
from genae.data.examples import SPLITS, Dataset, Examples, File, Found, require
from genae.data.found import read_found
from genae.data.local import files_of
from genae.data.opening import open_data
from genae.data.pool import read_each
from genae.data.reading import read_rows, read_split
from genae.errors import GenaeError, Rejected, remark


class Gathered(NamedTuple):
    """What an item stands for: one example, or those of a folder."""

    names: tuple[str, ...]
    examples: list[Examples]  # one in each
    unused: tuple[str, ...] = ()  # files that gave none, and why, a line each


class _Place(NamedTuple):
    """Where an item is in a data set."""

    data: str
    split: str
    at: int


def gathered(items: Sequence[str], domain: Domain) -> list[Gathered]:
    """What each item stands for. GenaeError for a folder none of whose files gives an example."""
    folders = {item for item in items if _is_folder(Path(item), domain)}
    single = iter(read_items([item for item in items if item not in folders], domain))
    return [_of_folder(Path(item), domain) if item in folders else Gathered((item,), [next(single)]) for item in items]


def _is_folder(path: Path, domain: Domain) -> bool:
    return path.is_dir() or (path.suffix.lower() not in domain.suffixes and path.is_file() and is_zipfile(path))


def _of_folder(path: Path, domain: Domain) -> Gathered:
    names, examples, unused, more = list[str](), list[Examples](), list[str](), 0
    for file, found in read_each([file for _, file in files_of(path)], domain):
        if isinstance(found, Rejected):
            unused.append(str(found))
        else:
            names.append(file.name)
            examples.append(_first(found))
            more += len(found.x) > 1
    if not examples:
        raise GenaeError(f"{path}: none of its {len(unused)} files gives an example ({unused[0] if unused else 'it is empty'})")
    if more:
        remark(f"{path}: the first example is taken of each file that has several ({more:,})")
    return Gathered(tuple(names), examples, tuple(unused))


def read_items(items: Sequence[str], domain: Domain) -> list[Examples]:
    """One example each, with what is known of it; a data set's split is read once for all of its items."""
    places = {item: _place(item) for item in items if not Path(item).is_file()}
    wanted: dict[tuple[str, str], set[int]] = {}
    for place in places.values():
        wanted.setdefault((place.data, place.split), set()).add(place.at)
    read = {of: read_rows(open_data(of[0]), of[1], index, domain) for of, index in wanted.items()}
    return [_found(item, places[item], read, domain) if item in places else _of_file(item, domain) for item in items]


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


def _of_file(item: str, domain: Domain) -> Examples:
    try:
        found = read_found(File(Path(item)), domain)
    except Rejected as error:
        raise GenaeError(str(error)) from error
    if len(found.x) > 1:
        remark(f"{item}: the first of its {len(found.x):,} examples is taken")
    return _first(found)


def _first(found: Found) -> Examples:
    return Examples(found.x[:1], fields={name: value[:1] for name, value in found.fields.items()})


def best_split(dataset: Dataset, domain: Domain, wanted: Sequence[str]) -> tuple[str, Examples]:
    """The first of the wanted splits that holds anything."""
    for name in wanted:
        examples = read_split(dataset, name, domain)
        if len(examples):
            return name, examples
    return wanted[-1], require(examples, f"{dataset.name}")
