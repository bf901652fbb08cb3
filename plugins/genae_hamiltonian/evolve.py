r"""Posteriors that go uphill in log p(x, z): the Hamiltonian VAE (https://arxiv.org/abs/1805.11328) and, where the distances of
the latent space are learned, the Riemannian one (https://arxiv.org/abs/2010.11518).

    z₀ ~ q(z | x),  γ ~ N(0, I),  ρ₀ = C γ / √β₀,  C Cᵀ = G(z₀)
    K times   ρ ← ρ − ε/2 ∇_z H,  z ← z + ε ∇_ρ H,  ρ ← ρ − ε/2 ∇_z H;  then ρ ← √(β_{k−1} / β_k) ρ,  β_K = 1
    H(z, ρ) = −log p(x, z) + ½ ln|G(z)| + ½ ρᵀ G(z)⁻¹ ρ

Leapfrogs keep volumes and tempering shrinks them by β₀^{D/2}, so the ratio of densities at the end, in which ρ is a part of the
latent, is

    log q − log p = log q(z₀ | x) + ln N(γ; 0, I) − ½ ln|G(z₀)| − log p(z_K) − ln N(ρ_K; 0, G(z_K))

and gives an unbiased ELBO whatever K and ε. G = I for the Hamiltonian VAE. With a metric the leapfrog's implicit steps are
solved by TURNS turns of a fixed point: volumes are kept as nearly as these converge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from genae import Distribution, GenaeError
from genae.latent.precision import full_precision

LOG_2PI = math.log(2 * math.pi)
TURNS = 3


class Metric(Protocol):
    """Distances of a latent space."""

    def __call__(self, z: Tensor) -> Tensor:
        """z (B, D) to G(z)⁻¹ (B, D, D), in double precision, which its roots need."""
        ...


class Path:
    """The way of z (B, D) and momenta (B, D) for a batch, of K steps of size ε from the inverse temperature β₀."""

    def __init__(
        self, decode: Callable[[Tensor], Distribution], x: Tensor, steps: int, size: float, beta: float, metric: Metric | None
    ) -> None:
        self.decode, self.x, self.steps, self.size, self.beta, self.metric = decode, x, steps, size, beta, metric
        self.wanted = torch.is_grad_enabled()  # whether gradients go on through the way itself
        self.turns = 1 if metric is None else TURNS

    def inverse(self, z: Tensor) -> Tensor | None:
        """G(z)⁻¹ (B, D, D), None for I."""
        return None if self.metric is None else self.metric(z)

    def momentum(self, z: Tensor, gamma: Tensor) -> Tensor:
        """ρ₀ of standard-normal γ."""
        inverse = self.inverse(z)
        if inverse is not None:  # G = C Cᵀ with C = R⁻ᵀ, R Rᵀ = G⁻¹
            root = torch.linalg.cholesky(inverse)
            gamma = torch.linalg.solve_triangular(root.mT, gamma[..., None].double(), upper=True)[..., 0].float()
        return gamma / math.sqrt(self.beta)

    def log_normal(self, z: Tensor, rho: Tensor) -> Tensor:
        """ln N(ρ; 0, G(z)) (B,)."""
        inverse = self.inverse(z)
        twice = -rho.square().sum(-1) if inverse is None else (torch.logdet(inverse) - _square(inverse, rho.double())).float()
        return 0.5 * (twice - rho.shape[-1] * LOG_2PI)

    def volume(self, z: Tensor) -> Tensor | float:
        """½ ln|G(z)| (B,)."""
        inverse = self.inverse(z)
        return 0.0 if inverse is None else -0.5 * torch.logdet(inverse).float()

    def tempering(self, k: int) -> float:
        """√β_k: 1/√β rises from 1/√β₀ to 1 with the square of k."""
        first = 1 / math.sqrt(self.beta)
        return 1 / ((1 - first) * (k / self.steps) ** 2 + first)

    def travelled(self, z: Tensor, rho: Tensor) -> tuple[Tensor, Tensor]:
        """z_K and ρ_K, in full precision: slopes do not bear bf16."""
        with torch.enable_grad(), full_precision(z.device):
            z, rho = z.float(), rho.float()
            for k in range(self.steps):
                rho = self._kicked(z, rho, self.turns)
                z = self._moved(z, rho)
                rho = self._kicked(z, rho, 1) * (self.tempering(k) / self.tempering(k + 1))
        return (z, rho) if self.wanted else (z.detach(), rho.detach())

    def _kicked(self, z: Tensor, rho: Tensor, turns: int) -> Tensor:
        """ρ after half a step at z."""
        uphill = self._slope(z, self._log_joint)
        if self.metric is None:
            return rho + self.size / 2 * uphill
        after = rho
        for _ in range(turns):
            after = rho + self.size / 2 * (uphill + self._slope(z, partial(self.log_normal, rho=after)))
        return after

    def _moved(self, z: Tensor, rho: Tensor) -> Tensor:
        """z after a step with momentum ρ."""
        if self.metric is None:
            return z + self.size * rho
        first, after = self._velocity(z, rho), z
        for _ in range(self.turns):
            after = z + self.size / 2 * (first + self._velocity(after, rho))
        return after

    def _velocity(self, z: Tensor, rho: Tensor) -> Tensor:
        inverse = self.inverse(z)
        return rho if inverse is None else (inverse @ rho[..., None].double())[..., 0].float()

    def _log_joint(self, z: Tensor) -> Tensor:
        """log p(x | z) + ln N(z; 0, I) (B,), up to a constant."""
        return self.decode(z).log_prob(self.x) - 0.5 * z.square().sum(-1)

    def _slope(self, z: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
        """The gradient of `of` (B,) at z."""
        at = z if self.wanted and z.requires_grad else z.detach().requires_grad_()
        try:
            (slope,) = torch.autograd.grad(of(at).sum(), at, create_graph=self.wanted)
        except RuntimeError as error:
            raise GenaeError(
                f"this likelihood has no gradient that has a gradient, which these posteriors need: {error}"
            ) from error
        return slope


class Gone:
    """z_K of a batch, and what follows from the way there."""

    penalty: Tensor | None = None

    def __init__(self, z: Tensor, ratio: Tensor, p: Distribution, samples: int | None) -> None:
        """z (…, B, D) and log q − log p (…, B), with the axis of `samples` before the batch where there are several."""
        self.z, self.ratio, self.p, self.samples = z, ratio, p, samples

    @property
    def rate(self) -> Tensor:
        return self.ratio if self.samples is None else self.ratio[0]

    @property
    def terms(self) -> Mapping[str, Tensor]:
        return {}

    def log_ratio(self) -> Tensor:
        return self.ratio

    def rates(self) -> Tensor:
        raise GenaeError(
            "a rate by dimension needs a posterior of independent numbers; use free_bits_per=total with this network"
        )


def _square(matrix: Tensor, vector: Tensor) -> Tensor:
    """vᵀ M v (B,)."""
    return torch.einsum("bi,bij,bj->b", vector, matrix, vector)
