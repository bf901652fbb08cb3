"""Nottingham, Groove and POP909: MIDI files from the homes of their sets.

The official archive and an unpacked folder are taken alike, wherever their folders begin: GitHub wraps all in one more. A set
without splits of its own is split by tune: SHA-256 of the file's name modulo 10, 0 test, 1 valid, the rest train, which is what
`genae.sources` does with a user's own files.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from genae.data import SPLITS, File, Split, where
from genae.errors import GenaeError, unknown
from genae.files import data_folders
from genae.sources import files_of, hash_split
from genae_datasets import download
from genae_datasets.download import Download

Inside = Sequence[tuple[PurePosixPath, File]]  # the files of a place that are wanted, with their paths in it
Choose = Callable[[Inside, str], Split]


@dataclass(frozen=True)
class Archived:
    """A set of MIDI files with a home on the web."""

    name: str
    about: str
    home: str
    licence: str
    downloads: tuple[Download, ...]
    archives: tuple[str, ...]  # patterns of the names that its archive goes by outside a folder of its own
    wanted: re.Pattern[str]  # the paths inside that are of the set, wherever they begin
    choose: Choose  # these to one split
    domain: str = "music"

    def split(self, name: str) -> Split:
        """Its `files`. GenaeError if they are in none of `genae.files.data_folders()`."""
        if name not in SPLITS:
            raise unknown("split", name, SPLITS)
        places = self.places()
        for place in places:
            inside = [(path, file) for path, file in files_of(place, whole=True) if self.wanted.search(str(path))]
            if inside:
                return self.choose(inside, name)
        looked = " or ".join(str(folder) for folder in where(self.name))
        held = f" ({places[0]} holds none of its files)" if places else ""
        raise GenaeError(f"data set '{self.name}' is not in {looked}{held}; get it with: genae data get {self.name}")

    def places(self) -> list[Path]:
        """An unpacked folder, the archives in it, and those beside it: of each of the user's data folders in turn."""
        found: list[Path] = []
        for folder in data_folders():
            own = folder / self.name
            found += [own] if own.is_dir() else []
            found += sorted(own.glob("*.zip"))
            found += [path for names in self.archives for path in sorted(folder.glob(names))]
        return found

    def get(self, report: download.Report = download.quiet) -> list[Path]:
        """Download its archive, unless it is there already, into the user's cache; its path. GenaeError if that fails."""
        return download.get(self, report)


def by_tune(inside: Inside, name: str) -> Split:
    """The files whose names are hashed to a split."""
    return Split(files=[file for path, file in inside if hash_split(path, len(inside)) == name])


def by_info(inside: Inside, name: str) -> Split:
    """Groove's own split, in its info.csv; a file's class is its primary style, such as rock of rock/halftime."""
    files = dict(inside)
    path = next((path for path in files if path.name == "info.csv"), None)
    if path is None:
        raise GenaeError(f"{inside[0][1].name}: its info.csv is missing, which says what is train and what is test")
    rows = _rows(files[path])
    absent = [row["midi_filename"] for row in rows if path.parent / row["midi_filename"] not in files]
    if absent:
        raise GenaeError(f"{files[path].name} names {len(absent)} files that are not there ({absent[0]}, …); get it again")
    own = "validation" if name == "valid" else name
    chosen = [
        replace(files[path.parent / row["midi_filename"]], label=_style(row)) for row in rows if row["split"] == own
    ]  # fmt: skip
    return Split(files=chosen, classes=tuple(sorted({_style(row) for row in rows})))


def _rows(info: File) -> list[dict[str, str]]:
    """Its rows by column. GenaeError if it is not the table that it should be."""
    try:
        rows = list(csv.DictReader(io.StringIO(info.read().decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise GenaeError(f"{info.name}: not a table of comma-separated values ({error})") from error
    lacking = [n for n in ("midi_filename", "split", "style") if any(row.get(n) is None for row in rows) or not rows]
    if lacking:
        raise GenaeError(f"{info.name}: has no column '{lacking[0]}', or a row without it")
    return rows


def _style(row: dict[str, str]) -> str:
    return row["style"].split("/")[0]


nottingham = Archived(
    name="nottingham",
    about="1034 British and American folk tunes, their melodies",
    home="https://github.com/jukedeck/nottingham-dataset",
    licence="GPL 3",
    downloads=(
        Download(
            "nottingham-dataset.zip",
            ("https://github.com/jukedeck/nottingham-dataset/archive/0992bb6cd864f6d4b90d6663e08c0ef53ffaa08f.zip",),
            checksum="",  # GitHub packs archives when they are asked for, and promises no bytes: the commit is what is fixed
        ),
    ),
    archives=("nottingham-dataset*.zip", "nottingham-midi.zip"),
    wanted=re.compile(r"(^|/)melody/[^/]+\.mid$"),
    choose=by_tune,
)

groove = Archived(
    name="groove",
    about="Groove MIDI: 1150 performances by 10 drummers, 13.6 hours, 18 styles",
    home="https://magenta.tensorflow.org/datasets/groove",
    licence="CC BY 4.0",
    downloads=(
        Download(
            "groove-v1.0.0-midionly.zip",
            ("https://storage.googleapis.com/magentadata/datasets/groove/groove-v1.0.0-midionly.zip",),
            # as its home publishes it, and tensorflow_datasets/datasets/groove/checksums.tsv of github.com/tensorflow/datasets
            "sha256:651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e",
            3_260_318,
        ),
    ),
    archives=("groove-*midionly.zip",),
    wanted=re.compile(r"(^|/)info\.csv$|\.midi?$"),
    choose=by_info,
)

pop909 = Archived(
    name="pop909",
    about="909 Chinese pop songs: melody, bridge and piano",
    home="https://github.com/music-x-lab/POP909-Dataset",
    licence="MIT",
    downloads=(
        Download(
            "POP909-Dataset.zip",
            ("https://github.com/music-x-lab/POP909-Dataset/archive/d83e6edba6872a704f5d3b8b32f5cb540088dae6.zip",),
            checksum="",  # as for nottingham
        ),
    ),
    archives=("POP909*.zip", "pop909*.zip"),
    wanted=re.compile(r"(^|/)(\d{3})/\2\.mid$"),  # not the other versions of a song, 001/versions/001-v1.mid
    choose=by_tune,
)
