"""Conditions: what encoder and decoder are told beside x and z. https://papers.nips.cc/paper/5775

A condition turns what is known of a batch into (B, C); C is 0 for none:

    size                             C
    labels                           whether it needs labelled examples
    (labels, target, train) -> (B, C) or None    labels (B,) int64 or None, target (B, *event) as `Domain.prepare` gives it
    named(text) -> (1, C)            what a user writes: --condition TEXT

With dropout it is hidden (all zeros) from some training examples, so that one network is conditional and unconditional at once
(https://arxiv.org/abs/2207.12598).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from genae.errors import GenaeError, unknown


class Unconditional:
    """No condition."""

    size, labels = 0, False

    def __call__(self, labels: Tensor | None, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """None, whatever the labels."""
        return None

    def named(self, text: str) -> Tensor:
        """GenaeError: there is nothing to name."""
        raise GenaeError(f"this run has no condition, so '{text}' has no meaning; train with --set condition=label")


class Label:
    """The class as a one-hot vector. `classes` are filled in from the data set when a run starts."""

    labels = True

    def __init__(self, classes: Sequence[str] = (), dropout: float = 0.0) -> None:
        _share(dropout)
        self.classes, self.dropout = tuple(classes), dropout

    @property
    def size(self) -> int:
        return len(self.classes)

    def __call__(self, labels: Tensor | None, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """labels (B,) int64 to (B, C)."""
        if labels is None:
            raise GenaeError("this model is conditioned on labels and these examples have none")
        return hide(F.one_hot(labels, self.size).float(), self.dropout if train else 0.0)

    def named(self, text: str) -> Tensor:
        """A class by its name to (1, C)."""
        if text not in self.classes:
            raise unknown("class", text, self.classes)
        return F.one_hot(torch.tensor([self.classes.index(text)]), self.size).float()


class Attribute:
    """Numbers of the example itself, with a 1 behind them: hidden, they are not 0 but unknown.

    `of` takes events (B, *event) to (B,) or (B, K); C is K + 1.
    """

    labels = False

    def __init__(self, name: str, of: Callable[[Tensor], Tensor], event: Sequence[int], dropout: float = 0.1) -> None:
        _share(dropout)
        self.name, self.of, self.dropout = name, of, dropout
        self.size = of(torch.zeros(1, *event)).reshape(1, -1).shape[1] + 1

    def __call__(self, labels: Tensor | None, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """target (B, *event) to (B, K + 1)."""
        if target is None:
            raise GenaeError(f"this model is conditioned on {self.name}, which only an example has")
        numbers = self.of(target).reshape(len(target), -1).float()
        return hide(F.pad(numbers, (0, 1), value=1.0), self.dropout if train else 0.0)

    def named(self, text: str) -> Tensor:
        """`0.5`, or `0.5,0.2` for K = 2, to (1, K + 1)."""
        try:
            numbers = [float(word) for word in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != self.size - 1:
            wanted = "a number" if self.size == 2 else f"{self.size - 1} numbers, with commas between them"
            raise GenaeError(f"condition {self.name} is {wanted}, not '{text}'")
        return torch.tensor([[*numbers, 1.0]])


def hide(vector: Tensor, share: float) -> Tensor:
    """(B, C) with that share of rows zero, drawn at random."""
    return vector * (torch.rand(len(vector), 1, device=vector.device) >= share) if share else vector


def _share(dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise GenaeError(f"condition.dropout must be at least 0 and below 1, not {dropout}")
