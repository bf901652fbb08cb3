"""What of a condition (B, C) is said of a whole example, and what of each of its steps.

A part said of T steps is T·K numbers of a row, step after step, so that a batch has one tensor whatever is said, and what knows
nothing of steps takes it as it is. A network whose factory has an argument `form` is given this, and takes them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from genae.errors import GenaeError


class Part(NamedTuple):
    """Of a condition: so many numbers, of each of so many steps, or, 0, of the whole example."""

    width: int
    steps: int = 0

    @property
    def size(self) -> int:
        return self.width * max(1, self.steps)


class Form:
    """The parts of a condition in their order; those of steps are all of as many. GenaeError where they are not."""

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self.parts = tuple(parts)
        stepped = [part for part in self.parts if part.steps]
        for a, b in pairwise(stepped):
            if a.steps != b.steps:
                raise GenaeError(f"a condition is of as many steps in all of its parts, not of {a.steps} and of {b.steps}")
        self.steps, self.width = stepped[0].steps if stepped else 0, sum(part.width for part in stepped)
        self.size = sum(part.size for part in self.parts)
        self.whole = self.size - self.steps * self.width

    def split(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """c (B, C) to what is of the whole (B, R) and of each step (B, T, K), 0 steps where none is."""
        rows = torch.split(condition, [part.size for part in self.parts], 1)
        none = condition[:, :0]
        whole = [row for row, part in zip(rows, self.parts, strict=True) if not part.steps]
        along = [row.reshape(row.shape[0], p.steps, p.width) for row, p in zip(rows, self.parts, strict=True) if p.steps]
        return torch.cat([none, *whole], 1), torch.cat(along, 2) if along else none[..., None]

    def over(self, said: Tensor, rest: Tensor) -> Tensor:
        """Conditions (B, C): each part as it is said, and where it is not, all zeros, that of the rest."""
        sizes = [part.size for part in self.parts]
        pairs = zip(torch.split(said, sizes, 1), torch.split(rest, sizes, 1), strict=True)
        return torch.cat([torch.where((a != 0).any(1, keepdim=True), a, b) for a, b in pairs], 1)
