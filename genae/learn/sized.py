"""A stranger's recipe is built only where it fits the weights beside it: a kilobyte of JSON may ask for terabytes.

First on torch's device without memory, "meta", where names and shapes are compared; then for good. Both stop as soon as there
are many more parameters than the file has tensors. What cannot be built without values, such as masks that are worked out from
each other, has the second bound alone, and the bounds of its options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import FunctionType

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from genae.errors import GenaeError
from genae.learn.build import Built, build
from genae.learn.checkpoint import require_fit
from genae.recipe.recipe import Recipe

Shapes = Mapping[str, tuple[int, ...]]
DRAWN = (Tensor.normal_, Tensor.uniform_, Tensor.exponential_, Tensor.bernoulli_)
SPARE, MORE = 1000, 4  # parameters beyond the file's that building may take: made and thrown away, shared, or computed from


def sized(recipe: Recipe, shapes: Shapes, path: Path) -> Built:
    """The parts of a run whose weights have these shapes. GenaeError for a recipe of another model."""
    with _bounded(shapes, path):
        try:
            with torch.device("meta"), _Undrawn():
                require_fit(build(recipe).vae, shapes, path)
        except (RuntimeError, MemoryError, OverflowError) as error:
            if "meta" not in str(error).lower():
                raise _too_large(
                    path, error
                ) from error  # else for want of values alone: if there is more to it, it comes again
        try:
            return build(recipe)
        except (RuntimeError, MemoryError, OverflowError) as error:
            raise _too_large(path, error) from error


class _Undrawn(TorchFunctionMode):
    """Random numbers without memory are not drawn: torch would import its compiler for it, three seconds."""

    def __torch_function__(
        self, func: Callable[..., object], types: object, args: tuple[object, ...] = (), kwargs: dict[str, object] | None = None
    ) -> object:
        if func in (torch.randn, torch.rand) and not (kwargs and kwargs.keys() & {"device", "generator", "out"}):
            return torch.empty(*args, **(kwargs or {}))  # type: ignore[call-overload]
        filled = args[0] if args else (kwargs or {}).get("tensor")
        initial = isinstance(func, FunctionType) and func.__module__ == nn.init.__name__
        if isinstance(filled, Tensor) and filled.is_meta and (func in DRAWN or initial):
            return filled
        return func(*args, **(kwargs or {}))


def _too_large(path: Path, error: Exception) -> GenaeError:
    return GenaeError(f"{path} does not fit its recipe, which cannot be built: {str(error).splitlines()[0] or 'out of memory'}")


@contextmanager
def _bounded(shapes: Shapes, path: Path) -> Iterator[None]:
    most, numbers = SPARE + MORE * len(shapes), SPARE + MORE * sum(map(prod, shapes.values()))
    made = [0, 0]

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        made[0] += 1
        made[1] += parameter.numel() if parameter is not None and parameter.device.type != "meta" else 0
        if made[0] > 2 * most or made[1] > numbers:
            raise GenaeError(f"{path} does not fit its recipe, whose network is far larger than these weights")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
