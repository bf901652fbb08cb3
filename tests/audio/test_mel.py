"""Mel spectrograms: real bytes to levels and back, silence, tone, a network's shapes, and damaged files named."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genae.data.examples import File
from genae.errors import GenaeError
from genae.recipe.parts import instantiate
from genae_audio.mel import MelScale
from genae_audio.mel_domain import Mel


def _file(samples, rate=8000, kind="WAV", subtype="PCM_16", name="a.wav"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return File(Path(name), content=buffer.getvalue())


def _tone(hertz=1000.0, seconds=1.0, rate=8000, level=0.5):
    return level * np.sin(2 * math.pi * hertz * np.arange(round(seconds * rate)) / rate)


def test_a_tone_is_a_bright_band_and_comes_back_as_a_tone(tmp_path):
    domain = Mel()
    found = domain.read(_file(_tone())).x
    assert tuple(found.shape[1:]) == domain.event == (1, 64, 64)
    x = domain.prepare(found, "show")
    assert x[0, 0].mean(1).max() == pytest.approx(1 + 20 * math.log10(0.5) / 80, abs=0.08)
    domain.write(x[0], tmp_path / "b.wav")
    sound, rate = soundfile.read(tmp_path / "b.wav")
    assert (rate, len(sound)) == (8000, 64 * 128)
    assert np.isfinite(sound).all()
    part = sound[1000:5000]
    assert np.abs(np.fft.rfft(part * np.hanning(4000))).argmax() * 2 == pytest.approx(1000, abs=60)
    again = domain.prepare(domain.read(File(tmp_path / "b.wav")).x, "show")
    assert (again - x).abs()[..., 4:-4].mean() < 0.08


def _level(x):
    """The root mean square of x, dB below full scale."""
    return 10 * math.log10(x.square().mean().item())


SCALES = [MelScale(8000, 64, 512, 128, loudness=True), MelScale(16000, 80, 1024, 256, loudness=True)]


@pytest.mark.parametrize("scale", SCALES, ids=["8 kHz", "16 kHz"])
def test_a_sound_comes_back_as_loud_as_it_was_and_begins_without_a_click(scale):
    t = torch.arange(64 * scale.hop) / scale.rate
    sine = 0.5 * torch.sin(2 * math.pi * 440 * t)
    kick = 0.9 * torch.sin(2 * math.pi * 60 * t) * (-12 * t).exp()
    hiss = 0.1 * torch.randn(len(t), generator=torch.Generator().manual_seed(0))
    sounds = torch.stack([sine, kick, hiss])
    made = scale.sound(scale.spectrogram(sounds))
    for before, after in zip(sounds, made, strict=True):
        assert _level(after) == pytest.approx(_level(before), abs=0.1)
        assert after[0] == after[-1] == 0
    assert made[0, : scale.rate // 1000].abs().max() < 0.2  # -.59 was its first sample


@pytest.mark.parametrize("scale", SCALES, ids=["8 kHz", "16 kHz"])
def test_the_last_row_is_the_power_of_a_frame_and_bands_that_are_too_low_are_raised_to_it(scale):
    hiss = 0.1 * torch.randn(1, 64 * scale.hop, generator=torch.Generator().manual_seed(0))
    x = scale.spectrogram(hiss)
    louder = scale.spectrogram(2 * hiss)
    assert (louder - x)[:, -1].mean() * 80 == pytest.approx(20 * math.log10(2), abs=1e-3)
    blurred = x.clone()
    blurred[:, :-1] -= 10 / 80  # dB: as means of levels are
    assert _level(scale.sound(blurred)) == pytest.approx(_level(hiss), abs=0.1)
    silent = torch.zeros_like(x)
    assert scale.sound(silent).abs().max() == 0


def test_joined_clips_are_longer_and_pictures_have_one_size():
    domain = Mel()
    x = torch.rand(3, *domain.event)
    assert tuple(domain.join(x).shape) == (1, 64, 192)
    assert domain.picture(x[0]).shape == domain.picture(torch.zeros(domain.event)).shape


@pytest.mark.parametrize("options", [{"rate": 10}, {"seconds": 0.0}, {"mels": 0}, {"hop": 400}, {"mels": 500}])
def test_bad_options(options):
    with pytest.raises(GenaeError, match=r"domain\."):
        instantiate("domain", {"name": "spectrogram", **options})
