r"""Posteriors q(z | x): the last step of an encoder, and the rate KL(q ‖ p) that each has against a prior.

    Gaussian   z = μ + σ ε;  KL(q ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − ln σ²), the log scale being ln σ and not ln σ²
    Point      z = f(x), the plain autoencoder: no rate

Against a prior without a closed form the rate is log q(z | x) − log p(z) at the sampled z, an unbiased estimate.
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genae.data.domain import Shape
from genae.errors import GenaeError
from genae.model.likelihoods import LOG_2PI

LOG_SIGMA = (-8.0, 5.0)  # beyond these e^ would overflow bf16 gradients early in training; trained runs stay well inside


class Density(Protocol):
    """A distribution over z (B, latent)."""

    def log_prob(self, z: Tensor) -> Tensor: ...


class Posterior(Density, Protocol):
    """q(z | x) for a batch."""

    @property
    def mean(self) -> Tensor:
        """(B, latent)."""
        ...

    def rsample(self, samples: int | None = None) -> Tensor:
        """(B, latent), or (samples, B, latent); gradients reach the encoder."""
        ...

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        """KL(q ‖ prior) (B,), nats: exact where it can be, else estimated at z ~ q."""
        ...

    def rate_by_dimension(self, prior: Density) -> Tensor:
        """The exact KL of every latent dimension (B, latent), nats. GenaeError where there is none."""
        ...


class DiagonalGaussian:
    """N(μ, diag σ²), μ and ln σ each (B, latent)."""

    def __init__(self, mean: Tensor, log_sigma: Tensor) -> None:
        self.mean, self.log_sigma = mean, log_sigma

    def rsample(self, samples: int | None = None) -> Tensor:
        shape = self.mean.shape if samples is None else (samples, *self.mean.shape)
        noise = torch.randn(shape, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + self.log_sigma.exp() * noise

    def log_prob(self, z: Tensor) -> Tensor:
        u = (z - self.mean) * (-self.log_sigma).exp()
        return (-0.5 * u.square() - self.log_sigma - 0.5 * LOG_2PI).sum(-1)

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        if isinstance(prior, DiagonalGaussian):
            return self.rate_by_dimension(prior).sum(-1)
        return self.log_prob(z) - prior.log_prob(z)

    def rate_by_dimension(self, prior: Density) -> Tensor:
        if not isinstance(prior, DiagonalGaussian):
            raise GenaeError("a rate by dimension needs the normal prior; use free_bits_per=total with any other")
        narrower = self.log_sigma - prior.log_sigma
        shift = (self.mean - prior.mean) * (-prior.log_sigma).exp()
        return 0.5 * (shift.square() + (2 * narrower).exp() - 1) - narrower


class Point:
    """All mass at one z (B, latent)."""

    def __init__(self, z: Tensor) -> None:
        self.mean = z

    def rsample(self, samples: int | None = None) -> Tensor:
        return self.mean if samples is None else self.mean.expand(samples, *self.mean.shape)

    def log_prob(self, z: Tensor) -> Tensor:
        raise GenaeError("a plain autoencoder has no posterior density, so no ELBO or NLL; train with posterior=gaussian")

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        return torch.zeros_like(self.mean[:, 0])

    def rate_by_dimension(self, prior: Density) -> Tensor:
        return torch.zeros_like(self.mean)


class GaussianPosterior(nn.Module):
    """Features (B, 2·latent) to N(μ, diag σ²), σ = e^h or softplus(h) = ln(1 + e^h). https://arxiv.org/abs/1312.6114"""

    has_density = True

    def __init__(self, scale: Literal["exp", "softplus"] = "exp") -> None:
        super().__init__()
        if scale not in ("exp", "softplus"):
            raise GenaeError(f"posterior.scale must be exp or softplus, not '{scale}'")
        self.scale = scale

    def features(self, event: Shape) -> Shape:
        return (2 * event[0], *event[1:])

    def forward(self, h: Tensor) -> DiagonalGaussian:
        mean, log_sigma = h.float().chunk(2, -1)
        if self.scale == "softplus":
            log_sigma = F.softplus(log_sigma).log()
        return DiagonalGaussian(mean, log_sigma.clamp(*LOG_SIGMA))


class PointPosterior(nn.Module):
    """Features (B, latent) are z: the plain autoencoder."""

    has_density = False

    def features(self, event: Shape) -> Shape:
        return event

    def forward(self, h: Tensor) -> Point:
        return Point(h.float())
