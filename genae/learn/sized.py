"""A stranger's recipe is built only as far as it fits the weights beside it: a kilobyte of JSON may ask for terabytes.

While it is built, every tensor is looked at before it gets memory, and every parameter as it is registered: one that is far
larger than all of the file's, or more of them than the file can account for, ends it in a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from genae.errors import GenaeError
from genae.learn.build import Built, build
from genae.learn.checkpoint import require_fit
from genae.recipe.recipe import Recipe

Shapes = Mapping[str, tuple[int, ...]]
MORE, PARAMETERS, NUMBERS = 4, 1000, 1 << 24  # times the file's, and so many beyond: shared, thrown away, or worked out
SIZED = {torch.empty, torch.zeros, torch.ones, torch.randn, torch.rand, torch.full, torch.eye}  # functions of a size
NEW = {Tensor.new_empty, Tensor.new_zeros, Tensor.new_ones, Tensor.new_full}  # the same, of a tensor and a size


def sized(recipe: Recipe, shapes: Shapes, path: Path) -> Built:
    """The parts of a run whose weights have these shapes. GenaeError for a recipe of another model."""
    try:
        with _bounded(shapes, _Larger(path)):
            built = build(recipe)
    except (RuntimeError, MemoryError, OverflowError) as error:
        raise GenaeError(f"{path} does not fit its recipe, which cannot be built: {str(error).split(chr(10))[0]}") from error
    require_fit(built.vae, shapes, path)
    return built


class _Larger(GenaeError):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not fit its recipe, whose network is far larger than these weights")


class _Looked(TorchFunctionMode):
    """Raises for a tensor of more than `most` numbers before it is made."""

    def __init__(self, most: int, error: GenaeError) -> None:
        self.most, self.error = most, error

    def __torch_function__(
        self, func: Callable[..., object], types: object, args: Sequence[object] = (), kwargs: dict[str, object] | None = None
    ) -> object:
        if (func in SIZED and _numbers(args, kwargs) > self.most) or (func in NEW and _numbers(args[1:], kwargs) > self.most):
            raise self.error
        return func(*args, **(kwargs or {}))


def _numbers(args: Sequence[object], kwargs: Mapping[str, object] | None) -> int:
    """Of (2, 3), of ((2, 3), …) or of size=(2, 3): 6."""
    size = args[0] if args else (kwargs or {}).get("size", ())
    return prod(n for n in (size if isinstance(size, Sequence) else args) if isinstance(n, int))


@contextmanager
def _bounded(shapes: Shapes, error: GenaeError) -> Iterator[None]:
    parameters, numbers = PARAMETERS + MORE * len(shapes), NUMBERS + MORE * sum(map(prod, shapes.values()))
    made: list[int] = []

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        made.append(0 if parameter is None else parameter.numel())
        if len(made) > parameters or sum(made) > numbers:
            raise error

    hook = register_module_parameter_registration_hook(count)
    try:
        with _Looked(numbers, error):
            yield
    finally:
        hook.remove()
