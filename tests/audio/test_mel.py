"""Mel spectrograms: real bytes to levels and back, silence, tone, a network's shapes, and damaged files named."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genae.data import File
from genae.errors import GenaeError, Rejected
from genae.heads import Gaussian
from genae.posteriors import GaussianPosterior
from genae_audio.mel_domain import Mel
from genae_audio.mel_networks import conv


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


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_rate_and_number_of_channels(rate, channels):
    sound = np.repeat(_tone(seconds=1.5, rate=rate)[:, None], channels, 1)
    found = Mel().read(_file(sound, rate))
    bands = found.x.float()[0, 0, :, :30].mean(1)
    assert bands.argmax() == Mel().read(_file(_tone())).x.float()[0, 0, :, :30].mean(1).argmax()


@pytest.mark.parametrize(
    "content, told",
    [
        (b"", "is empty"),
        (b"these are words\n" * 20, "not a sound file"),
        (_file(_tone()).content[:3000], "damaged or cut short"),
        (_file(np.zeros(0)).content, "too short|0 samples"),
        (_file(np.zeros(1)).content, "1 sample"),
        (_file(np.array([0.1, np.nan] * 4000), subtype="FLOAT").content, "NaN or an infinity"),
        (_file(np.array([0.1, np.inf] * 4000), subtype="FLOAT").content, "NaN or an infinity"),
        (_file(_tone(), kind="FLAC", name="a.flac").content[:900], "damaged|not a sound file|cut short"),
    ],
)
def test_bad_files_are_named_with_their_reason(content, told):
    with pytest.raises(Rejected, match=rf"^böse\.wav: .*({told})"):
        Mel().read(File(Path("böse.wav"), content=content))


@pytest.mark.parametrize(
    "kind, subtype", [("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")]
)
def test_formats(kind, subtype):
    found = Mel().read(_file(_tone(), kind=kind, subtype=subtype)).x
    assert len(found) == 1
    assert found.isfinite().all()


def test_silence_is_counted_and_not_used():
    found = Mel().read(_file(np.concatenate([_tone(seconds=1.024), np.zeros(8192), _tone(seconds=1.024)])))
    assert len(found.x) == 2
    assert found.lost == {"windows of digital silence": 1}
    assert len(Mel().read(_file(np.zeros(8192))).x) == 0


def test_joined_clips_are_longer_and_pictures_have_one_size():
    domain = Mel()
    x = torch.rand(3, *domain.event)
    assert tuple(domain.join(x).shape) == (1, 64, 192)
    assert domain.picture(x[0]).shape == domain.picture(torch.zeros(domain.event)).shape


def test_a_networks_shapes_and_gradients():
    encoder, decoder = conv((1, 64, 64), 8, GaussianPosterior(), Gaussian(), widths=[8, 16], blocks=[1, 1], hidden=16, patch=4)
    x = torch.rand(2, 1, 64, 64)
    p = decoder(encoder(x).rsample())
    assert p.mean.shape == x.shape
    p.log_prob(x).sum().backward()
    trained = [q for m in (encoder, decoder) for q in m.parameters() if q.requires_grad]
    assert all(q.grad is not None for q in trained)


@pytest.mark.parametrize("options", [{"rate": 10}, {"seconds": 0.0}, {"mels": 0}, {"hop": 400}, {"mels": 500}])
def test_bad_options(options):
    with pytest.raises(GenaeError, match=r"domain\."):
        Mel(**options)
