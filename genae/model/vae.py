r"""The VAE: an encoder q(z | x), a prior p(z) and a decoder p(x | z), each of which gives a distribution.

    log p(x) ≥ E_q[log p(x | z)] − KL(q(z | x) ‖ p(z))          https://arxiv.org/abs/1312.6114

The engine never asks which distributions they are, nor what an event is.
"""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn

from genae.data.domain import Shape
from genae.latent.paths import path
from genae.latent.posteriors import Posterior
from genae.latent.priors import Prior
from genae.model.likelihoods import Distribution


class VAE(nn.Module):
    r"""p(z) p(x | z) with inference model q(z | x)."""

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        prior: Prior,
        event: Shape,
        shows: Literal["mean", "sample"] = "mean",
    ) -> None:
        """encoder (x, condition) to q, decoder (z, condition) to p(x | z); `shows` what people are given of p(x | z)."""
        super().__init__()
        self.encoder, self.decoder, self.prior = encoder, decoder, prior
        self.event, self.shows = event, shows

    @property
    def latent(self) -> int:
        return self.prior.latent

    def encode(self, x: Tensor, condition: Tensor | None = None) -> Posterior:
        """x (B, *event), as `Domain.prepare` gives it, to q(z | x), z (B, latent)."""
        return cast(Posterior, self.encoder(x, condition))

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Distribution:
        """z (B, latent) to p(x | z)."""
        return cast(Distribution, self.decoder(z, condition))

    def show(self, z: Tensor, condition: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """z (B, latent) to what people are given of p(x | z) (B, *event): its mean or a sample."""
        p = self.decode(z, condition)
        return p.mean if self.shows == "mean" else p.sample(temperature)

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """n new events (n, *event); temperature scales what is random: p(x | z) where that is sampled, else the prior."""
        spread = temperature if self.shows == "mean" else 1.0
        return self.show(self.prior.sample(n, spread, condition), condition, temperature)

    def interpolate(
        self, a: Tensor, b: Tensor, n: int, kind: Literal["linear", "spherical"] = "spherical", condition: Tensor | None = None
    ) -> Tensor:
        """n events (n, *event) from a to b, both (1, *event), between posterior means: the same at every call."""
        ends = [self.encode(x, condition).mean for x in (a, b)]
        z = path([end[0] for end in ends], n, kind)
        return self.show(z, None if condition is None else condition.expand(n, -1))
