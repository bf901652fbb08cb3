"""Points of a latent space as a page has them: z and the condition that goes with it, as JSON.

{"z": [0.1, …], "c": [0, 1, …]}        z flat, c left out where the model is told nothing
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.paths import lerp, slerp, switch
from genae.latent.space import Space


class Point(NamedTuple):
    """A place in the latent space."""

    z: Tensor  # (*shape)
    condition: Tensor | None = None  # (C,)

    def told(self) -> dict[str, list[float]]:
        """As JSON."""
        made: dict[str, list[float]] = {"z": self.z.flatten().tolist()}
        return made if self.condition is None else {**made, "c": self.condition.tolist()}


def point_of(told: Mapping[str, object], space: Space, condition: int) -> Point:
    """And back. GenaeError for what is no point of this space, or has not `condition` numbers beside it."""
    z = _numbers(told.get("z"), space.size, "z")
    c = _numbers(told.get("c"), condition, "c") if condition else None
    return Point(space.check((z.long() if space.codes else z).view(1, *space.shape))[0], c)


def _numbers(value: object, count: int, what: str) -> Tensor:
    if not isinstance(value, list) or len(value) != count or not all(_finite(one) for one in value):
        raise GenaeError(f"{what} of a point must be {count} finite numbers")
    return torch.tensor(value, dtype=torch.float32)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def between(space: Space, a: Point, b: Point, t: float) -> Point:
    """On the way from a, 0, to b, 1: on the arc; codes change one by one."""
    at = torch.tensor([t], dtype=torch.float64 if space.codes else torch.float32)
    way = switch if space.codes else slerp
    z = way(a.z.flatten(), b.z.flatten(), at)[0].view(space.shape)
    if a.condition is None or b.condition is None:
        return Point(space.onto(z), a.condition)
    return Point(space.onto(z), lerp(a.condition, b.condition, at.float())[0])


def mixed(space: Space, corners: Sequence[Point], x: float, y: float) -> Point:
    """Between four points, those at the top from left to right, then those at the bottom; x and y are 0 at the first."""
    top, bottom = (between(space, corners[row], corners[row + 1], x) for row in (0, 2))
    return between(space, top, bottom, y)


def along(space: Space, points: Sequence[Point], steps: int, loop: bool) -> list[Point]:
    """`steps` points in all, evenly spaced in number along the way through two points or more; a loop leaves out the last."""
    ends = [*points, points[0]] if loop else [*points]
    legs = len(ends) - 1
    places = [i * legs / (steps if loop else steps - 1) for i in range(steps)]
    made = list[Point]()
    for place in places:
        leg = min(int(place), legs - 1)
        made.append(between(space, ends[leg], ends[leg + 1], place - leg))
    return made


def stacked(points: Sequence[Point]) -> tuple[Tensor, Tensor | None]:
    """z (N, *shape) and conditions (N, C)."""
    given = [point.condition for point in points if point.condition is not None]
    return torch.stack([point.z for point in points]), torch.stack(given) if given else None
