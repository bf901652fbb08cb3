"""Principal components of a latent sequence, on data whose rank is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genae.data.examples import Examples
from genae.latent.posteriors import Point, PointPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.vae import VAE
from genae_audio.latents import assess, components, crop, dimensions
from genae_audio.stft import Spectral
from genae_audio.wave import Wave


def of_rank(rank: int, n: int = 500, width: int = 12) -> torch.Tensor:
    """(n, width), `rank` directions of equal variance about a mean that is not 0."""
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(width, width, generator=generator))[0][:rank]
    codes = torch.linalg.qr(torch.randn(n, rank, generator=generator))[0]
    return (codes - codes.mean(0)) @ axes + 5


@pytest.mark.parametrize("rank", [1, 3, 12])
def test_the_rank_is_found(rank):
    parts = components(of_rank(rank))
    assert dimensions(parts.variance, 0.95) == rank
    assert dimensions(parts.variance, 0.999) == rank


def test_fidelity_counts_shares_of_the_variance():
    variance = torch.tensor([6.0, 3.0, 0.6, 0.4])
    assert [dimensions(variance, f) for f in (0.5, 0.6, 0.9, 0.95, 0.97, 1.0)] == [1, 1, 2, 3, 4, 4]
    assert dimensions(torch.zeros(4), 0.95) == 0


def test_components_are_orthonormal_and_sorted():
    parts = components(torch.randn(400, 5, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 4, 2, 0.1, 3]))
    assert torch.allclose(parts.axes @ parts.axes.mT, torch.eye(5, dtype=torch.float64), atol=1e-9)
    assert parts.variance.sqrt().tolist() == pytest.approx([4, 3, 2, 1, 0.1], rel=0.15)
    assert parts.axes[0].abs().argmax() == 1


def test_a_cropped_latent_keeps_what_its_components_hold():
    z = of_rank(3)
    parts = components(z)
    assert torch.allclose(crop(z, parts, 3), z, atol=1e-5)
    assert torch.allclose(crop(z, parts, 0), parts.mean.float().expand_as(z), atol=1e-5)
    lost = (crop(z, parts, 2) - z).square().sum() / len(z)
    assert lost.item() == pytest.approx(parts.variance[2].item(), rel=1e-3)


class Loudness(nn.Module):
    """A clip's mean level in each of 4 frames, beside two numbers that never change."""

    def forward(self, x: torch.Tensor, condition: torch.Tensor | None = None) -> Point:
        level = x.view(len(x), 4, -1).mean(2)
        return Point(torch.stack([torch.ones_like(level), level, torch.zeros_like(level)], 2))


class Steps(nn.Module):
    """Each frame at its level: with `Loudness` the identity on clips of steps."""

    def forward(self, z: torch.Tensor, condition: torch.Tensor | None = None) -> object:
        return Spectral()(z[:, :, 1].repeat_interleave(512, 1)[:, None])


def test_one_dimension_is_all_that_loudness_needs():
    levels = torch.rand(40, 4, generator=torch.Generator().manual_seed(2))
    stored = (levels.repeat_interleave(512, 1)[:, None] * 32767).to(torch.int16)
    vae = VAE(Loudness(), Steps(), StandardNormal(Space((4, 3), time=True)), (1, 2048), PointPosterior())
    found = assess(vae, Wave(rate=8000, seconds=0.2), Examples(stored), lambda clips, x: None)
    assert found["latent_frames"] == 4
    assert found["latent_per_frame"] == 3
    assert found["latent_dimensions_95"] == 1
    assert found["stft_distance_95"] < 1e-3
