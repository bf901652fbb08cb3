r"""Paths and walks through the latent space; z is flat here, (size,).

    linear      z(t) = (1 − t) a + t b
    spherical   z(t) = r(t) · [sin((1 − t) ω)/sin ω · a/|a| + sin(t ω)/sin ω · b/|b|], cos ω = a·b / |a||b|
    codes       z_i(t) = a_i until t passes τ_i, then b_i; τ_i = frac((i + ½) φ), φ the golden ratio, which spreads them
    hold        z(t) = a until the middle, then b: of conditions, which need not mean anything in between
    walk        u_k = ρ u_{k-1} + √(1 − ρ²) ε: each step is standard normal, and near the one before

The spherical path keeps the norm that a Gaussian prior expects, where the linear one cuts through the improbable centre. Its
direction turns as Shoemake's does (1985) and its norm r goes linearly from |a| to |b|: with the ends' own norms inside the
bracket, as it is often written, ends of unequal norm nearly opposite each other would send the path far outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from genae.errors import GenaeError

Kind = Literal["linear", "spherical"]
Between = Literal["glide", "hold"]  # what conditions do on the way
Way = Callable[[Tensor, Tensor, Tensor], Tensor]
NEAR = 0.8  # ρ, the correlation of a walk's steps: each can be recognised in the next one
GOLDEN = (math.sqrt(5) - 1) / 2
SMALL = 1e-4  # of sin ω: below it the spherical weights are 0/0 and the linear path is the same to six digits


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """a, b (size,), t (n,) in [0, 1] to (n, size)."""
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


def switch(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """As `lerp`, of codes: each place changes from a's to b's once, places far apart one after the other."""
    order = ((torch.arange(len(a), device=a.device, dtype=torch.float64) + 0.5) * GOLDEN).frac()
    return torch.where(t[:, None] > order, b, a)


def hold(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """As `lerp`, each of a and b for half of the way."""
    return torch.where(t[:, None] < 0.5, a, b)


def walk(n: int, length: int, size: int) -> Tensor:
    """Standard-normal noise u (n, length, size) whose steps are near the ones before."""
    noise = [torch.randn(n, size)]
    for _ in range(length - 1):
        noise.append(NEAR * noise[-1] + math.sqrt(1 - NEAR**2) * torch.randn(n, size))
    return torch.stack(noise, 1)


def path(points: Sequence[Tensor], steps: int, kind: Kind = "spherical", loop: bool = False) -> Tensor:
    """Two or more points (size,) to z (n, size): `steps` from each point to the next, both ends counted.

    Open: n = (points − 1)(steps − 1) + 1. Looped, it returns to the first and does not repeat it: n = points·(steps − 1).
    """
    if kind not in ("linear", "spherical"):
        raise GenaeError(f"a path is linear or spherical, not '{kind}'")
    if steps < 2:
        raise GenaeError(f"--steps must be at least 2 (both ends are counted), not {steps}")
    if len(points) < 2:
        raise GenaeError(f"an interpolation needs two points or more, not {len(points)}")
    codes = not points[0].is_floating_point()
    return _legs(points, steps, switch if codes else lerp if kind == "linear" else slerp, loop)


def conditions(points: Sequence[Tensor], steps: int, between: Between = "glide", loop: bool = False) -> Tensor:
    """What is said along such a path, of what is said of its points (C,)."""
    return _legs(points, steps, hold if between == "hold" else lerp, loop)


def _legs(points: Sequence[Tensor], steps: int, between: Way, loop: bool) -> Tensor:
    codes = not points[0].is_floating_point()
    t = torch.linspace(0, 1, steps, device=points[0].device, dtype=torch.float64 if codes else points[0].dtype)
    ends = [*points, points[0]] if loop else list(points)
    legs = [between(a, b, t)[:-1] for a, b in pairwise(ends)]
    return torch.cat(legs if loop else [*legs, ends[-1][None]])
