"""A caller's own modules as a network: plain ones, whose last numbers become the features of the distributions.

    encoder(x (B, *event)) -> posterior.features(space) numbers      twice the size of z for a Gaussian
    decoder(z (B, *shape)) -> likelihood.features(event) numbers     as many as the event has for a Bernoulli

Where the run has a condition (B, C), both are called with it behind x and z.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from math import prod

from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Likelihood
from genae.model.networks import Networks


class Pair:
    """A network factory of two modules; each model is given copies of them, with the weights that they have now."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        self.encoder, self.decoder = copy.deepcopy((encoder, decoder))

    def __call__(self, event: Shape, space: Space, posterior: Family, likelihood: Likelihood, condition: int = 0) -> Networks:
        """The two, ended with the posterior and the likelihood."""
        encoder, decoder = copy.deepcopy((self.encoder, self.decoder))
        return Networks(
            Ended(encoder, posterior.features(space), posterior, condition),
            Ended(decoder, likelihood.features(event), likelihood, condition),
            space,
        )


class Ended(nn.Module):
    """A module and the distribution that its numbers, `features` of them, are given to."""

    def __init__(self, module: nn.Module, features: Shape, ending: Callable[[Tensor], object], condition: int) -> None:
        super().__init__()
        self.module, self.features, self.ending, self.conditioned = module, features, ending, bool(condition)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        h: Tensor = self.module(x, condition) if self.conditioned else self.module(x)
        if h[0].numel() != prod(self.features):
            raise GenaeError(
                f"{type(self.module).__name__} gives {h[0].numel()} numbers for one of {tuple(x.shape[1:])}; "
                f"{type(self.ending).__name__} needs {prod(self.features)}, {self.features}"
            )
        return self.ending(h.reshape(h.shape[0], *self.features))
