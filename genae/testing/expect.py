"""What a check says: one line with what was expected and what came."""

from __future__ import annotations

from typing import NoReturn
from unittest import SkipTest

import torch
from torch import Tensor


def expect(good: bool, line: str) -> None:
    """AssertionError with that line, unless it is good."""
    if not good:
        raise AssertionError(line)


def skip(line: str) -> NoReturn:
    """This check has nothing to look at."""
    raise SkipTest(line)


def finite(x: Tensor, what: str) -> None:
    """No NaN or infinity."""
    expect(bool(x.isfinite().all()), f"{what} holds a NaN or an infinity")


def shaped(x: Tensor, shape: tuple[int, ...], what: str) -> None:
    """A tensor of that shape without a NaN."""
    expect(isinstance(x, Tensor), f"{what} must be a tensor, not {type(x).__name__}")
    expect(tuple(x.shape) == tuple(shape), f"{what} has shape {tuple(x.shape)}; expected {tuple(shape)}")
    finite(x.float(), what)


def same(a: Tensor, b: Tensor, what: str) -> None:
    """Equal to the bit."""
    expect(a.shape == b.shape and bool(torch.equal(a, b)), f"{what} differ from one time to the next")
