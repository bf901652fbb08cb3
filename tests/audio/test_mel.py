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


def test_joined_clips_are_longer_and_pictures_have_one_size():
    domain = Mel()
    x = torch.rand(3, *domain.event)
    assert tuple(domain.join(x).shape) == (1, 64, 192)
    assert domain.picture(x[0]).shape == domain.picture(torch.zeros(domain.event)).shape


@pytest.mark.parametrize("options", [{"rate": 10}, {"seconds": 0.0}, {"mels": 0}, {"hop": 400}, {"mels": 500}])
def test_bad_options(options):
    with pytest.raises(GenaeError, match=r"domain\."):
        instantiate("domain", {"name": "spectrogram", **options})
