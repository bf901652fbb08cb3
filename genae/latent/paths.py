r"""Paths through the latent space.

    linear      z(t) = (1 − t) a + t b
    spherical   z(t) = r(t) · [sin((1 − t) ω)/sin ω · a/|a| + sin(t ω)/sin ω · b/|b|], cos ω = a·b / |a||b|

The spherical path keeps the norm that a Gaussian prior expects, where the linear one cuts through the improbable centre. Its
direction turns as Shoemake's does (1985) and its norm r goes linearly from |a| to |b|: with the ends' own norms inside the
bracket, as it is often written, ends of unequal norm nearly opposite each other would send the path far outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from genae.errors import GenaeError

SMALL = 1e-4  # of sin ω: below it the spherical weights are 0/0 and the linear path is the same to six digits


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """a, b (latent,), t (n,) in [0, 1] to (n, latent)."""
    return (1 - t[:, None]) * a + t[:, None] * b


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """As `lerp`, on the arc; ends exactly at a and b. Parallel, opposite or zero ends take the linear path, never a NaN."""
    length_a, length_b = a.norm(), b.norm()
    if length_a == 0 or length_b == 0:
        return lerp(a, b, t)
    unit_a, unit_b = a / length_a, b / length_b
    # arccos(a·b) would lose half of the digits where the ends are parallel or opposite
    omega = 2 * torch.atan2((unit_a - unit_b).norm(), (unit_a + unit_b).norm())
    if torch.sin(omega) < SMALL:
        return lerp(a, b, t)
    weight_a, weight_b = torch.sin((1 - t) * omega) / torch.sin(omega), torch.sin(t * omega) / torch.sin(omega)
    direction: Tensor = weight_a[:, None] * unit_a + weight_b[:, None] * unit_b
    norm: Tensor = (1 - t) * length_a + t * length_b
    z = norm[:, None] * direction
    return torch.where(t[:, None] == 0, a, torch.where(t[:, None] == 1, b, z))  # the ends to the bit


def path(
    points: Sequence[Tensor], steps: int, kind: Literal["linear", "spherical"] = "spherical", loop: bool = False
) -> Tensor:
    """Two or more points (latent,) to z (n, latent): `steps` from each point to the next, both ends counted.

    Open: n = (points − 1)(steps − 1) + 1. Looped, it returns to the first and does not repeat it: n = points·(steps − 1).
    """
    if kind not in ("linear", "spherical"):
        raise GenaeError(f"a path is linear or spherical, not '{kind}'")
    if steps < 2:
        raise GenaeError(f"--steps must be at least 2 (both ends are counted), not {steps}")
    if len(points) < 2:
        raise GenaeError(f"an interpolation needs two points or more, not {len(points)}")
    between = lerp if kind == "linear" else slerp
    t = torch.linspace(0, 1, steps, device=points[0].device, dtype=points[0].dtype)
    ends = [*points, points[0]] if loop else list(points)
    legs = [between(a, b, t)[:-1] for a, b in pairwise(ends)]
    return torch.cat(legs if loop else [*legs, ends[-1][None]])
