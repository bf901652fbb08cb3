"""Tasks that only images have: small, incomplete and grey ones in, whole ones out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le, Lt, doc
from torch import Tensor

from genae.data.examples import File
from genae.errors import GenaeError
from genae_image.decode import decode
from genae_image.pixels import LUMA

if TYPE_CHECKING:
    from genae_image.domain import Image


class SuperResolve:
    """Input = target at 1/factor of its size (means of blocks), shown as large as before in squares of one value."""

    def __init__(self, factor: Annotated[int, Ge(2), doc("side of the blocks, pixels; it divides the size")] = 2) -> None:
        self.factor = factor

    def of_domain(self, domain: Image) -> Self:
        self._require(domain.size)
        return self

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, C, H, W) to input (B, C, H, W)."""
        self._require(*target.shape[-2:])
        return self.as_input(F.avg_pool2d(target, self.factor))

    def _require(self, *sides: int) -> None:
        if any(side % self.factor for side in sides):
            size = sides[-1]
            possible = ", ".join(str(n) for n in range(2, size + 1) if size % n == 0)
            raise GenaeError(f"task.factor {self.factor} does not divide the size {size}; possible: {possible}")

    def reader(self, domain: Image) -> Image:
        """Of pictures at 1/factor of the size."""
        return replace(domain, size=domain.size // self.factor)

    def as_input(self, events: Tensor) -> Tensor:
        """Small ones (B, C, H, W) to squares of one value, (B, C, factor·H, factor·W)."""
        return events.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)


class Colourise:
    """Input = the grey of a coloured target, in all three channels."""

    def of_domain(self, domain: Image) -> Self:
        if domain.channels != len(LUMA):
            raise GenaeError("task=colourise makes colour of grey, and this domain's images are grey: set domain.channels=3")
        return self

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, 3, H, W) to input (B, 3, H, W)."""
        shares = target.new_tensor(LUMA)[:, None, None] / sum(LUMA)
        return self.as_input((target * shares).sum(1, keepdim=True))

    def reader(self, domain: Image) -> Image:
        """Of grey pictures."""
        return replace(domain, channels=1)

    def as_input(self, events: Tensor) -> Tensor:
        """Grey ones (B, 1, H, W) in three channels."""
        return events.repeat(1, len(LUMA), 1, 1)


class Inpaint:
    """Input = target with a box, a half or single pixels hidden, in one grey; another place for each example."""

    def __init__(
        self,
        kind: Annotated[Literal["any", "box", "half", "random"], doc("what is hidden; any is one of the three")] = "any",
        side: Annotated[int, Ge(1), doc("of a box, pixels; at most the image's")] = 12,
        share: Annotated[float, Gt(0), Lt(1), doc("of the pixels, where single ones are hidden")] = 0.5,
        fill: Annotated[float, Ge(0), Le(1), doc("the grey that is put there")] = 0.5,
    ) -> None:
        self.kind, self.side, self.share, self.fill = kind, side, share, fill

    def of_domain(self, domain: Image) -> Self:
        if self.side > domain.size:
            raise GenaeError(f"task.side {self.side} is larger than the image, {domain.size}x{domain.size} pixels")
        return self

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, C, H, W) to input (B, C, H, W)."""
        return self.masked(target, self.hidden(target))

    def masked(self, target: Tensor, hidden: Tensor) -> Tensor:
        """hidden is (B, 1, H, W), or (1, 1, H, W) for one mask of all."""
        return target.masked_fill(hidden, self.fill)

    def hidden(self, target: Tensor) -> Tensor:
        """Which pixels of target (B, C, H, W), bool (B, 1, H, W)."""
        kinds = {"box": self._box, "half": self._half, "random": self._single}
        if self.kind != "any":
            return kinds[self.kind](target)
        which = _uniform(target) * len(kinds)
        box, half, single = (of(target) for of in kinds.values())
        return box.where(which < 1, half.where(which < 2, single))

    def _box(self, target: Tensor) -> Tensor:
        rows, columns = (at - (_uniform(target) * (n - self.side + 1)).floor() for at, n in _places(target))
        return (rows >= 0) & (rows < self.side) & (columns >= 0) & (columns < self.side)

    def _half(self, target: Tensor) -> Tensor:
        """The upper, lower, left or right one."""
        (rows, high), (columns, wide) = _places(target)
        upright, second = _uniform(target) < 0.5, _uniform(target) < 0.5
        return ((rows >= high / 2) == second).where(upright, (columns >= wide / 2) == second)

    def _single(self, target: Tensor) -> Tensor:
        return torch.rand_like(target[:, :1]) < self.share

    def mask(self, path: Path, domain: Image, names: Sequence[str]) -> Tensor:
        """A picture as large as those it is of, fitted to the model as they are: white is hidden. bool (1, 1, H, W)."""
        sides = _sides(path)
        for name in names:
            own = _sides(Path(name)) if Path(name).is_file() else (domain.size, domain.size)
            if own != sides:
                raise GenaeError(
                    f"{path}: the mask is {sides[1]}x{sides[0]} pixels, and {name} is {own[1]}x{own[0]}; both must be as large"
                )
        return replace(domain, channels=1).read(File(path)).x > 127


def _uniform(target: Tensor) -> Tensor:
    """A number from 0 to 1 for each example, (B, 1, 1, 1)."""
    return torch.rand(len(target), 1, 1, 1, device=target.device)


def _places(target: Tensor) -> tuple[tuple[Tensor, int], tuple[Tensor, int]]:
    """The numbers of rows (H, 1) and columns (W), and how many there are."""
    high, wide = target.shape[-2:]
    rows, columns = (torch.arange(n, device=target.device) for n in (high, wide))
    return (rows[:, None], high), (columns, wide)


def _sides(path: Path) -> tuple[int, int]:
    """Height and width of a file, pixels."""
    if not path.is_file():
        raise GenaeError(f"{path}: there is no such file")
    height, width, *_ = decode(File(path)).shape
    return height, width
