"""Attributes of sounds, of sines whose numbers are known."""

import math

import pytest
import torch

from genae_audio.attributes import of_levels, of_waves

T = torch.arange(16384) / 16000


def test_a_sine_of_220_hz_lies_two_octaves_up():
    of = of_waves(16000)
    sine = torch.sin(2 * math.pi * 220 * T)[None, None]
    assert of["brightness"](sine).item() == pytest.approx(2, abs=0.02)
    assert of["loudness"](sine).item() == pytest.approx(-3.01, abs=0.02)
    assert of["loudness"](sine / 10).item() == pytest.approx(-23.01, abs=0.02)
    silence = torch.zeros(1, 1, 16384)
    assert (of["brightness"](silence).item(), of["loudness"](silence).item()) == (0.0, -80.0)


def test_levels_are_weighed_by_band():
    of = of_levels()
    x = torch.zeros(2, 1, 5, 4)
    x[0, 0, 4], x[1, 0, 1:4] = 0.5, 1.0
    assert of["brightness"](x).tolist() == pytest.approx([1.0, 0.5])
    assert of["loudness"](x).tolist() == pytest.approx([80 * (0.1 - 1), 80 * (0.6 - 1)])
