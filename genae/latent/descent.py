"""How samplers are fitted by gradient: on standardised z, by Adam with a cosine, to the average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated

import torch
from annotated_types import Ge, Gt, doc
from torch import Tensor, nn

from genae.latent.samplers import Fitting, Sampler
from genae.latent.space import Space

Steps = Annotated[int, Ge(1), doc("optimiser steps of the fit")]
Rate = Annotated[float, Gt(0), doc("learning rate, which falls to 0 as a cosine")]
Batch = Annotated[int, Ge(1), doc("examples a step")]

RISE = 100  # steps over which the learning rate rises, or a tenth of the fit
KEPT = 0.999  # of the average of the weights, at every step
CLIP = 10.0  # largest norm of a gradient


class Standardised(Sampler):
    """A sampler of continuous z that is fitted on them standardised: (z − centre) / spread, flat."""

    def __init__(self, space: Space, condition: int = 0) -> None:
        super().__init__(space, condition)
        self.require(discrete=False)
        self.centre = nn.Buffer(torch.zeros(space.size))
        self.spread = nn.Buffer(torch.ones(space.size))

    def standardise(self, z: Tensor) -> None:
        """Sets centre and spread by z (N, *shape)."""
        flat = self.space.flat(z).float()
        self.centre.copy_(flat.mean(0))
        self.spread.copy_(flat.std(0, unbiased=False).nan_to_num(1.0).clamp(min=1e-4))

    def unit(self, z: Tensor) -> Tensor:
        """z (B, *shape) to standardised ones (B, size)."""
        return (self.space.flat(z).float() - self.centre) / self.spread

    def shaped(self, unit: Tensor) -> Tensor:
        """And back."""
        z: Tensor = self.centre + self.spread * unit
        return self.space.shaped(z)


def descended(module: nn.Module, loss: Callable[[], Tensor], steps: int, lr: float) -> Iterator[Fitting]:
    """Minimises `loss`, () of one batch; the module ends with the average of its weights (https://arxiv.org/abs/2312.02696)."""
    parameters: list[Tensor] = [p for p in module.parameters() if p.requires_grad]
    averages = [p.detach().clone() for p in parameters]
    optimiser = torch.optim.Adam(parameters, lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _factor(step, steps))
    module.train()
    for step in range(steps):
        value = loss()
        optimiser.zero_grad()
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step()
        schedule.step()
        kept = min(KEPT, (step + 1) / (step + 10))
        torch._foreach_lerp_(averages, parameters, 1 - kept)
        yield Fitting(step + 1, steps, value.detach())
    with torch.no_grad():
        for parameter, average in zip(parameters, averages, strict=True):
            parameter.copy_(average)
    module.eval()


def _factor(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / min(RISE, max(1, steps // 10))) * 0.5 * (1 + math.cos(math.pi * step / steps))
