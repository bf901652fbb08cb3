"""Nottingham, Groove and POP909: MIDI files from the homes of their sets.

A set without splits of its own is split by tune: SHA-256 of the file's name modulo 10, 0 test, 1 valid, the rest train.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

from genae.data.examples import File, Split
from genae.data.local import hash_split
from genae.errors import GenaeError
from genae_datasets.archived import Archived, Inside
from genae_datasets.download import Download


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
    domain="music",
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
    domain="music",
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
    domain="music",
)
