r"""Where new z come from. Priors and samplers fitted after training have one face; what each can is its class:

    Sampler    sample(n, temperature, condition): z (n, *shape)
    Noise      push(u, condition): standard-normal noise u (B, size) to z, so that temperature T samples push(T·u) and a picture
               of the latent space is a grid of quantiles of u
    Prior      called, it gives the density p(z | c); it may be trained inside the ELBO
    Fitted     fit(z, condition): learns, after training, from the latents of the training examples
    Sequential passages(n, length, …): z of windows in a row, learned by fit_passages from whole pieces

c is the run's condition (B, C), or None. z has the form of its space: genae/latent/space.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple, Protocol, runtime_checkable

import torch
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Density
from genae.latent.space import Space

Variants = Annotated[int, Ge(0), doc("of each example or piece, varied as in training, that it is fitted on beside it")]


class Sampler(nn.Module):
    """z (B, *space.shape) of new examples, where `condition` is the width of c, 0 for none."""

    variants: int = 0  # of each example or piece, varied as in training, that it is fitted on beside the example itself
    reduced = False  # whether its fit bears bf16

    def __init__(self, space: Space, condition: int = 0) -> None:
        super().__init__()
        self.space, self.condition = space, condition
        self.anchor = nn.Buffer(torch.zeros(1, *space.shape), persistent=False)  # knows the device and the dtype

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """n new z (n, *shape); temperature 0 gives the most typical one n times. GenaeError for one that cannot draw."""
        raise GenaeError(f"{type(self).__name__} has no method sample, so nothing can be drawn from it; fit a sampler")

    def require(self, discrete: bool) -> None:
        """GenaeError for a space of codes where z must be continuous, or the reverse."""
        if discrete and not self.space.codes:
            raise GenaeError(f"{type(self).__name__} is for codes, and this model's z is continuous ({self.space})")
        if not discrete and self.space.codes:
            raise GenaeError(
                f"{type(self).__name__} is for continuous z, and this model's are codes ({self.space}); "
                "set prior=uniform, and fit a sampler for codes"
            )

    def context(self, condition: Tensor | None) -> Tensor | None:
        """c as a network takes it: (B, C), (C,) of zeros where none is given, None for a sampler without a condition."""
        if not self.condition:
            return None
        return self.anchor.new_zeros(self.condition) if condition is None else condition.to(self.anchor)


class Noise(Sampler):
    """A sampler that carries standard-normal noise to z."""

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """u (B, size) to z (B, *shape). GenaeError for one that says it carries noise and has no such method."""
        raise GenaeError(f"{type(self).__name__} has no method push, so nothing can be drawn from it; fit a sampler")

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        noise = torch.randn(n, self.space.size, device=self.anchor.device, dtype=self.anchor.dtype)
        return self.push(temperature * noise, condition)


class Prior(Sampler):
    """A sampler with a density over z."""

    def forward(self, condition: Tensor | None = None) -> Density:
        """p(z | c)."""
        raise NotImplementedError


class Fitting(NamedTuple):
    """How far a fit is."""

    done: int
    total: int
    loss: Tensor | None = None  # (), nats an example


@runtime_checkable
class Fitted(Protocol):
    """A sampler that learns from latents."""

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """z (N, *shape) and c (N, C) of the training examples, on the sampler's device; random numbers are torch's."""
        ...

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """As `Sampler.sample`."""
        ...


class Passage(NamedTuple):
    """The posteriors of a piece's windows."""

    mean: Tensor  # (W, *shape), exactly equal where the windows are
    sigma: Tensor | None = None  # (W, *shape); without, z are the means
    condition: Tensor | None = None  # (W, C)
    varied: bool = False  # whether the piece is one that was varied as training varies examples


@runtime_checkable
class Sequential(Protocol):
    """A sampler of windows in a row."""

    variants: int

    def fit_passages(self, passages: Sequence[Passage]) -> Iterator[Fitting]:
        """On the pieces of the training examples, on the sampler's device."""
        ...

    def passages(
        self,
        n: int,
        length: int,
        temperature: float = 1.0,
        condition: Tensor | None = None,
        before: Tensor | None = None,
        form: Sequence[int] | None = None,
        part: bool = False,
        after: Tensor | None = None,
    ) -> Tensor:
        """z of n pieces (n, length, *shape), `before` (n, V, *shape) the windows that they go on from.

        `condition` is (n, C), or (n, V + length, C) of each window. `form` says which window each is equal to, its own number
        for a new one; a `part` need not begin or end a piece. `after` (n, R, *shape) are the windows that follow.
        """
        ...
