r"""Pieces that go on, and parts of them made anew: what a sampler of windows in a row is for.

    extended(run, x, length)         a file and `length` windows more
    filled(run, x, part)             a file whose windows in a part are new; they know those before them

A new window that comes back to one of the file's is that window.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genae.data.items import Span
from genae.errors import GenaeError, remark
from genae.latent.draws import Chance
from genae.latent.samplers import Sampler, Sequential
from genae.learn import fitting
from genae.learn.device import drawn
from genae.use.run import Condition, Run, Written
from genae.use.seen import Given
from genae.use.wholes import once
from genae.use.writing import Extent

SAME = 1e-4  # of z's largest difference: what a sampler copied went through its scale and back


def extended(
    run: Run,
    x: Given,
    length: int,
    condition: Condition = None,
    temperature: float | None = None,
    seed: int | None = 0,
    sampler: str | None = None,
    cut: float = 0.0,
    **options: object,
) -> Written:
    """A file and so many windows more, the last without `cut` of it."""
    span, z, given, events = _whole(run, x, condition)
    count = z.shape[1]
    new, c = _new(run, z[0], given, count, length, temperature, seed, sampler)
    made = _events(run, torch.cat([z[0], new]), c, events[0], temperature, seed)
    whole = torch.cat([events, made[count:].expand(span.voices, *made[count:].shape)], 1)
    domain = run.framed(span, **options)
    long = domain.join(whole.flatten(0, 1))
    if long is None:
        raise GenaeError(f"domain '{run.recipe.domain['name']}' cannot join examples, so that nothing can go on")
    shorter = domain.cut(long, cut) if cut else long
    return domain, long if shorter is None else shorter


def filled(
    run: Run,
    x: Given,
    part: Extent,
    condition: Condition = None,
    temperature: float | None = None,
    seed: int | None = 0,
    sampler: str | None = None,
    **options: object,
) -> Written:
    """A file whose windows in a part are new. GenaeError for a part outside of it."""
    span, z, given, events = _whole(run, x, condition)
    domain, count = run.framed(span, **options), z.shape[1]
    first, last = _inside(domain.places(count), part, span.name)
    new, c = _new(run, z[0, :first], given, first, last - first, temperature, seed, sampler)
    c = None if c is None or given is None else torch.cat([c, given[0, last:]])
    made = _events(run, torch.cat([z[0, :first], new]), None if c is None else c[:last], events[0, :first], temperature, seed)
    whole = events.clone()
    whole[:, first:last] = made[first:]
    long = domain.join(whole.flatten(0, 1))
    return domain, whole[0, 0] if long is None else long


def _whole(run: Run, x: Given, condition: Condition) -> tuple[Span, Tensor, Tensor | None, Tensor]:
    """A file's span, z (V, W, *shape), conditions (V, W, C) and events (V, W, *event). GenaeError for anything else."""
    seen = run.seen(x)
    if len(seen.spans) != 1:
        raise GenaeError(f"one piece goes on at a time, not {len(seen.spans)}")
    span, shape = seen.spans[0], (seen.spans[0].voices, -1)
    given = run.condition(seen, condition)
    z = run.encode(seen, given)
    own = None if given is None else given.unsqueeze(0).view(*shape, given.shape[1])
    rows = z.view(span.voices, -1, *z.shape[1:])
    return span, rows, own, seen.events.view(span.voices, -1, *seen.events.shape[1:])


def _inside(places: Sequence[tuple[float, float]], part: Extent, name: str) -> tuple[int, int]:
    """Which windows hold a part: from, and before which. GenaeError where none does; a remark where they hold more."""
    low, high = places[0][0], places[-1][1]
    if part.first < low or part.last > high:
        raise GenaeError(
            f"{name} has {part.unit} {low:g} to {high:g}, so there is nothing to fill from {part.first:g} to {part.last:g}"
        )
    within = [i for i, (begin, end) in enumerate(places) if begin <= part.last and end >= part.first]
    begin, end = places[within[0]][0], places[within[-1]][1]
    if (begin, end) != (part.first, part.last):
        remark(f"--{part.unit} {part.first:g}-{part.last:g}: whole windows are filled, {begin:g} to {end:g}")
    return within[0], within[-1] + 1


def sequential(run: Run, name: str | None) -> Sampler:
    """The sampler of that name, else the first that knows windows in a row. GenaeError says how to fit one."""
    names = [name] if name else [n for n in (run.default_sampler, *fitting.names(run.folder)) if n]
    for one in names:
        if isinstance(run.sampler(one), Sequential):
            return run.sampler(one)
    had = f"; {name} draws each window by itself" if name else ""
    raise GenaeError(f"{run.folder} has no sampler of windows in a row{had}; fit one: genae fit {run.folder} sequence")


def _new(
    run: Run,
    past: Tensor,
    given: Tensor | None,
    count: int,
    length: int,
    temperature: float | None,
    seed: int | None,
    sampler: str | None,
) -> tuple[Tensor, Tensor | None]:
    """z (length, *shape) after the past (count, *shape), and conditions of all (count + length, C): the last goes on."""
    source = sequential(run, sampler)
    assert isinstance(source, Sequential)
    heat = run.temperature(temperature) if run.vae.shows == "mean" else 1.0
    c = None
    if given is not None:
        c = torch.cat([given[0, :count], given[0, max(0, count - 1)].expand(length, -1)])
    before = past.to(run.device)[None] if count else None

    def draw(x: Tensor, condition: Tensor | None) -> Tensor:
        return source.passages(len(x), length, heat, condition, None if before is None else before.expand(len(x), *past.shape))

    z = run.each(draw, torch.empty(1, 0), None if c is None else c[None], Chance(drawn(seed), [0], "z"))[0]
    return _back(z, past), c


def _back(new: Tensor, past: Tensor) -> Tensor:
    """New z as those of the past that they are equal to, but for what their scale lost."""
    if not len(past):
        return new
    apart = (new.flatten(1).double()[:, None] - past.flatten(1).double()).abs().amax(-1)
    nearest = apart.argmin(1)
    close = apart.amin(1) <= SAME * past.abs().max().clamp(min=1)
    return torch.where(close.view(-1, *[1] * (new.ndim - 1)), past[nearest].to(new), new)


def _events(run: Run, z: Tensor, condition: Tensor | None, past: Tensor, temperature: float | None, seed: int | None) -> Tensor:
    """z (W, *shape) to events, those of the past (V, *event) as they are, and what comes back to them too."""
    span = [Span(count=len(z))]
    own, place = once([z, condition], span)
    made = run.decode(z, condition, temperature, seed, spans=span)
    first = own[place]
    return torch.cat([past, made[len(past) :]])[first]
