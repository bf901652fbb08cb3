r"""Posteriors q(z | x): the last step of an encoder, and the rate KL(q ‖ p) that each has against a prior.

    Gaussian   z = μ + σ ε;  KL(q ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − ln σ²), the log scale being ln σ and not ln σ²
    Point      z = f(x), the plain autoencoder: no rate

Against a prior without a closed form the rate is log q(z | x) − log p(z) at the sampled z, an unbiased estimate. What a
posterior is, a density, a plain code or discrete, is its `kind`; nothing else in genae asks.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from annotated_types import doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.space import Kind, Shape, Space

LOG_2PI = math.log(2 * math.pi)
LOG_SIGMA = (-8.0, 5.0)  # beyond these e^ would overflow bf16 gradients early in training; trained runs stay well inside


class Density(Protocol):
    """A distribution over z (B, *shape)."""

    def log_prob(self, z: Tensor) -> Tensor:
        """z (…, B, *shape) to (…, B), nats; of codes log-probabilities."""
        ...


class Posterior(Protocol):
    """q(z | x) for a batch."""

    @property
    def mean(self) -> Tensor:
        """The z that stands for x (B, *shape): codes where z is discrete."""
        ...

    def rsample(self, samples: int | None = None) -> Tensor:
        """What the decoder is given of z, (B, *embedded) or (samples, B, *embedded); gradients reach the encoder."""
        ...

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        """log q(z | x) − log p(z), (…, B), nats, at z as `rsample` gave it. GenaeError where there is none."""
        ...

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        """KL(q ‖ prior) (B,), nats: exact where it can be, else estimated at z ~ q."""
        ...

    def rate_by_dimension(self, prior: Density) -> Tensor:
        """The exact KL of every latent dimension (B, size), nats. GenaeError where there is none."""
        ...

    def penalty(self) -> Tensor | None:
        """(B,) what is minimised beside distortion and rate: a commitment loss."""
        ...

    def terms(self) -> dict[str, Tensor]:
        """Further numbers, () or (B,): a perplexity."""
        ...


class Encoder(Protocol):
    """A model's: x (B, *event) and c (B, C), or None, to q(z | x)."""

    def __call__(self, x: Tensor, condition: Tensor | None = None) -> Posterior: ...


@runtime_checkable
class Spread(Protocol):
    """What a posterior, or an inference, is besides, where z has a standard deviation."""

    @property
    def spread(self) -> Tensor | None:
        """σ of q(z | x) (B, *shape), or None."""
        ...


class Family(nn.Module):
    """A posterior as a part of a recipe: the last step of an encoder, features (B, *features) to q(z | x)."""

    kind: ClassVar[Kind] = "density"

    def space(self, space: Space) -> Space:
        """The recipe's space as this family has it: with an alphabet, say, where it gives codes."""
        return space

    def features(self, space: Space) -> Shape:
        """The shape of what the encoder must give for one example."""
        raise NotImplementedError

    def embedded(self, space: Space) -> Shape:
        """The shape of what the decoder is given of one z: of codes, their vectors."""
        return space.shape

    def embed(self, z: Tensor) -> Tensor:
        """z (B, *shape) as the decoder is given it (B, *embedded)."""
        return z

    def remark(self) -> str:
        """What a user should be told of it after training, or ""."""
        return ""


class DiagonalGaussian:
    """N(μ, diag σ²), μ and ln σ each (B, *shape)."""

    def __init__(self, mean: Tensor, log_sigma: Tensor) -> None:
        self.mean, self.log_sigma = mean, log_sigma

    @property
    def spread(self) -> Tensor:
        return self.log_sigma.exp()

    def rsample(self, samples: int | None = None) -> Tensor:
        shape = self.mean.shape if samples is None else (samples, *self.mean.shape)
        noise = torch.randn(shape, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + self.log_sigma.exp() * noise

    def log_prob(self, z: Tensor) -> Tensor:
        u = (z - self.mean) * (-self.log_sigma).exp()
        return _per_example(-0.5 * u.square() - self.log_sigma - 0.5 * LOG_2PI, self.mean.ndim - 1)

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        return self.log_prob(z) - prior.log_prob(z)

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        if isinstance(prior, DiagonalGaussian):
            return self.rate_by_dimension(prior).sum(-1)
        return self.log_ratio(prior, z)

    def rate_by_dimension(self, prior: Density) -> Tensor:
        if not isinstance(prior, DiagonalGaussian):
            raise GenaeError("a rate by dimension needs the normal prior; use free_bits_per=total with any other")
        narrower = self.log_sigma - prior.log_sigma
        shift = (self.mean - prior.mean) * (-prior.log_sigma).exp()
        return (0.5 * (shift.square() + (2 * narrower).exp() - 1) - narrower).flatten(1)

    def penalty(self) -> None:
        return None

    def terms(self) -> dict[str, Tensor]:
        return {}


class Point:
    """z itself (B, *shape), without a density."""

    def __init__(self, mean: Tensor) -> None:
        self.mean = mean

    def rsample(self, samples: int | None = None) -> Tensor:
        return self.mean if samples is None else self.mean.expand(samples, *self.mean.shape)

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        raise GenaeError("a plain autoencoder has no posterior density, so no ELBO or NLL; train with posterior=gaussian")

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        return self.mean.new_zeros(len(self.mean))

    def rate_by_dimension(self, prior: Density) -> Tensor:
        return torch.zeros_like(self.mean).flatten(1)

    def penalty(self) -> None:
        return None

    def terms(self) -> dict[str, Tensor]:
        return {}


class GaussianPosterior(Family):
    """Features (B, …, 2·D) to N(μ, diag σ²), σ = e^h or softplus(h) = ln(1 + e^h). https://arxiv.org/abs/1312.6114"""

    def __init__(self, scale: Annotated[Literal["exp", "softplus"], doc("how σ comes of the features")] = "exp") -> None:
        super().__init__()
        self.scale = scale

    def features(self, space: Space) -> Shape:
        return (*space.shape[:-1], 2 * space.shape[-1])

    def forward(self, h: Tensor) -> DiagonalGaussian:
        mean, log_sigma = h.float().chunk(2, -1)
        if self.scale == "softplus":
            log_sigma = F.softplus(log_sigma).log()
        return DiagonalGaussian(mean, log_sigma.clamp(*LOG_SIGMA))


class PointPosterior(Family):
    """Features (B, *shape) are z: the plain autoencoder."""

    kind = "point"

    def features(self, space: Space) -> Shape:
        return space.shape

    def forward(self, h: Tensor) -> Point:
        return Point(h.float())


def _per_example(x: Tensor, axes: int) -> Tensor:
    """(…, B, *shape) with so many axes in the shape, summed over them."""
    return x.flatten(-axes).sum(-1)
