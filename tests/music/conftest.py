"""What the music tests share: MIDI bytes made by hand, and the archives of real files."""

from __future__ import annotations

import gzip
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from genae_music import smf

DATA = Path(os.environ.get("GENAE_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")


def header(tracks: int = 1, kind: int = 1, division: int = 480) -> bytes:
    return struct.pack(">4sLHHh", b"MThd", 6, kind, tracks, division)


def file(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    """The bytes of a MIDI file of raw tracks, each given its end-of-track event."""
    ended = [track + b"\x00\xff\x2f\x00" for track in tracks]
    return header(len(tracks), kind, division) + b"".join(struct.pack(">4sL", b"MTrk", len(t)) + t for t in ended)


def notes(*those: tuple[int, int, int], channel: int = 0, velocity: int = 80) -> bytes:
    """A raw track of notes (onset tick, end tick, pitch)."""
    events = [(on, 1, bytes([0x90 | channel, pitch, velocity])) for on, _, pitch in those]
    events += [(off, 0, bytes([0x80 | channel, pitch, 0])) for _, off, pitch in those]
    now, body = 0, b""
    for tick, _, message in sorted(events):
        body += smf.number(tick - now) + message
        now = tick
    return body


def meter(beats: int, unit: int, wait: int = 0) -> bytes:
    return smf.number(wait) + bytes([0xFF, 0x58, 4, beats, unit.bit_length() - 1, 24, 8])


def tempo(qpm: float, wait: int = 0) -> bytes:
    return smf.number(wait) + b"\xff\x51\x03" + round(6e7 / qpm).to_bytes(3, "big")


@pytest.fixture
def raw() -> SimpleNamespace:
    """Makers of MIDI bytes: `raw.file(raw.notes((0, 480, 60)))`."""
    return SimpleNamespace(header=header, file=file, notes=notes, meter=meter, tempo=tempo)


def open_archive(name: str) -> zipfile.ZipFile:
    path = DATA / name
    if not path.exists():
        told = f"no {name} in {DATA}; set GENAE_DATA"
        pytest.fail(told) if os.environ.get("GENAE_REQUIRE_DATA") else pytest.skip(told)
    return zipfile.ZipFile(path)


@pytest.fixture
def archive() -> Callable[[str], zipfile.ZipFile]:
    """`archive("pop909.zip")`, opened."""
    return open_archive


@pytest.fixture
def real() -> Callable[..., Iterator[tuple[str, bytes]]]:
    """`real("pop909.zip", every=10)` gives every tenth MIDI file of an archive: (name, bytes)."""

    def walk(archive: str, under: str = "", every: int = 1) -> Iterator[tuple[str, bytes]]:
        with open_archive(archive) as folder:
            names = [n for n in folder.namelist() if under in n and n.lower().endswith((".mid", ".midi", ".kar"))]
            for name in names[::every]:
                yield name, folder.read(name)

    return walk


@pytest.fixture
def conformance() -> Callable[[str], dict[str, list[list[int]]]]:
    """`conformance("melody_2bar")` gives Magenta's windows, sorted, by file."""

    def load(name: str) -> dict[str, list[list[int]]]:
        path = DATA.parent / "conformance" / f"{name}.json.gz"
        if not path.exists():
            pytest.skip(f"no {path.name} in {path.parent}; conformance vectors lie beside GENAE_DATA")
        found: dict[str, list[list[int]]] = json.loads(gzip.decompress(path.read_bytes()))
        return found

    return load
