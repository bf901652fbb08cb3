r"""How near two rolls of the piano's keys are.

onset_f1         2 TP / (notes of one + notes of the other): the same key struck at the same step; 1 where neither has any
sounding_f1      the same of the steps at which keys sound, struck or going on
velocity_error   mean |Δv| of the notes that both have, of 1 … 127
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from genae_music.score import LOUDEST


def onset_f1(x: Tensor, y: Tensor) -> float:
    """Of rolls (B, T, 88)."""
    return _f1(x > 0, y > 0)


def sounding_f1(x: Tensor, y: Tensor) -> float:
    """Of rolls (B, T, 88)."""
    return _f1(x != 0, y != 0)


def velocity_error(x: Tensor, y: Tensor) -> float:
    """Of rolls (B, T, 88); 0 where they have no note in common."""
    far = LOUDEST * (x - y).abs()[(x > 0) & (y > 0)]
    return far.mean().item() if len(far) else 0.0


METRICS: Mapping[str, Callable[[Tensor, Tensor], float]] = {
    "onset_f1": onset_f1, "sounding_f1": sounding_f1, "velocity_error": velocity_error
}  # fmt: skip


def _f1(one: Tensor, other: Tensor) -> float:
    either = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / either if either else 1.0
