"""Waveforms: the domain through real files."""

from __future__ import annotations

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
from genae_audio.wave import Wave

RATE = 16000


def tone(frequency: float, samples: int = 32768, rate: int = RATE) -> torch.Tensor:
    """(1, samples)."""
    return 0.5 * torch.sin(2 * math.pi * frequency * torch.arange(samples) / rate)[None]


def pitch(x: torch.Tensor, rate: int = RATE) -> float:
    """The strongest frequency of x (1, N), Hz."""
    spectrum = torch.fft.rfft(x[0] * torch.hann_window(x.shape[1]), 4 * x.shape[1]).abs()
    return spectrum.argmax().item() * rate / (4 * x.shape[1])


def wav(x: np.ndarray, rate: int = RATE, subtype: str = "PCM_16", name: str = "a.wav") -> File:
    """Samples (N,) or (N, channels) as the bytes of a file."""
    content = io.BytesIO()
    soundfile.write(content, x, rate, subtype, format=name.split(".")[1].upper())
    return File(path=Path(name), content=content.getvalue())


@pytest.mark.parametrize(
    "rate, seconds, samples", [(16000, 2.0, 32768), (48000, 2.7, 131072), (8000, 1.024, 8192), (8000, 1e-3, 2048)]
)
def test_windows_are_rounded_up_to_multiples_of_2048(rate, seconds, samples):
    assert Wave(rate=rate, seconds=seconds).event == (1, samples)


@pytest.mark.parametrize("options, told", [
    ({"rate": 100}, r"domain\.rate must be 1000 to 768000 Hz, not 100"),
    ({"seconds": 0.0}, r"domain\.seconds must be above 0, not 0\.0"),
    ({"seconds": math.inf}, r"domain\.seconds must be finite, not inf"),
])  # fmt: skip
def test_options_that_are_no_sound(options, told):
    with pytest.raises(GenaeError, match=told):
        instantiate("domain", {"name": "waveform", **options})


def test_sixteen_bits_come_back_to_the_bit(tmp_path):
    domain = Wave()
    levels = torch.randint(-32768, 32768, (1, 32768), generator=torch.Generator().manual_seed(0)).to(torch.int16)
    shown = domain.prepare(levels[None], "show")
    assert shown.min() >= -1
    assert shown.max() < 1
    domain.write(shown[0], tmp_path / "a.wav")
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.subtype, info.samplerate, info.channels, info.frames) == ("PCM_16", RATE, 1, 32768)
    assert torch.equal(domain.read(File(tmp_path / "a.wav")).x, levels[None])


def test_what_is_beyond_full_scale_is_clipped_and_nan_is_silence(tmp_path):
    x = torch.tensor([[2.0, -2.0, math.nan, 0.5]])
    Wave().write(x, tmp_path / "a.wav")
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [32767, -32768, 0, 16384]


@pytest.mark.parametrize(
    "subtype, name", [("PCM_24", "a.wav"), ("FLOAT", "a.wav"), ("PCM_U8", "a.wav"), ("PCM_16", "a.flac"), ("VORBIS", "a.ogg")]
)
def test_other_formats_rates_and_channels_are_the_same_sound(subtype, name):
    long = tone(440, 2 * 65536, 44100)[0].numpy()
    stereo = np.stack([long, 0.5 * long], 1)
    x = Wave().prepare(Wave().read(wav(stereo, 44100, subtype, name)).x, "show")
    assert x.shape == (1, 1, 32768)  # 2.97 s: one window, and an end of less than half
    assert pitch(x[0]) == pytest.approx(440, abs=1)
    assert x.abs().max().item() == pytest.approx(0.375, abs=0.02)


def test_training_varies_gain_sign_and_place_and_nothing_else_does():
    domain = Wave()
    stored = (tone(440) * 32767).to(torch.int16).expand(64, 1, -1)
    torch.manual_seed(0)
    x = domain.prepare(stored, "train")
    middle = x[..., 400:-400]
    loud = middle.abs().amax((1, 2))
    assert loud.min() < 0.3  # of 0.5: between -6 dB
    assert loud.max() > 0.45  # and 0 dB
    assert loud.min() >= 0.25 - 1e-3
    sign = torch.sign((middle * middle[:1]).sum((1, 2)))
    assert 16 < (sign > 0).sum() < 48
    moved = [domain.prepare(stored[:1], "train")[0, 0] for _ in range(8)]
    assert len({int((m != 0).nonzero()[0]) for m in moved}) > 3
    for stage in ("score", "show"):
        assert torch.equal(domain.prepare(stored, stage), stored / 32768)
    assert torch.equal(Wave(augment=False).prepare(stored, "train"), stored / 32768)


def test_clips_in_a_row_glide():
    clips = torch.stack([tone(f) for f in (220, 330, 550)])
    whole = Wave().join(clips)
    fade = 800  # 50 ms
    assert whole.shape == (1, 3 * 32768 - 2 * fade)
    assert torch.equal(whole[:, : 32768 - fade], clips[0][:, :-fade])
    assert torch.equal(whole[:, -32768 + fade :], clips[2][:, fade:])
    assert (whole[:, 1:] - whole[:, :-1]).abs().max() < 0.2  # no click
    assert whole.abs().max() <= 0.5 * math.sqrt(2) + 1e-3
    assert torch.equal(Wave().join(clips[:1]), clips[0])


def test_the_picture_shows_a_tone_where_it_is():
    seen = Wave().picture(tone(4000))
    assert seen.shape == (257, 257, 3)
    assert seen.dtype == np.uint8
    light = seen.sum(2, dtype=int)[:, 128]  # in the middle of the clip
    assert light.argmax() == 128  # 4 of 8 kHz, from the top
    assert max(light[:100].max(), light[160:].max()) < light[128] / 5  # 32-bit sines are not quite pure
    louder = Wave().picture(torch.cat([tone(4000), 0.1 * tone(4000)], 1)).sum(2, dtype=int)[128]
    assert louder[128] > louder[384] > 0


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 192000])
def test_half_as_loud_is_6_db_in_every_mel_band(rate):
    domain = Wave(rate=rate, seconds=0.3)
    x = 0.1 * torch.randn(2, 1, domain.event[1], generator=torch.Generator().manual_seed(0))
    metric = domain.defaults.metrics["log_mel_distance"]
    assert metric(x, x) == 0
    assert metric(x, 0.5 * x) == pytest.approx(20 * math.log10(2), rel=1e-2)
    assert domain.defaults.metrics["stft_distance"](x, 0.5 * x) == pytest.approx(5 * (0.5 + math.log(2)), rel=1e-2)
