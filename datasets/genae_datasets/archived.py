"""Sets of files whose home on the web is one archive.

The archive and an unpacked folder are taken alike, wherever their folders begin, since GitHub wraps all in one more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from genae.data.examples import SPLITS, File, Split, where
from genae.data.local import files_of
from genae.errors import GenaeError, unknown
from genae.files import data_folders
from genae_datasets.download import Download

Inside = Sequence[tuple[PurePosixPath, File]]  # the files of a place that are wanted, with their paths in it
Choose = Callable[[Inside, str], Split]


@dataclass(frozen=True)
class Archived:
    """One set: what of its archive is wanted, and how that is split."""

    name: str
    about: str
    home: str
    licence: str
    downloads: tuple[Download, ...]
    archives: tuple[str, ...]  # patterns of the names that its archive goes by outside a folder of its own
    wanted: re.Pattern[str]  # the paths inside that are of the set, wherever they begin
    choose: Choose  # these to one split
    domain: str
    kin: tuple[str, ...] = ()  # sets that are of the same archive, in whose folders it may be

    def split(self, name: str) -> Split:
        """Its `files`. GenaeError if they are in none of `genae.files.data_folders()`."""
        if name not in SPLITS:
            raise unknown("split", name, SPLITS)
        places = self.places()
        for place in places:
            if inside := self._inside(place):
                return self.choose(inside, name)
        looked = " or ".join(str(folder) for folder in where(self.name))
        held = f" ({places[0]} holds none of its files)" if places else ""
        raise GenaeError(f"data set '{self.name}' is not in {looked}{held}; get it with: genae data get {self.name}")

    def _inside(self, place: Path) -> Inside:
        """What of a place is of the set, or itself; of an archive that is cut short nothing, and another place may have it."""
        if place.is_file() and self.wanted.search(place.name):
            return [(PurePosixPath(place.name), File(place))]
        with suppress(GenaeError):
            return [(path, file) for path, file in files_of(place, whole=True) if self.wanted.search(str(path))]
        return []

    def places(self) -> list[Path]:
        """An unpacked folder, the archives in it, and those beside it: of each of the user's data folders in turn."""
        found: list[Path] = []
        for folder in data_folders():
            for own in (folder / name for name in (self.name, *self.kin)):
                found += [own] if own.is_dir() else []
                found += sorted(own.glob("*.zip"))
            found += [path for names in self.archives for path in sorted(folder.glob(names))]
        return found
