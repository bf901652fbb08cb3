"""The Free Spoken Digit Dataset: digits in English by six speakers, 8 kHz, {digit}_{speaker}_{take}.wav.

Takes 0 to 4 of the fifty are test, which is the set's own convention; 5 and 6 are valid here, the others train.
"""

from __future__ import annotations

import re
from dataclasses import replace

from genae.data.examples import Split
from genae_datasets.archived import Archived, Inside
from genae_datasets.download import Download

NAME = re.compile(r"(^|/)(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)\.wav$")
TEST, VALID = range(5), range(5, 7)  # takes


def by_take(inside: Inside, name: str) -> Split:
    """The recordings of a split, labelled by their digit."""
    named = [(NAME.search(str(path)), file) for path, file in inside]
    chosen = [replace(file, label=match["digit"]) for match, file in named if match and _split(int(match["take"])) == name]
    return Split(files=chosen, classes=tuple("0123456789"))


def _split(take: int) -> str:
    return "test" if take in TEST else "valid" if take in VALID else "train"


speech_digits = Archived(
    name="speech-digits",
    about="3000 recordings of spoken digits by six speakers, 8 kHz",
    home="https://github.com/Jakobovski/free-spoken-digit-dataset",
    licence="CC BY-SA 4.0",
    downloads=(
        Download(
            "free-spoken-digit-dataset.zip",
            ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",),
            checksum="",  # GitHub publishes none of the archives that it packs
        ),
    ),
    archives=("free-spoken-digit-dataset*.zip",),
    wanted=NAME,
    choose=by_take,
    domain="waveform",
)
