r"""Notes of instruments, one by one: data for models of sound, made on the spot from the SoundFont that pretty_midi ships.

Sixteen programs of General MIDI × 37 pitches (three octaves, 48…84) × 3 velocities, two seconds each, mono at 16 kHz, labelled
by their instrument, with pitch and velocity as fields. A note is held for one and a half seconds. It is played at 44.1 kHz and
brought to 16 kHz by cutting its spectrum at 8 kHz. The set is made once, into the user's cache.

As in NSynth (https://arxiv.org/abs/1704.01279) held-out notes are of known instruments: of every ten pairs of pitch and
velocity of an instrument one is test and one valid.
"""

from __future__ import annotations

import io
import wave
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genae.data.examples import SPLITS, File, Split
from genae.errors import unknown
from genae.files import cache_folder, write_file
from genae_music.smf import Array
from genae_music.sound import place
from genae_music.soundfont import RATE as PLAYED
from genae_music.soundfont import SoundFont

INSTRUMENTS = {
    "piano": 0, "harpsichord": 6, "vibraphone": 11, "organ": 19, "accordion": 21, "guitar": 24, "bass": 33, "violin": 40,
    "harp": 46, "choir": 52, "trumpet": 56, "horn": 60, "saxophone": 66, "clarinet": 71, "flute": 73, "lead": 80,
}  # fmt: skip
PITCHES, VELOCITIES = range(48, 85), (50, 85, 120)
RATE, SECONDS, HELD = 16_000, 2.0, 1.5  # samples per second of the set; of a file, and of its note
PEAK = 0.5  # of full scale, of the loudest velocity's first note
VERSION = 1  # of what is made; another is another file in the cache


@dataclass(frozen=True)
class Notes:
    """The data set."""

    name: str = "notes"
    domain: str = "waveform"
    about: str = f"{len(INSTRUMENTS) * len(PITCHES) * len(VELOCITIES)} notes of {len(INSTRUMENTS)} instruments, 2 s at 16 kHz"
    home: str = "https://github.com/craffel/pretty-midi"
    licence: str = "of the SoundFont TimGM6mb, GPL 2"

    def split(self, name: str) -> Split:
        """WAV files, labelled by instrument, each with its MIDI pitch and velocity."""
        if name not in SPLITS:
            raise unknown("split", name, SPLITS)
        archive = cache_folder() / f"notes-{VERSION}.zip"
        if not archive.exists():
            write_file(archive, _fill)
        files = [
            File(archive, _member(instrument, pitch, velocity), instrument, {"pitch": pitch, "velocity": velocity})
            for instrument, pitch, velocity in _all() if _split(instrument, pitch, velocity) == name
        ]  # fmt: skip
        return Split(files=files, classes=tuple(sorted(INSTRUMENTS)))


def _all() -> Iterator[tuple[str, int, int]]:
    return ((i, p, v) for i in INSTRUMENTS for p in PITCHES for v in VELOCITIES)


def _member(instrument: str, pitch: int, velocity: int) -> str:
    return f"{instrument}/{instrument}-{pitch}-{velocity}.wav"


def _split(instrument: str, pitch: int, velocity: int) -> str:
    """By a number that runs through pitches and velocities differently for every instrument."""
    digit = (7 * list(INSTRUMENTS).index(instrument) + 3 * pitch + VELOCITIES.index(velocity)) % 10
    return {0: "test", 1: "valid"}.get(digit, "train")


def _fill(path: Path) -> None:
    font = SoundFont(place())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for instrument, pitch, velocity in _all():
            member = zipfile.ZipInfo(_member(instrument, pitch, velocity))  # no date: the same bytes whenever it is made
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, _wav(note(font, INSTRUMENTS[instrument], pitch, velocity)))


def note(font: SoundFont, program: int, pitch: int, velocity: int) -> Array:
    """A note (SECONDS · RATE,) float32, as loud as its velocity."""
    played = font.note(program, False, pitch, velocity, HELD).mean(1)
    whole = np.zeros(round(SECONDS * PLAYED), np.float32)
    whole[: len(played)] = played[: len(whole)]
    fade = round(0.05 * PLAYED)
    whole[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    n = round(SECONDS * RATE)
    low = np.fft.irfft(np.fft.rfft(whole)[: n // 2 + 1], n) * (n / len(whole))
    loudest = np.abs(low).max()
    return np.asarray(low * (PEAK * (velocity / VELOCITIES[-1]) ** 2 / max(float(loudest), 1e-9)), np.float32)


def _wav(samples: Array) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).round().astype("<i2").tobytes())
    return buffer.getvalue()


notes = Notes()
