r"""Likelihoods p(x | z): the last step of a decoder, from features to a distribution over one event.

    Bernoulli             log p = x log π + (1 − x) log(1 − π), π = sigmoid(logits)
    Gaussian              log p = −(x − μ)² / 2σ² − log σ − ½ log 2π, σ fixed, learned, or given by the network
    Laplace               log p = −|x − μ| / b − log 2b
    DiscretisedLogistic   log p = log Σ_m w_m [F_m(x + ½δ) − F_m(x − ½δ)], levels δ = 1/255 apart, the outer bins open

All are independent over the event given z; log-probabilities are nats, summed over the event.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, doc
from torch import Tensor, nn

from genae.latent.posteriors import LOG_2PI
from genae.latent.space import Shape

LOG_SCALE = (-7.0, 5.0)  # bounds of a log scale that a network gives: e^-7 is a quarter of an 8-bit level


class Likelihood(nn.Module):
    """Last step of a network: called with features it gives a distribution over one event."""

    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # of an event's numbers
    levels: int = 0  # evenly from 0 to 1, where it is a probability of so many values of each number; 0 of a density

    def features(self, event: Shape) -> Shape:
        """The shape that the network must give for one event."""
        raise NotImplementedError


@runtime_checkable
class Unnormalised(Protocol):
    """A pseudo-likelihood: its log_prob is known up to a constant alone, and it cannot be drawn from: samples are its mean."""

    unnormalised: Literal[True]


def total(x: Tensor) -> Tensor:
    """(B, *event) summed over the event to (B,)."""
    return x.flatten(1).sum(1)


class BernoulliEvent:
    def __init__(self, logits: Tensor) -> None:
        self.logits = logits  # (B, *event)

    @property
    def mean(self) -> Tensor:
        return self.logits.sigmoid()

    def log_prob(self, x: Tensor) -> Tensor:
        return -total(F.binary_cross_entropy_with_logits(self.logits, x, reduction="none"))

    def sample(self, temperature: float = 1.0) -> Tensor:
        if temperature == 0:
            return (self.logits > 0).float()
        return torch.bernoulli((self.logits / temperature).sigmoid())


class LocationScale:
    """Gaussian or Laplace: a location (B, *event) and a log scale that broadcasts to it."""

    def __init__(self, mean: Tensor, log_scale: Tensor, kind: Literal["gaussian", "laplace"]) -> None:
        self.mean, self.log_scale, self.kind = mean, log_scale, kind

    def log_prob(self, x: Tensor) -> Tensor:
        u = (x - self.mean) * (-self.log_scale).exp()
        if self.kind == "gaussian":
            return total(-0.5 * u.square() - self.log_scale - 0.5 * LOG_2PI)
        return total(-u.abs() - self.log_scale - math.log(2))

    def sample(self, temperature: float = 1.0) -> Tensor:
        if self.kind == "gaussian":
            noise = torch.randn_like(self.mean)
        else:  # the difference of two exponentials is Laplace
            noise = torch.empty_like(self.mean).exponential_() - torch.empty_like(self.mean).exponential_()
        return self.mean + temperature * self.log_scale.exp() * noise


class DiscretisedLogisticEvent:
    """https://arxiv.org/abs/1701.05517 without its conditioning between channels."""

    def __init__(self, logits: Tensor, location: Tensor, log_scale: Tensor, levels: int) -> None:
        self.logits, self.location, self.log_scale = logits, location, log_scale  # each (B, M, *event)
        self.levels = levels

    @property
    def mean(self) -> Tensor:
        return (self.logits.softmax(1) * self.location).sum(1).clamp(0, 1)

    def log_prob(self, x: Tensor) -> Tensor:
        x = x[:, None]  # (B, 1, *event)
        half = 0.5 / (self.levels - 1)
        per_scale = (-self.log_scale).exp()
        above = (x - self.location + half) * per_scale
        below = (x - self.location - half) * per_scale
        # F(a) − F(b) = s(a) s(−b) (1 − e^(b − a)), with s the sigmoid: exact, and stable in both tails
        inner = F.logsigmoid(above) + F.logsigmoid(-below) + torch.log(-torch.expm1(below - above))
        bins = torch.where(x < half, F.logsigmoid(above), torch.where(x > 1 - half, F.logsigmoid(-below), inner))
        return total((self.logits.log_softmax(1) + bins).logsumexp(1))

    def sample(self, temperature: float = 1.0) -> Tensor:
        gumbel = -torch.empty_like(self.logits).exponential_().log()
        chosen = (self.logits + temperature * gumbel).argmax(1, keepdim=True)  # (B, 1, *event)
        location = self.location.gather(1, chosen)[:, 0]
        scale = self.log_scale.gather(1, chosen)[:, 0].exp()
        noise = torch.logit(torch.rand_like(location), eps=1e-6)
        x = (location + temperature * scale * noise).clamp(0, 1)
        return (x * (self.levels - 1)).round() / (self.levels - 1)


class Bernoulli(Likelihood):
    """Values in {0, 1}; given values between, its log-probability is the negative cross-entropy of the autoencoder lesson."""

    support = (0.0, 1.0)
    levels = 2

    def features(self, event: Shape) -> Shape:
        return event

    def forward(self, h: Tensor) -> BernoulliEvent:
        return BernoulliEvent(h.float())


class Gaussian(Likelihood):
    """σ fixed; one σ learned for all (https://arxiv.org/abs/2006.13202); or a σ for each value given by the network."""

    def __init__(
        self,
        sigma: Annotated[float, Gt(0), doc("σ in the event's units; where one σ is learned, its first value")] = 1.0,
        learned: Annotated[Literal["no", "one", "each"], doc("no σ, one for all values, or one for each of them")] = "no",
    ) -> None:
        super().__init__()
        self.learned = learned
        self.log_sigma = nn.Parameter(torch.tensor(math.log(sigma)), requires_grad=learned == "one")

    def features(self, event: Shape) -> Shape:
        return (2 * event[0], *event[1:]) if self.learned == "each" else event

    def begin_at(self, sigma: Tensor) -> None:
        """σ () where training begins, if it is learned."""
        if self.learned != "no":
            self.log_sigma.copy_(sigma.log())

    def forward(self, h: Tensor) -> LocationScale:
        h = h.float()
        if self.learned != "each":
            return LocationScale(h, self.log_sigma, "gaussian")
        mean, log_sigma = h.chunk(2, 1)
        return LocationScale(mean, (log_sigma + self.log_sigma).clamp(*LOG_SCALE), "gaussian")


class Laplace(Likelihood):
    """Scale b fixed, in the units of the event."""

    def __init__(self, scale: Annotated[float, Gt(0), doc("b in the event's units")] = 1.0) -> None:
        super().__init__()
        self.log_scale = nn.Buffer(torch.tensor(math.log(scale)), persistent=False)

    def features(self, event: Shape) -> Shape:
        return event

    def forward(self, h: Tensor) -> LocationScale:
        return LocationScale(h.float(), self.log_scale, "laplace")


class DiscretisedLogistic(Likelihood):
    """A mixture of logistics over `levels` equally spaced values in [0, 1]; 256 levels are those of 8 bits."""

    support = (0.0, 1.0)

    def __init__(
        self,
        mixtures: Annotated[int, Ge(1), doc("logistics in the mixture")] = 1,
        levels: Annotated[int, Ge(2), doc("values that an event's number can have, evenly from 0 to 1")] = 256,
    ) -> None:
        super().__init__()
        self.mixtures, self.levels = mixtures, levels

    def features(self, event: Shape) -> Shape:
        return (3 * self.mixtures * event[0], *event[1:])

    def forward(self, h: Tensor) -> DiscretisedLogisticEvent:
        parts = h.float().reshape(h.shape[0], 3, self.mixtures, -1, *h.shape[2:])  # (B, 3, M, *event)
        logits, location, log_scale = parts.unbind(1)
        return DiscretisedLogisticEvent(logits, location + 0.5, (log_scale - 2.0).clamp(*LOG_SCALE), self.levels)
