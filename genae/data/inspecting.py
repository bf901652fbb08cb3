"""What data sets there are, and what is in one: examples, classes, fields, and what cannot be used and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypedDict, runtime_checkable

from torch import Tensor

from genae.data.counting import counted
from genae.data.domain import Domain, Suffixed
from genae.data.examples import SPLITS, Dataset, Downloaded, Examples, File, sum_of, where
from genae.data.local import Local, files_of
from genae.data.opening import made, open_data
from genae.data.pool import opened, read_each
from genae.data.reading import Report, quiet, read_split
from genae.errors import GenaeError, Rejected
from genae.recipe import quarantine, recipe, registry
from genae.recipe.entries import blamed
from genae.recipe.options import named
from genae.recipe.parts import instance


@runtime_checkable
class Placed(Protocol):
    """A data set that knows where its files are."""

    def places(self) -> list[Path]: ...


class Inside(TypedDict):
    """What a split holds."""

    examples: int
    classes: dict[str, int]
    skipped: int
    fields: dict[str, list[list[float]] | None]  # the least and the most of each number
    files: int
    used: int
    lost: dict[str, int]
    remarks: dict[str, int]  # of what is used
    unlabelled: int  # examples without a class
    sum: list[str]


class Inspected(TypedDict):
    """What a data set holds."""

    data: str
    domain: str
    event: list[int]
    splits: dict[str, Inside]
    skipped: list[str]
    files: list[str]
    given: int  # files: those used, and those that are named by reason
    used: int
    named: dict[str, int]
    rules: list[str]  # how files were split
    count: list[str]  # all that, for people


def catalogue() -> list[dict[str, str]]:
    """Every data set of the registry: name, domain, where it is, one line about it."""
    return [_entry(name, found) for name, found in quarantine.each("dataset", registry.names("dataset"))]


def _entry(name: str, found: object) -> dict[str, str]:
    try:
        if isinstance(found, GenaeError):
            raise found
        with blamed("dataset", name):
            return _facts(name, made(name, found))
    except GenaeError as error:
        return {"name": name, "domain": "", "state": "broken", "about": str(error)}


def _facts(name: str, dataset: Dataset) -> dict[str, str]:
    own = dataset.places() if isinstance(dataset, Placed) else [folder for folder in where(name) if _holds_files(folder)]
    there = str(own[0]) if own else ""
    downloads = isinstance(dataset, Downloaded) and dataset.downloads
    state = "embedded" if not downloads else "here" if there else "to download"
    return {"name": name, "domain": str(dataset.domain), "state": state, "about": str(dataset.about), "folder": there}


def _holds_files(folder: Path) -> bool:
    """More than what a broken download leaves."""
    return folder.is_dir() and any(not p.name.startswith(".") and p.suffix != ".part" for p in folder.iterdir())


def inspect(data: str, preset: str | None = None, settings: Sequence[str] = (), report: Report = quiet) -> Inspected:
    """How many examples each split of NAME or PATH has, of which classes, and what cannot be used and why, file by file."""
    dataset = open_data(data)
    name, domain = _domain_of(dataset, preset, settings)
    splits: dict[str, Inside] = {}
    files: list[str] = []
    read: dict[str, Examples] = {}
    for split in SPLITS:
        read[split] = examples = read_split(dataset, split, domain, report)
        counts = Counter(examples.labels.tolist()) if examples.labels is not None else Counter()
        classes = {label: counts[i] for i, label in enumerate(examples.classes)}
        splits[split] = {"examples": len(examples), "classes": classes, "skipped": len(examples.skipped),
                         "fields": {field: _range(value) for field, value in examples.fields.items()},
                         "files": examples.files, "used": examples.used, "lost": dict(examples.lost),
                         "remarks": dict(examples.remarks), "unlabelled": counts[-1], "sum": sum_of(examples)}  # fmt: skip
        files += [line for file in opened(dataset.split(split).files) for line in _looked_at(file, domain)]
    count = counted(dataset, read)
    return {
        "data": data, "domain": name, "event": list(domain.event), "splits": splits, "skipped": [*count.lines],
        "files": files, "given": count.given, "used": count.used, "named": dict(count.named), "rules": [*count.rules],
        "count": count.told,
    }  # fmt: skip


def _range(x: Tensor) -> list[list[float]] | None:
    """The least and the most of each of the K numbers of (N, K), where they are known."""
    rows = x[x.isfinite().all(1)]
    return [rows.amin(0).tolist(), rows.amax(0).tolist()] if len(rows) else None


def _looked_at(file: File | Rejected, domain: Domain) -> list[str]:
    """What a domain tells of a file, if it tells anything of files."""
    if isinstance(file, Rejected) or file.suffix not in domain.suffixes:
        return []
    try:
        return domain.inspect(file)
    except Rejected as error:
        return [str(error)]


def stored(path: Path, preset: str, settings: Sequence[str] = (), report: Report = quiet) -> dict[str, list[object]]:
    """Every stored example of a file, folder or zip, as lists and sorted, by the file's path inside; none of unusable ones."""
    _, domain = _domain_of(Local(path), preset, settings)
    inside = [(name, file) for name, file in files_of(path, whole=True) if file.suffix in domain.suffixes]
    if not inside:
        raise GenaeError(f"{path} holds no file that preset '{preset}' reads ({', '.join(domain.suffixes)})")
    found: dict[str, list[object]] = {}
    for (name, _), (_, read) in zip(inside, read_each([file for _, file in inside], domain), strict=True):
        found[str(name)] = [] if isinstance(read, Rejected) else sorted(read.x.tolist())
        report(len(found), len(inside))
    return found


def _domain_of(dataset: Dataset, preset: str | None, settings: Sequence[str] = ()) -> tuple[str, Domain]:
    """The preset's domain with its options, the data set's own, or the one that reads most of its files, and most kinds."""
    if preset is not None:
        spec = recipe.compose(preset, settings).domain
        return named("domain", spec), instance(Domain, "domain", spec)
    if dataset.domain:
        return dataset.domain, instance(Domain, "domain", {"name": dataset.domain})
    suffixes = Counter(file.suffix for split in SPLITS for file in dataset.split(split).files)
    scores: dict[str, tuple[int, int]] = {}
    passed = list(dataset.passed) if isinstance(dataset, Local) else []
    for names in (registry.own("domain"), registry.third_party("domain")):
        if 2 * max((count for count, _ in scores.values()), default=0) > suffixes.total():
            break  # strangers' are imported only where genae's own do not read most of it
        for name, found in quarantine.each("domain", names):
            try:
                scores[name] = _score(name, found, suffixes)
            except GenaeError as error:
                passed.append(str(error))
    best = max(scores, key=lambda name: scores[name], default="")
    if not best or not scores[best][0]:
        kinds = ", ".join(suffixes) or "no files"
        broken = f"; passed over: {'; '.join(passed)}" if passed else ""
        raise GenaeError(f"{dataset.name} holds nothing that a domain reads ({kinds}); domains: {', '.join(scores)}{broken}")
    with blamed("domain", best):
        return best, instance(Domain, "domain", {"name": best})


def _score(name: str, found: object, suffixes: Mapping[str, int]) -> tuple[int, int]:
    """How many of the files a domain reads, and how many kinds it does at all. GenaeError if it is broken."""
    if isinstance(found, GenaeError):
        raise found
    if not isinstance(found, Suffixed):
        raise GenaeError(f"domain '{name}' does not say which suffixes it reads")
    return sum(suffixes.get(s, 0) for s in found.suffixes), len(found.suffixes)
