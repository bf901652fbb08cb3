r"""z in the Poincaré ball, ‖z‖ < 1, whose distances grow towards its edge as in a tree. https://arxiv.org/abs/1902.02992

    exp₀(v) = tanh(‖v‖/2) v/‖v‖            a point at distance ‖v‖ from the centre; log₀ is the way back
    x ⊕ y   = ((1 + 2 x·y + ‖y‖²) x + (1 − ‖x‖²) y) / (1 + 2 x·y + ‖x‖² ‖y‖²)        a shift by x, which keeps distances

    wrapped normal   z = μ ⊕ exp₀(σ ε), ε ~ N(0, I): the noise of the centre, carried to μ
    log q(z)         = log N(v; 0, diag σ²) − ln |det ∂exp₀/∂v| + d ln(λ_z / λ_w)
                       w = (−μ) ⊕ z, v = log₀(w), λ_x = 2 / (1 − ‖x‖²)

The prior is that of μ = 0, σ = 1. Densities are of the d numbers of z, so they integrate to 1 over the ball as any other. The
rate has no closed form: it is estimated at z.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.posteriors import LOG_2PI, LOG_SIGMA, Density, Family
from genae.latent.precision import full_precision
from genae.latent.samplers import Noise, Prior
from genae.latent.space import EDGE, Shape, Space

FARTHEST = 5.0  # of μ from the centre, where ‖μ‖ is .987: single precision tells points apart there
TINY = 1e-7
LOG_2 = math.log(2)


def expand(v: Tensor) -> Tensor:
    """exp₀ of v (…, d)."""
    length = _length(v)
    return v * (length / 2).tanh() / length


def contract(w: Tensor) -> Tensor:
    """log₀ of w (…, d)."""
    length = _length(w).clamp(max=EDGE)
    return w * 2 * length.atanh() / length


def shifted(x: Tensor, y: Tensor) -> Tensor:
    """x ⊕ y (…, d)."""
    xy, xx, yy = (x * y).sum(-1, True), x.square().sum(-1, True), y.square().sum(-1, True)
    return ((1 + 2 * xy + yy) * x + (1 - xx) * y) / (1 + 2 * xy + xx * yy).clamp(min=TINY)


class WrappedNormal:
    """μ in the ball and ln σ, each (B, *shape)."""

    def __init__(self, mean: Tensor, log_sigma: Tensor) -> None:
        self.mean, self.log_sigma = mean, log_sigma

    def rsample(self, samples: int | None = None) -> Tensor:
        shape = self.mean.shape if samples is None else (samples, *self.mean.shape)
        noise = torch.randn(shape, device=self.mean.device, dtype=self.mean.dtype)
        return inside(shifted(self.mean, expand(self.log_sigma.exp() * noise)))

    def log_prob(self, z: Tensor) -> Tensor:
        with full_precision(z.device):
            w = shifted(-self.mean, z)
            v, d = contract(w), z.shape[-1]
            normal = (-0.5 * (v * (-self.log_sigma).exp()).square() - self.log_sigma - 0.5 * LOG_2PI).sum(-1)
            each = normal - _log_det(v) + d * (_log_scale(z) - _log_scale(w))
        axes = self.mean.ndim - 2
        return each.flatten(-axes).sum(-1) if axes else each

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        return self.log_prob(z) - prior.log_prob(z)

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        return self.log_ratio(prior, z)

    def rate_by_dimension(self, prior: Density) -> Tensor:
        raise GenaeError("a point of the Poincaré ball has no rate by dimension; use free_bits_per=total")

    def penalty(self) -> None:
        return None

    def terms(self) -> dict[str, Tensor]:
        return {}


class WrappedNormalPosterior(Family):
    """Features (B, …, 2·d) to μ = exp₀(h), no farther than 5 from the centre, and σ = 1 / (1 + e^−h)."""

    def space(self, space: Space) -> Space:
        if space.codes:
            raise GenaeError(f"a point of the Poincaré ball has no codes; latent is {space}")
        return space.curved("ball")

    def features(self, space: Space) -> Shape:
        return (*space.shape[:-1], 2 * space.shape[-1])

    def forward(self, h: Tensor) -> WrappedNormal:
        with full_precision(h.device):
            v, log_sigma = h.float().chunk(2, -1)
            near = FARTHEST * (_length(v) / FARTHEST).tanh() / _length(v)
            return WrappedNormal(expand(near * v), F.logsigmoid(log_sigma).clamp(min=LOG_SIGMA[0]))


class Hyperbolic(Noise, Prior):
    """The wrapped normal around the centre."""

    def __init__(self, space: Space, condition: int = 0) -> None:
        super().__init__(space, condition)
        self.require(discrete=False, geometry="ball")

    def forward(self, condition: Tensor | None = None) -> Density:
        return WrappedNormal(self.anchor, self.anchor)

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        return inside(expand(self.space.shaped(u)))


def inside(z: Tensor) -> Tensor:
    """z (…, d), which rounding may have put onto the edge."""
    return z * (EDGE / _length(z)).clamp(max=1.0)


def _length(v: Tensor) -> Tensor:
    return (v.square().sum(-1, keepdim=True) + TINY**2).sqrt()


def _log_det(v: Tensor) -> Tensor:
    """ln |det ∂exp₀/∂v| (…,): ½ sech²(r/2) along v and tanh(r/2)/r across, r = ‖v‖."""
    r, d = _length(v).squeeze(-1), v.shape[-1]
    return -2 * (r / 2).cosh().log() - LOG_2 + (d - 1) * ((r / 2).tanh() / r).log()


def _log_scale(z: Tensor) -> Tensor:
    """ln λ_z (…,)."""
    return -((1 - z.square().sum(-1)).clamp(min=TINY) / 2).log()
