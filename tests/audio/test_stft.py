"""The multi-scale STFT distance and the pseudo-likelihood made of it."""

from __future__ import annotations

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.recipe.parts import instantiate
from genae_audio.stft import FLOOR, SIZES, Spectral, distance, magnitudes, spectrum


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_equal_sounds_are_at_0_and_others_are_not():
    x, y = noise(3, 1, 4096), noise(3, 1, 4096, seed=1)
    assert torch.equal(distance(x, x), torch.zeros(3))
    assert (distance(x, y) > 0).all()
    assert (distance(x, 0.5 * x) > 0).all()


def test_the_sign_of_a_sound_is_not_heard():
    x, y = noise(2, 1, 4096), noise(2, 1, 4096, seed=1)
    assert torch.allclose(distance(x, -y), distance(x, y))


def test_half_as_loud_is_half_and_ln_2_at_each_size():
    x = noise(1, 1, 32768)
    expected = len(SIZES) * (0.5 + math.log(2))
    assert distance(x, 0.5 * x).item() == pytest.approx(expected, rel=1e-3)  # what is left is the floor


def plain(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """d as the page has it, by torch.stft and autograd: x, y (R, N)."""
    total = torch.zeros(len(x))
    for size in SIZES:
        floor = FLOOR**2 * torch.hann_window(size).square().sum()
        s, t = (
            (torch.stft(w, size, size // 4, window=torch.hann_window(size), return_complex=True).abs().square() + floor).sqrt()
            for w in (x, y)
        )
        total = total + (s - t).flatten(1).norm(dim=1) / s.flatten(1).norm(dim=1)
        total = total + (s.log() - t.log()).abs().flatten(1).mean(1)
    return total


@pytest.mark.parametrize("samples", [4096, 4500, 2048])
def test_the_distance_and_its_gradient_are_those_of_the_formula(samples):
    x, y = noise(2, samples), (3 * noise(2, samples, seed=1)).requires_grad_()
    one, two = distance(x[:, None], y[:, None]), plain(x, y)
    assert torch.allclose(one, two, rtol=1e-5)
    weights = torch.tensor([1.0, -2.0])
    (a,), (b,) = (torch.autograd.grad((weights * d).sum(), y) for d in (one, two))
    assert torch.allclose(a, b, rtol=1e-3, atol=1e-5 * b.abs().max().item())
    assert (distance(y[:, None], x[:, None]) < one).all()  # relative to the target, which is the louder one here


@pytest.mark.parametrize("samples", [4096, 4100])
def test_the_spectrum_is_torchs(samples):
    x = noise(2, samples)
    expected = torch.stft(x, 512, 128, window=torch.hann_window(512), return_complex=True)
    assert torch.allclose(spectrum(x, 512), expected.mT, atol=1e-5)
    assert magnitudes(x, 512).shape == expected.shape


@pytest.mark.parametrize("samples, sizes", [(2048, 5), (2047, 4), (600, 3), (128, 1)])
def test_sizes_longer_than_the_clip_are_left_out(samples, sizes):
    x = noise(1, 1, samples)
    assert distance(x, 0.5 * x).item() == pytest.approx(sizes * (0.5 + math.log(2)), rel=1e-2)


def test_too_short_a_clip_is_refused():
    with pytest.raises(GenaeError, match="needs 128 samples or more, not 127"):
        distance(noise(1, 1, 127), noise(1, 1, 127))


def test_silence_has_a_distance_and_finite_gradients():
    silence = torch.zeros(1, 1, 4096)
    y = torch.zeros(1, 1, 4096, requires_grad=True)
    for x in (silence, noise(1, 1, 4096)):
        y.grad = None
        apart = distance(x, y)
        apart.sum().backward()
        assert apart.isfinite().all()
        assert y.grad.isfinite().all()
    assert distance(silence, silence) == 0
    hiss = FLOOR * noise(1, 1, 4096) / 0.1
    assert distance(silence, hiss).item() == pytest.approx(len(SIZES) * 0.7, abs=1)  # noise as loud as the floor


def test_a_step_down_the_gradient_is_nearer():
    x, y = noise(1, 1, 4096), noise(1, 1, 4096, seed=1).requires_grad_()
    before = distance(x, y)
    (gradient,) = torch.autograd.grad(before.sum(), y)
    assert distance(x, y - 1e-3 * gradient / gradient.norm()) < before


def test_bf16_is_kept_out():
    x, y = noise(1, 1, 4096), noise(1, 1, 4096, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        low = distance(x, y)
    assert torch.equal(low, distance(x, y))


def test_the_head_weighs_the_distance_by_samples():
    y, x = noise(2, 1, 4096), noise(2, 1, 4096, seed=1)
    head = Spectral()
    assert head.features((1, 4096)) == (1, 4096)
    p = head(y)
    assert torch.allclose(p.log_prob(x), -409.6 * distance(x, y))
    assert torch.allclose(Spectral(0.2)(y).log_prob(x), 2 * p.log_prob(x))
    assert torch.equal(p.log_prob(y), torch.zeros(2))
    assert torch.equal(p.mean, y)
    assert torch.equal(p.sample(0.7), y)


@pytest.mark.parametrize("event", [(1, 28, 28), (16,), (1, 127)])
def test_events_that_are_no_waveforms(event):
    with pytest.raises(GenaeError, match=r"likelihood spectral is for waveforms \(channels, 128 samples or more\), not for"):
        Spectral().features(event)


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_a_weight_that_is_no_weight(weight):
    with pytest.raises(GenaeError, match=r"likelihood\.weight must be above 0"):
        instantiate("likelihood", {"name": "spectral", "weight": weight})
