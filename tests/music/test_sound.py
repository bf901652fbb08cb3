"""Sound is measured: right length, right time, right pitch, drums like drums, never clipped, never a NaN."""

import os
import stat
import sys
import wave

import numpy as np
import pytest

from genae.errors import GenaeError
from genae_music import drums, melody, sound, trio
from genae_music.sound import PEAK, RATE, TAIL, place, render, synthesise
from genae_music.soundfont import SoundFont


def _tokens(steps=32, **at):
    tokens = np.zeros(steps, np.int64)
    for key, token in at.items():
        tokens[int(key[1:])] = token
    return tokens


def _samples(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(-1), np.int16).reshape(-1, 2)


def _centroid(part):
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return (spectrum * np.fft.rfftfreq(len(part), 1 / RATE)).sum() / spectrum.sum()


@pytest.mark.parametrize("tempo", [60.0, 120.0, 173.0])
def test_length_tempo_and_peak(tmp_path, tempo):
    score = melody.score(_tokens(t8=41, t16=45), tempo=tempo)
    samples = _samples(render(score, tmp_path / "a.wav"))
    step = 60 / tempo / 4
    assert len(samples) / RATE == pytest.approx(32 * step + TAIL, rel=1e-4)
    assert np.abs(samples).max() == pytest.approx(PEAK * 32767, abs=2)
    loud = np.abs(samples).max(1) > 300
    assert loud.argmax() / RATE == pytest.approx(8 * step, abs=0.02)
    assert not samples[-1].any()


@pytest.mark.parametrize("program", [0, 11, 19, 33, 40, 56, 73])
def test_a_note_has_its_pitch(program):
    heard = synthesise(melody.score(_tokens(t0=41, t31=1), program=program))[:, 0]  # middle C
    part = heard[RATE // 4 : RATE // 4 + RATE]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    low = np.arange(len(spectrum)) < 400  # Hz: below the second harmonic
    assert (spectrum * low).argmax() == pytest.approx(261.6, abs=3)


def test_notes_are_tuned_to_each_other():
    """An octave is twice the frequency, over the edges of the recordings that a preset is made of."""
    font = SoundFont(place())
    for low in range(33, 81, 6):
        peaks = []
        for pitch in (low, low + 12):
            heard = font.note(19, False, pitch, 100, 1.0)[RATE // 4 : RATE].mean(1)
            spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 8 * len(heard)))
            hertz = np.fft.rfftfreq(8 * len(heard), 1 / RATE)
            wanted = 440 * 2 ** ((pitch - 69) / 12)
            near = abs(hertz / wanted - 1) < 0.06
            peaks.append(hertz[near][spectrum[near].argmax()])
        assert peaks[1] / peaks[0] == pytest.approx(2, rel=0.01)


def test_a_damaged_soundfont_is_told(tmp_path):
    (tmp_path / "a.sf2").write_bytes(b"RIFF\x00\x00\x00\x00sfbkpdta")
    with pytest.raises(GenaeError, match="cannot be read as a SoundFont"):
        SoundFont(tmp_path / "a.sf2")


def test_drums_sound_like_drums():
    heard = synthesise(drums.score(_tokens(t0=1, t8=2, t16=4, t24=128)))[:, 0]
    kick, snare, hat, crash = (heard[int(t * RATE) : int(t * RATE) + RATE // 4] for t in (0, 1, 2, 3))
    assert _centroid(kick) < 1500 < 3000 < _centroid(snare) < 8000 < _centroid(hat)
    tail = heard[int(3.9 * RATE) : int(4.1 * RATE)]
    assert np.abs(tail).max() > 0.02 * np.abs(crash).max()  # a cymbal rings on
    assert np.abs(heard[int(0.9 * RATE) : RATE]).max() < 0.01 * np.abs(kick).max()  # a kick does not


def test_a_trio_sounds_together():
    tokens = np.zeros((3, 32), np.int64)
    tokens[0, 0], tokens[1, 8], tokens[2, 16] = 60, 30, 1
    heard = synthesise(trio.score(tokens))
    for seconds in (0.1, 1.1, 2.05):
        assert np.abs(heard[int(seconds * RATE) : int((seconds + 0.1) * RATE)]).max() > 0.005


def test_velocity_is_loudness():
    quiet, loud = (np.abs(synthesise(melody.score(_tokens(t0=41), velocity=v))).max() for v in (30, 110))
    assert loud > 2 * quiet > 0


def test_silence_is_silence_of_its_length(tmp_path):
    samples = _samples(render(melody.score(_tokens()), tmp_path / "a.wav"))
    assert len(samples) == round((4 + TAIL) * RATE)
    assert not samples.any()


def test_without_a_soundfont(tmp_path, monkeypatch):
    monkeypatch.setattr(sound.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GenaeError, match="reinstall pretty_midi, which ships one, or leave sound out with --no-audio"):
        render(melody.score(_tokens(t0=41)), tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())


FAKE = """#!{python}
import sys, wave
a = sys.argv
assert a[1] == "-ni" and a[-2].endswith(".sf2") and open(a[-1], "rb").read(4) == b"MThd"
if {fails}: sys.exit("broken")
with wave.open(a[a.index("-F") + 1], "wb") as f:
    f.setnchannels(2); f.setsampwidth(2); f.setframerate(int(a[a.index("-r") + 1])); f.writeframes(b"\\x00\\x10" * 88200)
"""


@pytest.mark.skipif(os.name == "nt", reason="the fake program is a script with a first line")
@pytest.mark.parametrize("fails", [False, True])
def test_the_systems_fluidsynth_goes_first(tmp_path, monkeypatch, caplog, fails):
    program = tmp_path / "fluidsynth"
    program.write_text(FAKE.format(python=sys.executable, fails=fails))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    heard = synthesise(melody.score(_tokens(t16=41)))
    assert heard.shape == (round((4 + TAIL) * RATE), 2)
    begins = heard[RATE // 2, 0]
    assert begins == (0 if fails else 0x1000 / 32768)  # nothing plays before the note
    assert ("fluidsynth failed" in caplog.text) == fails
