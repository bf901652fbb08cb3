"""Sums of a step's numbers on the device, read only when asked, and the first step that was not finite."""

from __future__ import annotations

import torch
from torch import Tensor

from genae.errors import NotFinite
from genae.learn.trainer import Step
from genae.model.objectives import VAE

NATS = ("distortion", "rate", "surrogate")


def numbers_of(step: Step) -> dict[str, Tensor]:
    """Every loss and term of a step by its name, (): `loss` of the VAE, `loss_critic` of a critic, means of the terms."""
    losses = {"loss" if name == VAE else f"loss_{name}": value for name, value in step.losses.items()}
    return losses | {name: value.mean() for name, value in step.terms.items()}


class Watch:
    """Never waits for the device until it is read."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, ...], Tensor] = {}  # by the names of a step: its count, and the sum of each number
        self.first: dict[tuple[str, ...], Tensor] = {}  # step and numbers of the first one that was not finite, zeros for none

    def see(self, step: Step) -> None:
        """Adds a step's numbers."""
        numbers = numbers_of(step)
        names, values = tuple(numbers), torch.stack([value.float() for value in numbers.values()])
        values = torch.cat([values.new_ones(1), values])
        if names not in self.sums:
            self.sums[names], self.first[names] = torch.zeros_like(values), torch.zeros_like(values)
        self.sums[names] += values
        new = ~values.sum().isfinite() & (self.first[names][0] == 0)
        values[0] = step.number
        self.first[names] = torch.where(new, values, self.first[names])

    def check(self) -> None:
        """NotFinite names the first bad step, with its numbers."""
        for names, first in self.first.items():
            at, *values = first.tolist()
            if at:
                loss, *rest = zip(names, values, strict=True)
                terms = ", ".join(f"{name} {value:.4g}{' nats' * (name in NATS)}" for name, value in rest)
                raise NotFinite(
                    f"training stopped: the {loss[0]} became {loss[1]} at step {at:.0f} ({terms}); the last good checkpoint is "
                    "kept; try a lower optimiser.lr, or optimiser.clip=1, or look for bad values in the data"
                )

    def read(self) -> dict[str, float]:
        """Means since the last reading, after a check; with `elbo` where there are distortion and rate."""
        self.check()
        totals: dict[str, float] = {}
        counts: dict[str, float] = {}
        for names, sums in self.sums.items():
            n, *values = sums.tolist()
            for name, value in zip(names, values, strict=True):
                totals[name], counts[name] = totals.get(name, 0.0) + value, counts.get(name, 0.0) + n
        self.sums.clear()
        means = {name: total / counts[name] for name, total in totals.items() if counts[name]}
        if {"distortion", "rate"} <= {*means}:
            means["elbo"] = -(means["distortion"] + means["rate"])
        return means
