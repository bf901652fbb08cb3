"""Conditions: what encoder and decoder are told beside x and z. https://papers.nips.cc/paper/5775

A condition turns the labels of a batch into (B, C); C is 0 for none. With dropout it is hidden (all zeros) from some training
examples, so that one network is conditional and unconditional at once (https://arxiv.org/abs/2207.12598).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from genae.errors import GenaeError, unknown


class Unconditional:
    """No condition."""

    size = 0

    def __call__(self, labels: Tensor | None, train: bool = False) -> Tensor | None:
        """None, whatever the labels."""
        return None

    def named(self, label: str) -> Tensor:
        """GenaeError: there is nothing to name."""
        raise GenaeError(f"this run has no condition, so '{label}' has no meaning; train with --set condition=label")


class Label:
    """The class as a one-hot vector. `classes` are filled in from the data set when a run starts."""

    def __init__(self, classes: Sequence[str] = (), dropout: float = 0.0) -> None:
        if not 0 <= dropout < 1:
            raise GenaeError(f"condition.dropout must be at least 0 and below 1, not {dropout}")
        self.classes, self.dropout = tuple(classes), dropout

    @property
    def size(self) -> int:
        return len(self.classes)

    def __call__(self, labels: Tensor | None, train: bool = False) -> Tensor | None:
        """labels (B,) int64 to (B, C)."""
        if labels is None:
            raise GenaeError("this model is conditioned on labels and these examples have none")
        vector = F.one_hot(labels, self.size).float()
        if train and self.dropout:
            vector = vector * (torch.rand(len(vector), 1, device=vector.device) >= self.dropout)
        return vector

    def named(self, label: str) -> Tensor:
        """A class by its name to (1, C)."""
        if label not in self.classes:
            raise unknown("class", label, self.classes)
        return F.one_hot(torch.tensor([self.classes.index(label)]), self.size).float()
