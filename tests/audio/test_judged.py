"""Pitch, loudness, brightness and clicks of sounds that are known."""

import math

import pytest
import torch

from genae_audio.judged import figures
from genae_audio.pitch import pitches

RATE = 16000


def tone(pitch, amplitude=0.5, seconds=0.5, partials=(1.0,)):
    """(N,) of a MIDI pitch, its partials with such weights, begun at 0."""
    f = 440 * 2 ** ((pitch - 69) / 12)
    t = torch.arange(round(seconds * RATE)) / RATE
    return amplitude * sum(w * (2 * math.pi * f * (i + 1) * t).sin() for i, w in enumerate(partials))


@pytest.mark.parametrize("pitch", [40, 48, 60.3, 69, 84])
def test_the_pitch_of_a_tone(pitch):
    sounds = torch.stack(
        [tone(pitch), tone(pitch, 0.01), tone(pitch, partials=(0.3, 1, 0.5)), tone(pitch, partials=(0, 1, 1, 1))]
    )
    assert pitches(sounds, RATE).tolist() == pytest.approx([pitch] * 4, abs=0.1)  # lags are near whole samples


def test_silence_and_noise_have_none():
    noise = torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    assert pitches(torch.stack([torch.zeros(RATE), noise]), RATE).isnan().all()


def test_a_note_is_heard_where_it_sounds():
    """The last third of it is another tone 30 dB below, the middle one silence."""
    sound = torch.cat([tone(60), torch.zeros(4000), tone(72, 0.015)])
    assert pitches(sound[None], RATE).item() == pytest.approx(60, abs=0.05)


def test_figures_of_tones():
    click = tone(81)
    click[0] = 0.5
    of = figures({"low": tone(69)[None], "high": torch.stack([tone(81 + 36)] * 3), "click": click[None]}, RATE)
    assert of["level_db"]["low"] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.01)
    assert of["centroid_hz"]["low"] == pytest.approx(440, rel=0.01)
    assert of["centroid_hz"]["high"] == pytest.approx(7040, rel=0.01)
    assert of["bright_db"]["high"] == pytest.approx(0, abs=0.05)
    assert of["bright_db"]["low"] < -50
    assert of["start"]["click"] == pytest.approx(1, abs=1e-3)
    assert of["start"]["low"] == pytest.approx(math.sin(2 * math.pi * 440 * 7 / RATE), abs=1e-3)
    assert of["pitched"]["low"] == 1
