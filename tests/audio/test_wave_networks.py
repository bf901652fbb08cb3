"""RAVE's network: shapes, what reaches what, and that it learns."""

from __future__ import annotations

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior, PointPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.objectives import ELBO, Batch, Moment
from genae.model.vae import VAE
from genae.recipe.parts import instantiate
from genae_audio.stft import Spectral, distance
from genae_audio.wave_networks import rave

RATE = 16000
SMALL = {"width": 8, "ratios": (4, 4), "dilations": (1, 3)}  # one frame in 256 samples


def tone(frequency: float, samples: int = 4096) -> torch.Tensor:
    """(1, samples)."""
    return 0.5 * torch.sin(2 * math.pi * frequency * torch.arange(samples) / RATE)[None]


def pitch(x: torch.Tensor) -> float:
    """The strongest frequency of x (1, N), Hz."""
    spectrum = torch.fft.rfft(x[0] * torch.hann_window(x.shape[1]), 4 * x.shape[1]).abs()
    return spectrum.argmax().item() * RATE / (4 * x.shape[1])


def built(latent: int = 8, samples: int = 4096, **options) -> VAE:
    torch.manual_seed(0)
    encoder, decoder, space = rave((1, samples), Space((latent,)), GaussianPosterior(), Spectral(), **(SMALL | options))
    return VAE(encoder, decoder, StandardNormal(space), (1, samples))


@pytest.mark.parametrize("ratios, frames", [((4, 4), 16), ((2, 2), 64), ((4, 2, 2), 16), ((8,), 32), ((3, 2), 40)])
def test_a_frame_is_bands_times_ratios_samples(ratios, frames):
    samples = 3840 if 3 in ratios else 4096
    vae = built(latent=5, samples=samples, ratios=ratios)
    assert vae.space == Space((frames, 5), time=True)
    assert vae.encode(torch.zeros(2, 1, samples)).shape == (2, frames, 5)
    p = vae.decode(torch.randn(2, frames, 5))
    assert p.mean.shape == (2, 1, samples)
    assert p.log_prob(torch.zeros(2, 1, samples)).shape == (2,)


def test_frames_of_the_latent_are_places_in_the_sound():
    vae = built()
    z = torch.zeros(1, 16, 8)
    z[:, 12] = 3
    y = vae.decode(z).mean[0, 0]
    places = y.square().view(16, 256).sum(1)
    assert places.argmax() == 12
    assert places[:4].sum() < 1e-3 * places.sum()


def test_silence_is_at_0_in_both_directions():
    vae = built()
    assert torch.equal(vae.encode(torch.zeros(1, 1, 4096)), torch.zeros(1, 16, 8))
    assert torch.equal(vae.decode(torch.zeros(1, 16, 8)).mean, torch.zeros(1, 1, 4096))


def test_gradients_reach_every_parameter():
    vae = built()
    for name, p in vae.named_parameters():
        if name.endswith("mix.weight"):
            torch.nn.init.normal_(p, std=0.1)  # 0 at first, which holds back what is before it
    x = tone(440)[None]
    next(ELBO().losses(vae, Batch(x, x), Moment(0, 1))).value.backward()
    for name, p in vae.named_parameters():
        assert p.grad is not None, name
        assert p.grad.abs().max() > 0, name


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_low_precision_sounds_the_same(precision):
    vae = built()
    z = torch.randn(1, 16, 8, generator=torch.Generator().manual_seed(0))
    exact = vae.decode(z).mean
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        low = vae.decode(z).mean
    assert low.dtype == torch.float32
    assert (low - exact).norm() < 0.05 * exact.norm()


def test_a_condition_is_heard_and_told():
    torch.manual_seed(0)
    encoder, decoder, _ = rave((1, 4096), Space((4,)), GaussianPosterior(), Spectral(), 3, **SMALL)
    x, z = tone(440)[None], torch.zeros(1, 16, 4)
    for kind in (lambda c: encoder(x, c).mean, lambda c: decoder(z, c).mean):
        assert not torch.equal(kind(torch.tensor([[1.0, 0, 0]])), kind(torch.tensor([[0.0, 1, 0]])))


def test_a_plain_autoencoder_has_half_the_features():
    encoder, _, _ = rave((1, 4096), Space((4,)), PointPosterior(), Spectral(), **SMALL)
    assert encoder(torch.zeros(1, 1, 4096)).mean.shape == (1, 16, 4)


@pytest.mark.parametrize("event, shape, options, told", [
    ((1, 4096), (5, 100), {}, "16 frames of 4096 samples .1 in 256.: latent is how many numbers each has, such as 100, not 5"),
    ((1, 4000), 16, {}, "a frame of 256 samples, which does not divide 4000"),
    ((3, 32, 32), 16, {}, "waveforms .1, samples."),
    ((1, 4096), 16, {"ratios": (1, 4)}, r"network\.ratios must be at least 2, not 1"),
    ((1, 4096), 16, {"width": 0}, r"network\.width must be at least 1, not 0"),
])  # fmt: skip
def test_what_does_not_fit_is_told(event, shape, options, told):
    space = Space(shape if isinstance(shape, tuple) else (shape,))
    with pytest.raises(GenaeError, match=told):
        instantiate("network", {"name": "rave", **SMALL, **options}, event, space, GaussianPosterior(), Spectral())


def test_it_learns_notes_and_their_pitch():
    vae = built(latent=4)
    faint = 3e-3 * torch.randn(1, 4096, generator=torch.Generator().manual_seed(0))
    x = torch.stack([sum(tone(f * k) / (2 * k) for k in range(1, int(7800 / f))) + faint for f in (400.0, 1500.0)])
    optimiser = torch.optim.Adam(vae.parameters(), 5e-3, (0.5, 0.9))
    losses = []
    for step in range(80):
        (loss,) = ELBO(beta=0.1).losses(vae, Batch(x, x), Moment(step, 80))
        optimiser.zero_grad()
        loss.value.backward()
        optimiser.step()
        losses.append(loss.terms["distortion"].mean().item())
    y = vae.decode(vae.encode(x)).mean
    assert losses[-1] < 0.6 * losses[0]
    assert (distance(x, y) < distance(x, y.flip(0))).all()
    for target, output in zip(x, y, strict=True):
        assert pitch(output) == pytest.approx(pitch(target), rel=0.1)  # they are two octaves apart
