"""Tasks: how the input is made from the target. One network, one engine; denoising is a corruption, not a model class.

A task is a callable target (B, *event) to input (B, *event). An input of another form than the target (smaller, grey) is
shown to the network in the target's, and files of its own form are read by `InputForm`. Domains name their own in
`Defaults.tasks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, Self, runtime_checkable

import torch
from annotated_types import Ge, Gt, Le, MinLen, doc
from torch import Tensor

from genae.errors import unknown
from genae.recipe.parts import instance

if TYPE_CHECKING:
    from genae.data.domain import Domain


@runtime_checkable
class Task(Protocol):
    """What makes inputs of targets."""

    def __call__(self, target: Tensor) -> Tensor: ...


@runtime_checkable
class Suited(Protocol):
    """A task that hangs on whose events it is given: on their size, their rate."""

    def of_domain(self, domain: Domain) -> Task:
        """Itself, for the events of that domain. GenaeError where it does not suit them."""
        ...


@runtime_checkable
class InputForm(Protocol):
    """A task whose inputs, as files of their own, have another form than its targets: smaller pictures, grey ones."""

    def reader(self, domain: Domain) -> Domain:
        """The domain that reads such files, made of that of the targets."""
        ...

    def as_input(self, events: Tensor) -> Tensor:
        """Its events (B, …) as the task shows them to the network, (B, *event)."""
        ...


@runtime_checkable
class Masking(Protocol):
    """A task that hides parts of the target, and may be told which ones by a file."""

    def mask(self, path: Path, domain: Domain, names: Sequence[str]) -> Tensor:
        """What a file says is hidden of the items of those names, bool (1, …). GenaeError where it does not fit them."""
        ...

    def masked(self, target: Tensor, hidden: Tensor) -> Tensor:
        """target (B, *event) without what is hidden (1, …)."""
        ...


@runtime_checkable
class Keeping(Protocol):
    """A task whose inputs hold some numbers of the target as they are: these come back unchanged."""

    def kept(self, inputs: Tensor) -> Tensor:
        """Which numbers of inputs (B, *event) are the target's own, bool of their shape."""
        ...


def task_of(spec: Mapping[str, object], domain: Domain) -> Task:
    """The task that a recipe's section names, for the events of a domain. GenaeError where it does not suit them."""
    task = instance(Task, "task", spec, domain=domain)
    return task.of_domain(domain) if isinstance(task, Suited) else task


class Reconstruct:
    """Input = target."""

    def __call__(self, target: Tensor) -> Tensor:
        return target


class AnyOf:
    """Input = what one of several tasks makes of the target, each example's drawn: one model that can do all of them."""

    def __init__(
        self,
        tasks: Annotated[Sequence[str], MinLen(1), doc("their names; the first is meant where nobody says which")] = (
            "reconstruct",
            "denoise",
        ),
    ) -> None:
        self.names = tuple(tasks)

    def of_domain(self, domain: Domain) -> Self:
        self.tasks = {name: task_of({"name": name}, domain) for name in self.names}
        return self

    def __call__(self, target: Tensor) -> Tensor:
        which = (torch.rand_like(target.flatten(1)[:, :1]) * len(self.tasks)).long()
        made = torch.zeros_like(target)
        for i, task in enumerate(self.tasks.values()):
            made = torch.where((which == i).view(-1, *[1] * (target.ndim - 1)), task(target), made)
        return made


def one_of(task: Task, name: str, own: str) -> Task:
    """The task of that `name` of a run whose own is called `own`; of several the first without one. GenaeError for others."""
    several = task.tasks if isinstance(task, AnyOf) else {own: task}
    if name and name not in several:
        raise unknown("task", name, several, " of this run")
    return several[name or next(iter(several))]


class Denoise:
    """Input = target + N(mean, σ²), clipped to [0, 1], or a share of its values 0 or 1 instead.

    https://blog.keras.io/building-autoencoders-in-keras.html
    """

    def __init__(
        self,
        sigma: Annotated[float, Ge(0), doc("standard deviation of the noise")] = 0.5,
        mean: Annotated[float, doc("what is added to all values beside")] = 0.0,
        kind: Annotated[Literal["gaussian", "salt-and-pepper"], doc("what is added, or what replaces values")] = "gaussian",
        share: Annotated[float, Gt(0), Le(1), doc("of the values that salt and pepper replace, half by 0, half by 1")] = 0.25,
    ) -> None:
        self.sigma, self.mean, self.kind, self.share = sigma, mean, kind, share

    def __call__(self, target: Tensor) -> Tensor:
        if self.kind == "gaussian":
            return (target + self.mean + self.sigma * torch.randn_like(target)).clamp(0, 1)
        drawn = torch.rand_like(target)
        return target.where(drawn >= self.share, (drawn < self.share / 2).to(target.dtype))


class Dequantise:
    """Input = target rounded to so many levels from 0 to 1, evenly apart."""

    def __init__(self, levels: Annotated[int, Ge(2), doc("that the input has from 0 to 1")] = 4) -> None:
        self.levels = levels

    def __call__(self, target: Tensor) -> Tensor:
        return (target * (self.levels - 1)).round() / (self.levels - 1)
