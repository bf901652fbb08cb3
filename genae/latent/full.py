r"""A Gaussian posterior whose numbers depend on each other: N(μ, L Lᵀ), of frames each for itself.

z = μ + L ε        KL(q ‖ N(0, I)) = ½ (‖L‖² + ‖μ‖² − D) − Σ ln L_jj        L lower triangular, L_jj > 0
"""

from __future__ import annotations

import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.posteriors import LOG_2PI, LOG_SIGMA, Density, DiagonalGaussian, Family
from genae.latent.precision import full_precision
from genae.latent.space import Shape, Space

LARGEST = 512  # numbers: an encoder gives half of their square


class FullGaussian:
    """μ (B, …, D) and L (B, …, D, D)."""

    def __init__(self, mean: Tensor, root: Tensor) -> None:
        self.mean, self.root = mean, root

    @property
    def spread(self) -> Tensor:
        return self.root.square().sum(-1).sqrt()

    def rsample(self, samples: int | None = None) -> Tensor:
        shape = self.mean.shape if samples is None else (samples, *self.mean.shape)
        noise = torch.randn(shape, device=self.mean.device, dtype=self.mean.dtype)
        with full_precision(noise.device):
            return self.mean + (self.root @ noise[..., None]).squeeze(-1)

    def log_prob(self, z: Tensor) -> Tensor:
        with full_precision(z.device):
            apart = (z - self.mean).unsqueeze(-1)
            u = torch.linalg.solve_triangular(self.root.expand(*apart.shape[:-2], -1, -1), apart, upper=False).squeeze(-1)
        return self._summed(-0.5 * (u.square() + LOG_2PI).sum(-1) - self._log_det())

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        return self.log_prob(z) - prior.log_prob(z)

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        if not isinstance(prior, DiagonalGaussian):
            return self.log_ratio(prior, z)
        narrow = (-prior.log_sigma).exp()
        wide = (self.root * narrow[..., None]).square().sum((-1, -2)) + ((self.mean - prior.mean) * narrow).square().sum(-1)
        return self._summed(0.5 * (wide - self.mean.shape[-1]) + prior.log_sigma.sum(-1) - self._log_det())

    def rate_by_dimension(self, prior: Density) -> Tensor:
        raise GenaeError("numbers that depend on each other have no rate of their own; use free_bits_per=total")

    def penalty(self) -> None:
        return None

    def terms(self) -> dict[str, Tensor]:
        return {}

    def _log_det(self) -> Tensor:
        return self.root.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def _summed(self, each: Tensor) -> Tensor:
        """Over frames (…, B, F)."""
        return each.flatten(2 - self.mean.ndim).sum(-1) if self.mean.ndim > 2 else each


class FullGaussianPosterior(Family):
    """Features (B, …, D + D (D + 1) / 2) to N(μ, L Lᵀ), L_jj = e^h."""

    def features(self, space: Space) -> Shape:
        size = space.shape[-1]
        if size > LARGEST:
            raise GenaeError(
                f"a full covariance of {size} numbers is too large, {LARGEST} are the most; set posterior=gaussian"
            )
        return (*space.shape[:-1], size + size * (size + 1) // 2)

    def forward(self, h: Tensor) -> FullGaussian:
        h = h.float()
        size = round((-3 + (9 + 8 * h.shape[-1]) ** 0.5) / 2)  # D (D + 3) / 2 features
        mean, log_sigma, below = torch.split(h, [size, size, size * (size - 1) // 2], -1)
        row, column = torch.tril_indices(size, size, -1, device=h.device).unbind()
        root = log_sigma.clamp(*LOG_SIGMA).exp().diag_embed()
        lower = torch.zeros_like(root)
        lower[..., row, column] = below / size**0.5  # so that what is added to a variance does not grow with D
        return FullGaussian(mean, root + lower)
