"""Randomness in checks: whose numbers a plugin draws, and whether a mean of them is what it must be."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from genae.learn.device import seeded
from genae.testing.expect import expect, same

TURNS = 4  # seeds of Python's and numpy's random numbers under one seed of torch's
SURE = 5.0  # standard errors: a good mean is further away once in a million checks


@contextmanager
def elsewhere(seed: int, torchs: int = 0) -> Iterator[None]:
    """Within the block Python's and numpy's random numbers follow that seed, and torch's another one."""
    python, array = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        with seeded(torchs):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(array)


def of_torch_alone(call: Callable[[], Tensor], what: str) -> Tensor:
    """What is called, which must be the same whatever Python's and numpy's random numbers are."""
    made = []
    for turn in range(TURNS):
        with elsewhere(turn):
            made.append(call())
    for other in made[1:]:
        same(made[0], other, f"{what} (of one seed of torch; draw random numbers from torch alone)")
    return made[0]


def always(call: Callable[[], Tensor], what: str) -> Tensor:
    """What is called, which must be the same whatever random numbers are."""
    made = []
    for turn in range(TURNS):
        with elsewhere(turn, turn):
            made.append(call())
    for other in made[1:]:
        same(made[0], other, what)
    return made[0]


def averages(values: Tensor, wanted: float, what: str, slack: float = 0.0, remedy: str = "") -> None:
    """Values (N,) whose mean must be what is wanted, as far as their standard error lets see."""
    x = values.double().flatten()
    mean, error = x.mean().item(), x.std().item() / len(x) ** 0.5
    good = abs(mean - wanted) <= slack + SURE * error
    expect(good, f"{what} is {mean:.4g} ± {error:.2g}, and must be {wanted:.4g}" + (f"; {remedy}" if remedy else ""))


def reached(value: Tensor, module: nn.Module) -> bool:
    """Whether any parameter of a module has a gradient of a value."""
    own = [p for p in module.parameters() if p.requires_grad]
    grads = torch.autograd.grad(value.sum(), own, allow_unused=True, retain_graph=True)
    return any(grad is not None and bool(grad.any()) for grad in grads)


@torch.no_grad()
def shaken(module: nn.Module, by: float) -> None:
    """Adds noise to all weights, since many begin at exactly zero: so much that each moves a layer's output by about `by`."""
    for p in module.parameters():
        p.add_(by * math.prod(p.shape[1:]) ** -0.5 * torch.randn_like(p))
