"""From raw files to examples in one tensor.

    File      one raw file, in a folder or inside a zip
    Split     what a data set gives for "train", "valid" or "test": files to be read, or decoded arrays
    Found     what a domain found in one file, and what of it was not used
    Piece     a whole file as windows in time order that tile it, and what leads back
    Examples  stored examples (N, *event) of one domain with what is known of them, and a report of what was not used and why
    Known     what is known of examples beside them: their class, and fields, which are numbers with a name

A set that fits is one tensor on the device and batches are gathers there; a larger one stays in a memory-mapped file
(`genae/data/store.py`). Reading is in `genae/data/reading.py`.
"""

from __future__ import annotations

import lzma
import math
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genae.data import store
from genae.errors import GenaeError, Rejected
from genae.files import data_folders, odd

Array = npt.NDArray[np.generic]  # of whatever numbers

SPLITS = ("train", "valid", "test")
UNLABELLED = "examples without a class, beside others that have one"
SPECIAL = "neither files nor folders"
LARGEST_FILE = 1 << 28  # bytes that one file may unpack to: a zip bomb is refused before it is read

UNREADABLE = (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class File:
    """One raw file: on the disk, inside a zip, in memory, or made when it is read. Picklable, so that workers can open it."""

    path: Path  # of the file, or of the archive that holds it
    member: str = ""  # its name inside the archive
    label: str = ""  # the name of its class, if it has one
    fields: Mapping[str, float | Sequence[float]] = field(default_factory=dict, hash=False)  # numbers known of all in it
    content: bytes | None = field(default=None, repr=False)  # of a file that exists in memory alone
    make: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)  # gives the content of one that does not
    mark: str = ""  # what tells that content unmade: all that it is made of, and by which code

    @property
    def name(self) -> str:
        """As the user knows it: the path, or archive.zip/inside/name.png."""
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.member or self.path.name).suffix.lower()

    @property
    def loose(self) -> bool:
        """Whether it is a file of its own on the disk."""
        return not self.member and self.content is None and self.make is None

    def read(self) -> bytes:
        """The whole content. Rejected if missing, unreadable, damaged or far too large."""
        if self.content is not None:
            return self.content
        if self.make is not None:
            return self.make()
        try:
            self._require_file()
            if not self.member:
                if self.path.stat().st_size > LARGEST_FILE:
                    raise Rejected(f"{self.name}: larger than {LARGEST_FILE >> 20} MiB")
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                return self.unpack(archive)
        except FileNotFoundError as error:
            raise Rejected(f"{self.name}: no such file") from error
        except UNREADABLE as error:
            raise Rejected(f"{self.name}: cannot be read ({error})") from error

    def open(self) -> BinaryIO:
        """A loose file's content, of any length. Rejected for what is no file: a pipe or a device might never end."""
        self._require_file()
        return self.path.open("rb")

    def _require_file(self) -> None:
        if kind := odd(self.path):
            raise Rejected(f"{self.name}: cannot be read (it is {kind}, not a file)", SPECIAL)

    def unpack(self, archive: zipfile.ZipFile) -> bytes:
        """The content of a member, from its opened archive. Rejected, or one of UNREADABLE."""
        if archive.getinfo(self.member).file_size > LARGEST_FILE:
            raise Rejected(f"{self.name}: would unpack to more than {LARGEST_FILE >> 20} MiB")
        return archive.read(self.member)


@dataclass(frozen=True)
class Split:
    """One split of a data set: `files` for the domain to read, or an `array` (N, …) of decoded examples for it to adapt."""

    files: Sequence[File] = ()
    array: Array | None = None
    labels: Array | None = None  # (N,), indices into `classes`; files carry theirs by name
    classes: tuple[str, ...] = ()
    fields: Mapping[str, Array] = field(default_factory=dict)  # of arrays: name to (N,) or (N, K)


@runtime_checkable
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


@runtime_checkable
class Downloaded(Protocol):
    """A data set with a home on the web."""

    @property
    def downloads(self) -> Sequence[object]: ...


@runtime_checkable
class Licensed(Protocol):
    """A data set that says whose it is."""

    @property
    def home(self) -> str: ...
    @property
    def licence(self) -> str: ...


class Found(NamedTuple):
    """What a domain found in one file."""

    x: Tensor  # (W, *event), stored examples; none is no error
    lost: Mapping[str, int] = {}  # what of it was not used: a reason for people, such as "values out of range", and how often
    fields: Mapping[str, Tensor] = {}  # what `Domain.fields` names: (W,) or (W, K), NaN where it is not known
    remarks: Mapping[str, int] = {}  # what people should know of what is used, by reason


@dataclass(frozen=True)
class Piece:
    """A whole file as windows in time order that tile it.

    Where several sequences run at once (`voices`, such as channels) they lie in x one after the other, all as long.
    """

    x: Tensor  # (V·W, *event), stored examples
    frame: Mapping[str, object] = field(default_factory=dict)  # of JSON: what `Domain.framed` needs to write it as it was
    rests: Tensor | None = None  # (V·W,) bool, windows that hold nothing, events of zeros: they come back as they are
    voices: int = 1  # V
    lost: Mapping[str, int] = field(default_factory=dict)  # what of the file is not in it, by reason
    fields: Mapping[str, Tensor] = field(default_factory=dict)  # what `Domain.fields` names: (V·W,) or (V·W, K)
    seamless: bool = True  # whether whole windows, one after the other, are the piece: else only its frame can join them

    def __len__(self) -> int:
        return len(self.x)

    @property
    def resting(self) -> Tensor:
        """Which windows hold nothing, (V·W,) bool."""
        return torch.zeros(len(self.x), dtype=torch.bool) if self.rests is None else self.rests


class Known(NamedTuple):
    """What is known of examples beside them; nothing, as it is made."""

    labels: Tensor | None = None  # (B,) int64, indices into `classes`, -1 for one without a class
    classes: tuple[str, ...] = ()
    fields: Mapping[str, Tensor] = {}  # name to (B, K) float32, NaN where it is not known

    def to(self, device: torch.device) -> Known:
        """The same on a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return Known(labels, self.classes, {name: value.to(device) for name, value in self.fields.items()})


def joined(parts: Sequence[tuple[int, Known]]) -> Known:
    """What is known of several groups of so many examples in a row; labels, where all have them of the same classes.

    GenaeError for a field that has more numbers in some than in others.
    """
    labels = [known.labels for _, known in parts if known.labels is not None and known.classes == parts[0][1].classes]
    widths: dict[str, int] = {}
    for name, value in (pair for _, known in parts for pair in known.fields.items()):
        if widths.setdefault(name, value.shape[1]) != value.shape[1]:
            raise GenaeError(f"field {name} has {widths[name]} numbers in some examples and {value.shape[1]} in others")
    fields = {
        name: torch.cat([known.fields.get(name, torch.full((n, width), math.nan)) for n, known in parts])
        for name, width in widths.items()
    }
    return Known(torch.cat(labels), parts[0][1].classes, fields) if len(labels) == len(parts) else Known(fields=fields)


@dataclass(frozen=True)
class Examples:
    """Stored examples of one domain. Arrays of numpy are as good as tensors. GenaeError where their shapes do not fit."""

    x: Tensor  # (N, *event), the domain's stored form
    labels: Tensor | None = None  # (N,) int64, indices into `classes`, -1 for one without a class
    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()  # what was not used and why, a line each
    names: tuple[str, ...] = ()  # of the files they came from, if from files
    lost: Mapping[str, int] = field(default_factory=dict)  # parts of files, and files, that were not used, by reason
    files: int = 0  # how many were looked at
    used: int = 0  # how many of these gave an example
    fields: Mapping[str, Tensor] = field(default_factory=dict)  # name to (N, K) float32, NaN where it is not known
    unused: Mapping[str, int] = field(default_factory=dict)  # the other files, by reason: with `used` they are `files`
    remarks: Mapping[str, int] = field(default_factory=dict)  # of what is used, by reason

    def __post_init__(self) -> None:
        x = numbers(self.x, "examples")
        if not x.ndim:
            raise GenaeError("examples have shape (N, *event), a single number has none")
        labels = None if self.labels is None else numbers(self.labels, "labels")
        if labels is not None and (labels.is_floating_point() or labels.shape != x.shape[:1]):
            kind = f"{labels.dtype} {tuple(labels.shape)}"
            raise GenaeError(f"labels are {len(x)} whole numbers, one for each example, not {kind}")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "labels", None if labels is None else labels.long())
        object.__setattr__(self, "fields", {k: rows_of(k, v, len(x), "examples") for k, v in self.fields.items()})

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> Examples:
        """The same on a device, when it fits; a memory-mapped set stays where it is and its batches travel."""
        if self.x.nbytes > store.MEMORY:
            return self
        known = self.known().to(device)
        return replace(self, x=self.x.to(device), labels=known.labels, fields=known.fields)

    def known(self, index: Tensor | None = None) -> Known:
        """What is known of those at `index` (B,), or of all."""
        every = Known(self.labels, self.classes, self.fields)
        if index is None:
            return every
        labels = None if self.labels is None else self.labels[index.to(self.labels.device)]
        return Known(labels, self.classes, {name: value[index.to(value.device)] for name, value in self.fields.items()})

    def take(self, index: Tensor) -> Examples:
        """Those at `index` (B,); of more than fit into memory a memory-mapped copy."""
        names = tuple(self.names[i] for i in index.tolist()) if self.names else ()
        known = self.known(index)
        return replace(self, x=store.gathered(self.x, index), labels=known.labels, fields=known.fields, names=names, skipped=())

    def kept(self, index: Tensor, why: str) -> Examples:
        """Those at `index` (B,), and the report of all: the others are lost, and files of which none is left unused."""
        if len(index) == len(self):
            return self
        taken = self.take(index)
        gone = len({*self.names}) - len({*taken.names})
        lost = {**self.lost, why: self.lost.get(why, 0) + len(self) - len(taken)}
        unused = {**self.unused, why: self.unused.get(why, 0) + gone} if gone else self.unused
        return replace(taken, skipped=self.skipped, lost=lost, used=self.used - gone, unused=unused)

    def labelled(self) -> Examples:
        """Those whose class is known."""
        return self if self.labels is None else self.kept((self.labels >= 0).nonzero()[:, 0], UNLABELLED)


def numbers(value: object, what: str) -> Tensor:
    """A tensor as it is, or an array of numbers as one. GenaeError for anything else."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "buif":
        # tensors cannot be read-only, nor in another processor's order of bytes
        value = torch.from_numpy(np.require(value, value.dtype.newbyteorder("="), ["C", "W"]))
    if not isinstance(value, Tensor) or value.is_complex():
        kind = value.dtype if isinstance(value, np.ndarray | Tensor) else type(value).__name__
        raise GenaeError(f"{what} are a tensor or an array of real numbers, not {kind}")
    return value


def rows_of(name: str, value: object, n: int, where: str) -> Tensor:
    """A field of n examples (n,) or (n, K), to (n, K) float32."""
    x = torch.as_tensor(value, dtype=torch.float32)
    if x.ndim not in (1, 2) or len(x) != n or (n and not x.numel()):
        raise GenaeError(f"{where}: field {name} has shape {tuple(x.shape)}, and there are {n} examples")
    return x.reshape(n, -1) if n else x.reshape(0, x.shape[1] if x.ndim == 2 else 1)


def sum_of(examples: Examples) -> list[str]:
    """What was used, what was not, and what is odd in what was, the most frequent reason first: lines for people."""
    found = f"{len(examples):,} example{'' if len(examples) == 1 else 's'}"
    found += f" from {examples.used:,} of {examples.files:,} files" if examples.files else ""
    lost, odd = (Counter(counts).most_common() for counts in (examples.lost, examples.remarks))
    return [
        found,
        *(f"  not used: {n:,} × {why}" for why, n in lost),
        *(f"  used all the same: {n:,} × {why}" for why, n in odd),
    ]


def require(examples: Examples, what: str, least: int = 1, advice: str = "") -> Examples:
    """GenaeError when there are fewer than `least`, saying what was not used and why, and what to do."""
    if len(examples) >= max(1, least):
        return examples
    why = "; ".join(f"{n:,} × {reason}" for reason, n in Counter(examples.lost).most_common(3))
    reasons = f" ({why})" if why else "" if examples.files else " (it is empty)"
    if not len(examples):
        told = f"{what} has no usable example{reasons}"
    else:
        of = f" from {examples.used:,} of {examples.files:,} files" if examples.files else ""
        told = f"{what} has only {len(examples)} usable examples{of}{reasons}; at least {least} are needed to train"
    raise GenaeError(f"{told}; {advice}" if advice else told)


def where(name: str) -> list[Path]:
    """The folders in which a named data set is looked for."""
    return [folder / name for folder in data_folders()]
