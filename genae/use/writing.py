"""How a run's examples are written: what a user may say of it, and what that makes.

    how = plan(run.recipe, {"font": "sans", "lines": "8"})              # genae sample RUN --with font=sans --with lines=8
    domain, events = run.styled(**how.options), run.sample(4, length=how.length)

A domain marks the options that only writing looks at WRITTEN, and says in which `units` a length can be given
(genae/data/domain.py). Where one example is u long, a length of w is ⌈w / u⌉ examples in a row, of which the domain cuts off
what is more than w, where it can; where not, a u that counts wants multiples of it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, Gt, Le

from genae.data.domain import WRITTEN, Domain, Written
from genae.errors import GenaeError
from genae.model.conditions import Condition
from genae.recipe.options import Option, apart, check, offered
from genae.recipe.parts import instance, instantiate
from genae.recipe.recipe import Recipe
from genae.recipe.settings import from_text

LONGEST = 100_000  # of any unit: each example takes memory
NEARLY = 1e-6  # of an example: 4.096 s are two of 2.048 s, however they were rounded


class Writing(NamedTuple):
    """How examples are written."""

    options: Mapping[str, object] = {}  # of the domain
    length: int = 1  # examples in a row
    remark: str = ""  # for people, where a length was rounded up
    cut: float = 0.0  # of the last example, what is left out
    condition: str | None = None  # what the run is told


def plan(recipe: Recipe, wishes: Mapping[str, str], others: Iterable[str] = (), condition: str | None = None) -> Writing:
    """Wishes, name to text, as options, a length and, added to what is given of it, a condition.

    GenaeError for one that this run does not offer. `others` are the caller's own names, one of which a misspelt wish may mean.
    """
    if not wishes:
        return Writing(condition=condition)
    domain = instance(Domain, "domain", recipe.domain)
    known = {name: option for option in written_options(domain) for name in _names(option)}
    told = _told(recipe, domain)
    for key in wishes:
        if key not in known and key not in domain.units and key not in told:
            raise _unknown(key, recipe, others)
    parts = [*([condition] if condition else []), *(f"{key}={wishes[key]}" for key in wishes if key in told)]
    options = {
        known[key].name: check(f"--{key}", from_text(text), known[key].hint) for key, text in wishes.items() if key in known
    }
    made = Writing(options, condition=",".join(parts) if parts else condition)
    lengths = [key for key in wishes if key in domain.units]
    if not lengths:
        return made
    if len(lengths) > 1:
        raise GenaeError(f"--{lengths[0]} and --{lengths[1]} both say how long; give one of them")
    length = _length(lengths[0], wishes[lengths[0]], domain.units[lengths[0]], domain)
    return length._replace(options=made.options, condition=made.condition)


def offers(recipe: Recipe) -> list[tuple[str, str]]:
    """What a user may say of how this run's examples are written: name and default; kind, bounds and meaning."""
    domain = instance(Domain, "domain", recipe.domain)
    options = [(f"{option.name}={_text(recipe.domain[option.name])}", _described(option)) for option in written_options(domain)]
    lengths = [(f"{unit}={of:g}", f"how long, {_multiple(of)}") for unit, of in domain.units.items()]
    return options + lengths + [(f"{name}=", "of the condition; unknown if left out") for name in _told(recipe, domain)]


def _told(recipe: Recipe, domain: Domain) -> list[str]:
    """The parts of the run's condition, where it has several; not those whose names the domain has."""
    made = instantiate("condition", recipe.condition, domain=domain)
    own = {*domain.units, *(option.name for option in written_options(domain))}
    return [name for name in made.names if name not in own] if isinstance(made, Condition) else []


def written_options(domain: Domain) -> list[Option]:
    """Those that a domain marks WRITTEN."""
    return [option for option in offered("domain", type(domain)) if WRITTEN in apart(option.hint)[1]]


def _names(option: Option) -> list[str]:
    """What a user may call it."""
    return [option.name, *(mark.also for mark in apart(option.hint)[1] if isinstance(mark, Written) and mark.also)]


def _described(option: Option) -> str:
    """`number, 4 to 60000: quarters per minute`."""
    kind = f"{option.kind}, {option.bounds}" if option.bounds else option.kind
    others = f" (or {', '.join(f'{name}=' for name in _names(option)[1:])})" if _names(option)[1:] else ""
    return f"{kind}: {option.meaning}{others}" if option.meaning else f"{kind}{others}"


def _multiple(of: float) -> str:
    return f"a multiple of {of}" if isinstance(of, int) else f"rounded up to a multiple of {of:g}"


def _text(value: object) -> str:
    """As the command line takes it: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Extent(NamedTuple):
    """A part of a piece, in one of the domain's units."""

    unit: str
    first: float
    last: float


def extent(recipe: Recipe, wishes: Mapping[str, str]) -> tuple[Extent, dict[str, str]]:
    """The part of a piece that is asked for, `lines=5-8`, and the other wishes. GenaeError if there is none."""
    units = instance(Domain, "domain", recipe.domain).units
    asked = [key for key in wishes if key in units]
    if len(asked) != 1:
        raise GenaeError(
            f"say which part with {' or '.join(f'--{unit} FIRST-LAST' for unit in units) or 'a unit: this run has none'}"
        )
    unit, text = asked[0], wishes[asked[0]]
    first, _, last = text.partition("-")
    try:
        found = Extent(unit, float(first), float(last or first))
    except ValueError as error:
        raise GenaeError(f"--{unit} takes a part, such as 5-8, not {text}") from error
    if not found.first <= found.last:
        raise GenaeError(f"--{unit} {text}: it ends before it begins")
    return found, {key: value for key, value in wishes.items() if key != unit}


def _length(unit: str, text: str, of: float, domain: Domain) -> Writing:
    """How many examples of `of` units a length is, what of them is cut, and a remark where they are longer than was wished."""
    kind = Annotated[int, Ge(1), Le(LONGEST)] if isinstance(of, int) else Annotated[float, Gt(0), Le(LONGEST)]
    wish = check(f"--{unit}", from_text(text), kind)
    assert isinstance(wish, int | float)
    times = max(1, math.ceil(wish / of - NEARLY))
    if math.isclose(times * of, wish, rel_tol=NEARLY):
        return Writing(length=times)
    if domain.cut(torch.zeros(domain.event), 0.0) is not None:
        return Writing({}, times, f"--{unit} {text}: rounded up to {times} × {of:g} and cut", times - wish / of)
    if isinstance(of, int):
        raise GenaeError(f"--{unit} {wish}: this run makes {of} {unit} at a time; give a multiple of {of}")
    return Writing({}, times, f"--{unit} {text}: rounded up to {times} × {of:g}")


def _unknown(key: str, recipe: Recipe, others: Iterable[str]) -> GenaeError:
    """The error for what is no wish: what this run offers, and the nearest name of each kind."""
    rows = offers(recipe)
    offer = f"this run offers {'; '.join(f'{name} ({what})' for name, what in rows)}" if rows else "this run offers none"
    if key in recipe.domain and key != "name":
        return GenaeError(f"--{key} cannot be changed after training: the model depends on it; {offer}")
    kinds = [name.partition("=")[0] for name, _ in rows], [*others]
    near = [f"--{name}" for names in kinds for name in difflib.get_close_matches(key, names, n=1)]
    return GenaeError(f"no option --{key}; {offer}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
