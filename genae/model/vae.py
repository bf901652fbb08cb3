r"""The VAE: an encoder q(z | x), a prior p(z) and a decoder p(x | z), each of which gives a distribution.

    log p(x) ≥ E_q[log p(x | z)] − KL(q(z | x) ‖ p(z))          https://arxiv.org/abs/1312.6114

`Model` is all that objectives, runs and evaluation ask of one: x is encoded once, inference is asked once and told whole. So a
ladder, whose levels depend on each other, is another `Model`, and a network factory may give one. Nobody here asks which
distributions they are, nor what an event is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Literal, cast

import torch
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.inference import Completing, Distribution, Inference, Kept
from genae.latent.posteriors import Density, Family, GaussianPosterior, Posterior, Spread
from genae.latent.samplers import Noise, Prior, Sampler
from genae.latent.space import Kind, Shape, Space

Shows = Literal["mean", "sample"]
Events = Callable[[int], Tensor]  # a number to so many training events (N, *event), or all if there are fewer


class Begun(ABC):
    """An encoder or decoder, by its class, that takes something from the training examples before the first step."""

    @abstractmethod
    def begin(self, events: Events) -> None:
        """`events(n)` are n of them (N, *event); what it takes belongs into buffers or parameters; seeded."""


class Model(nn.Module, ABC):
    """p(z) p(x | z) with inference model q(z | x)."""

    kind: Kind = "density"
    prior: Sampler  # where z of new examples come from, unless a sampler was fitted

    def __init__(self, event: Shape, space: Space, shows: Shows = "mean") -> None:
        """`shows` what people are given of p(x | z)."""
        super().__init__()
        self.event, self.space, self.shows = event, space, shows
        self.anchor: Tensor = nn.Buffer(torch.zeros(()), persistent=False)  # knows the device

    @abstractmethod
    def infer(self, x: Tensor, condition: Tensor | None = None) -> Inference:
        """x (B, *event), as `Domain.prepare` gives it, to q(z | x)."""

    @abstractmethod
    def decode(self, z: Tensor, condition: Tensor | None = None) -> Distribution:
        """z (B, *shape) to p(x | z)."""

    def begin(self, events: Events) -> None:
        """Called once on fresh weights, before the first step, with the way to training events; torch's generator is seeded."""
        return

    def encode(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """x (B, *event) to the z that stand for them (B, *shape): posterior means, or codes."""
        return self.infer(x, condition).mean

    def remark(self) -> str:
        """What a user should be told of it after training, or ""."""
        return ""

    def introduce(self, sampler: Sampler) -> None:
        """A prior or sampler gets to know this model. GenaeError for one that does not suit it."""
        sampler.setup(self.event, None, self.kind)

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """Standard-normal noise u (B, size) to z (B, *shape). GenaeError for a prior that is made of no noise."""
        if not isinstance(self.prior, Noise):
            raise GenaeError(f"{type(self.prior).__name__} carries no noise to z, so there are no quantiles of it to show")
        return self.prior.push(u, condition)

    def show(self, z: Tensor, condition: Tensor | None = None, temperature: float = 1.0, kept: Kept | None = None) -> Tensor:
        """z (B, *shape) to what people are given of p(x | z) (B, *event): its mean or a sample, but for what is kept."""
        p = self.decode(z, condition)
        if kept is not None and self.shows == "sample" and isinstance(p, Completing):
            return p.completed(kept, temperature)
        made = p.mean if self.shows == "mean" else p.sample(temperature)
        return made if kept is None else torch.where(kept.mask, kept.values, made)

    def sample(
        self, n: int, temperature: float = 1.0, condition: Tensor | None = None, sampler: Sampler | None = None
    ) -> Tensor:
        """n new events (n, *event); temperature scales what is random: p(x | z) where that is sampled, else z's prior."""
        spread = temperature if self.shows == "mean" else 1.0
        return self.show((sampler or self.prior).sample(n, spread, condition), condition, temperature)


class VAE(Model):
    """One posterior, one prior, one decoder."""

    prior: Prior

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        prior: Prior,
        event: Shape,
        family: Family | None = None,
        shows: Shows = "mean",
    ) -> None:
        """encoder (x, condition) to q, which is of `family`, Gaussian if none; decoder (z, condition) to p(x | z)."""
        super().__init__(event, prior.space, shows)
        self.encoder, self.decoder, self.prior = encoder, decoder, prior
        self._family = (family or GaussianPosterior(),)  # in a tuple: its parameters are the encoder's
        self.kind = self._family[0].kind
        self.introduce(prior)

    def begin(self, events: Events) -> None:
        for part in (self.encoder, self.decoder):
            if isinstance(part, Begun):
                part.begin(events)

    @property
    def family(self) -> Family:
        """Of its posterior."""
        return self._family[0]

    def infer(self, x: Tensor, condition: Tensor | None = None) -> Encoded:
        return Encoded(self, self.encoder(x, condition), condition)

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Distribution:
        """z (B, *shape), or as `Posterior.rsample` gives it, to p(x | z)."""
        return cast(Distribution, self.decoder(self.embedded(z), condition))

    def embedded(self, z: Tensor) -> Tensor:
        """z (B, *shape) as the decoder is given it: of codes their vectors."""
        return z if not self.space.codes or z.is_floating_point() else self.family.embed(z)

    def remark(self) -> str:
        return self._family[0].remark()

    def introduce(self, sampler: Sampler) -> None:
        sampler.setup(self.event, self.encoder, self.kind)


class Encoded:
    """q(z | x) of a VAE."""

    def __init__(self, vae: VAE, q: Posterior, condition: Tensor | None) -> None:
        self.vae, self.q, self.condition = vae, q, condition

    @property
    def mean(self) -> Tensor:
        return self.q.mean

    @property
    def spread(self) -> Tensor | None:
        return self.q.spread if isinstance(self.q, Spread) else None

    def sample(self, samples: int | None = None) -> Drawn:
        return Drawn(self, self.q.rsample(samples), samples)


class Drawn:
    """z ~ q(z | x) of a VAE: the decoder and the prior are asked when what they say is wanted."""

    def __init__(self, of: Encoded, z: Tensor, samples: int | None) -> None:
        self.of, self.z, self.samples = of, z, samples

    @cached_property
    def p(self) -> Distribution:
        z = self.z if self.samples is None else self.z.flatten(0, 1)
        return self.of.vae.decode(z, repeated(self.of.condition, self.samples))

    @cached_property
    def prior(self) -> Density:
        density: Density = self.of.vae.prior(self.of.condition)
        return density

    @cached_property
    def rate(self) -> Tensor:
        return self.of.q.rate(self.prior, self.z if self.samples is None else self.z[0])

    @property
    def penalty(self) -> Tensor | None:
        return self.of.q.penalty()

    @property
    def terms(self) -> Mapping[str, Tensor]:
        return self.of.q.terms()

    def log_ratio(self) -> Tensor:
        return self.of.q.log_ratio(self.prior, self.z)

    def rates(self) -> Tensor:
        return self.of.q.rate_by_dimension(self.prior)


def repeated(x: Tensor | None, samples: int | None) -> Tensor | None:
    """(B, …) to (samples · B, …), sample by sample; None, and without a number, as it is."""
    return x if x is None or samples is None else x.expand(samples, *x.shape).flatten(0, 1)
