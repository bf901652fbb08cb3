r"""A second VAE, of the latents of the first. https://arxiv.org/abs/1903.05789

    u ~ N(0, I),  z ~ N(m(u, c), γ² I)        by −ELBO of z, γ learned

The aggregate posterior fills the space once the first VAE has learned, so one of the same size finds it as a Gaussian deformed.
z is standardised first; c is the condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.latent.descent import Batch, Rate, Standardised, Steps, descended
from genae.latent.posteriors import LOG_2PI, LOG_SIGMA, DiagonalGaussian
from genae.latent.samplers import Fitting
from genae.latent.space import Space


class TwoStage(Standardised):
    """Both networks have three layers, and the second stage as many numbers as the first."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        hidden: Annotated[int, Ge(1), Le(8192), doc("width of the layers")] = 512,
        steps: Steps = 4000,
        batch: Batch = 256,
        lr: Rate = 1e-3,
    ) -> None:
        super().__init__(space, condition)
        self.steps, self.batch, self.lr = steps, batch, lr
        self.encoder = _layers(space.size + condition, hidden, 2 * space.size)
        self.decoder = _layers(space.size + condition, hidden, space.size)
        self.log_gamma = nn.Parameter(torch.zeros(()))

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
        apart = (unit - self._mean(q.rsample(), condition)) * (-self.log_gamma).exp()
        distortion = (0.5 * apart.square() + self.log_gamma + 0.5 * LOG_2PI).sum(1)
        zeros = torch.zeros_like(q.mean)
        return distortion + q.rate(DiagonalGaussian(zeros, zeros), q.mean)

    @torch.no_grad()
    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        u, noise = (torch.randn(n, self.space.size, device=self.anchor.device) for _ in range(2))
        with torch.autocast(u.device.type, enabled=False):
            unit = self._mean(temperature * u, condition) + temperature * self.log_gamma.exp() * noise
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


def _layers(before: int, hidden: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, after))
