"""A user's own files as a data set: which there are, of which class and split each is.

mine/cat/a.txt           a folder, read recursively; a file's class is its sub-folder
mine.zip, a.txt          a zip, without what is around everything in it; or one file

Which files count is in `genae.data.listing`, which split and class each has in `genae.data.layout`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from genae.data.examples import SPLITS, Split
from genae.data.layout import FEW, WORDS, Layout, laid_out
from genae.data.listing import Inside, listing
from genae.errors import Rejected, unknown
from genae.names import encoded


@dataclass(frozen=True)
class Local:
    """A user's own file, folder or zip, split and labelled by its folders as `genae.data.layout` says."""

    path: Path
    domain: str = ""
    passed: tuple[str, ...] = field(
        default=(), compare=False, repr=False
    )  # what is wrong with plugins that might have claimed it

    @property
    def name(self) -> str:
        return self.path.name or str(self.path)

    @property
    def about(self) -> str:
        return f"files of {self.path}"

    def split(self, name: str) -> Split:
        if name not in SPLITS:
            raise unknown("split", name, SPLITS)
        found = self._layout()
        return Split(files=found.placed[name], classes=found.classes)

    def left(self) -> Sequence[Rejected]:
        """The files that are in no split, with the reason."""
        return self._layout().left

    def rules(self) -> Sequence[str]:
        """How its files were split, for people."""
        return self._layout().rules

    def _layout(self) -> Layout:
        every = listing(self.path)
        found = laid_out(every.files if self.path.is_dir() else _unwrapped(every.files))
        return Layout(found.placed, found.classes, (*every.left, *found.left), found.rules)


def hash_split(relative: PurePosixPath, total: int) -> str:
    """The split of one among so many: by the SHA-256 of its name modulo 10, so that it stays where it is when others come."""
    if total < FEW:
        return "train"
    digit = int(hashlib.sha256(encoded(relative.name)).hexdigest(), 16) % 10
    return {0: "test", 1: "valid"}.get(digit, "train")


def files_of(path: Path, whole: bool = False) -> Sequence[Inside]:
    """Every file of a folder or zip that counts, sorted, with its path inside.

    Folders of a zip that are around everything are left off the path, unless it is wanted `whole`.
    """
    files = listing(path).files
    return files if whole or path.is_dir() else _unwrapped(files)


def _unwrapped(inside: Sequence[Inside]) -> Sequence[Inside]:
    """Without the folders around everything, which are no class; those of splits stay."""
    while inside and inside[0][0].parts[0].lower() not in WORDS and _wrapped([path for path, _ in inside]):
        inside = [(PurePosixPath(*path.parts[1:]), file) for path, file in inside]
    return inside


def _wrapped(paths: Sequence[PurePosixPath]) -> bool:
    return len({path.parts[0] for path in paths}) == 1 and all(len(path.parts) > 1 for path in paths)
