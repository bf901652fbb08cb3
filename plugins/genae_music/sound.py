"""A score to sound: 16-bit stereo WAV at 44.1 kHz, with what a plain install brings.

The General MIDI SoundFont that pretty_midi ships is played by the system's fluidsynth where there is one, and else by
`genae_music.soundfont`.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import subprocess
import tempfile
import wave
from functools import cache
from pathlib import Path

import numpy as np

from genae.errors import GenaeError
from genae.files import write_file
from genae_music import midi
from genae_music.score import Score
from genae_music.smf import Array
from genae_music.soundfont import RATE, SoundFont

TAIL = 1.5  # seconds after the score's end, for what still rings
FADE = 0.3  # seconds
PEAK = 0.7  # of full scale, about -3 dB: every clip's
PATIENCE = 120.0  # seconds that fluidsynth may take

_log = logging.getLogger(__name__)


def render(score: Score, path: Path) -> Path:
    """A score to a WAV file that lasts its length and a tail. GenaeError if no SoundFont is there."""
    sound = synthesise(score)
    peak = np.abs(sound).max(initial=0.0)
    samples = np.round(sound * (PEAK * 32767 / peak if peak > 0 else 0.0)).astype("<i2")

    def write(temporary: Path) -> None:
        with wave.open(str(temporary), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())

    return write_file(path, write)


def synthesise(score: Score) -> Array:
    """A score to samples (N, 2), float32, at RATE."""
    seconds = score.length * 60 / (score.tempo * score.resolution) + TAIL
    sound = np.zeros((round(seconds * RATE), 2), np.float32)
    if len(score.onset):
        played = _fluidsynth(score, place())
        if played is None:
            _mix(score, sound)
        else:
            sound[: len(played)] = played[: len(sound)]
    fade = round(FADE * RATE)
    sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return sound


def place() -> Path:
    """Of pretty_midi's SoundFont. GenaeError if it is not there."""
    package = importlib.util.find_spec("pretty_midi")
    found = Path(package.origin).parent / "TimGM6mb.sf2" if package and package.origin else None
    if found is None or not found.exists():
        raise GenaeError(
            "no SoundFont to play from; reinstall pretty_midi, which ships one, or leave sound out with --no-audio"
        )
    return found


@cache
def _font(path: Path) -> SoundFont:
    return SoundFont(path)


def _mix(score: Score, sound: Array) -> None:
    """Every note added to `sound` (N, 2) at its place; equal notes are computed once."""
    font, known = _font(place()), {}
    onset, length = score.seconds(score.onset), score.seconds(score.offset) - score.seconds(score.onset)
    for i, player in enumerate(score.instruments):
        for k in np.flatnonzero(score.instrument == i).tolist():
            key = (player.program, player.is_drum, int(score.pitch[k]), int(score.velocity[k]), round(float(length[k]), 4))
            if key not in known:
                known[key] = font.note(*key)
            first = round(float(onset[k]) * RATE)
            part = known[key][: max(0, len(sound) - first)]
            sound[first : first + len(part)] += part


def _fluidsynth(score: Score, font: Path) -> Array | None:
    """By the system's program; None if there is none or it fails, which is told once in the log."""
    program = shutil.which("fluidsynth")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        notes, sound = Path(folder) / "score.mid", Path(folder) / "score.wav"
        notes.write_bytes(midi.write(score))
        command = [program, "-ni", "-g", "0.5", "-F", str(sound), "-r", str(RATE), str(font), str(notes)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
            with wave.open(str(sound)) as file:
                channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels)
            if (channels, width, rate) != (2, 2, RATE) or not len(samples):
                raise ValueError(f"it wrote {channels} channels of {8 * width} bits at {rate} Hz")
        except (OSError, ValueError, EOFError, wave.Error, subprocess.SubprocessError) as error:
            _log.warning("fluidsynth failed (%s); genae plays instead", error)
            return None
    return samples.astype(np.float32) / 32768
