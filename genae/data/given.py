"""Examples that Python has, as a data set: of tensors, of arrays, of a torch `Dataset`."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import SupportsIndex

import numpy as np
import torch
from torch import Tensor
from torch.utils import data as torch_data

from genae.data.examples import SPLITS, Examples, Split, numbers, require
from genae.data.local import hash_split
from genae.data.store import Store
from genae.errors import GenaeError, unknown


@dataclass(frozen=True)
class Given:
    """Split by place: see `genae.data.opening.as_dataset`."""

    examples: Examples
    name: str = "given"
    domain: str = ""

    @property
    def about(self) -> str:
        return f"{len(self.examples)} examples of shape {tuple(self.examples.x.shape[1:])}"

    def split(self, name: str) -> Split:
        """`array` (N, *event), with labels and fields."""
        if name not in SPLITS:
            raise unknown("split", name, SPLITS)
        chosen = self.examples.take(torch.tensor(self._places[name], dtype=torch.int64))
        x = chosen.x.float() if chosen.x.dtype is torch.bfloat16 else chosen.x  # numpy has no bfloat16
        labels = None if chosen.labels is None else chosen.labels.cpu().numpy()
        fields = {name: value.cpu().numpy() for name, value in chosen.fields.items()}
        return Split(array=x.detach().cpu().numpy(), labels=labels, classes=chosen.classes, fields=fields)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {name: [] for name in SPLITS}
        for i in range(len(self.examples)):
            places[hash_split(PurePosixPath(str(i)), len(self.examples))].append(i)
        return places


def labelled(examples: Examples) -> Examples:
    """With the numbers for classes where labels have none. GenaeError for none at all, and for labels beyond the classes."""
    require(examples, "data")
    if examples.labels is None:
        return examples
    low, high = int(examples.labels.min()), int(examples.labels.max())
    classes = examples.classes or tuple(str(label) for label in range(high + 1))
    if low < 0 or high >= len(classes):
        raise GenaeError(f"labels go from {low} to {high}; with {len(classes)} classes they are 0 to {len(classes) - 1}")
    return replace(examples, classes=classes)


# -- a torch Dataset --------------------------------------------------------------------------------------------------


def collected(dataset: torch_data.Dataset[object]) -> Examples:
    """All items of a map-style torch `Dataset`, each x, (x,) or (x, label). GenaeError for one that differs from the first."""
    if not isinstance(dataset, Sized):
        raise GenaeError(f"{type(dataset).__name__} has no length; a torch Dataset of known length is needed (map-style)")
    store, labels, first = Store(), list[object](), torch.empty(0)
    for i, (x, label) in enumerate(_items(dataset, len(dataset))):
        first = x if i == 0 else first
        if x.shape != first.shape or x.dtype != first.dtype:
            shapes = f"{x.dtype} {tuple(x.shape)}, the first has {first.dtype} {tuple(first.shape)}"
            raise GenaeError(f"item {i} of {type(dataset).__name__} has {shapes}")
        store.add(x[None])
        labels.append(label)
    examples = Examples(store.tensor(tuple(first.shape)))
    return labelled(examples if all(label is None for label in labels) else _named(examples, labels))


def _items(dataset: torch_data.Dataset[object], n: int) -> Iterator[tuple[Tensor, object]]:
    for i in range(n):
        item = dataset[i]
        x, label = item if isinstance(item, tuple | list) and len(item) == 2 else (item, None)
        if isinstance(item, tuple | list) and len(item) != 2:
            if len(item) != 1:
                raise GenaeError(f"item {i} of {type(dataset).__name__} has {len(item)} parts; give x, or x and its label")
            x = item[0]
        yield numbers(x if isinstance(x, Tensor) else np.asarray(x), f"items of {type(dataset).__name__}").detach().cpu(), label


def _named(examples: Examples, labels: Sequence[object]) -> Examples:
    """With labels that are whole numbers, or names."""
    names = [label for label in labels if isinstance(label, str)]
    if len(names) == len(labels):
        classes = tuple(sorted(set(names)))
        return replace(examples, labels=torch.tensor([classes.index(name) for name in names]), classes=classes)
    return replace(examples, labels=torch.tensor([_whole(label) for label in labels]))


def _whole(label: object) -> int:
    with suppress(TypeError):  # a tensor of another kind
        if isinstance(label, SupportsIndex):
            return operator.index(label)
    raise GenaeError(f"labels are whole numbers or names, not {label!r}")
