"""Conditions: what encoder and decoder are told beside x and z. https://papers.nips.cc/paper/5775

A condition turns what is known of a batch into (B, C); C is 0 for none:

With dropout it is hidden (all zeros) from some training examples, so that one network is conditional and unconditional at once
(https://arxiv.org/abs/2207.12598).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Self

import torch
import torch.nn.functional as F
from annotated_types import Ge, Lt, doc
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, Known
from genae.errors import GenaeError, unknown
from genae.model.form import Form, Part
from genae.names import composed

Options = Mapping[str, Any]
Share = Annotated[float, Ge(0), Lt(1)]
LABEL = "label"  # what the class is called among the parts of a condition
HIDDEN = "share of the training examples from which it is hidden"


class Condition(ABC):
    """What a recipe's condition is."""

    dropout: float = 0.0  # share of the training examples from which it is hidden
    choices: Sequence[str] = ()  # all that `named` takes, where these are few
    names: Sequence[str] = ()  # its parts, where it has several: what `named` takes as NAME=VALUE,NAME=VALUE
    parts: Sequence[str] = ()  # what it is made of: LABEL for the class, fields, attributes of the domain

    @staticmethod
    def learned(options: Options, train: Examples, domain: Domain) -> Options:
        """The recipe's options with what the training examples say. GenaeError where they lack what it needs."""
        return options

    def of_domain(self, domain: Domain) -> Self:
        """Itself, once it knows whose events it will be given."""
        return self

    @property
    @abstractmethod
    def size(self) -> int:
        """C, 0 for none."""

    @property
    def form(self) -> Form:
        """What of the C numbers is said of each step of an example: by default none."""
        return Form([Part(self.size)])

    @abstractmethod
    def tells(self, known: Known) -> bool:
        """Whether of such examples there is anything to tell."""

    @abstractmethod
    def __call__(self, known: Known, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """What is known of examples, and target (B, *event) as `Domain.prepare` gives it, to (B, C)."""

    @abstractmethod
    def named(self, text: str) -> Tensor:
        """What a user writes, --condition TEXT, to (1, C)."""

    def named_along(self, text: str, count: int) -> Tensor:
        """The same of so many examples in a row, (count, C): by default of each alike."""
        return self.named(text).expand(count, -1)

    def veil(self, n: int) -> Tensor:
        """(n, C) of 1, and of 0 for what training hides of an example; random numbers are torch's."""
        return hide(torch.ones(n, self.size), self.dropout)

    def usable(self, examples: Examples) -> Examples:
        """Those of which it can tell something, or which it may hide: by default all."""
        return examples

    def absent(self, n: int) -> Tensor:
        """(n, C) for examples of which nothing is known. GenaeError for a model that never saw the like."""
        if self.size and not self.dropout:
            raise GenaeError(
                "this model always knew its condition (condition.dropout=0); say what it is with --condition, or train with "
                "--set condition.dropout=0.1"
            )
        return torch.zeros(n, self.size)

    def drawn(self, n: int) -> Tensor:
        """(n, C) for new examples of which nothing is asked; random numbers are torch's."""
        return self.absent(n)


class Unconditional(Condition):
    """No condition."""

    size = 0

    def tells(self, known: Known) -> bool:
        """Nothing."""
        return False

    def __call__(self, known: Known, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """None, whatever is known."""
        return None

    def named(self, text: str) -> Tensor:
        """GenaeError: there is nothing to name."""
        raise GenaeError(f"this run has no condition, so '{text}' has no meaning; train with --set condition=label")


class Label(Condition):
    """The class as a one-hot vector. `classes` are filled in from the data set when a run starts."""

    parts = (LABEL,)

    def __init__(
        self,
        classes: Annotated[Sequence[str], doc("names in the order of the vector; without, the data set's")] = (),
        dropout: Annotated[Share, doc(HIDDEN)] = 0.0,
        shares: Annotated[
            Sequence[Annotated[float, Ge(0)]], doc("of each class; without, those of the training examples")
        ] = (),
    ) -> None:
        self.classes, self.dropout = tuple(map(composed, classes)), dropout
        self.choices = self.classes
        self.shares = tuple(shares) or (1.0,) * len(classes)
        if len(self.shares) != len(classes) or (classes and not sum(self.shares)):
            raise GenaeError(
                f"condition.shares must be one for each of {len(classes)} classes and not all 0, not {list(shares)}"
            )

    @staticmethod
    def learned(options: Options, train: Examples, domain: Domain) -> Options:
        """With the classes, unless they are given. GenaeError for examples without labels, all of them."""
        if train.labels is None:
            raise GenaeError(
                "condition=label needs labelled data; give a data set with classes, or a folder with a sub-folder a class"
            )
        classes = options["classes"] or list(train.classes)
        counts = [float((train.labels == i).sum()) for i in range(len(classes))]
        labelled = int((train.labels >= 0).sum())
        return {**options, "classes": classes, "shares": options["shares"] or [count / labelled for count in counts]}

    def usable(self, examples: Examples) -> Examples:
        """Those with a class, where it is never hidden."""
        return examples if self.dropout else examples.labelled()

    @property
    def size(self) -> int:
        return len(self.classes)

    def tells(self, known: Known) -> bool:
        """Labelled ones, with the model's own classes."""
        return known.labels is not None and {*map(composed, known.classes)} <= {*self.classes}

    def __call__(self, known: Known, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """(B, C). GenaeError without labels, and where there are classes that the model does not know."""
        if known.labels is None:
            raise GenaeError("this model is conditioned on labels and these examples have none")
        if not self.tells(known):
            raise unknown("class", next(name for name in known.classes if composed(name) not in self.classes), self.classes)
        if not (train or self.dropout or bool((known.labels >= 0).all())):
            raise GenaeError("this model is conditioned on labels and some of these examples have none")
        return hide(one_hot(known, self.classes), self.dropout if train else 0.0)

    def named(self, text: str) -> Tensor:
        """A class by its name, in any form, to (1, C)."""
        if composed(text) not in self.classes:
            raise unknown("class", text, self.classes)
        return F.one_hot(torch.tensor([self.classes.index(composed(text))]), self.size).float()

    def drawn(self, n: int) -> Tensor:
        """None of them where the model learnt without, else classes as often as in training."""
        if self.dropout:
            return self.absent(n)
        return F.one_hot(torch.multinomial(torch.tensor(self.shares), n, replacement=True), self.size).float()


class Attribute(Condition):
    """Numbers of the example itself, with a 1 behind them: hidden, they are not 0 but unknown.

    `of` takes events (B, *event) to (B,) or (B, K); C is K + 1.
    """

    def __init__(self, name: str, of: Callable[[Tensor], Tensor], event: Sequence[int], dropout: float = 0.1) -> None:
        self.name, self.of, self.dropout = name, of, dropout
        self.parts = (name,)
        self._size = of(torch.zeros(1, *event)).reshape(1, -1).shape[1] + 1

    @property
    def size(self) -> int:
        return self._size

    def tells(self, known: Known) -> bool:
        """An attribute is of any example."""
        return True

    def __call__(self, known: Known, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """target (B, *event) to (B, K + 1)."""
        if target is None:
            raise GenaeError(f"this model is conditioned on {self.name}, which only an example has")
        numbers = self.of(target).reshape(len(target), -1).float()
        return hide(F.pad(numbers, (0, 1), value=1.0), self.dropout if train else 0.0)

    def named(self, text: str) -> Tensor:
        """`0.5`, or `0.5,0.2` for K = 2, to (1, K + 1)."""
        return torch.tensor([[*numbers(self.name, text, self.size - 1), 1.0]])


def one_hot(known: Known, classes: Sequence[str]) -> Tensor:
    """The classes of examples (B, C), by their names; zeros for one that is not among `classes`, or has none."""
    assert known.labels is not None
    at, names = known.labels, tuple(map(composed, known.classes))
    if names not in ((), tuple(classes)):
        place = [classes.index(name) if name in classes else -1 for name in names]
        at = torch.tensor([*place, -1], device=at.device)[at]  # the last for a label of -1
    return F.one_hot(at + 1, len(classes) + 1)[:, 1:].float()


def numbers(name: str, text: str, count: int, commas: bool = True) -> list[float]:
    """So many finite numbers of a user's text, with commas or else spaces between them."""
    try:
        found = [float(word) for word in text.split("," if commas else None)]
    except ValueError:
        found = []
    if len(found) != count or not all(map(math.isfinite, found)):
        wanted = "a number" if count == 1 else f"{count} numbers, with {'commas' if commas else 'spaces'} between them"
        raise GenaeError(f"condition {name} is {wanted}, not '{text}'")
    return found


def hide(vector: Tensor, share: float) -> Tensor:
    """(B, C) with that share of rows zero, drawn at random."""
    return vector * (torch.rand(len(vector), 1, device=vector.device) >= share) if share else vector
