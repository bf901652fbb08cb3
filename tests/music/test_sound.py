"""Sound is measured: right length, right time, right pitch, drums like drums, never clipped, never a NaN."""

import os
import stat
import sys
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genae.errors import GenaeError
from genae_music import drums, melody, midi, sound, trio
from genae_music.loudness import CEILING, TARGET, loudness
from genae_music.score import Tempo
from genae_music.sound import RATE, place, render, synthesise
from genae_music.soundfont import SoundFont

TAIL = 1.5  # seconds


@pytest.fixture(autouse=True)
def _no_fluidsynth(monkeypatch):
    monkeypatch.setenv("PATH", "")


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


def _decay(part):
    """Seconds until a hit's energy has fallen by 20 dB, in blocks of 5 ms."""
    energy = np.square(part[: len(part) // 220 * 220].reshape(-1, 220)).sum(1)
    after = energy[energy.argmax() :] < energy.max() / 100
    return float(after.argmax() if after.any() else len(after)) * 220 / RATE


@pytest.mark.parametrize("tempo", [60.0, 120.0, 173.0])
def test_length_tempo_and_peak(tmp_path, tempo):
    score = melody.score(_tokens(t8=41, t16=45), tempo=tempo)
    samples = _samples(render(score, tmp_path / "a.wav", TAIL))
    step = 60 / tempo / 4
    assert len(samples) / RATE == pytest.approx(32 * step + TAIL, rel=1e-4)
    assert loudness(samples / 32767) == pytest.approx(TARGET, abs=1)
    assert np.abs(samples).max() <= CEILING * 32767 + 1
    loud = np.abs(samples).max(1) > 300
    assert loud.argmax() / RATE == pytest.approx(8 * step, abs=0.02)
    assert not samples[-1].any()


def test_the_length_follows_the_tempo_and_keeps_a_silent_end():
    score = replace(melody.score(_tokens(t0=41, t4=1)), tempos=(Tempo(0, 120.0), Tempo(16 * 120, 60.0)))
    heard = synthesise(score, TAIL)
    assert len(heard) == round((2 + 4 + TAIL) * RATE)  # a bar at 120 and one at 60 quarters per minute
    assert np.abs(heard[2 * RATE :]).max() < 1e-4 < np.abs(heard[:RATE]).max()


@pytest.mark.parametrize("tempo", [75.0, 140.0])
def test_every_hit_is_at_its_step(tempo):
    steps = [0, 6, 13, 17, 27]
    heard = synthesise(drums.score(_tokens(**{f"t{step}": 4 for step in steps}), tempo=tempo))[:, 0]
    for step in steps:
        due = round(step * 15 / tempo * RATE)
        before, around = np.abs(heard[max(0, due - 2205) : due]), np.abs(heard[due : due + 2205])
        assert (around > 0.3 * around.max()).argmax() < 0.02 * RATE
        assert before.max(initial=0.0) < 0.3 * around.max()


def test_the_last_note_rings_into_the_tail():
    heard = np.abs(synthesise(drums.score(_tokens(t31=128)), TAIL))  # a crash, struck at 3.875 s of 4
    assert heard[int(4.3 * RATE) : int(4.5 * RATE)].max() > 0.05 * heard.max()


@pytest.mark.parametrize("tempo", [60.0, 97.0, 120.0])
def test_a_clip_ends_where_it_loops(tmp_path, tempo):
    """Two clips played one after the other are the clip of both, but for what rings over from the first."""
    hits = _tokens(t0=1, t8=4, t16=2, t24=4)
    once, twice = (_samples(render(drums.score(t, tempo=tempo), tmp_path / "a.wav")) for t in (hits, np.tile(hits, 2)))
    assert len(once) == round(8 * 60 / tempo * RATE)
    assert len(twice) in (2 * len(once) - 1, 2 * len(once), 2 * len(once) + 1)  # each end is at the nearest sample
    assert np.abs(np.concatenate([once, once]).astype(int)[: len(twice)] - twice[: 2 * len(once)]).mean() < 20
    assert not once[-1].any()


@pytest.mark.parametrize("velocity", [1, 127])
def test_every_clip_is_as_loud_and_none_clips(tmp_path, velocity):
    tokens = np.stack([np.full(32, 60), np.full(32, 25), np.full(32, 511)])  # everything at once, at every step
    samples = _samples(render(trio.score(tokens, velocity=velocity), tmp_path / "a.wav"))
    assert loudness(samples / 32767) == pytest.approx(TARGET, abs=1)
    assert np.abs(samples.astype(int)).max() <= CEILING * 32767 + 1


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
    assert _decay(hat) < 0.1 < _decay(heard[3 * RATE : 4 * RATE])


def test_the_drums_of_a_trio_are_not_played_by_its_program():
    tokens = np.zeros((3, 32), np.int64)
    tokens[2, 0] = 4  # closed hi-hat
    piano = synthesise(melody.score(_tokens(t0=42 - 21 + 2, t2=1)))[: RATE // 4, 0]
    hat = synthesise(trio.score(tokens))
    assert np.array_equal(hat, synthesise(drums.score(tokens[2])))
    assert _centroid(hat[: RATE // 4, 0]) > 5 * _centroid(piano)


def test_velocity_is_loudness_within_a_clip():
    score = melody.score(_tokens(t0=41, t8=1, t16=41, t24=1))
    heard = np.abs(synthesise(replace(score, velocity=np.array([40, 80]))))
    assert heard[2 * RATE :].max() / heard[: 2 * RATE].max() == pytest.approx(4, rel=0.02)  # amplitude goes as its square


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
    samples = _samples(render(melody.score(_tokens()), tmp_path / "a.wav", TAIL))
    assert len(samples) == round((4 + TAIL) * RATE)
    assert not samples.any()


def test_without_a_soundfont(tmp_path, monkeypatch):
    monkeypatch.setattr(sound.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GenaeError, match="reinstall pretty_midi, which ships one, or leave sound out with --no-audio"):
        render(melody.score(_tokens(t0=41)), tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())


FAKE = """#!{python}
import pathlib, shutil, sys, time, wave
a, manner = sys.argv, "{manner}"
assert a[1] == "-ni" and a[-2].endswith(".sf2")
shutil.copy(a[-1], "{folder}/given.mid")
pathlib.Path("{folder}/calls").open("a").write("x")
if manner == "fails": sys.exit("first\\nno such driver")
if manner == "hangs": time.sleep(60)
if manner == "empty": sys.exit(0)
loud = b"\\x00\\x00" if manner == "silent" else b"\\x00\\x10"
with wave.open(a[a.index("-F") + 1], "wb") as f:
    f.setnchannels(1 if manner == "mono" else 2)
    f.setsampwidth(2)
    f.setframerate(int(a[a.index("-r") + 1]))
    f.writeframes(loud * {{"short": 0, "long": 882000}}.get(manner, 88200))
"""


@pytest.fixture
def fluidsynth(tmp_path, monkeypatch):
    """`fluidsynth("fails")` puts a program of that name and manner in front of all others."""
    if os.name == "nt":
        pytest.skip("the fake program is a script with a first line")
    monkeypatch.setattr(sound, "_failed", set())

    def make(manner: str) -> Path:
        program = tmp_path / "fluidsynth"
        program.write_text(FAKE.format(python=sys.executable, manner=manner, folder=tmp_path))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))
        return tmp_path

    return make


def test_the_systems_fluidsynth_goes_first(fluidsynth, caplog):
    folder = fluidsynth("works")
    heard = synthesise(melody.score(_tokens(t16=41), tempo=60), TAIL)
    assert heard.shape == (round((8 + TAIL) * RATE), 2)
    assert heard[RATE // 2, 0] == 0x1000 / 32768  # nothing of genae's own plays before the note
    assert not heard[88200:].any()  # it wrote a second
    given = midi.read((folder / "given.mid").read_bytes())
    assert given.seconds(np.array([given.length]))[0] == pytest.approx(8 + TAIL, abs=0.01)  # so that the end rings
    assert not caplog.text
    assert synthesise(melody.score(_tokens(t16=41), tempo=60)).shape == (8 * RATE, 2)
    given = midi.read((folder / "given.mid").read_bytes())
    assert given.seconds(np.array([given.length]))[0] == pytest.approx(8 + sound.SPARE, abs=0.01)


def test_what_still_sounds_at_the_end_is_faded(fluidsynth):
    fluidsynth("long")
    heard, fade = synthesise(melody.score(_tokens(t0=41)), TAIL)[:, 0], round(sound.FADE * RATE)
    assert len(heard) == round((4 + TAIL) * RATE)  # of twenty seconds
    assert (heard[:-fade] == 0x1000 / 32768).all()
    assert heard[-fade // 2] == pytest.approx(0x0800 / 32768, rel=1e-3)
    assert heard[-1] == 0
    assert np.abs(np.diff(heard)).max() < 1e-4  # no click


@pytest.mark.parametrize(
    "manner, why",
    [
        ("fails", "no such driver"), ("empty", "No such file"), ("silent", "silence"), ("short", "silence"),
        ("mono", "1 channels of 16 bits"), ("hangs", "timed out"),
    ],
)  # fmt: skip
def test_a_fluidsynth_that_fails_is_told_of_once(fluidsynth, caplog, monkeypatch, manner, why):
    score = melody.score(_tokens(t16=41))
    own = synthesise(score)
    folder = fluidsynth(manner)
    monkeypatch.setattr(sound, "PATIENCE", 3.0 if manner == "hangs" else 30)
    for _ in range(3):
        assert np.array_equal(synthesise(score), own)
    assert (folder / "calls").read_text() == "x"
    assert len(caplog.records) == 1
    assert why in caplog.text
    assert "genae plays the notes itself" in caplog.text
