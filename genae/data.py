"""From raw files to examples in one tensor.

    File      one raw file, in a folder or inside a zip
    Split     what a data set gives for "train", "valid" or "test": files to be read, or decoded arrays
    Examples  stored examples (N, *event) of one domain with labels, and a report of what was not used and why

A set that fits is one tensor on the device and batches are gathers there; a larger one stays in a memory-mapped cache.
"""

from __future__ import annotations

import lzma
import os
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from genae.domain import Domain
from genae.errors import GenaeError, Rejected
from genae.files import cache_folder, data_folders, disk

SPLITS = ("train", "valid", "test")
MEMORY = 2 << 30  # bytes of examples kept in memory; more are memory-mapped from the cache
NOT_FINITE = "holds a NaN or an infinity"
LARGEST_FILE = 1 << 28  # bytes that one file may unpack to: a zip bomb is refused before it is read


_UNREADABLE = (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class File:
    """One raw file: on the disk, inside a zip, or in memory. Small and picklable, so that workers can open it."""

    path: Path  # of the file, or of the archive that holds it
    member: str = ""  # its name inside the archive
    label: str = ""  # the name of its class, if it has one
    content: bytes | None = field(default=None, repr=False)  # of a file that exists in memory alone

    @property
    def name(self) -> str:
        """As the user knows it: the path, or archive.zip/inside/name.png."""
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.member or self.path.name).suffix.lower()

    def read(self) -> bytes:
        """The whole content. Rejected if missing, unreadable, damaged or far too large."""
        if self.content is not None:
            return self.content
        try:
            if not self.member:
                if self.path.stat().st_size > LARGEST_FILE:
                    raise Rejected(f"{self.name}: larger than {LARGEST_FILE >> 20} MiB")
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                if archive.getinfo(self.member).file_size > LARGEST_FILE:
                    raise Rejected(f"{self.name}: would unpack to more than {LARGEST_FILE >> 20} MiB")
                return archive.read(self.member)
        except FileNotFoundError as error:
            raise Rejected(f"{self.name}: no such file") from error
        except _UNREADABLE as error:
            raise Rejected(f"{self.name}: cannot be read ({error})") from error


@dataclass(frozen=True)
class Split:
    """One split of a data set: `files` for the domain to read, or an `array` (N, …) of decoded examples for it to adapt."""

    files: Sequence[File] = ()
    array: np.ndarray[Any, Any] | None = None
    labels: np.ndarray[Any, Any] | None = None  # (N,), indices into `classes`; files carry theirs by name
    classes: tuple[str, ...] = ()


class Dataset(Protocol):
    """Where raw files come from. Required are these four; see `genae_datasets` for ones with a home on the web."""

    @property
    def name(self) -> str: ...
    @property
    def domain(self) -> str:
        """The name of the domain whose `read` or `adapt` takes what it gives; "" for a user's own files."""
        ...

    @property
    def about(self) -> str:
        """One line."""
        ...

    def split(self, name: str) -> Split:
        """ "train", "valid" or "test"; found in $GENAE_DATA or the cache, or made on the spot. GenaeError if not there."""
        ...


@dataclass(frozen=True)
class Examples:
    """Stored examples of one domain."""

    x: Tensor  # (N, *event), the domain's stored form
    labels: Tensor | None = None  # (N,) int64
    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()  # what was not used and why, a line each
    names: tuple[str, ...] = ()  # of the files they came from, if from files

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> Examples:
        """The same on a device, when it fits; a memory-mapped set stays where it is and its batches travel."""
        if self.x.nbytes > MEMORY:
            return self
        return replace(self, x=self.x.to(device), labels=None if self.labels is None else self.labels.to(device))

    def named(self) -> list[str]:
        """The class of each by its name; empty when they have none."""
        return [] if self.labels is None else [self.classes[i] for i in self.labels.tolist()]

    def take(self, index: Tensor) -> Examples:
        """Those at `index` (B,)."""
        at = index.to(self.x.device)
        names = tuple(self.names[i] for i in index.tolist()) if self.names else ()
        return replace(self, x=self.x[at], labels=None if self.labels is None else self.labels[at], names=names, skipped=())


# -- reading ----------------------------------------------------------------------------------------------------------


def read_split(dataset: Dataset, name: str, domain: Domain) -> Examples:
    """One split as stored examples. What cannot be used is named and counted in `skipped`; nothing else stops."""
    split = dataset.split(name)
    if split.array is not None:
        labels = None if split.labels is None else torch.from_numpy(np.asarray(split.labels, np.int64))
        return _finite(Examples(domain.adapt(split.array), labels, split.classes), f"{dataset.name}:{name}")
    wanted = [f for f in split.files if f.suffix in domain.suffixes]
    skipped = [f"{f.name}: not a file that this domain reads ({', '.join(domain.suffixes)})"
               for f in split.files if f.suffix not in domain.suffixes]  # fmt: skip
    return _gather(wanted, split.classes, domain, skipped)


def read_file(file: File, domain: Domain) -> Tensor:
    """One file to one stored example (*event), or to several (W, *event). Rejected if it cannot be used."""
    found = domain.read(file)
    if found.is_floating_point() and not found.isfinite().all():
        raise Rejected(f"{file.name}: {NOT_FINITE}")
    return found


def _finite(examples: Examples, what: str) -> Examples:
    """Without the examples that hold a NaN or an infinity, which are named as items: mine:train:7."""
    if not examples.x.is_floating_point():
        return examples
    good = examples.x.flatten(1).isfinite().all(1)
    if good.all():
        return examples
    bad = tuple(f"{what}:{i}: {NOT_FINITE}" for i in (~good).nonzero()[:, 0].tolist())
    return replace(examples.take(good.nonzero()[:, 0]), skipped=(*examples.skipped, *bad))


def _gather(files: Sequence[File], classes: tuple[str, ...], domain: Domain, skipped: list[str]) -> Examples:
    """All examples of all files, in order; in memory, or in a memory-mapped file when there are too many."""
    parts: list[Tensor] = []
    labels: list[int] = []
    names: list[str] = []
    spill: _Spill | None = None
    held = 0
    for file, found in _read_all(files, domain):
        if isinstance(found, Rejected):
            skipped.append(str(found))
            continue
        windows = found if found.ndim > len(domain.event) else found[None]  # (W, *event)
        parts.append(windows)
        held += windows.nbytes
        names += [file.name] * len(windows)
        labels += [classes.index(file.label) if file.label in classes else -1] * len(windows)
        if held > MEMORY:
            spill = spill or _Spill(windows)
            for part in parts:
                spill.add(part)
            parts, held = [], MEMORY
    if spill is not None:
        for part in parts:
            spill.add(part)
    x = spill.tensor() if spill else torch.cat(parts) if parts else torch.empty(0, *domain.event)
    known = torch.tensor(labels, dtype=torch.int64) if classes and -1 not in labels else None
    return Examples(x, known, classes if known is not None else (), tuple(skipped), tuple(names))


def _read_all(files: Sequence[File], domain: Domain) -> Iterator[tuple[File, Tensor | Rejected]]:
    def attempt(file: File) -> Tensor | Rejected:
        try:
            return read_file(file, domain)
        except Rejected as error:
            return error

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for start in range(0, len(files), 256):  # a bounded number in flight
            chunk = files[start : start + 256]
            yield from zip(chunk, pool.map(attempt, chunk), strict=True)


class _Spill:
    """Examples appended to a file in the cache and read back as one memory-mapped tensor; the file ends with it."""

    def __init__(self, like: Tensor) -> None:
        folder = cache_folder() / "examples"
        with disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as the tensor
        self.dtype, self.event, self.count = like.numpy().dtype, tuple(like.shape[1:]), 0

    def add(self, part: Tensor) -> None:
        with disk(cache_folder() / "examples"):
            self.file.write(part.contiguous().numpy().tobytes())
        self.count += len(part)

    def tensor(self) -> Tensor:
        self.file.flush()
        mapped = np.memmap(self.file, self.dtype, "r+", shape=(self.count, *self.event))
        self.file.close()  # the mapping keeps what it needs
        return torch.from_numpy(mapped)


def require(examples: Examples, what: str) -> Examples:
    """GenaeError when there is nothing, saying what was skipped and why."""
    if len(examples):
        return examples
    reasons = Counter(line.rsplit(": ", 1)[-1] for line in examples.skipped)
    why = "; ".join(f"{n} × {reason}" for reason, n in reasons.most_common(3))
    raise GenaeError(f"{what} has no usable example" + (f" ({why})" if why else " (it is empty)"))


def where(name: str) -> list[Path]:
    """The folders in which a named data set is looked for."""
    return [folder / name for folder in data_folders()]
