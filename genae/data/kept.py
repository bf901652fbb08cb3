"""What was read before: a file for each split that was read, by all that it hangs on.

    CACHE/read/KEY.safetensors    examples, the files that they are of, labels, fields; as metadata what was not used and why

KEY is a digest of the files' names, labels and content, of the domain's options and of the code beside it. A file says its key,
and is mapped when it is loaded, so that a set of any size takes no heap. Kept are sets of up to half of what is free on the
disk, and KEPT bytes together: those that were not used for longest make room.

A file's content is digested once in a process. It is known again by path, size and time of change, if that time was longer
ago than the coarsest clock of a file system ticks when it was looked at.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import UNREADABLE, Examples, File, Split
from genae.data.tensors import load_tensors, save_tensors
from genae.errors import GenaeError
from genae.files import cache_folder
from genae.names import encoded

KEPT = 32 << 30  # bytes of all kept sets together
SETTLED = 2_000_000_000  # nanoseconds: a file changed later than so long ago might change again without its time changing
FIELD = "field "  # and its name: a tensor

_sums: dict[tuple[Path, int, int], Mapping[str, str]] = {}  # path, size, time of change: member, "" for all, to its sum


def load(key: str) -> Examples | None:
    """What was kept under a key, mapped; None if nothing is, or nothing whole."""
    path = _place(key)
    if not path.exists():
        return None
    try:
        found = _unpack(path, key)
    except (GenaeError, ValueError, KeyError):  # of another version, or damaged: it is only a cache
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return None
    with suppress(OSError):
        os.utime(path)  # it was used
    return found


def keep(found: Examples, key: str) -> None:
    """Keep a split that was read, if there is room."""
    path = _place(key)
    names = list(dict.fromkeys(found.names))
    place = {name: i for i, name in enumerate(names)}
    tensors = {"x": found.x, "of": torch.tensor([place[name] for name in found.names], dtype=torch.int64)}
    if found.labels is not None:
        tensors["labels"] = found.labels
    tensors |= {f"{FIELD}{name}": value for name, value in found.fields.items()}
    told = {"names": names, "classes": found.classes, "skipped": found.skipped, "lost": found.lost,
            "files": found.files, "used": found.used, "unused": found.unused, "remarks": found.remarks}  # fmt: skip
    with suppress(GenaeError, OSError):  # a full or read-only disk: it will be read again
        path.parent.mkdir(parents=True, exist_ok=True)
        if found.x.nbytes <= min(KEPT, shutil.disk_usage(path.parent).free // 2):
            save_tensors(path, tensors, told=json.dumps(told), key=key)
            _make_room(path.parent)


def once(key: str, make: Callable[[], Tensor]) -> Tensor:
    """A tensor that is slow to make and always the same, of which `key` tells everything: made, or kept and mapped."""
    path = _place(key)
    with suppress(GenaeError, KeyError, OSError):
        tensors, facts = load_tensors(path)
        _require_key(facts, key)
        os.utime(path)
        return tensors["x"]
    made = make()
    with suppress(GenaeError):
        save_tensors(path, {"x": made}, key=key)
    return made


def _place(key: str) -> Path:
    return cache_folder() / "read" / f"{key}.safetensors"


def _make_room(folder: Path) -> None:
    """Remove what was not used for longest until the rest is KEPT bytes at most."""
    sizes = {path: path.stat() for path in folder.glob("*.safetensors")}
    total = sum(stat.st_size for stat in sizes.values())
    for path in sorted(sizes, key=lambda path: sizes[path].st_mtime_ns):
        if total <= KEPT:
            return
        path.unlink(missing_ok=True)
        total -= sizes[path].st_size


def _require_key(facts: Mapping[str, str], key: str) -> None:
    """KeyError for a file of another key, or of before they had one."""
    if facts["key"] != key:
        raise KeyError(key)


def _unpack(path: Path, key: str) -> Examples:
    tensors, facts = load_tensors(path)
    _require_key(facts, key)
    told = json.loads(facts["told"])
    names = tuple(told["names"][i] for i in tensors["of"].tolist())
    fields = {name.removeprefix(FIELD): value for name, value in tensors.items() if name.startswith(FIELD)}
    return Examples(
        tensors["x"], tensors.get("labels"), tuple(told["classes"]), tuple(told["skipped"]), names, told["lost"],
        told["files"], told["used"], fields, told["unused"], told["remarks"],
    )  # fmt: skip


# -- what it hangs on -------------------------------------------------------------------------------------------------


def key_of(splits: Sequence[Split], domain: Domain) -> str:
    """The key of the first of some splits of files, without what is in the others."""
    kind = type(domain)
    what = [f"{kind.__module__}.{kind.__qualname__}", vars(domain), [split.classes for split in splits], code_of(kind)]
    digest = hashlib.sha256(json.dumps(what, default=str, sort_keys=True).encode())
    for split in splits:
        for file, content in zip(split.files, contents(split.files), strict=True):
            digest.update(encoded(f"{file.name}\0{file.label}\0{dict(file.fields) or ''}\0{content}\n"))
        digest.update(b"\0\0")
    return digest.hexdigest()


@cache
def code_of(kind: type) -> str:
    """A digest of the modules beside and below the one that defines a class."""
    try:
        source = Path(inspect.getfile(kind))
        modules = sorted(source.parent.rglob("*.py")) if (source.parent / "__init__.py").exists() else [source]
        return hashlib.sha256(b"\0".join(path.read_bytes() for path in modules)).hexdigest()
    except (OSError, TypeError):  # made at the prompt
        return ""


def contents(files: Sequence[File]) -> Iterator[str]:
    """What tells each file's content: an archive has checksums of its members, others are read, a part at a time."""
    archives: dict[Path, Mapping[str, str]] = {}
    for file in files:
        if file.loose:
            yield _sums_of(file.path, packed=False).get("", "")
        elif file.mark or not file.member:
            yield file.mark or hashlib.sha256(file.read()).hexdigest()
        else:
            if file.path not in archives:
                archives[file.path] = _sums_of(file.path, packed=True)
            yield archives[file.path].get(file.member, "")


def _sums_of(path: Path, packed: bool) -> Mapping[str, str]:
    """The sums of an archive's members, or that of a whole file, under ""; none of what cannot be read."""
    try:
        stat = path.stat()
        identity = path.absolute(), stat.st_size, stat.st_mtime_ns
        if identity not in _sums or ("" in _sums[identity]) == packed:
            made = _members(path) if packed else {"": _digest(path)}
            if time.time_ns() - stat.st_mtime_ns < SETTLED:
                return made
            _sums[identity] = made
        return _sums[identity]
    except UNREADABLE:
        return {}


def _members(path: Path) -> Mapping[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {m.filename: f"{m.CRC}:{m.file_size}" for m in archive.infolist()}


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
