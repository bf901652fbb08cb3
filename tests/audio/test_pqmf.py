"""The filter bank: where its filters pass and stop, and what comes back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genae_audio.pqmf import PQMF, bank, prototype

M = 16
EDGE = 8 * M  # samples at either end whose neighbours are missing


def snr(x: torch.Tensor, y: torch.Tensor) -> float:
    """dB, away from the ends."""
    x, y = x[..., EDGE:-EDGE], y[..., EDGE:-EDGE]
    return 10 * math.log10(float(x.square().sum() / (x - y).square().sum()))


def chord(samples: int, rate: int = 16000) -> torch.Tensor:
    """Three decaying notes of eight harmonics, and a click."""
    t = torch.arange(samples, dtype=torch.float64) / rate
    tones = [torch.sin(2 * math.pi * f * k * t) / k for f in (220.0, 277.2, 329.6) for k in range(1, 9)]
    y = 0.1 * torch.stack(tones).sum(0) * torch.exp(-2 * t)
    y[samples // 2] += 0.5
    return y.float().view(1, 1, -1)


def test_the_prototype_stops_100_db_and_halves_the_power_between_two_bands():
    h = prototype(M)
    response = np.abs(np.fft.rfft(h, 1 << 15))
    frequency = np.linspace(0, np.pi, len(response))
    assert 20 * np.log10(response[frequency >= np.pi / M].max()) < -100
    assert response[0] == pytest.approx(1, abs=1e-9)
    assert response[512] == pytest.approx(math.sqrt(0.5), abs=1e-3)  # at π/2M


@pytest.mark.parametrize("bands", [2, 4, 16])
def test_noise_and_music_come_back_without_delay(bands):
    pqmf = PQMF(bands)
    noise = 0.3 * torch.randn(2, 1, 8192, generator=torch.Generator().manual_seed(0))
    for x in (noise, chord(8192)):
        u = pqmf.analysis(x)
        assert u.shape == (len(x), bands, 8192 // bands)
        assert snr(x, pqmf.synthesis(u)) > 70


def test_both_ways_are_the_sums_that_the_page_gives():
    pqmf, h = PQMF(M), torch.tensor(bank(M), dtype=torch.float32)
    x = torch.randn(1, 1, 1024, generator=torch.Generator().manual_seed(1))
    u = torch.nn.functional.conv1d(x, h[:, None], stride=M, padding=(h.shape[1] - M) // 2)
    y = M * torch.nn.functional.conv_transpose1d(u, h[:, None], stride=M, padding=(h.shape[1] - M) // 2)
    assert torch.allclose(pqmf.analysis(x), u, atol=1e-6)
    assert torch.allclose(pqmf.synthesis(u), y, atol=1e-5)


@pytest.mark.parametrize("k", [0, 5, 15])
def test_a_sine_is_in_its_band_with_its_amplitude(k):
    t = torch.arange(16384, dtype=torch.float64)
    x = 0.5 * torch.sin((k + 0.47) * math.pi / M * t).float().view(1, 1, -1)
    u = PQMF(M).analysis(x)[0, :, 32:-32]
    peak = u.abs().amax(1)
    assert peak[k] == pytest.approx(0.5, abs=0.01)
    away = [i for i in range(M) if abs(i - k) > 1]
    assert peak[away].max() < 0.5e-4  # beyond the neighbours 80 dB and more below


def test_bf16_is_kept_out():
    x = chord(4096)
    pqmf = PQMF(M)
    with torch.autocast("cpu", torch.bfloat16):
        u = pqmf.analysis(x)
        y = pqmf.synthesis(u)
    assert u.dtype == y.dtype == torch.float32
    assert snr(x, y) > 70


def test_gradients_reach_the_signal():
    x = chord(2048).requires_grad_()
    pqmf = PQMF(M)
    pqmf.synthesis(pqmf.analysis(x)).square().sum().backward()
    inner = slice(EDGE, -EDGE)
    assert torch.allclose(x.grad[..., inner], 2 * x.detach()[..., inner], atol=1e-3)  # of a round trip that is the identity
