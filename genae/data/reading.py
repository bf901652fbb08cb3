"""From a data set's split to stored examples: what cannot be used is named and counted, and nothing else stops.

A domain whose reading is slow (`Reading.cached`) is read in all cores where there are many files, and what was read is kept, by
the content of the files, the domain's options and the code that read them: another start loads it. Of a domain that wants its
held-out examples `distinct`, those that are exactly in an earlier split are left out.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import multiprocessing
import os
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import MEMORY, SPLITS, UNREADABLE, Dataset, Examples, File, Found, Known, joined
from genae.errors import GenaeError, Rejected
from genae.files import cache_folder, disk
from genae.learn import checkpoint

NOT_FINITE = "holds a NaN or an infinity"
AGAIN = "examples that are in an earlier split too"
CHUNK = 256  # files in flight
FIELD = "field "  # and its name: a tensor of what was read before
MANY = 8192  # files: for fewer, starting other processes takes longer than reading does

Report = Callable[[int, int], object]  # files done, files in all


def quiet(done: int, total: int) -> None:
    """Reports nothing."""


def read_split(dataset: Dataset, name: str, domain: Domain, report: Report = quiet) -> Examples:
    """One split as stored examples."""
    found = _read_split(dataset, name, domain, report)
    if not domain.reading.distinct or name not in SPLITS or not len(found):
        return found
    before = [_read_split(dataset, earlier, domain, report).x for earlier in SPLITS[: SPLITS.index(name)]]
    return _without(found, before)


def _read_split(dataset: Dataset, name: str, domain: Domain, report: Report) -> Examples:
    split = dataset.split(name)
    if split.array is not None:
        labels = None if split.labels is None else torch.from_numpy(np.asarray(split.labels, np.int64))
        fields = {field: _rows(field, value, len(split.array), dataset.name) for field, value in split.fields.items()}
        return _finite(Examples(domain.adapt(split.array), labels, split.classes, fields=fields), f"{dataset.name}:{name}")
    if not domain.reading.cached or not split.files:
        return _gather(split.files, split.classes, domain, report)
    kept = cache_folder() / "read" / f"{_key(split.files, split.classes, domain)}.safetensors"
    if kept.exists():
        try:
            return _unpack(kept)
        except (GenaeError, ValueError, KeyError):  # of another version, or damaged: it is only a cache
            kept.unlink(missing_ok=True)
    found = _gather(split.files, split.classes, domain, report)
    if found.x.nbytes <= MEMORY:
        _keep(found, kept)
    return found


def _without(found: Examples, before: Sequence[Tensor]) -> Examples:
    """Those that are not in `before`, to the bit."""
    seen = {row.tobytes() for x in before for row in x.numpy()}
    new = [i for i, row in enumerate(found.x.numpy()) if row.tobytes() not in seen]
    lost = dict(found.lost) | ({AGAIN: len(found) - len(new)} if len(new) < len(found) else {})
    return replace(found.take(torch.tensor(new, dtype=torch.int64)), skipped=found.skipped, lost=lost)


def read_file(file: File, domain: Domain) -> Tensor:
    """One file to one stored example (*event), or to several (W, *event). Rejected if it gives none."""
    found = read_found(file, domain).x
    return found[0] if len(found) == 1 else found


def read_found(file: File, domain: Domain) -> Found:
    """One file to stored examples (W, *event) and what was not used. Rejected if it gives none."""
    read = domain.read(file)
    x, lost, known = read if isinstance(read, Found) else (read, {}, {})
    if x.is_floating_point() and not x.isfinite().all():
        raise Rejected(f"{file.name}: {NOT_FINITE}")
    if x.ndim == len(domain.event):
        x = x[None]
    if not len(x):
        most = ", ".join(f"{n:,} {why}" for why, n in Counter(lost).most_common(2))
        raise Rejected(f"{file.name}: gives no example" + (f" ({most})" if most else ""), "files that give no example", lost)
    whole = {name: torch.tensor(value, dtype=torch.float32).reshape(1, -1).expand(len(x), -1)
             for name, value in file.fields.items()}  # fmt: skip
    return Found(x, lost, whole | {name: _rows(name, value, len(x), file.name) for name, value in known.items()})


def _rows(name: str, value: Any, n: int, where: str) -> Tensor:
    """A field of n examples (n,) or (n, K), to (n, K) float32."""
    x = torch.as_tensor(value, dtype=torch.float32)
    if x.ndim not in (1, 2) or len(x) != n or not x.numel():
        raise GenaeError(f"{where}: field {name} has shape {tuple(x.shape)}, and there are {n} examples")
    return x.reshape(n, -1)


def _finite(examples: Examples, what: str) -> Examples:
    """Without the examples that hold a NaN or an infinity, which are named as items: mine:train:7."""
    if not examples.x.is_floating_point():
        return examples
    good = examples.x.flatten(1).isfinite().all(1)
    if good.all():
        return examples
    bad = tuple(f"{what}:{i}: {NOT_FINITE}" for i in (~good).nonzero()[:, 0].tolist())
    lost = {NOT_FINITE: len(bad)}
    return replace(examples.take(good.nonzero()[:, 0]), skipped=(*examples.skipped, *bad), lost=lost)


@dataclass
class _Sum:
    """What all files gave."""

    skipped: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    labels: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    used: int = 0
    known: list[tuple[int, Known]] = field(default_factory=list)

    def skip(self, file: File, error: Rejected) -> None:
        line = str(error)
        self.skipped.append(line)
        self.lost.update(error.lost)
        self.lost[error.reason or line.removeprefix(file.name).removeprefix(": ")] += 1


def _gather(files: Sequence[File], classes: tuple[str, ...], domain: Domain, report: Report) -> Examples:
    """All examples of all files, in order; in memory, or in a memory-mapped file when there are too many."""
    total, store = _Sum(), _Store()
    wanted = [f for f in files if f.suffix in domain.suffixes]
    for file in files:
        if file.suffix not in domain.suffixes:
            total.skip(file, Rejected(f"{file.name}: not a file that this domain reads ({', '.join(domain.suffixes)})"))
    for done, (file, found) in enumerate(read_each(wanted, domain), 1):
        report(done, len(wanted))
        if isinstance(found, Rejected):
            total.skip(file, found)
            continue
        store.add(found.x)
        total.lost.update(found.lost)
        total.used += 1
        total.known.append((len(found.x), Known(fields=found.fields)))
        total.names += [file.name] * len(found.x)
        total.labels += [classes.index(file.label) if file.label in classes else -1] * len(found.x)
    known = torch.tensor(total.labels, dtype=torch.int64) if classes and -1 not in total.labels else None
    return Examples(
        store.tensor(domain), known, classes if known is not None else (), tuple(total.skipped), tuple(total.names),
        dict(total.lost), len(files), total.used, joined(total.known).fields if total.known else {},
    )  # fmt: skip


# -- in all cores -----------------------------------------------------------------------------------------------------


def read_each(files: Sequence[File], domain: Domain) -> Iterator[tuple[File, Found | Rejected]]:
    """Every file with what it gives, in order: in threads, or in processes where the domain is slow and the files are many."""
    attempt = partial(_attempt, domain)
    with ExitStack() as stack:
        archives: dict[Path, zipfile.ZipFile] = {}
        pool: Executor = stack.enter_context(ThreadPoolExecutor(max_workers=os.cpu_count()))
        if domain.reading.cached and len(files) >= MANY:
            pool = stack.enter_context(ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")))
        for start in range(0, len(files), CHUNK):  # a bounded number in flight
            chunk = [_opened(file, archives, stack) for file in files[start : start + CHUNK]]
            try:
                found = list(pool.map(attempt, chunk, chunksize=16))
            except BrokenProcessPool:  # a script without the guard that new processes need: here, then
                pool = stack.enter_context(ThreadPoolExecutor(max_workers=os.cpu_count()))
                found = list(pool.map(attempt, chunk))
            yield from zip(files[start : start + CHUNK], found, strict=True)


def opened(files: Sequence[File]) -> Iterator[File | Rejected]:
    """Members of archives with their content, each archive opened once; other files as they are."""
    with ExitStack() as stack:
        archives: dict[Path, zipfile.ZipFile] = {}
        for file in files:
            yield _opened(file, archives, stack)


def _attempt(domain: Domain, file: File | Rejected) -> Found | Rejected:
    try:
        return file if isinstance(file, Rejected) else read_found(file, domain)
    except Rejected as error:
        return error


def _opened(file: File, archives: dict[Path, zipfile.ZipFile], stack: ExitStack) -> File | Rejected:
    """A member of an archive with its content, so that the archive is opened once; any other file as it is."""
    if not file.member or file.content is not None:
        return file
    try:
        if file.path not in archives:
            archives[file.path] = stack.enter_context(zipfile.ZipFile(file.path))
        return replace(file, content=file.unpack(archives[file.path]))
    except Rejected as error:
        return error
    except UNREADABLE as error:
        return Rejected(f"{file.name}: cannot be read ({error})")


# -- where examples are held ------------------------------------------------------------------------------------------


class _Store:
    """Examples as they come: in memory, or, when they are too many, appended to a file."""

    def __init__(self) -> None:
        self.parts: list[Tensor] = []
        self.held = 0
        self.spill: _Spill | None = None

    def add(self, x: Tensor) -> None:
        self.parts.append(x)
        self.held += x.nbytes
        if self.held > MEMORY:
            self._flush(self.spill or _Spill(x))

    def _flush(self, spill: _Spill) -> None:
        for part in self.parts:
            spill.add(part)
        self.parts, self.held, self.spill = [], MEMORY, spill

    def tensor(self, domain: Domain) -> Tensor:
        if self.spill is not None:
            self._flush(self.spill)
            return self.spill.tensor()
        return torch.cat(self.parts) if self.parts else torch.empty(0, *domain.event)


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


# -- what was read before ---------------------------------------------------------------------------------------------


def _key(files: Sequence[File], classes: tuple[str, ...], domain: Domain) -> str:
    """Of the files' names, labels and content, the domain's options, and the code of its package."""
    kind = type(domain)
    what = [f"{kind.__module__}.{kind.__qualname__}", vars(domain), classes, _code(kind)]
    digest = hashlib.sha256(json.dumps(what, default=str, sort_keys=True).encode())
    for file, content in zip(files, _contents(files), strict=True):
        digest.update(f"{file.name}\0{file.label}\0{dict(file.fields) or ''}\0{content}\n".encode())
    return digest.hexdigest()


def _code(kind: type) -> str:
    """A digest of the modules beside the one that defines a domain."""
    try:
        source = Path(inspect.getfile(kind))
        modules = sorted(source.parent.glob("*.py")) if (source.parent / "__init__.py").exists() else [source]
        return hashlib.sha256(b"\0".join(path.read_bytes() for path in modules)).hexdigest()
    except (OSError, TypeError):  # made at the prompt
        return ""


def _contents(files: Sequence[File]) -> Iterator[str]:
    """What tells each file's content: an archive has checksums of its members, others are read, a part at a time."""
    sums: dict[Path, dict[str, str]] = {}
    for file in files:
        if file.member and file.content is None:
            if file.path not in sums:
                try:
                    with zipfile.ZipFile(file.path) as archive:
                        sums[file.path] = {m.filename: f"{m.CRC}:{m.file_size}" for m in archive.infolist()}
                except UNREADABLE:
                    sums[file.path] = {}
            yield sums[file.path].get(file.member, "")
            continue
        try:
            with BytesIO(file.content) if file.content is not None else file.path.open("rb") as content:
                yield hashlib.file_digest(content, "sha256").hexdigest()
        except OSError:
            yield ""


def _keep(found: Examples, path: Path) -> None:
    names = list(dict.fromkeys(found.names))
    place = {name: i for i, name in enumerate(names)}
    tensors = {"x": found.x, "of": torch.tensor([place[name] for name in found.names], dtype=torch.int64)}
    if found.labels is not None:
        tensors["labels"] = found.labels
    tensors |= {f"{FIELD}{name}": value.contiguous() for name, value in found.fields.items()}
    told = {"names": names, "classes": found.classes, "skipped": found.skipped, "lost": found.lost,
            "files": found.files, "used": found.used}  # fmt: skip
    try:
        checkpoint.save_tensors(path, tensors, told=json.dumps(told))
    except GenaeError:  # a full or read-only disk: it will be read again
        return


def _unpack(path: Path) -> Examples:
    tensors, facts = checkpoint.load_tensors(path)
    told = json.loads(facts["told"])
    names = tuple(told["names"][i] for i in tensors["of"].tolist())
    fields = {name.removeprefix(FIELD): value for name, value in tensors.items() if name.startswith(FIELD)}
    return Examples(
        tensors["x"], tensors.get("labels"), tuple(told["classes"]), tuple(told["skipped"]), names, told["lost"],
        told["files"], told["used"], fields,
    )  # fmt: skip
