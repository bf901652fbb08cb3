"""Folk tunes in ABC notation: O'Neill's Music of Ireland and Aird's Airs, a tune a file.

Both are out of copyright; those who transcribed them are named in each tune's Z: field. They are taken from music21's corpus,
which says that the encodings are used with their permission, and that each collection has terms of its own:

    oneills1850   O'Neill's Music of Ireland, 1903; volunteers of the O'Neill's project
    airdsAirs     A Selection of Scotch, English, Irish and Foreign Airs, 1778 to 1801; Jack Campin, 2009

A set without splits of its own is split by tune: SHA-256 of the file's name modulo 10, 0 test, 1 valid, the rest train. Where a
tune is in two files of a collection under one number, both are of one split.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from genae.data.examples import File, Split
from genae.data.local import hash_split
from genae_datasets.archived import Archived, Inside
from genae_datasets.download import Download

COLLECTIONS = {"oneills1850": "o'neill", "airdsAirs": "aird"}
NAME = re.compile(rf"(^|/)(?P<collection>{'|'.join(COLLECTIONS)})/[^/]+\.abc$")


def by_number(inside: Inside, name: str) -> Split:
    """The tunes whose numbers are hashed to a split, labelled by their collection."""
    chosen = []
    for path, file in inside:
        match = NAME.search(str(path))
        if match and hash_split(_number(file), len(inside)) == name:
            chosen.append(replace(file, label=COLLECTIONS[match["collection"]]))
    return Split(files=chosen, classes=tuple(sorted(COLLECTIONS.values())))


def _number(file: File) -> PurePosixPath:
    """Of a tune in its collection: 12 of 0012.abc, and of 12-2.abc, the second one so numbered in its file."""
    return PurePosixPath(PurePosixPath(file.member or file.path.name).stem.partition("-")[0].lstrip("0"))


folk = Archived(
    name="folk",
    about="3189 tunes in ABC notation: O'Neill's Music of Ireland, Aird's Airs",
    home="https://github.com/cuthbertLab/music21",
    licence="out of copyright; the transcriptions by each collection's own terms",
    downloads=(
        Download(
            "music21-corpus.zip",
            ("https://github.com/cuthbertLab/music21/archive/refs/tags/v9.1.0.zip",),
            checksum="",  # GitHub publishes none of the archives that it packs
        ),
    ),
    archives=("music21*.zip", "music21*.whl", "folk-abc.zip"),
    wanted=NAME,
    choose=by_number,
    domain="music",
)
