"""What a run is given, as events: what holds events, what holds stored examples, and what names them.

Tensor, array             events (N, *event), or one (*event), of any type of number
genae.Examples            stored examples, which the domain makes events of
"mnist:test:7", a path    an item, or a whole file, window by window; a folder or an archive is all its files in order
a list                    any of these, in a row
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, Known, joined, numbers, require
from genae.data.items import Gathered, Span, gathered
from genae.data.opening import open_data
from genae.data.reading import read_split
from genae.errors import GenaeError


@dataclass(frozen=True)
class Seen:
    """Events (N, *event), and what is known of them beside."""

    events: Tensor
    known: Known
    spans: tuple[Span, ...]  # what they are of, in order
    unused: tuple[str, ...] = ()  # files of folders that gave no example, and why, a line each

    @property
    def names(self) -> tuple[str, ...]:
        """Of the file or item of each event; "" for what Python gave."""
        return tuple(span.name for span in self.spans for _ in range(span.count))

    @property
    def windows(self) -> tuple[int, ...]:
        """Which window of its file each event is, from 1; of an item 0."""
        numbers = [range(1, span.count // span.voices + 1) if span.piece is not None else [span.window] for span in self.spans]
        return tuple(n for span, own in zip(self.spans, numbers, strict=True) for _ in range(span.voices) for n in own)


Given = Tensor | np.ndarray | Examples | Seen | str | Path | Sequence["Given"]


def see(x: Given, domain: Domain, window: int = 0) -> Seen:
    """Whatever holds or names examples; of files a `window` alone, unless it is 0. GenaeError for what has another shape."""
    if isinstance(x, Seen):
        return x
    if isinstance(x, Tensor | np.ndarray):
        events = _batched(numbers(x, "examples").detach().cpu().float(), domain)
        return Seen(events, Known(), (Span(),) * len(events))
    if isinstance(x, Examples):
        events = domain.prepare(_batched(x.x, domain), "show")
        return Seen(events, x.known(), tuple(map(Span, x.names)) or (Span(),) * len(events))
    if isinstance(x, str | Path):
        return _read(gathered([str(x)], domain, window)[0], domain)
    if isinstance(x, Sequence) and len(x):
        return _together(list(_each(x, domain, window)))
    raise GenaeError(
        f"an example is a tensor or array of shape {domain.event}, genae.Examples, a file or an item such as mnist:test:7, "
        f"not {x!r}"
    )


def of_data(data: str, split: str, domain: Domain) -> Seen:
    """A split of a data set, by name or path; items where its files have no names. GenaeError for an empty one."""
    examples = require(read_split(open_data(data), split, domain), f"{data} ({split})")
    names = examples.names or tuple(f"{data}:{split}:{i}" for i in range(len(examples)))
    return replace(see(examples, domain), spans=tuple(map(Span, names)), unused=examples.skipped)


def _each(x: Sequence[Given], domain: Domain, window: int) -> Iterator[Seen]:
    """What is named is read together, so that a data set is opened once."""
    read = iter(gathered([str(one) for one in x if isinstance(one, str | Path)], domain, window))
    for one in x:
        yield _read(next(read), domain) if isinstance(one, str | Path) else see(one, domain)


def _read(of: Gathered, domain: Domain) -> Seen:
    return replace(_together([see(one, domain) for one in of.examples]), spans=tuple(of.spans), unused=of.unused)


def _together(parts: Sequence[Seen]) -> Seen:
    if len(parts) == 1:  # a long one is not copied
        return parts[0]
    return Seen(
        torch.cat([part.events for part in parts]),
        joined([(len(part.events), part.known) for part in parts]),
        tuple(span for part in parts for span in part.spans),
        tuple(line for part in parts for line in part.unused),
    )


def _batched(x: Tensor, domain: Domain) -> Tensor:
    x = domain.part(x) if x.ndim == len(domain.event) else x
    if tuple(x.shape[1:]) != domain.event:
        raise GenaeError(f"examples have shape {tuple(x.shape[1:])}, this run's have {domain.event}")
    return x
