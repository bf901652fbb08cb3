"""Tasks that only images have."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor

from genae.errors import GenaeError


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
        small = F.avg_pool2d(target, self.factor)
        return small.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
