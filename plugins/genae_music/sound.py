"""A score to sound: 16-bit stereo WAV at 44.1 kHz, with what a plain install brings.

The General MIDI SoundFont that pretty_midi ships is played by the system's fluidsynth where there is one, and else by
`genae_music.soundfont`. Players of a band have their places (`mix`). Every clip is written at −14 LUFS and below −1 dB of full
scale (`loudness`), so velocities compare within a clip, not between clips.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import subprocess
import tempfile
import wave
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np

from genae.errors import GenaeError
from genae.files import write_file
from genae_music import midi, mix
from genae_music.loudness import levelled
from genae_music.score import Score
from genae_music.soundfont import RATE, Array, SoundFont

FADE, CLICK = 0.3, 0.005  # seconds of fading at the end, the first where the sound has rung on as long
SPARE = 0.5  # seconds that fluidsynth is given more: before 2.3.1 it stopped at the track's end, whatever still rang
PATIENCE = 120.0  # seconds that fluidsynth may take; some releases never end on some notes

_log = logging.getLogger(__name__)
_failed: set[str] = set()  # programs that are not tried again in this process


def render(score: Score, path: Path, tail: float = 0.0) -> Path:
    """A score to a WAV file that lasts its length, to the sample, and `tail` seconds. GenaeError if no SoundFont is there."""
    sound = wav(score, tail)
    return write_file(path, lambda temporary: temporary.write_bytes(sound))


def wav(score: Score, tail: float = 0.0) -> bytes:
    """As `render`, in memory."""
    samples = np.round(32767 * levelled(synthesise(score, tail))).astype("<i2")
    with BytesIO() as stream, wave.open(stream, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
        return stream.getvalue()


def synthesise(score: Score, tail: float = 0.0) -> Array:
    """A score and `tail` seconds of what still rings to samples (N, 2), float32, at RATE, as loud as they come."""
    seconds = float(score.seconds(np.array([score.length]))[0]) + tail
    sound = np.zeros((round(seconds * RATE), 2), np.float32)
    if len(score.onset):
        played = _fluidsynth(score, place(), max(tail, SPARE))
        if played is None:
            _mix(score, sound)
        else:
            sound[: len(played)] = played[: len(sound)]
    fade = min(len(sound), round((FADE if tail >= FADE else CLICK) * RATE))
    sound[len(sound) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
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
    """Every note added to `sound` (N, 2) at its place."""
    font = _font(place())
    onset, length = score.seconds(score.onset), score.seconds(score.offset) - score.seconds(score.onset)
    for i, (player, seat) in enumerate(zip(score.instruments, mix.seats(score), strict=True)):
        for k in np.flatnonzero(score.instrument == i).tolist():
            seconds = round(float(length[k]), 4)
            note = font.note(player.program, player.is_drum, int(score.pitch[k]), int(score.velocity[k]), seconds)
            first = round(float(onset[k]) * RATE)
            part = note[: max(0, len(sound) - first)]
            sound[first : first + len(part)] += part * seat.gains


def _fluidsynth(score: Score, font: Path, tail: float) -> Array | None:
    """By the system's program and with `tail` seconds more (N, 2); None if there is none or it fails, as the log tells once."""
    program = shutil.which("fluidsynth")
    if program is None or program in _failed:
        return None
    ticks = round(tail / float(score.tempo_map[2][-1]))
    try:
        return _run(program, font, midi.write(replace(score, length=score.length + ticks)))
    except (OSError, ValueError, EOFError, wave.Error, subprocess.SubprocessError) as error:
        _failed.add(program)
        _log.warning("%s failed (%s); genae plays the notes itself from now on", program, error)
        return None


def _run(program: str, font: Path, notes: bytes) -> Array:
    """The program's sound of a MIDI file's bytes (N, 2). ValueError with what it said if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "score.mid", Path(folder) / "score.wav"
        score.write_bytes(notes)
        command = [program, "-ni", "-F", str(sound), "-r", str(RATE), str(font), str(score)]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise ValueError(said[-1] if said else f"exit status {done.returncode}")
        with wave.open(str(sound)) as file:
            form = file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    if form != (2, 16, RATE):
        raise ValueError("it wrote {} channels of {} bits at {} Hz".format(*form))
    samples = np.frombuffer(data, "<i2").reshape(-1, 2)
    if not samples.any():  # it ends well without a SoundFont too
        raise ValueError("it wrote silence")
    return samples.astype(np.float32) / np.float32(32768)
