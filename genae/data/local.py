"""A user's own files as a data set: which there are, of which class and split each is.

mine/cat/a.txt           a folder, read recursively; a file's class is its sub-folder
mine.zip, a.txt          a zip, without what is around everything in it; or one file
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from genae.data.examples import SPLITS, File, Split
from genae.errors import GenaeError

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
