"""Tasks: how the input is made from the target. One network, one engine; denoising is a corruption, not a model class.

A task is a callable target (B, *event) to input (B, *event). Domains name their own in `Defaults.tasks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

import torch
from annotated_types import Ge, doc
from torch import Tensor

if TYPE_CHECKING:
    from genae.data.domain import Domain


@runtime_checkable
class Task(Protocol):
    """What makes inputs of targets."""

    def __call__(self, target: Tensor) -> Tensor: ...


@runtime_checkable
class Smaller(Protocol):
    """A task whose inputs, as files of their own, have another form than its targets: smaller pictures."""

    def reader(self, domain: Domain) -> Domain:
        """The domain that reads such files, made of that of the targets."""
        ...

    def enlarged(self, small: Tensor) -> Tensor:
        """Its events (B, *event) as the task shows them to the network."""
        ...


class Reconstruct:
    """Input = target."""

    def __call__(self, target: Tensor) -> Tensor:
        return target


class Denoise:
    """Input = target + N(mean, σ²), clipped to [0, 1]. https://blog.keras.io/building-autoencoders-in-keras.html"""

    def __init__(
        self,
        sigma: Annotated[float, Ge(0), doc("standard deviation of the noise")] = 0.5,
        mean: Annotated[float, doc("what is added to all values beside")] = 0.0,
    ) -> None:
        self.sigma, self.mean = sigma, mean

    def __call__(self, target: Tensor) -> Tensor:
        return (target + self.mean + self.sigma * torch.randn_like(target)).clamp(0, 1)
