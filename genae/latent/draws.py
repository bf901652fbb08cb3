r"""Random numbers that belong to their example: the n-th of a batch is the same whatever stands beside it.

    example i, of key k_i     draws from a generator of its own, seeded with h(seed, stream) + k_i

Within a block of `Draws` what torch draws for a batch is drawn example by example, so priors, samplers and distributions are
written as ever. Examples of one key have the same numbers. What has no axis of the examples, what is given a generator, and
what functions written in Python draw inside themselves (`F.gumbel_softmax`) is drawn as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.overrides import TorchFunctionMode

Call = Callable[..., Any]  # a function of torch, whatever it takes and gives
Draw = Callable[..., Tensor]  # of a block, such a function, and what it was called with

SEEDS = 2**32  # a CPU's generator takes no more bits


class Chance(NamedTuple):
    """Where the random numbers of N examples come from; a `stream` for each purpose keeps them apart."""

    seed: int
    keys: Sequence[int]  # N
    stream: str = ""

    def rows(self, rows: Sequence[int]) -> Draws:
        """The block for a batch of those examples."""
        return Draws([self.keys[row] for row in rows], self.seed, self.stream)


class Draws(TorchFunctionMode):
    """The block in which a batch is drawn, a row for each of `keys`."""

    def __init__(self, keys: Sequence[int], seed: int = 0, stream: str = "") -> None:
        super().__init__()
        start = int.from_bytes(blake2b(f"{stream} {seed}".encode(), digest_size=4).digest(), "big")
        self._seeds = [(start + key) % SEEDS for key in keys]
        self._generators: dict[tuple[int, torch.device], Generator] = {}

    def __torch_function__(
        self, func: Call, types: object, args: Sequence[object] = (), kwargs: Mapping[str, object] | None = None
    ) -> object:
        given = {key: value for key, value in (kwargs or {}).items() if key != "generator" or value is not None}
        draw = None if {"generator", "out"} & {*given} else DRAWS.get(func)
        return func(*args, **given) if draw is None else draw(self, func, *args, **given)

    def draw(self, call: Call, x: Tensor, *args: object, **given: object) -> Tensor:
        """`call(x, …, generator=…)` for each example's part of x, and of tensors of its shape among args."""
        axis, n = self.axis(x), len(self._seeds)
        if axis is None:
            whole: Tensor = call(x, *args, generator=self._generator(0, x.device), **given)
            return whole
        made, size = list[Tensor](), x.shape[axis] // n
        for row in range(n):
            own = [
                arg.narrow(axis, row * size, size).contiguous() if isinstance(arg, Tensor) and arg.shape == x.shape else arg
                for arg in (x, *args)
            ]
            made.append(call(*own, generator=self._generator(row, x.device), **given))
        return torch.cat(made, axis)

    def axis(self, x: Tensor) -> int | None:
        """That of the examples: the first one with as many, else the first of all with a multiple of them."""
        n = len(self._seeds)
        first = 0 if x.ndim and len(x) % n == 0 else None
        return next((axis for axis, size in enumerate(x.shape) if size == n), first)

    def _generator(self, row: int, device: torch.device) -> Generator:
        if (row, device) not in self._generators:
            self._generators[row, device] = Generator(device).manual_seed(self._seeds[row])
        return self._generators[row, device]


def _drawn(draws: Draws, call: Call, x: Tensor, *args: object, **given: object) -> Tensor:
    return draws.draw(call, x, *args, **given)


def _filled(draws: Draws, method: Call, x: Tensor, *args: object, **given: object) -> Tensor:
    return x.copy_(draws.draw(method, x, *args, **given))


def _normal(draws: Draws, _: Call, mean: Any, std: Any = 1.0, size: Any = None, **given: Any) -> Tensor:
    """normal(mean, std), one of them a tensor, or numbers and a size."""
    unit = torch.empty_like(mean + std) if size is None else torch.empty(size, **given)
    made: Tensor = mean + std * draws.draw(Tensor.normal_, unit)
    return made


def _whole_numbers(draws: Draws, _: Call, *args: Any, **given: Any) -> Tensor:
    """randint(high, size), randint(low, high, size)."""
    *bounds, size = [*args, *(given.pop(key) for key in ("low", "high", "size") if key in given)]
    x = torch.empty(size, **{"dtype": torch.int64, **given})
    return draws.draw(Tensor.random_, x, *(bounds if len(bounds) == 2 else (0, *bounds)))


def _chosen(draws: Draws, _: Call, weights: Tensor, number: int, replacement: bool = False) -> Tensor:
    """Places in weights, a row for each example (B·m, K); in the same weights for all, `number` is the examples'."""
    rows = torch.arange(len(weights), device=weights.device)
    if weights.ndim == 1 or draws.axis(rows) is None:
        blank = torch.empty(*weights.shape[:-1], number, device=weights.device)
        if not replacement:
            return draws.draw(lambda x, generator: torch.multinomial(weights, number, generator=generator), blank[..., 0])
        return draws.draw(lambda x, generator: torch.multinomial(weights, x.shape[-1], True, generator=generator), blank)
    return draws.draw(lambda at, generator: torch.multinomial(weights[at], number, replacement, generator=generator), rows)


def _made(make: Call, method: Call) -> Draw:
    return lambda draws, _, *args, **given: draws.draw(method, make(*args, **given))


DRAWS: dict[Call, Draw] = {
    torch.randn: _made(torch.empty, Tensor.normal_),
    torch.rand: _made(torch.empty, Tensor.uniform_),
    torch.randn_like: _made(torch.empty_like, Tensor.normal_),
    torch.rand_like: _made(torch.empty_like, Tensor.uniform_),
    torch.randint: _whole_numbers,
    torch.normal: _normal,
    torch.multinomial: _chosen,
    Tensor.multinomial: _chosen,
    **dict.fromkeys((torch.bernoulli, Tensor.bernoulli, torch.poisson, torch.binomial), _drawn),
    **dict.fromkeys(
        (
            Tensor.normal_, Tensor.uniform_, Tensor.exponential_, Tensor.random_, Tensor.bernoulli_, Tensor.cauchy_,
            Tensor.log_normal_, Tensor.geometric_,
        ),
        _filled,
    ),
}  # fmt: skip
