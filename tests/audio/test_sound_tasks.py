"""Inputs of the tasks of sound: what is said of a filter and of noise, measured, in both domains alike."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.model.tasks import task_of
from genae_audio.mel import RANGE
from genae_audio.mel_domain import Mel
from genae_audio.wave import Wave

WAVE = Wave(rate=8000, seconds=0.5)
N = WAVE.event[1]


def tone(frequency):
    return 0.5 * torch.sin(2 * math.pi * frequency * torch.arange(N) / 8000)[None, None]


def loudness(x):
    """dB."""
    return 10 * x[..., N // 4 : -N // 4].square().mean().log10().item()


@pytest.mark.parametrize("frequency, loss", [(500, 0), (1000, 0), (2000, 24), (3999, 48)])
def test_tones_above_the_cutoff_lose_the_slope_an_octave(frequency, loss):
    task = task_of({"name": "lowpass", "cutoff": 1000, "slope": 24}, WAVE)
    assert loudness(tone(frequency)) - loudness(task(tone(frequency))) == pytest.approx(loss, abs=0.3)


def test_noise_of_a_waveform_has_its_power():
    torch.manual_seed(0)
    x = torch.cat([tone(440), 0.1 * tone(440), torch.zeros(1, 1, N)])
    made = task_of({"name": "denoise", "snr": 20}, WAVE)(x)
    for row in (0, 1):
        noise = (made - x)[row].square().mean()
        assert 10 * (x[row].square().mean() / noise).log10().item() == pytest.approx(20, abs=0.3)
    assert torch.equal(made[2], x[2]), "silence has none"


@pytest.mark.parametrize("loud", [False, True])
def test_levels_of_a_spectrogram_are_those_of_the_wave_with_the_same_done_to_it(loud):
    """Of noise-like sound, whose power the bands tell."""
    torch.manual_seed(0)
    mel = Mel(rate=8000, seconds=1.0, loudness=loud)
    sound = task_of({"name": "lowpass", "cutoff": 500, "slope": 12}, Wave(rate=8000, seconds=1.0))(
        0.1 * torch.randn(4, 1, mel.length)
    )
    wave = Wave(rate=8000, seconds=mel.length / 8000)
    shown = mel.scale.spectrogram(sound[:, 0])[:, None]
    for spec in ({"name": "denoise", "snr": 6}, {"name": "lowpass", "cutoff": 1000, "slope": 24}):
        direct = mel.scale.spectrogram(task_of(spec, wave)(sound)[:, 0])[:, None]
        made = task_of(spec, mel)(shown)
        apart = RANGE * (made.mean((0, 1, 3)) - direct.mean((0, 1, 3)))  # dB of each band
        assert apart.abs().mean() < 1.2
        assert apart[-1].abs() < (1.2 if loud else 3)
        before = RANGE * (shown.mean((0, 1, 3)) - direct.mean((0, 1, 3)))
        assert before.abs().mean() > 5, "and it does much"


def test_a_cutoff_above_all_frequencies_is_refused():
    for domain in (WAVE, Mel(rate=8000)):
        with pytest.raises(GenaeError, match=r"task\.cutoff must be below 4000 Hz, the highest frequency at 8000 Hz, not 5000"):
            task_of({"name": "lowpass", "cutoff": 5000}, domain)
