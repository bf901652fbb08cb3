r"""A second VAE, of the latents of the first.

u ~ N(0, I),  z ~ N(m(u, c), γ²)          by −ELBO of z, γ learned; z is standardised first, c is the condition

TwoStage    as many u as z, one γ: the aggregate posterior fills the space once the first VAE has learned, so a second of the
            same size finds it as a Gaussian deformed                             https://arxiv.org/abs/1903.05789
Personal    few u, a γ for each number of z: of a user's few examples in the latent space of a model of many, which stays as
            it is (Dinculescu, Engel and Roberts, 2019: a model personalised with user data)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.latent.descent import Batch, Rate, Standardised, Steps, descended
from genae.latent.posteriors import LOG_2PI, LOG_SIGMA, DiagonalGaussian
from genae.latent.precision import full_precision
from genae.latent.samplers import Fitting, Variants
from genae.latent.space import Space

Hidden = Annotated[int, Ge(1), Le(8192), doc("width of the layers")]


class Second(Standardised):
    """Both networks have three layers; γ is one number or `space.size`, never below `least`."""

    def __init__(
        self, space: Space, condition: int, numbers: int, hidden: int, gamma: Tensor, least: float, steps: int, batch: int,
        lr: float,
    ) -> None:  # fmt: skip
        super().__init__(space, condition)
        self.numbers, self.least, self.steps, self.batch, self.lr = numbers, least, steps, batch, lr
        self.encoder = _layers(space.size + condition, hidden, 2 * numbers)
        self.decoder = _layers(numbers + condition, hidden, space.size)
        self.log_gamma = nn.Parameter(gamma)

    @property
    def scale(self) -> Tensor:
        """log γ."""
        return self.log_gamma.clamp(min=math.log(self.least)) if self.least else self.log_gamma

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """By its ELBO, nats an example."""
        self.standardise(z)
        unit = self.unit(z)

        def loss() -> Tensor:
            at = torch.randint(len(unit), (min(self.batch, len(unit)),), device=unit.device)
            return self.bound(unit[at], None if condition is None else condition[at]).mean()

        yield from descended(self, loss, self.steps, self.lr)

    def bound(self, unit: Tensor, condition: Tensor | None) -> Tensor:
        """−ELBO (N,) of standardised z (N, size)."""
        q = self._inferred(unit, condition)
        apart = (unit - self._mean(q.rsample(), condition)) * (-self.scale).exp()
        distortion = (0.5 * apart.square() + self.scale + 0.5 * LOG_2PI).sum(1)
        zeros = torch.zeros_like(q.mean)
        return distortion + q.rate(DiagonalGaussian(zeros, zeros), q.mean)

    @torch.no_grad()
    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        u, noise = (torch.randn(n, size, device=self.anchor.device) for size in (self.numbers, self.space.size))
        with full_precision(u.device):
            unit = self._mean(temperature * u, condition) + temperature * self.scale.exp() * noise
        return self.shaped(unit)

    def _inferred(self, unit: Tensor, condition: Tensor | None) -> DiagonalGaussian:
        mean, log_sigma = self.encoder(self._beside(unit, condition)).float().chunk(2, 1)
        return DiagonalGaussian(mean, log_sigma.clamp(*LOG_SIGMA))

    def _mean(self, u: Tensor, condition: Tensor | None) -> Tensor:
        mean: Tensor = self.decoder(self._beside(u, condition)).float()
        return mean

    def _beside(self, x: Tensor, condition: Tensor | None) -> Tensor:
        context = self.context(condition)
        return x if context is None else torch.cat([x, context.expand(len(x), -1)], 1)


class TwoStage(Second):
    """The second stage of a two-stage VAE, as large as the first's latent space."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        hidden: Hidden = 512,
        steps: Steps = 4000,
        batch: Batch = 256,
        lr: Rate = 1e-3,
    ) -> None:
        super().__init__(space, condition, space.size, hidden, torch.zeros(()), 0.0, steps, batch, lr)


class Personal(Second):
    """A small VAE of a few examples' latents: varied ones beside them, and the least noise, keep it from learning by heart."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        numbers: Annotated[int, Ge(1), Le(1024), doc("of its own latent")] = 4,
        hidden: Hidden = 64,
        least: Annotated[float, Ge(0), Le(1), doc("deviation of what it adds to each number of z, in theirs, at least")] = 0.5,
        steps: Steps = 1500,
        batch: Batch = 64,
        lr: Rate = 2e-3,
        variants: Variants = 8,
    ) -> None:
        super().__init__(space, condition, numbers, hidden, torch.zeros(space.size), least, steps, batch, lr)
        self.variants = variants


def _layers(before: int, hidden: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, after))
