"""Sonic Pi's one-shots: kicks, hats, tablas and more, a sound a file, whose kind is the beginning of its name (bd_808.flac).

A set without splits of its own is split by sound: SHA-256 of the file's name modulo 10, 0 test, 1 valid, the rest train.
"""

from __future__ import annotations

import re
from dataclasses import replace

from genae.data.examples import Split
from genae.data.local import hash_split
from genae_datasets.archived import Archived, Inside
from genae_datasets.download import Download

KINDS = {
    "bass": "bass", "bd": "kick", "drum": "drum", "elec": "electric", "glitch": "glitch", "guit": "guitar", "hat": "hat",
    "mehackit": "other", "misc": "other", "perc": "percussion", "sn": "snare", "tabla": "tabla", "tbd": "other",
    "vinyl": "vinyl",
}  # fmt: skip
NAME = re.compile(rf"(^|/)(?P<kind>{'|'.join(KINDS)})_\w+\.flac$")


def by_sound(inside: Inside, name: str) -> Split:
    """The sounds whose names are hashed to a split, labelled by their kind."""
    named = [(path, NAME.search(str(path)), file) for path, file in inside]
    chosen = [
        replace(file, label=KINDS[match["kind"]])
        for path, match, file in named
        if match and hash_split(path, len(inside)) == name
    ]
    return Split(files=chosen, classes=tuple(sorted({*KINDS.values()})))


one_shots = Archived(
    name="one-shots",
    about="161 one-shots of Sonic Pi: drums, tabla, bass, electric and other sounds, 44.1 kHz",
    home="https://github.com/sonic-pi-net/sonic-pi",
    licence="CC0 1.0",
    downloads=(
        Download(
            "sonic-pi.zip",
            ("https://github.com/sonic-pi-net/sonic-pi/archive/refs/tags/v4.5.1.zip",),
            checksum="",  # GitHub publishes none of the archives that it packs
        ),
    ),
    archives=("sonic-pi*.zip", "one-shots.zip"),
    wanted=NAME,
    choose=by_sound,
    domain="spectrogram",
)
