r"""Samplers fitted, after training, on the latents z of the training examples, which follow the aggregate posterior.

    Gaussian     N(m + A c, Σ): m and A by least squares, Σ the covariance of what they leave
    FittedFlow   a normalising flow of standardised z, by maximum likelihood                   https://arxiv.org/abs/1505.05770

All are of continuous z, flat here: (N, size). c is the condition (N, C), where the run has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor, nn

from genae.latent.descent import Batch, Rate, Standardised, Steps, descended
from genae.latent.posteriors import LOG_2PI, Density
from genae.latent.precision import full_precision
from genae.latent.priors import Flow
from genae.latent.samplers import Fitting, Noise, Prior
from genae.latent.space import Space

Kind = Literal["maf", "nsf", "coupling"]


class Gaussian(Noise, Prior):
    """One Gaussian with a full covariance."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        jitter: Annotated[float, Gt(0), doc("added to the covariance, as a share of its mean variance")] = 1e-6,
    ) -> None:
        super().__init__(space, condition)
        self.require(discrete=False)
        self.jitter = jitter
        self.linear = nn.Buffer(torch.zeros(condition + 1, space.size))  # m, and A below it
        self.root = nn.Buffer(torch.eye(space.size))  # Σ = root rootᵀ, lower triangular

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """In one step, exactly."""
        flat, given = self.space.flat(z).double(), self._given(len(z), condition)
        linear = torch.linalg.lstsq(given, flat, driver="gelsd" if z.device.type == "cpu" else None).solution
        rest = flat - given @ linear
        covariance = rest.mT @ rest / max(1, len(z) - 1)
        least = self.jitter * covariance.diagonal().mean().clamp(min=1e-12)
        root = torch.linalg.cholesky(covariance + least * torch.eye(len(covariance), dtype=z.double().dtype, device=z.device))
        self.linear.copy_(linear)
        self.root.copy_(root)
        yield Fitting(1, 1)

    def _given(self, n: int, condition: Tensor | None) -> Tensor:
        """(n, 1 + C) a one, and the condition."""
        context = self.context(condition)
        ones = self.linear.new_ones(n, 1).double()
        return ones if context is None else torch.cat([ones, context.double().expand(n, -1)], 1)

    def _mean(self, n: int, condition: Tensor | None) -> Tensor:
        with full_precision(self.linear.device):
            mean: Tensor = self._given(n, condition).to(self.linear) @ self.linear
        return mean

    def forward(self, condition: Tensor | None = None) -> Density:
        n = 1 if condition is None else len(condition)
        return _Normal(self._mean(n, condition), self.root, len(self.space.shape))

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        with full_precision(u.device):
            return self.space.shaped(self._mean(u.shape[0], condition) + u.to(self.root) @ self.root.mT)


class _Normal:
    """N(mean, root rootᵀ), mean (B, size) or (1, size), outside autocast: a solution does not bear bf16."""

    def __init__(self, mean: Tensor, root: Tensor, axes: int) -> None:
        self.mean, self.root, self.axes = mean, root, axes

    def log_prob(self, z: Tensor) -> Tensor:
        with full_precision(z.device):
            apart = (z.flatten(-self.axes) - self.mean).unsqueeze(-1)
            u = torch.linalg.solve_triangular(self.root, apart, upper=False).squeeze(-1)
        log_prob: Tensor = -0.5 * (u.square() + LOG_2PI).sum(-1) - self.root.diagonal().log().sum()
        return log_prob


class FittedFlow(Flow, Standardised):
    """The flow of `prior=flow`, fitted after training; z is standardised first."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        kind: Annotated[Kind, doc("what it is made of")] = "maf",
        transforms: Annotated[int, Ge(1), Le(64), doc("how many, one after the other")] = 3,
        hidden: Annotated[int, Ge(1), Le(4096), doc("width of every layer")] = 128,
        layers: Annotated[int, Ge(1), doc("layers of each transform's network")] = 2,
        steps: Steps = 2000,
        batch: Batch = 256,
        lr: Rate = 1e-3,
    ) -> None:
        super().__init__(space, condition, kind=kind, transforms=transforms, hidden=hidden, layers=layers)
        self.steps, self.batch, self.lr = steps, batch, lr

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """By maximum likelihood."""
        self.standardise(z)

        def loss() -> Tensor:
            at = torch.randint(len(z), (min(self.batch, len(z)),), device=z.device)
            density: Density = self(None if condition is None else condition[at])
            return -density.log_prob(z[at].float()).mean()

        yield from descended(self.flow, loss, self.steps, self.lr)

    def forward(self, condition: Tensor | None = None) -> Density:
        return _Standardised(super().forward(condition), self)

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.shaped(self.space.flat(super().push(u, condition)))


class _Standardised:
    def __init__(self, inner: Density, of: FittedFlow) -> None:
        self.inner, self.of = inner, of

    def log_prob(self, z: Tensor) -> Tensor:
        of = self.of
        unit = ((z.flatten(-len(of.space.shape)) - of.centre) / of.spread).view(z.shape)
        return self.inner.log_prob(unit) - of.spread.log().sum()
