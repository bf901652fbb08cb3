"""How a user's files are laid out: which folders are splits, which are classes, and which files belong together.

Splits    The folders train, training; val, valid, validation, dev; test, testing, eval, evaluation, in any case, are the splits
          where they are the only folders: at the top, or in a folder around everything. (`eval` is valid where `test` stands
          beside.) Else they are classes or plain folders as any other. What else is at their level has no split and is left
          out, unless there is no `train`, whose part single files then are; a folder beside them counts as one of them only
          if it holds the same kinds of file.
Classes   The folders below those of the splits, or else the top ones. A folder around everything that holds only folders is
          none. One name in two forms (NFC, NFD) is one class.
Groups    Without such folders, groups of files are split, so that what belongs together stays together. A group is all files
          of one path without suffix (one.mid, one.kar); or a folder, where at least ten have mostly the same files in them (a
          recording's parts, one/left.wav, one/right.wav), more folders than such files. Numbered files (001.png) make no
          groups, since a class's files are numbered; up to eight with words before their numbers do, in twice as many folders.
          Groups are sorted by the SHA-256 of their name: the first tenth is test, the second valid, the rest train. Groups of
          other kinds of file are sorted apart. Of fewer than ten all are train.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from genae.data.examples import SPLITS, File
from genae.data.listing import Inside
from genae.errors import Rejected
from genae.names import composed, encoded

WORDS = {
    "train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid", "dev": "valid",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
FEW = 10  # groups: below it a split of tenths would leave one empty
PARTS = 8  # numbered files that may be one thing's parts
BESIDE = "beside the folders of the splits"

Paths = Sequence[PurePosixPath]


@dataclass(frozen=True)
class Layout:
    """What is in each split, what is in none, and by which rule."""

    placed: Mapping[str, Sequence[File]]  # split to its files, which have their classes
    classes: tuple[str, ...]
    left: tuple[Rejected, ...]
    rules: tuple[str, ...]  # for people


def laid_out(inside: Sequence[Inside]) -> Layout:
    """Files with their paths to their splits and classes."""
    paths = [path for path, _ in inside]
    level = split_level(paths)
    splits = _by_group(paths) if level is None else _by_folder(paths, level)
    depth = class_level(paths) if level is None else level + 1
    placed: dict[str, list[File]] = {name: [] for name in SPLITS}
    left = []
    for (path, file), split in zip(inside, splits.of, strict=True):
        if split:
            placed[split].append(replace(file, label=_part(path, depth)))
        else:
            left.append(Rejected(f"{file.name}: {BESIDE}", BESIDE))
    classes = {file.label for files in placed.values() for file in files} - {""}
    return Layout(placed, tuple(sorted(classes)), tuple(left), splits.rules)


@dataclass(frozen=True)
class _Splits:
    of: Sequence[str]  # of each path, "" for none
    rules: tuple[str, ...]


def _part(path: PurePosixPath, depth: int) -> str:
    """The name of the folder at a depth, if the file is in one."""
    return composed(path.parts[depth]) if len(path.parts) > depth + 1 else ""


# -- folders that are splits ------------------------------------------------------------------------------------------


def split_level(paths: Paths) -> int | None:
    """How many folders are around those of the splits; None where there are none."""
    level = 0
    while True:
        folders = _folders(paths, level)
        if _are_splits(folders):
            return level
        if not _around(folders, paths, level):
            return None
        level += 1


def class_level(paths: Paths) -> int:
    """How many folders are around those of the classes: such as hold nothing but folders."""
    level = 0
    while _around(_folders(paths, level), paths, level):
        inner = _folders(paths, level + 1)
        if len(inner) < 2 or _loose(paths, level + 1) & set[str]().union(*inner.values()):
            break
        level += 1
    return level


def _folders(paths: Paths, level: int) -> dict[str, set[str]]:
    """The folders at a level, with the suffixes of all files in each."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        if len(path.parts) > level + 1:
            found[path.parts[level]].add(path.suffix.lower())
    return found


def _loose(paths: Paths, level: int) -> set[str]:
    """The suffixes of the files at a level."""
    return {path.suffix.lower() for path in paths if len(path.parts) == level + 1}


def _are_splits(folders: Mapping[str, set[str]]) -> bool:
    own = set[str]().union(*(held for name, held in folders.items() if name.lower() in WORDS))
    return bool(own) and not any(held & own for name, held in folders.items() if name.lower() not in WORDS)


def _around(folders: Mapping[str, set[str]], paths: Paths, level: int) -> bool:
    """Whether a folder is around everything: beside it are only other kinds of file."""
    return len(folders) == 1 and not _loose(paths, level) & set[str]().union(*folders.values())


def _by_folder(paths: Paths, level: int) -> _Splits:
    names = sorted({name for name in _folders(paths, level) if name.lower() in WORDS})
    meant = {name: WORDS[name.lower()] for name in names}
    if any(name.lower() in ("test", "testing") for name in names):
        meant |= {name: "valid" for name in names if name.lower() in ("eval", "evaluation")}
    loose = "" if "train" in meant.values() else "train"
    of = [
        meant.get(path.parts[level], "") if len(path.parts) > level + 1 else loose if len(path.parts) == level + 1 else ""
        for path in paths
    ]
    told = ", ".join(f"{name} ({split})" if name.lower() != split else name for name, split in meant.items())
    return _Splits(of, (f"the splits are the folders {told}",))


# -- groups -----------------------------------------------------------------------------------------------------------


def _by_group(paths: Paths) -> _Splits:
    level = bundle_level(paths)
    keys = [_group(path, level) for path in paths]
    suffixes: dict[str, set[str]] = defaultdict(set)
    for key, path in zip(keys, paths, strict=True):
        suffixes[key].add(path.suffix.lower())
    split = drawn(suffixes)
    return _Splits([split[key] for key in keys], (_told(split, level), *_plain(paths)))


def _told(split: Mapping[str, str], level: int | None) -> str:
    what = "paths" if level is None else "folders that hold the same files"
    if len(split) < FEW:
        return f"all are train: {len(split)} {what if len(split) != 1 else 'path'}, fewer than {FEW}"
    count = Counter(split.values())
    return f"split by {what}, in the order of their SHA-256: {', '.join(f'{count[name]} {name}' for name in SPLITS)}"


def _plain(paths: Paths) -> list[str]:
    """That folders have the names of splits and are none."""
    named = sorted({part for path in paths for part in path.parts[:-1] if part.lower() in WORDS})
    return [f"folders like any other, since not all beside them are splits: {', '.join(named)}"] if named else []


def _group(path: PurePosixPath, level: int | None) -> str:
    whole = level is None or len(path.parts) <= level
    return composed(str(path.with_suffix("")) if whole else "/".join(path.parts[:level]))


def bundle_level(paths: Paths) -> int | None:
    """How many folders a path begins with that are one thing together; None where every path is one."""
    for level in range(1, max((len(path.parts) for path in paths), default=0)):
        inner: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for path in paths:
            if len(path.parts) > level:
                inner[path.parts[:level]].append("/".join(path.parts[level:]))
        if len(inner) >= FEW and _alike(inner.values(), len(paths)):
            return level
    return None


def _alike(folders: Collection[Sequence[str]], total: int) -> bool:
    """Whether folders have mostly the same files in them, of which there are few, and which are not numbered."""
    count = Counter(name for names in folders for name in names)
    shared = {name: n for name, n in count.items() if 2 * n >= len(folders)}
    if 2 * sum(shared.values()) < total or len(folders) <= len(shared):
        return False
    words = {re.sub(r"\d+", "", name) for name in shared}
    if len(words) > 1 or len(shared) == 1:
        return True
    numbers = all(not re.sub(r"\d+", "", PurePosixPath(name).stem) for name in shared)
    return not numbers and len(shared) <= PARTS and len(folders) > 2 * len(shared)


def drawn(groups: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The names of groups, with the suffixes in each, to their splits."""
    kinds: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, suffixes in groups.items():
        kinds[tuple(sorted(suffixes))].append(key)
    rare = [key for keys in kinds.values() if len(keys) < FEW for key in keys]
    split = dict.fromkeys(groups, "train")
    for keys in [*(keys for keys in kinds.values() if len(keys) >= FEW), rare]:
        if len(keys) >= FEW:
            tenth = (len(keys) + 5) // 10
            ordered = sorted(keys, key=lambda key: hashlib.sha256(encoded(key)).digest())
            split |= dict.fromkeys(ordered[:tenth], "test") | dict.fromkeys(ordered[tenth : 2 * tenth], "valid")
    return split
