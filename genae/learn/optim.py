"""Optimisers and learning-rate schedules by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from genae.errors import GenaeError

Named = Sequence[tuple[str, Parameter]]
SMALLEST = 16  # the lesser side of a weight that Muon takes, or more


def adam(
    parameters: Named,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    clip: float = 0.0,
    skip: float = 0.0,
) -> list[torch.optim.Optimizer]:
    """Adam with decoupled weight decay (https://arxiv.org/abs/1711.05101).

    `clip` is the largest norm of a gradient; one of norm `skip` and more counts as zero; 0 for neither.
    """
    if not lr > 0:
        raise GenaeError(f"optimiser.lr must be above 0, not {lr}")
    if skip < 0:
        raise GenaeError(f"optimiser.skip must not be negative, not {skip}")
    if weight_decay < 0 or clip < 0 or not (0 <= beta1 < 1 and 0 <= beta2 < 1):
        raise GenaeError("optimiser.weight_decay and .clip must not be negative, .beta1 and .beta2 at least 0 and below 1")
    return [torch.optim.AdamW([p for _, p in parameters], lr=lr, betas=(beta1, beta2), weight_decay=weight_decay, fused=True)]


def muon(
    parameters: Named,
    lr: float = 6e-3,
    adam_lr: float = 2e-3,
    momentum: float = 0.95,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    clip: float = 0.0,
    skip: float = 0.0,
    largest: int = 100,
) -> list[torch.optim.Optimizer]:
    """Muon for matrices of encoder and decoder, Adam for everything else. https://kellerjordan.github.io/posts/muon

    `largest` is the lesser side of the largest matrix taken: to make a larger one orthogonal costs more than it gains in
    convolutions, whose products are small, but not in LSTMs.
    """
    if not (lr > 0 and 0 <= momentum < 1):
        raise GenaeError(f"optimiser.lr must be above 0 and .momentum at least 0 and below 1, not {lr} and {momentum}")
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
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
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


def constant(step: int, steps: int, warmup: int = 0) -> float:
    """1, after a linear rise over `warmup` steps."""
    return min(1.0, (step + 1) / warmup) if warmup else 1.0


def cosine(step: int, steps: int, warmup: int = 0, final: float = 0.0) -> float:
    """From 1 to `final` over the run, after a linear rise over `warmup` steps. https://arxiv.org/abs/1608.03983"""
    done = min(1.0, step / max(1, steps))
    return constant(step, steps, warmup) * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)))


def exponential(step: int, steps: int, decay: float = 0.9999, final: float = 0.01, warmup: int = 0) -> float:
    """From 1 towards `final` as decay^step, whatever the run's length. https://arxiv.org/abs/1803.05428"""
    return constant(step, steps, warmup) * (final + (1 - final) * decay**step)


OPTIMISERS: dict[str, Callable[..., list[torch.optim.Optimizer]]] = {"adam": adam, "muon": muon}
SCHEDULES: dict[str, Callable[..., float]] = {"constant": constant, "cosine": cosine, "exponential": exponential}


def factor(spec: dict[str, Any], step: int, steps: int) -> float:
    """The learning rate's factor at that step of a run."""
    return SCHEDULES[spec["name"]](step, steps, **{k: v for k, v in spec.items() if k != "name"})
