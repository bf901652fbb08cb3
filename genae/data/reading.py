"""From a data set's split to stored examples: what cannot be used is named and counted, and nothing else stops.

A domain whose reading is slow (`Reading.cached`) is read in all cores where there are many files (`genae/data/pool.py`), and
what was read is kept (`genae/data/kept.py`): another start maps it. Of a domain that wants its held-out examples `distinct`,
those that are exactly in an earlier split are left out before a split is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from genae.data import kept, store
from genae.data.domain import Domain
from genae.data.examples import SPLITS, Dataset, Examples, File, Found, Known, Split, joined, rows_of
from genae.data.found import NOT_FINITE
from genae.data.pool import read_each
from genae.errors import Rejected

AGAIN = "examples that are in an earlier split too"
FIRST = 16  # files that are read at once while a few examples are looked for
FEW = 256  # examples for which files are read that are not kept
PRINT = 16  # bytes of an example's digest: any two of 10⁹ examples share one with probability 10⁻²¹

Report = Callable[[int, int], object]  # files done, files in all

_alive: WeakValueDictionary[str, Examples] = WeakValueDictionary()  # by key: what somebody still has is not read again


def quiet(done: int, total: int) -> None:
    """Reports nothing."""


def read_split(dataset: Dataset, name: str, domain: Domain, report: Report = quiet) -> Examples:
    """One split as stored examples."""
    earlier = SPLITS[: SPLITS.index(name)] if domain.reading.distinct and name in SPLITS else ()
    split = dataset.split(name)
    key = _key([split, *map(dataset.split, earlier)], domain)
    before = _before(key) if key else None
    if before is not None:
        return before
    found = _read(split, f"{dataset.name}:{name}", domain, report)
    if earlier and len(found):
        found = _without(found, (read_split(dataset, one, domain, report).x for one in earlier))
    return _after(found, key) if key else found


def _before(key: str) -> Examples | None:
    """What was read before, by this process or another."""
    found = _alive.get(key)
    found = kept.load(key) if found is None else found
    if found is not None:
        _alive[key] = found
    return found


def _after(found: Examples, key: str) -> Examples:
    """What was just read, kept; of a set that is not in memory the kept file takes the place of the one it was read to."""
    kept.keep(found, key)
    mapped = kept.load(key) if found.x.nbytes > store.MEMORY else None
    _alive[key] = found = found if mapped is None else mapped
    return found


def _key(splits: Sequence[Split], domain: Domain) -> str:
    """Under which the first split is kept, distinct from the others; "" if it is not."""
    wanted = domain.reading.cached or domain.reading.distinct
    files = bool(splits[0].files) and all(split.array is None for split in splits)
    return kept.key_of(splits, domain) if wanted and files else ""


def _read(split: Split, what: str, domain: Domain, report: Report) -> Examples:
    found = _gather(split, domain, report) if split.array is None else _adapted(split, what, domain)
    return replace(found, remarks=sum(map(Counter, map(domain.remarks, store.chunks(found.x))), Counter(found.remarks)))


def _adapted(split: Split, what: str, domain: Domain) -> Examples:
    """A split of decoded examples."""
    assert split.array is not None
    labels = None if split.labels is None else torch.from_numpy(np.asarray(split.labels, np.int64))
    n = len(split.array)
    fields = {name: rows_of(name, value, n, what.partition(":")[0]) for name, value in split.fields.items()}
    return _finite(Examples(domain.adapt(split.array), labels, split.classes, fields=fields), what)


def _finite(examples: Examples, what: str) -> Examples:
    """Without the examples that hold a NaN or an infinity, which are named as items: mine:train:7."""
    if not examples.x.is_floating_point() or not len(examples):
        return examples
    good = torch.cat([part.flatten(1).isfinite().all(1) for part in store.chunks(examples.x)])
    if good.all():
        return examples
    bad = tuple(f"{what}:{i}: {NOT_FINITE}" for i in (~good).nonzero()[:, 0].tolist())
    lost = {NOT_FINITE: len(bad)}
    return replace(examples.take(good.nonzero()[:, 0]), skipped=(*examples.skipped, *bad), lost=lost)


# -- held-out examples that are new -----------------------------------------------------------------------------------


def _without(found: Examples, before: Iterable[Tensor]) -> Examples:
    """Those that are not in `before`, to the bit."""
    seen = np.concatenate([_prints(x) for x in before])
    new = torch.from_numpy(~np.isin(_prints(found.x), seen)).nonzero()[:, 0]
    return found.kept(new, AGAIN)


def _prints(x: Tensor) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """The digest of each example of x (N, *event), (N,)."""
    rows = (row.tobytes() for part in store.chunks(x) for row in part.numpy())
    return np.frombuffer(b"".join(blake2b(row, digest_size=PRINT).digest() for row in rows), f"V{PRINT}")


# -- files ------------------------------------------------------------------------------------------------------------


@dataclass
class _Sum:
    """What all files gave."""

    skipped: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)  # files
    remarks: Counter[str] = field(default_factory=Counter)
    labels: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    used: int = 0
    known: list[tuple[int, Known]] = field(default_factory=list)

    def skip(self, file: File, error: Rejected) -> None:
        line = str(error)
        self.skipped.append(line)
        self.lost.update(error.lost)
        reason = error.reason or line.removeprefix(file.name).removeprefix(": ")
        self.lost[reason] += 1
        self.unused[reason] += 1

    def use(self, file: File, found: Found, classes: tuple[str, ...]) -> None:
        self.lost.update(found.lost)
        self.remarks.update(found.remarks)
        self.used += 1
        self.known.append((len(found.x), Known(fields=found.fields)))
        self.names += [file.name] * len(found.x)
        self.labels += [classes.index(file.label) if file.label in classes else -1] * len(found.x)


def _gather(split: Split, domain: Domain, report: Report, most: int | None = None) -> Examples:
    """The examples of all files, in order, or at least the first `most`; in memory, or mapped when there are too many."""
    total, examples = _Sum(), store.Store()
    wanted = [f for f in split.files if f.suffix in domain.suffixes]
    for file in split.files:
        if file.suffix not in domain.suffixes:
            total.skip(file, Rejected(f"{file.name}: not a file that this domain reads ({', '.join(domain.suffixes)})"))
    reading = read_each(wanted, domain) if most is None else _enough(wanted, domain, most)
    for done, (file, found) in enumerate(reading, 1):
        report(done, len(wanted))
        if isinstance(found, Rejected):
            total.skip(file, found)
        else:
            examples.add(found.x)
            total.use(file, found, split.classes)
    known = torch.tensor(total.labels, dtype=torch.int64) if max(total.labels, default=-1) >= 0 else None
    return Examples(
        examples.tensor(domain.event), known, split.classes if known is not None else (), tuple(total.skipped),
        tuple(total.names), dict(total.lost), len(split.files), total.used, joined(total.known).fields if total.known else {},
        dict(total.unused), dict(total.remarks),
    )  # fmt: skip


def _enough(files: Sequence[File], domain: Domain, most: int) -> Iterator[tuple[File, Found | Rejected]]:
    """The first files, until they gave `most` examples: a few at once, then more and more."""
    there = done = 0
    while there < most and done < len(files):
        step = min(most - there, max(FIRST, done))
        for file, found in read_each(files[done : done + step], domain):
            there += 0 if isinstance(found, Rejected) else len(found.x)
            yield file, found
        done += step


# -- a few examples ---------------------------------------------------------------------------------------------------


def read_rows(dataset: Dataset, name: str, index: Collection[int], domain: Domain) -> dict[int, Examples]:
    """The examples of a split at some places, one each; places that it does not have are left out.

    No more is read than these need: rows of an array, or the first files; the whole split, where it is compared with others,
    or kept and so many are needed that it would be read again for nothing.
    """
    places, most = sorted(set(index)), max(index) + 1
    split = dataset.split(name)
    if split.array is not None and not domain.reading.distinct:
        return _rows(split, f"{dataset.name}:{name}", places, domain)
    if domain.reading.distinct or (domain.reading.cached and most > FEW):
        found = read_split(dataset, name, domain)
    else:
        found = _gather(split, domain, quiet, most)
    return _each(found, places)


def _rows(split: Split, what: str, places: Sequence[int], domain: Domain) -> dict[int, Examples]:
    """Of an array, whose places are those of its finite rows: all before the last are looked at if any might not be."""
    assert split.array is not None
    there = [i for i in places if 0 <= i < len(split.array)]
    some = _adapted(_part(split, np.array(there, np.int64)), what, domain)
    if not some.x.is_floating_point():
        return dict(zip(there, _each(some, range(len(there))).values(), strict=True))
    first = _adapted(_part(split, slice(places[-1] + 1)), what, domain)
    return _each(_adapted(split, what, domain) if first.skipped else first, places)


def _part(split: Split, at: np.ndarray[tuple[int], np.dtype[np.int64]] | slice) -> Split:
    """Some rows of an array."""
    assert split.array is not None
    labels = None if split.labels is None else np.asarray(split.labels)[at]
    fields = {name: np.asarray(value)[at] for name, value in split.fields.items()}
    return replace(split, array=split.array[at], labels=labels, fields=fields)


def _each(found: Examples, places: Iterable[int]) -> dict[int, Examples]:
    return {i: found.take(torch.tensor([i])) for i in places if 0 <= i < len(found)}
