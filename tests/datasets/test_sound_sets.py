"""Sets of sound: spoken digits by take, and notes that have their pitch, loudness and instrument."""

import io
import wave
import zipfile

import numpy as np
import pytest

from genae.errors import GenaeError
from genae_datasets.oneshots import one_shots
from genae_datasets.speech import speech_digits
from genae_music import notes as made
from genae_music.notes import RATE, Notes, note
from genae_music.sound import place
from genae_music.soundfont import SoundFont


def test_digits_are_split_by_take(real):
    real("free-spoken-digit-dataset.zip")
    splits = {name: speech_digits.split(name) for name in ("train", "valid", "test")}
    assert {name: len(split.files) for name, split in splits.items()} == {"train": 2580, "valid": 120, "test": 300}
    for split in splits.values():
        assert split.classes == tuple("0123456789")
    takes = {name: {int(f.member.rsplit("_")[-1][:-4]) for f in split.files} for name, split in splits.items()}
    assert takes["test"] == set(range(5))
    assert takes["valid"] == {5, 6}
    assert not takes["train"] & (takes["test"] | takes["valid"])
    file = splits["test"].files[0]
    assert file.member.rsplit("/", 1)[-1].startswith(f"{file.label}_")
    with wave.open(io.BytesIO(file.read())) as sound:
        assert sound.getframerate() == 8000


def test_one_shots_are_split_by_sound_and_are_of_a_kind(real):
    real("one-shots.zip")
    splits = {name: one_shots.split(name) for name in ("train", "valid", "test")}
    assert {name: len(split.files) for name, split in splits.items()} == {"train": 135, "valid": 7, "test": 19}
    files = [file for split in splits.values() for file in split.files]
    assert len({file.member for file in files}) == 161
    assert sum(file.label == "kick" for file in files) == 15
    assert {file.label for file in files} == {*splits["train"].classes}


def test_digits_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("GENAE_DATA", str(tmp_path))
    with pytest.raises(GenaeError, match="get it with: genae data get speech-digits"):
        speech_digits.split("train")


@pytest.fixture(scope="module")
def font():
    return SoundFont(place())


@pytest.mark.parametrize("program", [0, 40, 73])
def test_a_note_has_its_pitch(font, program):
    heard = note(font, program, 69, 85)
    assert heard.shape == (2 * RATE,)
    part = heard[2000:18000]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) * (np.fft.rfftfreq(len(part), 1 / RATE) < 660)
    assert np.fft.rfftfreq(len(part), 1 / RATE)[spectrum.argmax()] == pytest.approx(440, abs=3)
    assert np.abs(heard).max() == pytest.approx(0.5 * (85 / 120) ** 2, abs=1e-3)


def test_the_set_is_made_once_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "PITCHES", range(60, 62))
    monkeypatch.setattr(made, "INSTRUMENTS", {"piano": 0, "flute": 73})
    splits = {name: Notes().split(name) for name in ("train", "valid", "test")}
    names = [file.member for split in splits.values() for file in split.files]
    assert len(names) == len(set(names)) == 2 * 2 * 3
    (archive,) = tmp_path.glob("cache/notes-*.zip")
    first = archive.read_bytes()
    assert all(file.label == file.member.split("/")[0] for split in splits.values() for file in split.files)
    archive.unlink()
    Notes().split("train")
    assert archive.read_bytes() == first
    with zipfile.ZipFile(archive) as inside:
        assert inside.testzip() is None


def test_held_out_notes_are_of_known_instruments():
    of = {
        name: {made._member(*n).split("/")[0] for n in made._all() if made._split(*n) == name}
        for name in ("train", "valid", "test")
    }
    assert of["train"] == of["valid"] == of["test"] == set(made.INSTRUMENTS)
    with pytest.raises(GenaeError, match="no split 'other'"):
        Notes().split("other")
