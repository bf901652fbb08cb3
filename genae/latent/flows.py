r"""Posteriors that a flow bends: z = f(z₀), z₀ ~ N(μ, diag σ²), log q(z | x) = log N(z₀; μ, σ²) − Σ ln |det ∂f/∂z₀|.

    IAF      z_j ← e^{s_j} z_j + m_j, s and m of z_{<j} and of features of x                   https://arxiv.org/abs/1606.04934
    planar   z ← z + û tanh(w·z + b), w·û > −1, all three of features of x                     https://arxiv.org/abs/1505.05770

Both begin as the identity, where this is the plain Gaussian. log q is known where z was drawn; elsewhere f is inverted, of IAF
number by number, of a planar flow by bisection of w·z, one equation a step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import LOG_SIGMA, Density, DiagonalGaussian, Family
from genae.latent.precision import full_precision
from genae.latent.space import Shape, Space

Steps = Annotated[int, Ge(1), Le(64), doc("how many, one after the other")]
LARGEST = 8192  # numbers of z of IAF, whose masks grow with their square
TURNS = 40  # of a bisection, beyond single precision
ONE = math.log(math.e - 1)  # softplus of it is 1


class Bend(ABC):
    """f for a batch, of flat z (…, B, size)."""

    @abstractmethod
    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z₀ to z and ln |det ∂f/∂z₀| (…, B)."""

    @abstractmethod
    def back(self, z: Tensor) -> Tensor:
        """z to z₀."""


class Bent:
    """The posterior of a Gaussian and a flow."""

    def __init__(self, base: DiagonalGaussian, bend: Bend) -> None:
        """`base` of flat z (B, size), shaped by `shape` afterwards."""
        self.base, self.bend, self.shape = base, bend, base.mean.shape[1:]
        self._drawn: tuple[Tensor, Tensor] | None = None  # the last z, and its log q

    @property
    def mean(self) -> Tensor:
        return self._bent(self.base.mean)[0]

    def rsample(self, samples: int | None = None) -> Tensor:
        z0 = self.base.rsample(samples)
        z, log_det = self._bent(z0)
        self._drawn = z, self.base.log_prob(z0) - log_det
        return z

    def log_prob(self, z: Tensor) -> Tensor:
        if self._drawn is not None and z is self._drawn[0]:
            return self._drawn[1]
        with full_precision(z.device):
            z0 = self.bend.back(z.flatten(-len(self.shape))).view(z.shape)
        return self.base.log_prob(z0) - self._bent(z0)[1]

    def _bent(self, z0: Tensor) -> tuple[Tensor, Tensor]:
        with full_precision(z0.device):
            z, log_det = self.bend(z0.flatten(-len(self.shape)))
        return z.view(z0.shape), log_det

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        return self.log_prob(z) - prior.log_prob(z)

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        return self.log_ratio(prior, z)

    def rate_by_dimension(self, prior: Density) -> Tensor:
        raise GenaeError("a flow's numbers have no rate of their own; use free_bits_per=total")

    def penalty(self) -> None:
        return None

    def terms(self) -> dict[str, Tensor]:
        return {}


class IAF(Family):
    """Features (B, …, 3·D): μ, ln σ, and numbers of x that every step's network is given."""

    def __init__(
        self,
        steps: Steps = 2,
        hidden: Annotated[int, Ge(1), Le(4096), doc("width of each step's two layers")] = 128,
    ) -> None:
        super().__init__()
        self.steps, self.hidden, self.size = steps, hidden, 0
        self.flow = nn.ModuleList()

    def features(self, space: Space) -> Shape:
        if space.size > LARGEST:
            raise GenaeError(f"an inverse autoregressive flow of {space.size} numbers is too large, {LARGEST} are the most")
        if space.size != self.size:  # what the network says of z, and not the recipe, counts
            self.size, self.flow = space.size, nn.ModuleList(self._step(space.size, at) for at in range(self.steps))
        return (*space.shape[:-1], 3 * space.shape[-1])

    def _step(self, size: int, at: int) -> nn.Module:
        """One that changes nothing yet; every other goes through z backwards."""
        from zuko.flows.autoregressive import MaskedAutoregressiveTransform  # here: see genae/latent/priors.py

        order = torch.arange(size).flip(0) if at % 2 else torch.arange(size)
        step: nn.Module = MaskedAutoregressiveTransform(size, size, order=order, hidden_features=(self.hidden,) * 2)
        last = step.get_submodule("hyper")[-1]  # type: ignore[index]  # a sequence of layers
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        return step

    def forward(self, h: Tensor) -> Bent:
        mean, log_sigma, given = h.float().chunk(3, -1)
        return Bent(DiagonalGaussian(mean, log_sigma.clamp(*LOG_SIGMA)), _Autoregressive(self.flow, given.flatten(1)))


class _Autoregressive(Bend):
    """Zuko's masked autoregressive transforms, in the direction that is quick to draw from."""

    def __init__(self, flow: nn.ModuleList, given: Tensor) -> None:
        self.flow, self.given = flow, given

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        log_det = z.new_zeros(z.shape[:-1])
        for step in self.flow:
            z, more = step(self.given).call_and_ladj(z)
            log_det = log_det + more
        return z, log_det

    def back(self, z: Tensor) -> Tensor:
        for step in reversed(self.flow):
            z = step(self.given).inv(z)
        return z


class Planar(Family):
    """Features (B, …, (2 + 2·steps)·D + steps): μ, ln σ, and u, w and b of each step."""

    def __init__(self, steps: Steps = 4) -> None:
        super().__init__()
        self.steps = steps
        self.gate = nn.Parameter(torch.zeros(steps))  # of each u: at 0 a step changes nothing

    def features(self, space: Space) -> Shape:
        return (*space.shape[:-1], (2 + 2 * self.steps) * space.shape[-1] + self.steps)

    def forward(self, h: Tensor) -> Bent:
        h, b = torch.split(h.float(), [h.shape[-1] - self.steps, self.steps], -1)
        mean, log_sigma, *rest = h.chunk(2 + 2 * self.steps, -1)
        u, w = torch.stack([part.flatten(1) for part in rest]).chunk(2)  # (steps, B, size)
        shift = b.flatten(1, -2).sum(1) if b.ndim > 2 else b
        bend = _Planar(_kept(self.gate[:, None, None] * u, w), w, shift.mT)
        return Bent(DiagonalGaussian(mean, log_sigma.clamp(*LOG_SIGMA)), bend)


def _kept(u: Tensor, w: Tensor) -> Tensor:
    """û of u, both (…, size): along w so far moved that w·û > −1, and f can be inverted; û(0) = 0."""
    along = (u * w).sum(-1, keepdim=True)
    return u + (F.softplus(along + ONE) - 1 - along) * w / w.square().sum(-1, keepdim=True).clamp(min=1e-6)


class _Planar(Bend):
    """û and w (steps, B, size), b (steps, B)."""

    def __init__(self, u: Tensor, w: Tensor, b: Tensor) -> None:
        self.steps = list(zip(u, w, b, (u * w).sum(-1), strict=True))

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        log_det = z.new_zeros(z.shape[:-1])
        for u, w, b, across in self.steps:
            bent = ((z * w).sum(-1) + b).tanh()
            z = z + u * bent[..., None]
            log_det = log_det + (across * (1 - bent.square())).log1p()
        return z, log_det

    def back(self, z: Tensor) -> Tensor:
        for u, w, b, across in reversed(self.steps):
            along = _solved((z * w).sum(-1), across, b)
            z = z - u * (along + b).tanh()[..., None]
        return z


def _solved(a: Tensor, across: Tensor, b: Tensor) -> Tensor:
    """s + across·tanh(s + b) = a, whose left side grows with s; by bisection, and a step of Newton for the gradient."""
    with torch.no_grad():
        low, high = a - across.abs(), a + across.abs()
        for _ in range(TURNS):
            middle = (low + high) / 2
            over = middle + across * (middle + b).tanh() > a
            low, high = torch.where(over, low, middle), torch.where(over, middle, high)
        s = (low + high) / 2
        slope = (1 + across * (1 - (s + b).tanh().square())).clamp(min=1e-6)
    return s - (s + across * (s + b).tanh() - a) / slope
