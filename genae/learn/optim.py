"""Optimisers, each a list of those that step in turn, and schedules: the learning rate's factor at a step of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, Lt, doc
from torch import Tensor
from torch.nn import Parameter

from genae.errors import GenaeError
from genae.recipe import registry
from genae.recipe.options import named

Named = Sequence[tuple[str, Parameter]]
SMALLEST = 16  # the lesser side of a weight that Muon takes, or more

Decay = Annotated[float, Ge(0), doc("decoupled weight decay, in units of the learning rate")]
Beta1 = Annotated[float, Ge(0), Lt(1), doc("Adam's decay of the mean gradient")]
Beta2 = Annotated[float, Ge(0), Lt(1), doc("Adam's decay of the mean square")]
Clip = Annotated[float, Ge(0), doc("largest norm of a gradient; 0 for any")]
Skip = Annotated[float, Ge(0), doc("a gradient of this norm and more counts as zero; 0 for none")]
Warmup = Annotated[float, Ge(0), doc("steps of the linear rise at the start; below 1 a share of the run")]
Final = Annotated[float, Ge(0), doc("factor of the learning rate at the end")]


def adam(
    parameters: Named,
    lr: Annotated[float, Gt(0), doc("learning rate, before the schedule")] = 1e-3,
    weight_decay: Decay = 0.0,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    clip: Clip = 0.0,
    skip: Skip = 0.0,
) -> list[torch.optim.Optimizer]:
    """Adam with decoupled weight decay (https://arxiv.org/abs/1711.05101)."""
    return [torch.optim.AdamW([p for _, p in parameters], lr=lr, betas=(beta1, beta2), weight_decay=weight_decay, fused=True)]


def muon(
    parameters: Named,
    lr: Annotated[float, Gt(0), doc("learning rate of matrices, before the schedule")] = 6e-3,
    adam_lr: Annotated[float, Gt(0), doc("Adam's, of everything else")] = 2e-3,
    momentum: Annotated[float, Ge(0), Lt(1), doc("of the matrices' gradients")] = 0.95,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.99,
    weight_decay: Decay = 0.0,
    clip: Clip = 0.0,
    skip: Skip = 0.0,
    largest: Annotated[int, Ge(0), doc("lesser side of the largest matrix that is taken")] = 100,
) -> list[torch.optim.Optimizer]:
    """Muon for matrices of encoder and decoder, Adam for everything else. https://kellerjordan.github.io/posts/muon

    To make a matrix above `largest` orthogonal costs more than it gains in convolutions, whose products are small, but not
    in LSTMs.
    """
    matrices = [p for name, p in parameters if _is_matrix(name, p, largest)]
    chosen = {id(p) for p in matrices}
    others = [(name, p) for name, p in parameters if id(p) not in chosen]
    first = [Muon(matrices, lr, momentum, weight_decay)] if matrices else []
    return [*first, *(adam(others, adam_lr, weight_decay, beta1, beta2, clip, skip) if others else [])]


def _is_matrix(name: str, p: Parameter, largest: int) -> bool:
    return p.ndim >= 2 and ".prior." not in f".{name}" and SMALLEST < min(p.shape[0], p[0].numel()) <= largest


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal: torch.optim.Muon, which takes matrices alone, for convolutions too."""

    def __init__(self, parameters: Sequence[Parameter], lr: float, momentum: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # torch's is overloaded
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(mean, group["momentum"]).flatten(1)  # Nesterov's look ahead
                p.mul_(1 - group["lr"] * group["weight_decay"])
                # the root makes the update's mean square that of Adam's: https://arxiv.org/abs/2502.16982
                p.add_(orthogonal(update).view_as(p), alpha=-group["lr"] * 0.2 * max(update.shape) ** 0.5)


def orthogonal(x: Tensor) -> Tensor:
    """The nearest orthogonal matrix to x (n, m), roughly: five steps of Newton and Schulz with Muon's polynomial."""
    y: Tensor = x.bfloat16()
    tall = len(y) > y.shape[1]
    y = y.mT if tall else y
    y = y / (y.norm() + 1e-7)
    for _ in range(5):
        gram = y @ y.mT
        y = 3.4445 * y + (-4.7750 * gram + 2.0315 * gram @ gram) @ y
    return (y.mT if tall else y).to(x.dtype)


def constant(step: int, steps: int, warmup: Warmup = 0.0) -> float:
    """1, after a linear rise over `warmup` steps."""
    rise = warmup * steps if warmup < 1 else warmup
    return min(1.0, (step + 1) / rise) if rise else 1.0


def cosine(step: int, steps: int, warmup: Warmup = 0.0, final: Final = 0.0) -> float:
    """From 1 to `final` over the run, after a linear rise over `warmup` steps. https://arxiv.org/abs/1608.03983"""
    done = min(1.0, step / max(1, steps))
    return constant(step, steps, warmup) * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)))


def exponential(
    step: int,
    steps: int,
    decay: Annotated[float, Gt(0), Le(1), doc("from one step to the next")] = 0.9999,
    final: Final = 0.01,
    warmup: Warmup = 0.0,
) -> float:
    """From 1 towards `final` as decay^step, whatever the run's length. https://arxiv.org/abs/1803.05428"""
    return constant(step, steps, warmup) * (final + (1 - final) * decay**step)


def factor(spec: Mapping[str, object], step: int, steps: int) -> float:
    """The learning rate's factor at that step of a run."""
    schedule = registry.factory("schedule", named("schedule", spec))
    made = schedule(step, steps, **{k: v for k, v in spec.items() if k != "name"})
    if not isinstance(made, int | float):
        raise GenaeError(f"schedule '{spec['name']}' must give a number, not {type(made).__name__}")
    return made
