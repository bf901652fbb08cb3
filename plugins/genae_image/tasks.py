"""Tasks that only images have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor

from genae.errors import GenaeError

if TYPE_CHECKING:
    from genae_image.domain import Image


class SuperResolve:
    """Input = target at 1/factor of its size (means of blocks), shown as large as before in squares of one value."""

    def __init__(self, factor: Annotated[int, Ge(2), doc("side of the blocks, pixels; it divides the size")] = 2) -> None:
        self.factor = factor

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, C, H, W) to input (B, C, H, W)."""
        size = target.shape[-1]
        if any(side % self.factor for side in target.shape[-2:]):
            possible = ", ".join(str(n) for n in range(2, size + 1) if size % n == 0)
            raise GenaeError(f"task.factor {self.factor} does not divide the size {size}; possible: {possible}")
        return self.enlarged(F.avg_pool2d(target, self.factor))

    def reader(self, domain: Image) -> Image:
        """Of pictures at 1/factor of the size."""
        return replace(domain, size=domain.size // self.factor)

    def enlarged(self, small: Tensor) -> Tensor:
        """small (B, C, H, W) to squares of one value, (B, C, factor·H, factor·W)."""
        return small.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
