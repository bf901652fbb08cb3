"""What z is: one vector, frames along time, codes, or the levels of a ladder.

    Space((40,))                          one vector of 40 numbers
    Space((32, 16), time=True)            32 frames of 16 numbers along the example's time
    Space((7, 7), codes=512)              a grid of 49 codes of an alphabet of 512      https://arxiv.org/abs/1711.00937
    Space((8,), geometry="sphere")        a point of the unit sphere; of frames each is one         https://arxiv.org/abs/1804.00891
    Space.ladder([Space((8,)), …])        levels, top first                             https://arxiv.org/abs/2011.10650

z of a batch is one tensor (B, *shape), int64 where it holds codes. The levels of a ladder have shapes of their own: there z is
(B, size), the levels flat and in a row, which `split` and `join` take apart and put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import torch
from torch import Tensor

from genae.errors import GenaeError

Shape = tuple[int, ...]
Geometry = Literal["flat", "sphere", "ball"]  # any numbers; ‖z‖ = 1; ‖z‖ < 1, the Poincaré ball: along the last axis
Kind = Literal["density", "point", "codes"]  # what a posterior is: a density over z, a plain code, or discrete

PLACED: Mapping[Geometry, str] = {"flat": "", "sphere": " on a sphere", "ball": " in the Poincaré ball"}
EDGE = 1 - 1e-5  # ‖z‖ in the ball at most: in single precision there is nothing beyond


@dataclass(frozen=True)
class Space:
    """The form of z, without the batch."""

    shape: Shape  # (D,) one vector · (F, D) F frames of D numbers · any shape of codes
    time: bool = False  # the first axis runs with the example's time axis
    codes: int = 0  # the alphabet of discrete codes, 0 for continuous z
    levels: tuple[Space, ...] = ()  # of a ladder, top first; then shape is (size,)
    geometry: Geometry = "flat"

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise GenaeError(f"a latent space has one axis or more, each of at least 1, not {list(self.shape)}")
        if self.codes < 0 or self.codes == 1:
            raise GenaeError(f"an alphabet of codes has at least 2, or 0 for continuous z, not {self.codes}")
        if self.levels and self.shape != (sum(level.size for level in self.levels),):
            raise GenaeError(f"the levels of a ladder have {sum(level.size for level in self.levels)} numbers, not {self.size}")

    @classmethod
    def ladder(cls, levels: Sequence[Space]) -> Space:
        """Levels, top first, as one flat space."""
        return cls((sum(level.size for level in levels),), levels=tuple(levels))

    @classmethod
    def of(cls, latent: int | Mapping[str, object]) -> Space:
        """A recipe's `latent`: 40 for one vector, or {"shape": [32, 16], "time": true, "codes": 0}."""
        if isinstance(latent, int):
            return cls((latent,))
        return _listed(latent)

    @property
    def size(self) -> int:
        """How many numbers, or codes, z has."""
        return prod(self.shape)

    @property
    def width(self) -> int:
        """D: how many numbers each frame has, or the whole of a vector."""
        return self.size // self.shape[0] if self.time else self.size

    def flat(self, z: Tensor) -> Tensor:
        """z (B, *shape) to (B, size)."""
        return z.flatten(1)

    def shaped(self, flat: Tensor) -> Tensor:
        """And back."""
        return flat.reshape(flat.shape[0], *self.shape)

    def split(self, z: Tensor) -> tuple[Tensor, ...]:
        """The levels of z (B, size), each (B, *level.shape)."""
        parts = torch.split(z, [level.size for level in self.levels], 1)
        return tuple(level.shaped(part) for level, part in zip(self.levels, parts, strict=True))

    def join(self, levels: Sequence[Tensor]) -> Tensor:
        """Levels, each (B, *level.shape), to z (B, size)."""
        return torch.cat([z.flatten(1) for z in levels], 1)

    def check(self, z: Tensor) -> Tensor:
        """z (B, *shape) itself. GenaeError for another shape, a code outside the alphabet, or numbers where codes belong."""
        if tuple(z.shape[1:]) != self.shape:
            raise GenaeError(f"z has shape {tuple(z.shape[1:])}, this model's latent space is {self}")
        if self.codes and (z.is_floating_point() or bool(((z < 0) | (z >= self.codes)).any())):
            raise GenaeError(f"z must hold codes from 0 to {self.codes - 1}, whole numbers")
        return z

    def curved(self, geometry: Geometry) -> Space:
        """The same form in another geometry."""
        return replace(self, geometry=geometry)

    def onto(self, z: Tensor) -> Tensor:
        """z (…, *shape) that left a sphere or a ball, back into it."""
        if self.geometry == "flat":
            return z
        length = z.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        there: Tensor = z / length if self.geometry == "sphere" else z * (EDGE / length).clamp(max=1.0)
        return there

    def __str__(self) -> str:
        form = " × ".join(map(str, self.shape))
        ladder = f", {len(self.levels)} levels" if self.levels else ""
        return (
            form
            + PLACED[self.geometry]
            + (" along time" if self.time else "")
            + (f", codes of {self.codes}" if self.codes else "")
            + ladder
        )


def _listed(latent: Mapping[str, object]) -> Space:
    """A recipe's object. GenaeError for other keys, and for what is no shape."""
    shape, time, codes = latent.get("shape"), latent.get("time", False), latent.get("codes", 0)
    sides = shape if isinstance(shape, list | tuple) and all(type(n) is int for n in shape) else None
    if {*latent} - {"shape", "time", "codes"} or sides is None or type(codes) is not int or type(time) is not bool:
        raise GenaeError(
            f'latent is a whole number, or {{"shape": [frames, numbers], "time": true, "codes": 0}}, not {dict(latent)}'
        )
    return Space(tuple(sides), time, codes)
