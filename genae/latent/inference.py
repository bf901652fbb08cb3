"""What is asked of any model: inference is told whole, so a ladder, whose levels depend on each other, is no special case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from genae.latent.space import Kind, Space


class Distribution(Protocol):
    """p(x | z) over a batch of events; an autoregressive one has the same face."""

    @property
    def mean(self) -> Tensor:
        """(B, *event)."""
        ...

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, *event) to log p(x | z) (B,), nats."""
        ...

    def sample(self, temperature: float = 1.0) -> Tensor:
        """(B, *event); temperature 0 gives its mode (of a mixture, that of the likeliest part)."""
        ...


class Kept(NamedTuple):
    """Numbers of events (B, *event) that are known where `mask`, bool (B, *event), says so, and come back as they are."""

    values: Tensor
    mask: Tensor


@runtime_checkable
class Completing(Protocol):
    """A distribution that can be drawn from given a part of the event: what is drawn then goes with what is kept."""

    def completed(self, kept: Kept, temperature: float = 1.0) -> Tensor:
        """A sample (B, *event) of what is not kept, together with what is."""
        ...


class Inferred(Protocol):
    """A sample z of q(z | x) for each of a batch, and what follows from it.

    Of K samples z and log_ratio are (K, B, …), and p is of K·B.
    """

    @property
    def z(self) -> Tensor:
        """(B, *shape), or as the decoder is given it."""
        ...

    @property
    def p(self) -> Distribution:
        """p(x | z)."""
        ...

    @property
    def rate(self) -> Tensor:
        """KL(q ‖ p) (B,), nats: exact where it can be."""
        ...

    @property
    def penalty(self) -> Tensor | None:
        """(B,) what is minimised beside distortion and rate: a commitment loss."""
        ...

    @property
    def terms(self) -> Mapping[str, Tensor]:
        """Further numbers, () or (B,): a perplexity, a level's rate."""
        ...

    def log_ratio(self) -> Tensor:
        """log q(z | x) − log p(z) (B,) at that z, for importance weights."""
        ...

    def rates(self) -> Tensor:
        """The exact rate of each dimension, or of each level (B, parts). GenaeError where there is none."""
        ...


class Inference(Protocol):
    """x, encoded: its posterior, ready to be sampled as often as is wanted."""

    @property
    def mean(self) -> Tensor:
        """The z that stands for x (B, *shape)."""
        ...

    def sample(self, samples: int | None = None) -> Inferred:
        """One z for each x, or so many: then the decoder sees samples · B of them, sample by sample."""
        ...


class Generative(Protocol):
    """A model as evaluation and domains see it: genae/model/vae.py."""

    space: Space
    kind: Kind
    anchor: Tensor  # on the model's device

    def infer(self, x: Tensor, condition: Tensor | None = None) -> Inference:
        """x (B, *event) to q(z | x)."""
        ...

    def encode(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """x (B, *event) to the z that stand for them (B, *shape)."""
        ...

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Distribution:
        """z (B, *shape) to p(x | z)."""
        ...

    def show(self, z: Tensor, condition: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """z (B, *shape) to what people are given of p(x | z) (B, *event)."""
        ...
