r"""From sequence to sequence: an LSTM reads an event row by row, another writes it from z, given at every step.

    x (…, T, F) → LSTM → its last state → q(z | x)          z → T times → LSTM → a linear layer at each step → p(x | z)

Steps are the axis before the last, and what other axes hold is of a step: a picture (C, H, W) is H steps of C·W numbers.
https://arxiv.org/abs/1409.3215, https://blog.keras.io/building-autoencoders-in-keras.html
"""

from __future__ import annotations

from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Likelihood
from genae.model.networks import Networks, ending


class Encoder(nn.Module):
    """An event's steps through an LSTM; its last state, with the condition beside it, to q(z | x)."""

    def __init__(self, step: int, width: int, condition: int, last: nn.Module) -> None:
        super().__init__()
        self.lstm, self.last = nn.LSTM(step + condition, width, batch_first=True), last

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, …, T, F)."""
        steps = x.movedim(-2, 1).flatten(2)  # (B, T, step)
        _, (h, _) = self.lstm(beside(steps, condition))
        return self.last(h[-1])


class Decoder(nn.Module):
    """z at every step of an LSTM, to p(x | z)."""

    def __init__(self, given: int, width: int, features: Shape, likelihood: nn.Module) -> None:
        super().__init__()
        self.features = features  # (…, T, F) of the likelihood
        self.lstm = nn.LSTM(given, width, batch_first=True)
        self.last, self.likelihood = nn.Linear(width, prod(features) // features[-2]), likelihood

    def forward(self, z: Tensor, condition: Tensor | None = None) -> object:
        """z (B, *embedded)."""
        *others, steps, numbers = self.features
        repeated = z.flatten(1)[:, None].expand(-1, steps, -1)
        h = self.last(self.lstm(beside(repeated, condition))[0])  # (B, T, step)
        return self.likelihood(h.unflatten(2, (*others, numbers)).movedim(1, -2))


def beside(steps: Tensor, condition: Tensor | None) -> Tensor:
    """(B, T, F) with the condition (B, C) at every step, (B, T, F + C)."""
    if condition is None:
        return steps
    return torch.cat([steps, condition.to(steps.dtype)[:, None].expand(-1, steps.shape[1], -1)], 2)


def recurrent(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    *,
    width: Annotated[int, Ge(1), doc("units of either LSTM")] = 128,
) -> Networks:
    """An LSTM either way, for events of two axes or more, the steps before the last."""
    if len(event) < 2:
        raise GenaeError(f"network recurrent is for events (…, steps, numbers), not {event}")
    q, p = posterior.features(space), likelihood.features(event)
    last = nn.Sequential(nn.Linear(width, prod(q)), *ending(q, posterior))
    encoder = Encoder(prod(event) // event[-2], width, condition, last)
    decoder = Decoder(prod(posterior.embedded(space)) + condition, width, p, likelihood)
    return Networks(encoder, decoder, space)
