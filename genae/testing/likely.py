"""Checks of a likelihood by itself, on events of a few numbers, where a density can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.inference import Distribution
from genae.latent.space import Shape
from genae.model.likelihoods import Unnormalised
from genae.recipe.parts import instance
from genae.testing.chance import of_torch_alone, shaken
from genae.testing.density import DRAWN, normalised
from genae.testing.expect import expect, shaped, skip
from genae.testing.target import Target

EVENTS: tuple[Shape, ...] = ((2,), (1, 1, 2), (3, 1, 1), (1, 2, 2))
SHAKE = 0.3


@runtime_checkable
class Ending(Protocol):
    """A likelihood, whatever its base."""

    def features(self, event: Shape) -> Shape: ...

    def __call__(self, h: Tensor) -> Distribution: ...


def _given(name: str, n: int) -> Iterator[tuple[Shape, Distribution]]:
    """p(x | h) of n equal features, for each event that it takes."""
    taken = 0
    for event in EVENTS:
        torch.manual_seed(len(event))
        try:
            likelihood = instance(Ending, "likelihood", {"name": name})
            features = likelihood.features(event)
        except GenaeError:
            continue
        if isinstance(likelihood, nn.Module):
            shaken(likelihood.eval(), SHAKE)
        taken += 1
        yield event, likelihood(torch.randn(1, *features).expand(n, *features))
    if not taken:
        skip(f"it takes none of the events {', '.join(map(str, EVENTS))}")


@torch.no_grad()
def normalisation(t: Target, kind: str, name: str) -> None:
    """p(x | h) is a density, and that of what it samples: E over x ~ p of r(x) / p(x) = 1 for a normalised r."""
    for event, p in _given(name, DRAWN):
        if isinstance(p, Unnormalised):
            skip("it says that it is not normalised")
        x = p.sample()
        shaped(x, (DRAWN, *event), f"samples of events {event}")
        shaped(p.log_prob(x), (DRAWN,), f"log_prob of events {event}")
        normalised(p.log_prob, x, f"p(x | h) of events {event}")


@torch.no_grad()
def its_mean(t: Target, kind: str, name: str) -> None:
    """The mean of p(x | h) is an event, and among its samples."""
    for event, p in _given(name, DRAWN):
        shaped(p.mean, (DRAWN, *event), f"the mean of events {event}")
        x, mean = p.sample().flatten(1), p.mean.flatten(1)[0]
        low, high = x.quantile(torch.tensor([0.02, 0.98]), 0)
        reach = (high - low) / 2 + 1e-3
        inside = bool(((mean >= low - reach) & (mean <= high + reach)).all())
        expect(inside, f"the mean of events {event}, {_numbers(mean)}, is not among its samples, around {_numbers(x.mean(0))}")


@torch.no_grad()
def draws(t: Target, kind: str, name: str) -> None:
    """Samples follow torch's seed alone."""
    for _, p in _given(name, 8):
        of_torch_alone(p.sample, "samples")


def _numbers(x: Tensor) -> str:
    return ", ".join(f"{value:.3g}" for value in x.tolist())


CHECKS = (normalisation, its_mean, draws)
