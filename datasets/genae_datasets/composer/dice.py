"""Whole numbers at random: the same with every version of NumPy and on every platform.

NumPy promises that of a bit generator's raw bits, but not of what `Generator` makes of them: https://numpy.org/neps/nep-0019
The remainder of 64 bits is uneven by less than one in 2^53 for what is asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Array = npt.NDArray[np.int64]


class Dice:
    """Random numbers of one seed, a sequence of whole numbers that are not negative."""

    def __init__(self, *seed: int) -> None:
        self._raw = np.random.default_rng(seed).bit_generator.random_raw

    def below(self, n: int) -> int:
        """0 … n - 1."""
        return int(self._raw()) % n

    def between(self, low: int, high: int) -> int:
        """low … high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def one(self, of: Sequence[T]) -> T:
        return of[self.below(len(of))]

    def array(self, n: int, *shape: int) -> Array:
        """0 … n - 1, of any shape, int64."""
        size = int(np.prod(shape))
        numbers: Array = (self._raw(size) % np.uint64(n)).astype(np.int64).reshape(shape)
        return numbers
