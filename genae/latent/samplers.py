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

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple, Protocol, runtime_checkable

import torch
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Density, Encoder
from genae.latent.space import Geometry, Kind, Shape, Space

Variants = Annotated[int, Ge(0), doc("of each example or piece, varied as in training, that it is fitted on beside it")]
WHERE: Mapping[Geometry, str] = {"flat": "without bounds", "sphere": "on a sphere", "ball": "in the Poincaré ball"}
INSTEAD: Mapping[Geometry, str] = {  # what suits z of a geometry
    "flat": "set prior=normal, or a posterior of that form",
    "sphere": "set prior=sphere, and to fit one, sampler vamp",
    "ball": "set prior=hyperbolic, and to fit one, sampler vamp",
}


class Sampler(nn.Module):
    """z (B, *space.shape) of new examples, where `condition` is the width of c, 0 for none."""

    variants: int = 0  # of each example or piece, varied as in training, that it is fitted on beside the example itself
    reduced = False  # whether its fit bears bf16
    of_inputs: int = 0  # of the examples, as the encoder is given them, that it is fitted on instead of latents

    def __init__(self, space: Space, condition: int = 0) -> None:
        super().__init__()
        self.space, self.condition = space, condition
        self.anchor = nn.Buffer(torch.zeros(1, *space.shape), persistent=False)  # knows the device and the dtype

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """n new z (n, *shape); temperature 0 gives the most typical one n times. GenaeError for one that cannot draw."""
        raise GenaeError(f"{type(self).__name__} has no method sample, so nothing can be drawn from it; fit a sampler")

    def setup(self, event: Shape, encoder: Encoder | None, kind: Kind) -> None:
        """Called once, with the model's: what is made of posteriors asks it. None for a model of several.

        GenaeError for a model that it does not suit.
        """
        return

    def require(self, discrete: bool, geometry: Geometry = "flat") -> None:
        """GenaeError for a space of codes where z must be continuous, or the reverse, and for one of another geometry."""
        if discrete and not self.space.codes:
            raise GenaeError(f"{type(self).__name__} is for codes, and this model's z is continuous ({self.space})")
        if not discrete and self.space.codes:
            raise GenaeError(
                f"{type(self).__name__} is for continuous z, and this model's are codes ({self.space}); "
                "set prior=uniform, and fit a sampler for codes"
            )
        if geometry != self.space.geometry:
            raise GenaeError(
                f"{type(self).__name__} is for z {WHERE[geometry]}, and this model's are {WHERE[self.space.geometry]} "
                f"({self.space}); {INSTEAD[self.space.geometry]}"
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
class Beginning(Protocol):
    """A prior that begins at training examples."""

    count: int  # how many

    def begin(self, x: Tensor) -> None:
        """x (count, *event), or fewer where there are no more, as the encoder is given them. GenaeError for too few."""
        ...


@runtime_checkable
class Fitted(Protocol):
    """A sampler that learns from latents."""

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """z (N, *shape) and c (N, C) of the training examples, on the sampler's device; random numbers are torch's.

        Of one with `of_inputs` z are so many of the examples themselves (N, *event).
        """
        ...

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """As `Sampler.sample`."""
        ...


class Passage(NamedTuple):
    """The posteriors of a piece's windows."""

    mean: Tensor  # (W, *shape), exactly equal where the windows are
    sigma: Tensor | None = None  # (W, *shape); without, z are the means
    condition: Tensor | None = None  # (W, C), sparse where C is large
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
