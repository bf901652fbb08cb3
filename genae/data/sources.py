"""Names, paths and items: where examples are asked for.

mnist, glyphs            a data set of the registry
folder/, files.zip       a user's own folder, archive or file
mnist:test:7, seven.png  one item
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import SPLITS, Dataset, Examples, File, Split, require, sum_of, where
from genae.data.reading import Report, opened, quiet, read_each, read_found, read_split
from genae.errors import GenaeError, Rejected, unknown
from genae.recipe import quarantine, recipe, registry
from genae.recipe.entries import blamed
from genae.recipe.parts import instantiate


def open_data(data: str) -> Dataset:
    """A data set by its name, or a user's own file, folder or zip by its path.

    A data set of the registry may claim a path. Strangers' are asked only where no data set of genae claims it and no domain
    of genae reads most of it.
    """
    if data in registry.names("dataset"):
        return _made(data, registry.get("dataset", data))
    path = Path(data)
    if not path.exists():
        error = unknown("data set or path", data, registry.names("dataset"))
        raise GenaeError(f"{error}")
    for name, found in quarantine.each("dataset", registry.own("dataset")):
        claimed = None if isinstance(found, GenaeError) else _claimed(name, found, path)
        if claimed is not None:
            return _made(name, claimed)
    strange = registry.third_party("dataset")
    passed: list[str] = []
    for name, found in quarantine.each("dataset", strange if strange and not _reads_most(path) else []):
        try:
            claimed = _claimed(name, found, path)
        except GenaeError as error:  # a stranger's refusal must not keep a path from being read otherwise
            passed.append(str(error))
            continue
        if claimed is not None:
            return _made(name, claimed)
    return Local(path, passed=tuple(passed))


def _claimed(name: str, found: Any, path: Path) -> Any:
    """What a data set makes of a path, None if nothing. GenaeError if it is broken, or the path."""
    if isinstance(found, GenaeError):
        raise found
    with blamed("dataset", name):
        claim = getattr(found, "claim", None)
        return claim(path) if claim else None


def _made(name: str, found: Any) -> Dataset:
    with blamed("dataset", name):
        dataset: Dataset = found() if isinstance(found, type) else found
    return dataset


FEW = 10  # files: below it a split by hash might leave nothing to train on


@dataclass(frozen=True)
class Local:
    """A user's own file, folder or zip. The class of a file is its sub-folder.

    Sub-folders train, valid and test are taken as the splits; otherwise a file's split is the SHA-256 of its name modulo 10:
    0 test, 1 valid, the rest train. Of fewer than ten files all are train.
    """

    path: Path
    domain: str = ""
    passed: tuple[str, ...] = field(
        default=(), compare=False, repr=False
    )  # what is wrong with plugins that might have claimed it

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def about(self) -> str:
        return f"files of {self.path}"

    def split(self, name: str) -> Split:
        everything = files_of(self.path)
        placed = [(_split_of(relative), relative, file) for relative, file in everything]
        own = any(split for split, _, _ in placed)
        chosen = [
            (relative, file)
            for split, relative, file in placed
            if (split if own else hash_split(relative, len(everything))) == name
        ]
        depth = 1 if own else 0
        labelled = [replace(file, label=_class(relative, depth)) for relative, file in chosen]
        classes = sorted({_class(relative, depth) for _, relative, _ in placed} - {""})
        return Split(files=labelled, classes=tuple(classes))


def _split_of(relative: PurePosixPath) -> str:
    first = relative.parts[0].lower() if len(relative.parts) > 1 else ""
    return {"training": "train", "validation": "valid", "val": "valid"}.get(first, first if first in SPLITS else "")


def hash_split(relative: PurePosixPath, total: int) -> str:
    """The split of a file among so many: by the SHA-256 of its name, so that it stays where it is when others come."""
    if total < FEW:
        return "train"
    digit = int(hashlib.sha256(relative.name.encode()).hexdigest(), 16) % 10
    return {0: "test", 1: "valid"}.get(digit, "train")


def _class(relative: PurePosixPath, depth: int) -> str:
    return relative.parts[depth] if len(relative.parts) > depth + 1 else ""


def files_of(path: Path, whole: bool = False) -> list[tuple[PurePosixPath, File]]:
    """Every file of a folder (recursively) or zip, sorted, with its path inside; hidden ones and links outside left out.

    Folders of a zip that are around everything are left off the path, unless it is wanted `whole`.
    """
    if path.is_dir():
        root = path.resolve()
        found = [p for p in sorted(path.rglob("*")) if p.is_file() and p.resolve().is_relative_to(root)]
        inside = [(PurePosixPath(*p.relative_to(path).parts), File(p)) for p in found]
    elif zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                members = [m for m in sorted(archive.namelist()) if not m.endswith("/")]
        except (OSError, zipfile.BadZipFile) as error:
            raise GenaeError(f"{path} cannot be read as a zip: {error}") from error
        escaping = [m for m in members if PurePosixPath(m).is_absolute() or ".." in PurePosixPath(m).parts or ":" in m[:2]]
        if escaping:
            raise GenaeError(f"{path} holds names that escape its folder ({escaping[0]!r}); it is refused whole")
        inside = _shown([(PurePosixPath(m), File(path, m)) for m in members])
        while inside and not whole and not _split_of(inside[0][0]) and _wrapped([r for r, _ in inside]):
            inside = [(PurePosixPath(*r.parts[1:]), f) for r, f in inside]  # one folder around everything is no class
    elif path.is_file():
        inside = [(PurePosixPath(path.name), File(path))]
    else:
        raise GenaeError(f"no such file or folder: {path}")
    return _shown(inside)


def _shown(inside: list[tuple[PurePosixPath, File]]) -> list[tuple[PurePosixPath, File]]:
    return [(r, f) for r, f in inside if not any(part.startswith((".", "__MACOSX")) for part in r.parts)]


def _wrapped(paths: list[PurePosixPath]) -> bool:
    return len({p.parts[0] for p in paths}) == 1 and all(len(p.parts) > 1 for p in paths)


def best_split(dataset: Dataset, domain: Domain, wanted: Sequence[str]) -> tuple[str, Examples]:
    """The first of the wanted splits that holds anything."""
    for name in wanted:
        examples = read_split(dataset, name, domain)
        if len(examples):
            return name, examples
    return wanted[-1], require(examples, f"{dataset.name}")


# -- items ------------------------------------------------------------------------------------------------------------


def read_item(item: str, domain: Domain) -> Examples:
    """One example with what is known of it: a file's first, or `name:split:index` of a data set, such as mnist:test:7."""
    path = Path(item)
    if path.is_file():
        try:
            found = read_found(File(path), domain)
        except Rejected as error:
            raise GenaeError(str(error)) from error
        return Examples(found.x[:1], fields={name: value[:1] for name, value in found.fields.items()})
    name, _, rest = item.rpartition(":")
    base, _, split = name.rpartition(":")
    if not base or not re.fullmatch(r"-?[0-9]+", rest) or split not in SPLITS:
        raise GenaeError(f"no such file or item: '{item}'; give a file, or an item such as mnist:test:7")
    examples = read_split(open_data(base), split, domain)
    index = int(rest)
    if not 0 <= index < len(examples):
        raise GenaeError(f"item '{item}': {base}:{split} has {len(examples)} examples, 0 to {len(examples) - 1}")
    return examples.take(torch.tensor([index]))


# -- telling ----------------------------------------------------------------------------------------------------------


def catalogue() -> list[dict[str, str]]:
    """Every data set of the registry: name, domain, where it is, one line about it."""
    return [_entry(name, found) for name, found in quarantine.each("dataset", registry.names("dataset"))]


def _entry(name: str, found: Any) -> dict[str, str]:
    try:
        if isinstance(found, GenaeError):
            raise found
        with blamed("dataset", name):
            return _facts(name, _made(name, found))
    except GenaeError as error:
        return {"name": name, "domain": "", "state": "broken", "about": str(error)}


def _facts(name: str, dataset: Any) -> dict[str, str]:
    own = dataset.places() if hasattr(dataset, "places") else [folder for folder in where(name) if _holds_files(folder)]
    there = str(own[0]) if own else ""
    state = "embedded" if not getattr(dataset, "downloads", ()) else "here" if there else "to download"
    return {"name": name, "domain": str(dataset.domain), "state": state, "about": str(dataset.about), "folder": there}


def _holds_files(folder: Path) -> bool:
    """More than what a broken download leaves."""
    return folder.is_dir() and any(not p.name.startswith(".") and p.suffix != ".part" for p in folder.iterdir())


def inspect(data: str, preset: str | None = None, settings: Sequence[str] = (), report: Report = quiet) -> dict[str, Any]:
    """How many examples each split of NAME or PATH has, of which classes, and what cannot be used and why, file by file."""
    dataset = open_data(data)
    name, domain = _domain_of(dataset, preset, settings)
    splits: dict[str, Any] = {}
    skipped: list[str] = []
    files: list[str] = []
    for split in SPLITS:
        examples = read_split(dataset, split, domain, report)
        counts = Counter(examples.labels.tolist()) if examples.labels is not None else Counter()
        classes = {label: counts[i] for i, label in enumerate(examples.classes)}
        splits[split] = {"examples": len(examples), "classes": classes, "skipped": len(examples.skipped),
                         "fields": {field: _range(value) for field, value in examples.fields.items()},
                         "files": examples.files, "used": examples.used, "lost": dict(examples.lost),
                         "sum": sum_of(examples)}  # fmt: skip
        skipped += examples.skipped
        files += [line for file in opened(dataset.split(split).files) for line in _looked_at(file, domain)]
    return {
        "data": data, "domain": name, "event": list(domain.event), "splits": splits, "skipped": skipped, "files": files
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


def stored(path: Path, preset: str, settings: Sequence[str] = (), report: Report = quiet) -> dict[str, list[Any]]:
    """Every stored example of a file, folder or zip, as lists and sorted, by the file's path inside; none of unusable ones."""
    _, domain = _domain_of(Local(path), preset, settings)
    inside = [(name, file) for name, file in files_of(path, whole=True) if file.suffix in domain.suffixes]
    if not inside:
        raise GenaeError(f"{path} holds no file that preset '{preset}' reads ({', '.join(domain.suffixes)})")
    found: dict[str, list[Any]] = {}
    for (name, _), (_, read) in zip(inside, read_each([file for _, file in inside], domain), strict=True):
        found[str(name)] = [] if isinstance(read, Rejected) else sorted(read.x.tolist())
        report(len(found), len(inside))
    return found


def _domain_of(dataset: Dataset, preset: str | None, settings: Sequence[str] = ()) -> tuple[str, Domain]:
    """The preset's domain with its options, the data set's own, or the one that reads most of its files."""
    if preset is not None:
        spec = recipe.compose(preset, settings).domain
        return spec["name"], instantiate("domain", spec)
    if dataset.domain:
        return dataset.domain, registry.get("domain", dataset.domain)()
    suffixes = Counter(file.suffix for split in SPLITS for file in dataset.split(split).files)
    scores: dict[str, int] = {}
    passed = list(getattr(dataset, "passed", ()))
    for names in (registry.own("domain"), registry.third_party("domain")):
        if 2 * max(scores.values(), default=0) > suffixes.total():
            break  # strangers' are imported only where genae's own do not read most of it
        for name, found in quarantine.each("domain", names):
            try:
                scores[name] = _score(name, found, suffixes)
            except GenaeError as error:
                passed.append(str(error))
    best = max(scores, key=lambda name: scores[name], default="")
    if not best or not scores[best]:
        kinds = ", ".join(suffixes) or "no files"
        broken = f"; passed over: {'; '.join(passed)}" if passed else ""
        raise GenaeError(f"{dataset.name} holds nothing that a domain reads ({kinds}); domains: {', '.join(scores)}{broken}")
    with blamed("domain", best):
        return best, registry.get("domain", best)()


def _score(name: str, found: Any, suffixes: Mapping[str, int]) -> int:
    """How many of the files a domain reads. GenaeError if it is broken."""
    if isinstance(found, GenaeError):
        raise found
    with blamed("domain", name):
        return sum(suffixes.get(s, 0) for s in found.suffixes)


def _reads_most(path: Path) -> bool:
    """Whether one of genae's own domains reads most of the files of a path."""
    suffixes = Counter(file.suffix for _, file in files_of(path))
    own = [found for _, found in quarantine.each("domain", registry.own("domain")) if not isinstance(found, GenaeError)]
    return any(2 * sum(suffixes[s] for s in domain.suffixes) > suffixes.total() for domain in own)
