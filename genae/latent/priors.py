r"""Priors p(z | c), trained inside the ELBO; c is the run's condition, if it has one.

    StandardNormal   N(0, I), whatever c
    Flow             log p(z) = log N(f(z, c); 0, I) + log |det ∂f/∂z|, f a normalising flow (https://arxiv.org/abs/1905.13452)
    Uniform          of codes: 1 / alphabet for each

Where z tells all that the condition does, a decoder need not listen to it, and only a prior that does makes what was asked for.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Density, DiagonalGaussian
from genae.latent.precision import full_precision
from genae.latent.samplers import Noise, Prior
from genae.latent.space import Space


class StandardNormal(Noise, Prior):
    """N(0, I)."""

    def __init__(self, space: Space, condition: int = 0) -> None:
        super().__init__(space, condition)
        self.require(discrete=False)

    def forward(self, condition: Tensor | None = None) -> DiagonalGaussian:
        return DiagonalGaussian(self.anchor, self.anchor)

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.space.shaped(u)


class Uniform(Prior):
    """Every code as probable as any other; temperature does not act."""

    def __init__(self, space: Space, condition: int = 0) -> None:
        super().__init__(space, condition)
        self.require(discrete=True)

    def forward(self, condition: Tensor | None = None) -> Density:
        return _Uniform(self.space)

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        return torch.randint(self.space.codes, (n, *self.space.shape), device=self.anchor.device)


class _Uniform:
    def __init__(self, space: Space) -> None:
        self.space = space

    def log_prob(self, z: Tensor) -> Tensor:
        rest = z.ndim - len(self.space.shape)
        return torch.full(z.shape[:rest], -self.space.size * math.log(self.space.codes), device=z.device)


LARGEST = 8192  # numbers of z


class Flow(Noise, Prior):
    """A flow from zuko (https://zuko.readthedocs.io): maf, nsf, or coupling (an affine RealNVP)."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        kind: Annotated[Literal["maf", "nsf", "coupling"], doc("what it is made of")] = "maf",
        transforms: Annotated[int, Ge(1), Le(64), doc("how many, one after the other")] = 3,
        hidden: Annotated[int, Ge(1), Le(4096), doc("width of every layer")] = 128,
        layers: Annotated[int, Ge(1), Le(16), doc("layers of each transform's network")] = 2,
    ) -> None:
        super().__init__(space, condition)
        self.require(discrete=False)
        from zuko import flows  # here: half of zuko's import time is of no use to runs without a flow

        if kind == "coupling" and space.size < 2:
            raise GenaeError("kind=coupling splits the latent in two: it needs latent of at least 2; use kind=maf")
        if space.size > LARGEST:
            raise GenaeError(
                f"a flow's masks grow with the square of z's numbers: {space.size} are too many, {LARGEST} the most"
            )
        made = {"maf": flows.MAF, "nsf": flows.NSF, "coupling": flows.NICE}[kind]
        self.flow = made(space.size, condition, transforms=transforms, hidden_features=(hidden,) * layers)

    def forward(self, condition: Tensor | None = None) -> Density:
        return _InFullPrecision(self.flow, self.context(condition), self.anchor)

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        with full_precision(u.device):
            return self.space.shaped(self.flow(self.context(condition)).transform.inv(u))


class _InFullPrecision:
    """A flow's density outside autocast: log-determinants do not bear bf16."""

    def __init__(self, flow: nn.Module, context: Tensor | None, anchor: Tensor) -> None:
        """`anchor` (1, *shape), of the weights' dtype."""
        self.flow, self.context, self.anchor = flow, context, anchor

    def log_prob(self, z: Tensor) -> Tensor:
        with full_precision(z.device):
            nats: Tensor = self.flow(self.context).log_prob(z.flatten(1 - self.anchor.ndim).to(self.anchor))
            return nats
