r"""How near two grooves are.

hit_f1           2 TP / (hits of one + hits of the other): the same drum at the same step; 1 where neither has any
velocity_error   mean |Δv| of the hits that both have, of 1 … 127
timing_error     mean |Δonset| of these, of a step
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from genae_music.groove import KINDS
from genae_music.score import LOUDEST


def hit_f1(x: Tensor, y: Tensor) -> float:
    """Of grooves (B, T, 27)."""
    one, other = (of[..., :KINDS] > 0.5 for of in (x, y))
    either = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / either if either else 1.0


def velocity_error(x: Tensor, y: Tensor) -> float:
    """Of grooves (B, T, 27); 0 where they have no hit in common."""
    return LOUDEST * _apart(x, y, slice(KINDS, 2 * KINDS))


def timing_error(x: Tensor, y: Tensor) -> float:
    """Of grooves (B, T, 27), steps; 0 where they have no hit in common."""
    return _apart(x, y, slice(2 * KINDS, None)) / 2


METRICS: Mapping[str, Callable[[Tensor, Tensor], float]] = {
    "hit_f1": hit_f1, "velocity_error": velocity_error, "timing_error": timing_error
}  # fmt: skip


def _apart(x: Tensor, y: Tensor, part: slice) -> float:
    both = (x[..., :KINDS] > 0.5) & (y[..., :KINDS] > 0.5)
    far = (x[..., part] - y[..., part]).abs()[both]
    return far.mean().item() if len(far) else 0.0
