"""Waveform models beside Griffin-Lim and a PCA: numbers that can be told beforehand."""

import math

import pytest
import torch

from genae.data.examples import Examples
from genae.learn.build import build
from genae.recipe.recipe import compose
from genae_audio.spectrogram import log_mel_distance
from genae_audio.stft import distance
from genae_audio.wave_assess import assess, scale_of

SMALL = ("network.width=4", "network.ratios=[4,4,4]", "domain.seconds=0.5", "latent=2", "data=x")


def _tones(n, seed):
    """Clips of one of two pitches, 400 or 1600 Hz, of random level and phase."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    level, phase = (torch.rand(n, 1, generator=draw) for _ in range(2))
    hertz = torch.tensor([400.0, 1600.0])[labels][:, None]
    sound = (0.2 + 0.5 * level) * (2 * math.pi * (hertz * torch.arange(8192) / 16000 + phase)).sin()
    return Examples((sound * 32767).short()[:, None], labels, ("low", "high"))


@pytest.fixture(scope="module")
def found():
    torch.manual_seed(0)
    built = build(compose("notes-wave", SMALL))
    with torch.no_grad():
        return built.domain, assess(built.vae.eval(), built.domain, _tones(32, 1), _tones(64, 0), lambda clips, x: None)


def test_the_ceiling_is_griffin_lim_of_the_true_levels(found):
    domain, numbers = found
    x = domain.prepare(_tones(32, 1).x, "show")
    scale = scale_of(16000)
    again = torch.cat([scale.sound(scale.spectrogram(part[:, 0]))[:, None] for part in x.split(16)])
    assert numbers["ceiling_stft_distance"] == pytest.approx(distance(x, again).mean().item(), rel=1e-2)
    assert numbers["ceiling_log_mel_distance"] == pytest.approx(log_mel_distance(x, again, 16000), rel=1e-2)
    assert numbers["ceiling_stft_distance"] < distance(x, torch.zeros_like(x)).mean().item() / 2


def test_sixteen_components_hold_two_tones_of_any_level(found):
    _, numbers = found
    assert numbers["ceiling_stft_distance"] * 0.9 < numbers["pca_stft_distance"] < numbers["ceiling_stft_distance"] * 1.3
    assert numbers["pca_probe"] == 1
    assert 0.5 <= numbers["probe"] <= 1


def test_without_labels_there_is_no_probe():
    built = build(compose("notes-wave", SMALL))
    held = _tones(4, 1)
    with torch.no_grad():
        numbers = assess(built.vae.eval(), built.domain, Examples(held.x), Examples(_tones(8, 0).x), lambda clips, x: None)
    assert numbers["probe"] is numbers["pca_probe"] is None
    assert numbers["latent_per_frame"] == 2


@pytest.mark.parametrize("rate, mels", [(1000, 8), (8000, 64), (16000, 80), (48000, 80)])
def test_bands_that_can_be_told_apart(rate, mels):
    scale = scale_of(rate)
    assert scale.mels <= 80
    assert scale.spectrogram(torch.zeros(1, scale.hop * 8)).shape == (1, scale.mels, 8)
    assert abs(scale.mels - mels) <= 24
