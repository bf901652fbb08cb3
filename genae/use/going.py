r"""Pieces that go on, and parts of them made anew: what a sampler of windows in a row is for.

    extended(run, x, length)         a file and `length` windows more
    filled(run, x, part)             a file whose windows in a part are new; they know those before them, and the one after

A new window that comes back to one of the file's is that window. A condition that says something of each step is said of new
windows alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genae.data.items import Span
from genae.data.pieces import once
from genae.errors import GenaeError, remark
from genae.latent.draws import Chance
from genae.latent.samplers import Sequential
from genae.learn import fitting
from genae.learn.device import drawn
from genae.use.run import Condition, Run, Written
from genae.use.seen import Given
from genae.use.wholes import Point, points
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
    temperature, (point, events) = run.temperature(temperature), _whole(run, x, condition)
    past, given = point.z[0], None if point.condition is None else point.condition[0]
    c = _told(run, given, len(past), length, condition)
    new = _new(run, past, c, length, temperature, seed, sampler)
    made = _events(run, torch.cat([past, new]), c, events[0], temperature, seed)[len(past) :]
    whole = torch.cat([events, made.expand(len(events), *made.shape)], 1)
    domain = run.framed(point.span, **options)
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
    temperature, (point, events) = run.temperature(temperature), _whole(run, x, condition)
    domain = run.framed(point.span, **options)
    first, last = _inside(domain.places(events.shape[1]), part, point.span.name)
    past, given = point.z[0, :first], None if point.condition is None else point.condition[0]
    c = _told(run, given, first, last - first, condition)
    new = _new(run, past, c, last - first, temperature, seed, sampler, point.z[0, last:])
    made = _events(run, torch.cat([past, new]), c, events[0, :first], temperature, seed)
    whole = events.clone()
    whole[:, first:last] = made[first:]
    long = domain.join(whole.flatten(0, 1))
    return domain, whole[0, 0] if long is None else long


def _whole(run: Run, x: Given, condition: Condition) -> tuple[Point, Tensor]:
    """A file in the latent space, and its events (V, W, *event). GenaeError for anything else."""
    seen = run.seen(x)
    if len(seen.spans) != 1:
        raise GenaeError(f"one piece goes on at a time, not {len(seen.spans)}")
    given = run.condition(seen, None if run.built.condition.form.steps else condition)
    (point,) = points(seen.spans, run.encode(seen, given), given)
    return point, seen.events.view(*point.z.shape[:2], *seen.events.shape[1:])


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


def sequential(run: Run, name: str | None) -> Sequential:
    """The sampler of that name, else the first that knows windows in a row. GenaeError says how to fit one."""
    for one in [name] if name else [n for n in (run.default_sampler, *fitting.names(run.folder)) if n]:
        if isinstance(sampler := run.sampler(one), Sequential):
            return sampler
    had = f"; {name} draws each window by itself" if name else ""
    raise GenaeError(f"{run.folder} has no sampler of windows in a row{had}; fit one: genae fit {run.folder} sequence")


def _told(run: Run, given: Tensor | None, past: int, length: int, condition: Condition) -> Tensor | None:
    """The conditions (past + length, C) of a file's windows and of new ones.

    Where neither the file nor a user says more, that of the file's last goes on.
    """
    own = run.built.condition
    if given is None:
        return None
    rows = given[torch.arange(past + length).clamp(max=len(given) - 1)]
    if not (own.form.steps and isinstance(condition, str)):
        return rows
    return torch.cat([rows[:past], own.form.over(own.named_along(condition, length), rows[past:])])


def _new(
    run: Run, past: Tensor, c: Tensor | None, length: int, temperature: float, seed: int | None, sampler: str | None,
    follow: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """z (length, *shape) after the past (V, *shape), before `follow` (R, *shape), by all conditions c (V + length, C)."""
    source = sequential(run, sampler)
    heat = temperature if run.vae.shows == "mean" else 1.0

    def each(z: Tensor | None, n: int) -> Tensor | None:
        return None if z is None or not len(z) else z.to(run.device).expand(n, *z.shape)

    def draw(x: Tensor, condition: Tensor | None) -> Tensor:
        n = len(x)
        return source.passages(n, length, heat, condition, each(past, n), after=each(follow, n))

    z = run.each(draw, torch.empty(1, 0), None if c is None else c[None], Chance(drawn(seed), [0], "z"))[0]
    return _back(z, past)


def _back(new: Tensor, past: Tensor) -> Tensor:
    """New z as those of the past that they are equal to, but for what their scale lost."""
    if not len(past):
        return new
    apart = (new.flatten(1).double()[:, None] - past.flatten(1).double()).abs().amax(-1)
    nearest = apart.argmin(1)
    close = apart.amin(1) <= SAME * past.abs().max().clamp(min=1)
    return torch.where(close.view(-1, *[1] * (new.ndim - 1)), past[nearest].to(new), new)


def _events(run: Run, z: Tensor, condition: Tensor | None, past: Tensor, temperature: float, seed: int | None) -> Tensor:
    """z (W, *shape) to events, those of the past (V, *event) as they are, and what comes back to them too."""
    own, place = once([z, condition], [len(z)])
    made = run.decode(z, condition, temperature, seed, spans=[Span(count=len(z))])
    first = own[place]
    return torch.cat([past, made[len(past) :]])[first]
