"""Numbers that are known of examples: how many there are, what is measured of events, their scale, and those of categories."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, Known
from genae.errors import GenaeError

CHUNK = 1000  # examples measured at once

Attribute = Callable[..., Tensor]  # events (B, *event) to (B,) or (B, K)


def measured(train: Examples, domain: Domain, attributes: Mapping[str, Attribute]) -> dict[str, Tensor]:
    """Attributes of all the training examples, each (N, K)."""
    parts: dict[str, list[Tensor]] = {name: [] for name in attributes}
    for stored in torch.split(train.x, CHUNK) if attributes else ():
        events = domain.prepare(stored, "show")
        for name, of in attributes.items():
            parts[name].append(rows_of(of, events))
    return {name: torch.cat(rows) for name, rows in parts.items()}


def rows_of(of: Attribute, events: Tensor) -> Tensor:
    """An attribute of events (B, *event), (B, K)."""
    return of(events).reshape(len(events), -1).float()


def scale_of(name: str, x: Tensor, categories: int = 0) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the known rows of (N, K); 0 and 1 where none is, and 1 where they do not vary.

    Those of so many categories mean nothing: 0 and 1. GenaeError for one that there is not.
    """
    rows = x[x.isfinite().all(1)].double()
    wrong = x[~(x.isnan() | ((x == x.round()) & (x >= 0) & (x < categories)))]
    if categories and len(wrong):
        raise GenaeError(f"field {name} is of categories from 0 to {categories - 1}, not {wrong[0].item():g}")
    if categories or not len(rows):
        return [0.0] * x.shape[1], [1.0] * x.shape[1]
    spread = rows.std(0, unbiased=False)
    return rows.mean(0).tolist(), spread.where(spread > 0, 1.0).tolist()


def categorical(x: Tensor, count: int) -> Tensor:
    """Categories (B, T), NaN where not known, to one-hot vectors in a row (B, T·count), zeros for what is none of them."""
    return (x[..., None] == torch.arange(count, device=x.device)).flatten(1).float()


def count_of(known: Known) -> int:
    """Of how many examples something is known; 1 where nothing is."""
    every = [*([known.labels] if known.labels is not None else []), *known.fields.values()]
    return len(every[0]) if every else 1
