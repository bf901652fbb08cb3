"""Checks of what a domain says of its examples: options for writing, styles, lengths, metrics, attributes."""

from __future__ import annotations

import math
import typing
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genae.data.domain import CHOICE, Domain
from genae.errors import GenaeError
from genae.learn.device import seeded
from genae.recipe.options import Option, apart, check, offered
from genae.recipe.parts import instance
from genae.testing.chance import always
from genae.testing.expect import expect, finite, same, skip
from genae.testing.subject import LOOKED, Subject, windows_of
from genae.use.writing import written_options


def written(s: Subject) -> None:
    """Options marked WRITTEN change neither the event nor what is read and prepared."""
    marked = [
        (option, other) for option in written_options(s.domain) for other in _others(option, s.recipe.domain[option.name])
    ]
    if not marked:
        skip("it marks no option WRITTEN")
    for option, value in marked:
        other = instance(Domain, "domain", s.recipe.domain | {option.name: value})
        expect(other.event == s.domain.event, f"{option.name}={value!r} changes the event; it must not be marked WRITTEN")
        same(other.prepare(s.examples.x[:LOOKED], "show"), s.events(), f"events, {option.name} being marked WRITTEN,")
        for file in s.files[:1]:
            same(windows_of(other, file), windows_of(s.domain, file), f"examples, {option.name} being marked WRITTEN,")


def chosen(s: Subject) -> None:
    """Options marked CHOICE leave the event as it is, and what is made of a stored example to be shown."""
    marked = [option for option in offered("domain", type(s.domain)) if CHOICE in apart(option.hint)[1]]
    if not marked:
        skip("it marks no option CHOICE")
    for option in marked:
        for value in _others(option, s.recipe.domain[option.name]):
            try:
                other = instance(Domain, "domain", s.recipe.domain | {option.name: value})
            except GenaeError:  # it does not suit the other options
                continue
            expect(other.event == s.domain.event, f"{option.name}={value!r} changes the event; it must not be marked CHOICE")
            same(other.prepare(s.examples.x[:LOOKED], "show"), s.events(), f"events, {option.name} being marked CHOICE,")


def _others(option: Option, value: Any) -> list[Any]:
    """Other values that an option may have."""
    if isinstance(value, bool):
        return [not value]
    wishes = [value + 1, value * 2, value / 2] if isinstance(value, int | float) else typing.get_args(apart(option.hint)[0])
    return [wish for wish in wishes if wish != value and _allowed(option, wish)][:2]


def _allowed(option: Option, value: Any) -> bool:
    try:
        check(option.name, value, option.hint)
    except GenaeError:
        return False
    return True


def style(s: Subject) -> None:
    """A file's style is of options that only writing looks at; lengths have units that are above 0 and are joined."""
    offered = sorted(option.name for option in written_options(s.domain))
    for file in s.files[:LOOKED]:
        given = sorted(s.domain.style(file))
        expect({*given} <= {*offered}, f"{file.name}: style gives {given}; the options marked WRITTEN are {offered}")
    for unit, of in s.domain.units.items():
        expect(of > 0, f"an example must be above 0 {unit} long, not {of}")
        expect(s.domain.join(s.events(2)) is not None, f"a length can be given in {unit}, but join gives None")


def metrics(s: Subject) -> None:
    """Numbers of two batches of events."""
    if not s.domain.defaults.metrics:
        skip("it names no metrics")
    events = s.events()
    for name, metric in s.domain.defaults.metrics.items():
        value = metric(events, events.flip(0))
        number = isinstance(value, int | float) and math.isfinite(value)
        expect(number, f"metric {name} gives {value!r}, not a number")
        twice = metric(events.repeat(2, *[1] * (events.ndim - 1)), events.flip(0).repeat(2, *[1] * (events.ndim - 1)))
        expect(math.isclose(value, twice, rel_tol=1e-3, abs_tol=1e-6), f"metric {name} of twice the same batch is {twice:.4g}, "
               f"of the batch {value:.4g}; it is a mean over examples")  # fmt: skip
        perfect = metric(events, events)
        if not torch.equal(events, events.flip(0)):
            expect(value != perfect, f"metric {name} is {value:.4g} whatever the output is")


def attributes(s: Subject) -> None:
    """Numbers of each event, whatever else is in the batch."""
    if not s.domain.defaults.attributes:
        skip("it names no attributes")
    events = s.events()
    for name, of in s.domain.defaults.attributes.items():
        value = of(events)
        good = isinstance(value, Tensor) and value.ndim in (1, 2) and len(value) == len(events)
        expect(good, f"attribute {name} must give (B,) or (B, K) of (B, *event), not {getattr(value, 'shape', value)}")
        finite(value.float(), f"attribute {name}")
        near = torch.allclose(of(events[:1]).float(), value[:1].float(), atol=1e-5)
        expect(near, f"attribute {name} of an event hangs on the others in its batch")
        always(partial(of, events), f"attribute {name}")
        with seeded(2):
            unlike = of(torch.cat([events, torch.zeros_like(events), events.flip(-1), events + torch.randn_like(events)]))
        expect(not bool((unlike == unlike[:1]).all()), f"attribute {name} is the same of every event, {unlike[0].tolist()}")


CHECKS = (written, chosen, style, metrics, attributes)
