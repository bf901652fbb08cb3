r"""Mixtures of a model's own posteriors: p(z) = 1/K Σ_k q(z | u_k). https://arxiv.org/abs/1705.07120

    Vamp         K pseudo-inputs u_k, which begin at training examples and learn inside the ELBO
    FittedVamp   u_k are training examples drawn at random, once training is done

Both ask the encoder, which `setup` gives them, so p follows q wherever that goes: any posterior with a density will do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.mixture import drawn, joint
from genae.latent.posteriors import Density, DiagonalGaussian, Encoder, Posterior
from genae.latent.precision import full_precision
from genae.latent.samplers import Fitting, Prior
from genae.latent.space import Kind, Shape, Space

Inputs = Annotated[int, Ge(1), Le(100_000), doc("K, how many inputs whose posteriors are mixed; at most the training examples")]


class Mixed(Prior):
    """What both have in common: `inputs` (K, *event)."""

    inputs: Tensor

    def __init__(self, space: Space, condition: int, count: int) -> None:
        super().__init__(space, condition)
        self.require(discrete=False, geometry=space.geometry)
        if condition:
            raise GenaeError("a mixture of posteriors takes no condition, and this run has one; set prior=flow, or fit one")
        self.count = count
        self._encoder: tuple[Encoder, ...] = ()  # in a tuple: its parameters are the model's

    def setup(self, event: Shape, encoder: Encoder | None, kind: Kind) -> None:
        if encoder is None or kind != "density":
            raise GenaeError(
                "a mixture of posteriors needs a model of one posterior that has a density; set posterior=gaussian"
            )
        self._encoder = (encoder,)

    def posteriors(self, at: Tensor | None = None) -> Posterior:
        """q(z | u_k) of all K, or of those at (N,)."""
        return self._encoder[0](self.inputs if at is None else self.inputs[at])

    def chosen(self, x: Tensor) -> Tensor:
        """K of the examples x (N, *event), drawn at random. GenaeError where there are fewer."""
        if len(x) < self.count:
            raise GenaeError(
                f"a mixture of {self.count} posteriors needs as many training examples, and there are {len(x)}; "
                f"set inputs to {len(x)} or fewer"
            )
        return x[torch.randperm(len(x), device=x.device)[: self.count]]

    def forward(self, condition: Tensor | None = None) -> Density:
        return _Mixture(self.posteriors(), len(self.inputs), len(self.space.shape))

    @torch.no_grad()
    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        at = drawn(self.anchor.new_zeros(len(self.inputs)), n, temperature)
        q = self.posteriors(at)
        return self.space.onto(q.mean + temperature * (q.rsample() - q.mean))


class _Mixture:
    """1/K Σ_k q_k(z)."""

    def __init__(self, q: Posterior, count: int, axes: int) -> None:
        self.q, self.count, self.axes = q, count, axes

    def log_prob(self, z: Tensor) -> Tensor:
        with full_precision(z.device):
            return self._each(z).logsumexp(-1) - math.log(self.count)

    def _each(self, z: Tensor) -> Tensor:
        """log q_k(z) (…, K) of z (…, *shape)."""
        if isinstance(self.q, DiagonalGaussian):
            mean, sigma = self.q.mean.flatten(1), self.q.log_sigma.flatten(1)
            return joint(z.flatten(-self.axes), z.new_zeros(self.count), mean, (2 * sigma).exp())
        lead, shape = z.shape[: z.ndim - self.axes], z.shape[z.ndim - self.axes :]
        every = z.reshape(-1, 1, *shape).expand(-1, self.count, *shape)
        return self.q.log_ratio(_Nothing(), every).view(*lead, self.count)


class _Nothing:
    """log p = 0, against which a ratio is log q."""

    def log_prob(self, z: Tensor) -> Tensor:
        return z.new_zeros(())


class Vamp(Mixed):
    """A prior whose pseudo-inputs learn with the model."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        inputs: Inputs = 500,
        learned: Annotated[bool, doc("whether the inputs learn, or stay the training examples that they begin as")] = True,
    ) -> None:
        super().__init__(space, condition, inputs)
        self.learned = learned

    def setup(self, event: Shape, encoder: Encoder | None, kind: Kind) -> None:
        super().setup(event, encoder, kind)
        self.inputs = nn.Parameter(torch.rand(self.count, *event), requires_grad=self.learned)

    @torch.no_grad()
    def begin(self, x: Tensor) -> None:
        """At examples, as the encoder is given them."""
        self.inputs.copy_(self.chosen(x))


class FittedVamp(Mixed):
    """The posteriors of training examples."""

    def __init__(self, space: Space, condition: int = 0, *, inputs: Inputs = 500) -> None:
        super().__init__(space, condition, inputs)
        self.of_inputs = inputs

    def setup(self, event: Shape, encoder: Encoder | None, kind: Kind) -> None:
        super().setup(event, encoder, kind)
        self.inputs = nn.Buffer(torch.zeros(self.count, *event))

    def fit(self, x: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """x (N, *event), as the encoder is given them."""
        self.inputs.copy_(self.chosen(x))
        yield Fitting(1, 1)
