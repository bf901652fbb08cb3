"""Whole recordings: every channel there and back, at its own rate and length."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genae.data.examples import File
from genae.data.pieces import read_piece
from genae_audio import mel_domain, whole
from genae_audio.mel_domain import Mel
from genae_audio.wave import Wave

DOMAINS = {"wave": Wave(), "mel": Mel()}


def recording(rate: int, samples: int, channels: int = 1) -> tuple[np.ndarray, File]:
    """A sine a channel, of 440 Hz, 550 Hz …; (samples, channels), and its file."""
    t = np.arange(samples)[:, None] / rate
    x = 0.4 * np.sin(2 * np.pi * (440 + 110 * np.arange(channels)) * t)
    content = io.BytesIO()
    soundfile.write(content, x, rate, "PCM_16", format="WAV")
    return x, File(Path("a.wav"), content=content.getvalue())


def back(domain, file, path):
    """What is written of a file's piece: samples (N, channels), and the rate."""
    piece = read_piece(file, domain)
    framed = domain.framed(piece.frame)
    framed.write(framed.join(domain.prepare(piece.x, "show")), path)
    return soundfile.read(path, always_2d=True)


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize(
    "rate, samples, channels", [(44100, 100_001, 2), (8000, 30_000, 1), (48000, 1000, 1), (16000, 65536, 3)]
)
def test_rate_channels_and_length_come_back(tmp_path, name, rate, samples, channels):
    _, file = recording(rate, samples, channels)
    x, own = back(DOMAINS[name], file, tmp_path / "b.wav")
    assert own == rate
    assert x.shape == (samples, channels)


@pytest.mark.parametrize("samples", [32768, 32769, 64736, 64737, 112_003])
def test_a_recording_at_the_models_rate_comes_back_to_the_bit(tmp_path, samples):
    """Whatever its windows have in common: faded over at constant sum it is what it was, but for a level of 16 bits."""
    x, file = recording(16000, samples, 2)
    y, _ = back(Wave(), file, tmp_path / "b.wav")
    assert np.abs(x - y).max() <= 2 / 32768


def test_channels_are_each_by_themselves(tmp_path):
    """The first has 440 Hz and no 550 Hz, the second the reverse."""
    _, file = recording(16000, 65536, 2)
    y, _ = back(Wave(), file, tmp_path / "b.wav")
    peaks = np.abs(np.fft.rfft(y[:16000], axis=0)).argmax(0)
    assert peaks.tolist() == [440, 550]


def test_silent_windows_are_rests():
    x = np.zeros((3 * 32768, 1))
    x[:1000] = 0.5
    content = io.BytesIO()
    soundfile.write(content, x, 16000, "PCM_16", format="WAV")
    piece = read_piece(File(Path("a.wav"), content=content.getvalue()), Wave())
    assert piece.rests.tolist() == [False, True, True, True]


@pytest.mark.parametrize("samples, windows", [(1, 1), (100, 1), (101, 2), (180, 2), (181, 3)])
def test_windows_of_100_that_have_20_in_common(samples, windows):
    assert whole.count(samples, 100, 80) == windows


def test_windows_fade_into_each_other():
    """Ones stay ones at equal sum; at equal power the middle of the fade is √2."""
    ones = torch.ones(3, 100)
    assert torch.allclose(whole.overlapped(ones, 21), torch.ones(258))
    powered = whole.overlapped(ones, 21, 0.5)
    assert torch.isclose(powered[79 + 10], torch.tensor(2.0).sqrt())
    assert powered[50] == 1


@pytest.mark.parametrize("name", DOMAINS)
def test_what_is_longer_than_the_recording_is_not_cut(tmp_path, name):
    domain = DOMAINS[name]
    _, file = recording(44100, 100_001, 2)
    piece = read_piece(file, domain)
    framed = domain.framed(piece.frame)
    x = domain.prepare(piece.x, "show").unflatten(0, (2, -1))
    longer = framed.join(torch.cat([x, x], 1).flatten(0, 1))
    framed.write(longer, tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").frames > 2 * 88_200


def test_a_long_sound_has_a_picture_of_bounded_width():
    height, width, _ = Wave().picture(torch.rand(1, 16000 * 600)).shape
    assert height == 257
    assert width < 2 * 4096 + 2


def test_long_spectrograms_become_sound_in_parts():
    domain = Mel(seconds=0.2, mels=16, window=256, hop=128)
    x = torch.rand(1, 16, 20_000)
    assert domain.sound(x[None]).shape == (1, 20_000 * 128)


def test_a_long_spectrogram_is_written_part_by_part(tmp_path, monkeypatch):
    domain, x = Mel(seconds=0.2, mels=16, window=256, hop=128), torch.rand(2, 16, 700) / 2
    monkeypatch.setattr(mel_domain, "LONGEST", 256)  # parts begin at frames 0, 192, 384 and 576
    sound = domain.sound(x[:, None])
    assert torch.equal(sound[0, : 192 * 128], domain.scale.sound(x[:1, :, :256])[0, : 192 * 128])
    assert torch.equal(sound[1, 256 * 128 : 384 * 128], domain.scale.sound(x[1:, :, 192:448])[0, 64 * 128 : 192 * 128])
    domain.write(x, tmp_path / "a.wav")
    written, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert (rate, written.shape) == (8000, (700 * 128, 2))
    assert np.array_equal(written, whole.levels(sound).T.numpy())
