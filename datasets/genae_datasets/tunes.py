"""Songs composed on the spot, for a first run without any download: melody, bass and drums, 32 bars of 4/4 each.

The rules are in `genae_datasets.composer`; here they become MIDI files. A song is drawn from (seed, split, number) alone, so
that it is the same whatever others are made.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from genae.data.examples import File, Split
from genae.data.kept import code_of
from genae.errors import unknown
from genae_datasets import songfile
from genae_datasets.composer.dice import Dice
from genae_datasets.composer.harmony import Key
from genae_datasets.composer.song import Song, compose
from genae_datasets.composer.styles import STYLES

SIZES = {"train": 630, "valid": 63, "test": 63}  # multiples of the number of styles
MELODY, BASS, DRUMS = 0, 1, 9  # channels


@dataclass(frozen=True)
class Tunes:
    """The data set. Another seed gives other songs."""

    seed: int = 0
    name: str = "tunes"
    domain: str = "music"
    about: str = f"{sum(SIZES.values())} songs composed by rule: melody, bass and drums, 32 bars of 4/4, {len(STYLES)} styles"
    licence: str = "none is needed: they are made on the spot"

    def split(self, name: str) -> Split:
        """`files` that are composed when they are read, labelled with their styles."""
        if name not in SIZES:
            raise unknown("split", name, SIZES)
        files = [
            File(Path(f"tunes/{name}-{i + 1:04}.mid"), label=_style(i), make=partial(_made, self.seed, name, i),
                 mark=f"{self.seed}/{name}/{i}/{code_of(Tunes)}") for i in range(SIZES[name])
        ]  # fmt: skip
        return Split(files=files, classes=tuple(sorted(STYLES)))


@cache
def _made(seed: int, name: str, number: int) -> bytes:
    """A song's file: composed when it is first read, since what was read of it is mostly kept."""
    return midi(song_of(seed, name, number))


def song_of(seed: int, name: str, number: int) -> Song:
    """A song of a split; the styles come in turn."""
    return compose(_style(number), Dice(seed, list(SIZES).index(name), number))


def _style(number: int) -> str:
    return list(STYLES)[number % len(STYLES)]


tunes = Tunes()


# -- MIDI -------------------------------------------------------------------------------------------------------------


def midi(song: Song) -> bytes:
    """A song to the bytes of a type-1 MIDI file: tempo, meter and key; melody, bass and drums."""
    tracks = (
        songfile.track("melody", MELODY, song.programs[0], song.melody),
        songfile.track("bass", BASS, song.programs[1], song.bass),
        songfile.track("drums", DRUMS, 0, song.drums),
    )
    return songfile.song(song.tempo, tracks, b"\0\xff\x59\x02" + _signature(song.key))


def _signature(key: Key) -> bytes:
    """Sharps, or flats below 0, of the major or minor key on the tonic; and which of the two."""
    minor = key.third == "minor"
    sharps = (7 * (key.tonic + 3 * minor) + 5) % 12 - 5
    return struct.pack(">bB", sharps, minor)
