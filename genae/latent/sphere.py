r"""z on the unit sphere of R^m, ‖z‖ = 1; of frames each is on one of its own. https://arxiv.org/abs/1804.00891

    von Mises–Fisher   q(z | x) = e^{κ μ·z} / (|S^{m−2}| ∫ e^{κ cos θ} sin^{m−2} θ dθ),    θ the angle between z and μ
    uniform            p(z) = 1 / |S^{m−1}|,  |S^{m−1}| = 2 π^{m/2} / Γ(m/2)
    KL(q ‖ uniform)    = κ E[cos θ] − ln ∫ e^{κ cos θ} sin^{m−2} θ dθ + ln |S^{m−1}| / |S^{m−2}|
                         of m = 3: κ coth κ − 1 + ln(κ / sinh κ)

Densities are with respect to the sphere's own measure. What is of θ is summed on a grid, whatever m: no Bessel function, and a
sample, the inverse of θ's distribution function on that grid, has an exact gradient of κ, where rejection has none.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from annotated_types import Gt, doc
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.posteriors import Density, Family
from genae.latent.precision import full_precision
from genae.latent.samplers import Prior
from genae.latent.space import Shape, Space

POINTS = 1024  # of the grid of θ
SHARPEST = 1e4  # κ: then z lies within a hundredth of μ, three points of the grid


def log_area(m: int) -> float:
    """ln of the area of the unit sphere in R^m: ln 2 of the two points in R^1, ln 2π of the circle."""
    return math.log(2) + 0.5 * m * math.log(math.pi) - math.lgamma(0.5 * m)


class UniformSphere(Prior):
    """Every point of the sphere as probable as any other; temperature does not act."""

    def __init__(self, space: Space, condition: int = 0) -> None:
        super().__init__(space, condition)
        self.require(discrete=False, geometry="sphere")

    def forward(self, condition: Tensor | None = None) -> Density:
        return Even(self.space)

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        return self.space.onto(torch.randn(n, *self.space.shape, device=self.anchor.device))


class Even:
    """The uniform density of a space of spheres."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def log_prob(self, z: Tensor) -> Tensor:
        m, spheres = self.space.shape[-1], math.prod(self.space.shape[:-1])
        return torch.full(z.shape[: z.ndim - len(self.space.shape)], -spheres * log_area(m), device=z.device)


class VonMisesFisher:
    """Mean directions μ (B, *shape), of norm 1 along the last axis, and κ (B, …, 1)."""

    def __init__(self, mean: Tensor, kappa: Tensor) -> None:
        self.mean, self.kappa = mean, kappa

    def _weights(self) -> tuple[Tensor, Tensor]:
        """θ (POINTS,) and ln of e^{κ (cos θ − 1)} sin^{m−2} θ there (B, …, POINTS)."""
        theta = (torch.arange(POINTS, device=self.mean.device) + 0.5) * (math.pi / POINTS)
        return theta, self.kappa * (theta.cos() - 1) + (self.mean.shape[-1] - 2) * theta.sin().log()

    def log_normaliser(self) -> Tensor:
        """ln ∫ e^{κ μ·z} dz − κ (B, …)."""
        _, log_weight = self._weights()
        return log_weight.logsumexp(-1) + math.log(math.pi / POINTS) + log_area(self.mean.shape[-1] - 1)

    def log_prob(self, z: Tensor) -> Tensor:
        each = self.kappa.squeeze(-1) * ((self.mean * z).sum(-1) - 1) - self.log_normaliser()
        return _summed(each, self.mean.ndim - 2)

    def rsample(self, samples: int | None = None) -> Tensor:
        shape = self.mean.shape if samples is None else (samples, *self.mean.shape)
        theta = self._angles(1 if samples is None else samples)
        theta = theta if samples is None else theta.movedim(-1, 0).unsqueeze(-1)
        noise = torch.randn(shape, device=self.mean.device)
        across = F.normalize(noise - (noise * self.mean).sum(-1, keepdim=True) * self.mean, dim=-1)
        return F.normalize(theta.cos() * self.mean + theta.sin() * across, dim=-1)  # where noise is along μ, rounding is large

    def _angles(self, count: int) -> Tensor:
        """θ (B, …, count), at which the distribution function is drawn; it is linear between the points of the grid."""
        shares = self._weights()[1].softmax(-1)
        ends = F.pad(shares.cumsum(-1), (1, 0)).clamp(max=1.0)  # (B, …, POINTS + 1)
        u = torch.rand(*shares.shape[:-1], count, device=self.mean.device).clamp(1e-6, 1 - 1e-6)
        at = torch.searchsorted(ends.detach(), u).clamp(1, POINTS)
        low, high = ends.gather(-1, at - 1), ends.gather(-1, at)
        return (at - 1 + ((u - low) / (high - low).clamp(min=1e-12)).clamp(0.0, 1.0)) * (math.pi / POINTS)

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        return self.log_prob(z) - prior.log_prob(z)

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        if not isinstance(prior, Even):
            return self.log_ratio(prior, z)
        theta, log_weight = self._weights()
        turned = (log_weight.softmax(-1) * (theta.cos() - 1)).sum(-1)  # E[cos θ] − 1
        each = self.kappa.squeeze(-1) * turned - self.log_normaliser() + log_area(self.mean.shape[-1])
        return _summed(each, self.mean.ndim - 2)

    def rate_by_dimension(self, prior: Density) -> Tensor:
        raise GenaeError("a point of a sphere has no rate by dimension; use free_bits_per=total")

    def penalty(self) -> None:
        return None

    def terms(self) -> dict[str, Tensor]:
        return {"kappa": self.kappa.detach().flatten(1).mean(1)}


class VonMisesFisherPosterior(Family):
    """Features (B, …, m + 1) to a direction and κ, which is at least 1 or learned once for all x."""

    def __init__(
        self,
        least: Annotated[float, Gt(0), doc("the smallest κ: what the features say is added to it")] = 1.0,
        scale: Annotated[Literal["exp", "softplus"], doc("how κ comes of the features")] = "softplus",
    ) -> None:
        super().__init__()
        self.least, self.scale = least, scale

    def space(self, space: Space) -> Space:
        if space.shape[-1] < 2 or space.codes:
            raise GenaeError(f"a sphere has at least 2 numbers, and no codes; latent is {space}")
        return space.curved("sphere")

    def features(self, space: Space) -> Shape:
        return (*space.shape[:-1], space.shape[-1] + 1)

    def forward(self, h: Tensor) -> VonMisesFisher:
        with full_precision(h.device):
            direction, height = torch.split(h.float(), [h.shape[-1] - 1, 1], -1)
            kappa = F.softplus(height) if self.scale == "softplus" else height.clamp(max=10.0).exp()
            return VonMisesFisher(F.normalize(direction, dim=-1), (self.least + kappa).clamp(max=SHARPEST))


def _summed(each: Tensor, axes: int) -> Tensor:
    """Over spheres (…, B, F), so many axes of them."""
    return each.flatten(-axes).sum(-1) if axes else each
