"""How samplers are fitted by gradient: Adam with a cosine, and the average of the weights at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated

import torch
from annotated_types import Ge, Gt, doc
from torch import Tensor, nn

from genae.latent.samplers import Fitting

Steps = Annotated[int, Ge(1), doc("optimiser steps of the fit")]
Rate = Annotated[float, Gt(0), doc("learning rate, which falls to 0 as a cosine")]

RISE = 100  # steps over which the learning rate rises, or a tenth of the fit
KEPT = 0.999  # of the average of the weights, at every step
CLIP = 10.0  # largest norm of a gradient


def descended(module: nn.Module, loss: Callable[[], Tensor], steps: int, lr: float) -> Iterator[Fitting]:
    """Minimises `loss`, () of one batch; the module ends with the average of its weights (https://arxiv.org/abs/2312.02696)."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    averages = [p.detach().clone() for p in parameters]
    optimiser = torch.optim.Adam(parameters, lr=lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _factor(step, steps))
    module.train()
    for step in range(steps):
        value = loss()
        optimiser.zero_grad()
        value.backward()
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
