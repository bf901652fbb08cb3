"""The networks that suit any event: a multilayer perceptron, or one layer alone. Domains bring better ones.

A network factory is called with what it must fit and its own options, and gives the encoder and the decoder:

    factory(event, space, posterior, likelihood, condition, **options) -> Networks(encoder, decoder, space)
    encoder(x (B, *event), condition (B, C) | None) -> q(z | x)        ends with `posterior`
    decoder(z (B, *embedded), condition (B, C) | None) -> p(x | z)     ends with `likelihood`, or with one of its own

The space it answers with is the one it was given, or another one that it makes of it (frames, say). Of codes the decoder is
given the vectors: `posterior.embedded(space)`. A network whose levels depend on each other answers with a `Model` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Ge, MinLen, doc
from torch import Tensor, nn

from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Likelihood

Activation = Literal["relu", "silu", "gelu", "tanh"]
ACTIVATIONS: Mapping[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU, "tanh": nn.Tanh,
}  # fmt: skip
Sizes = Sequence[Annotated[int, Ge(1)]]


class Networks(NamedTuple):
    """What a factory gives."""

    encoder: nn.Module
    decoder: nn.Module
    space: Space


def activation(name: Activation) -> nn.Module:
    """An activation by its name."""
    return ACTIVATIONS[name]()


class Conditioned(nn.Module):
    """A sequential network whose flat input (B, F) has the condition (B, C) beside it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        h = x.flatten(1)
        return self.layers(h if condition is None else torch.cat([h, condition.to(h.dtype)], 1))


def perceptron(sizes: Sequence[int], act: Activation) -> list[nn.Module]:
    """Linear layers of those sizes with the activation behind each."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation(act)]
    return layers


def mlp(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    hidden: Annotated[Sizes, MinLen(1), doc("widths of the layers from x to z")] = (512,),
    activation: Annotated[Activation, doc("behind every layer")] = "relu",
) -> Networks:
    """Encoder and decoder of linear layers, for any event; the decoder has the encoder's widths in reverse."""
    q, p = posterior.features(space), likelihood.features(event)
    down = [prod(event) + condition, *hidden]
    up = [prod(posterior.embedded(space)) + condition, *reversed(hidden)]
    encoder = Conditioned(*perceptron(down, activation), nn.Linear(down[-1], prod(q)), *ending(q, posterior))
    decoder = Conditioned(*perceptron(up, activation), nn.Linear(up[-1], prod(p)), nn.Unflatten(1, p), likelihood)
    return Networks(encoder, decoder, space)


def linear(event: Shape, space: Space, posterior: Family, likelihood: Likelihood, condition: int = 0) -> Networks:
    """One linear layer either way, for any event: with a Gaussian on both sides, probabilistic PCA."""
    return mlp(event, space, posterior, likelihood, condition, hidden=())


def ending(features: Shape, posterior: Family) -> list[nn.Module]:
    """The last layers of an encoder whose features are flat."""
    return [nn.Unflatten(1, features), posterior] if len(features) > 1 else [posterior]
