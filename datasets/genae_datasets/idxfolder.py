"""Folders, zips and single files of IDX images, taken as data sets by their names.

    train-images-idx3-ubyte   train-labels-idx1-ubyte    all but the last thirtieth: train; the last thirtieth: valid
    t10k-images-idx3-ubyte    t10k-labels-idx1-ubyte     test

with or without .gz, with a dot or a hyphen before idx, with anything before: emnist-letters-test-images-idx3-ubyte.gz.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from genae.data.examples import SPLITS, File, Split
from genae.errors import GenaeError, unknown
from genae_datasets.idxfile import Array, read_images, read_labels

VALID = 30  # one training image in so many is kept for validation
NAME = re.compile(r"(?P<set>(?!\.).*?)[-_.]?(?P<kind>images|labels)?[-_.]idx(?P<dims>\d)?([-_.]ubyte)?(\.gz)?", re.IGNORECASE)
TEST = re.compile(r"(^|[-_.])(t10k|test)", re.IGNORECASE)

Parts = dict[tuple[str, str], File]  # ("train" or "test", "images" or "labels") to its file


@dataclass(frozen=True)
class Own:
    """A user's own folder, zip or single file of IDX images. A single file of images has no labels."""

    path: Path
    domain: str = "image"

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def about(self) -> str:
        return f"IDX images of {self.path}"

    def split(self, name: str) -> Split:
        """`array` (N, height, width) uint8 and `labels` (N,); empty if the set has no file for it."""
        parts, part = find(self.path), part_of(name)
        if (part, "images") not in parts:
            return Split()
        if not self.path.is_dir() and not zipfile.is_zipfile(self.path):
            return Split(array=_cut(read_images(parts[part, "images"]), name))
        labels = [read_labels(file) for (_, kind), file in parts.items() if kind == "labels"]
        highest = max((int(values.max(initial=0)) for values in labels), default=0)
        return split_of(parts, name, tuple(str(label) for label in range(highest + 1)), str(self.path))


def claim(path: Path) -> Own | None:
    """The data set of a path that holds IDX images, or None. GenaeError if its name says so and it does not."""
    parts = find(path)
    if not parts:
        return None
    if not any(kind == "images" for _, kind in parts):
        raise GenaeError(f"{path}: holds IDX labels, but no IDX images; their name is like train-images-idx3-ubyte")
    return Own(path)


# -- finding ----------------------------------------------------------------------------------------------------------


def find(path: Path) -> Parts:
    """The IDX files of a folder (not of its sub-folders), a zip or a file, by their names. GenaeError if two sets are mixed."""
    try:
        files = _files(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise GenaeError(f"{path}: cannot be read ({error})") from error
    parts: Parts = {}
    sets: dict[tuple[str, str], str] = {}
    for file in files:
        match = NAME.fullmatch(PurePosixPath(file.member or file.path.name).name)
        if match is None or not (match["kind"] or match["dims"] or file.path == path):  # else some other program's index
            continue
        kind = "labels" if (match["kind"] or "").lower() == "labels" or match["dims"] == "1" else "images"
        key = ("test" if TEST.search(match["set"]) else "train", kind)
        if sets.setdefault(key, match["set"]) != match["set"]:
            raise GenaeError(f"{path}: holds two sets, '{sets[key]}' and '{match['set']}'; give a folder for each")
        parts.setdefault(key, file)  # of a file and its gzip the first in order, the plain one
    return parts


def _files(path: Path) -> list[File]:
    if path.is_dir():
        return [File(p) for p in sorted(path.iterdir()) if NAME.fullmatch(p.name) and p.is_file()]
    if not zipfile.is_zipfile(path):
        return [File(path)]
    with zipfile.ZipFile(path) as archive:
        hidden = (".", "__MACOSX")
        return [File(path, m) for m in sorted(archive.namelist()) if not any(p.startswith(hidden) for p in m.split("/"))]


def part_of(split: str) -> str:
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    return "test" if split == "test" else "train"


# -- reading ----------------------------------------------------------------------------------------------------------


def split_of(parts: Parts, name: str, classes: tuple[str, ...], place: str) -> Split:
    """Images with their labels. GenaeError if these are missing, of another number, or beyond the classes."""
    part = part_of(name)
    if (part, "labels") not in parts:
        like = f"{'t10k' if part == 'test' else 'train'}-labels-idx1-ubyte"
        raise GenaeError(f"{parts[part, 'images'].name}: its labels are missing beside it; their name is like {like}")
    images, labels = read_images(parts[part, "images"]), read_labels(parts[part, "labels"])
    if len(images) != len(labels):
        raise GenaeError(f"{place}: {len(images)} {part} images, but {len(labels)} labels")
    if labels.max(initial=0) >= len(classes):
        raise GenaeError(f"{place}: a {part} label is {labels.max()}; the classes are 0 to {len(classes) - 1}")
    return Split(array=_cut(images, name), labels=_cut(labels, name).astype(np.int64), classes=classes)


def _cut(values: Array, split: str) -> Array:
    """All of a test file; of a training file all but the last thirtieth, or that alone (at least one of two or more)."""
    if split == "test":
        return values
    kept = len(values) - (max(1, len(values) // VALID) if len(values) > 1 else 0)
    return values[:kept] if split == "train" else values[kept:]
