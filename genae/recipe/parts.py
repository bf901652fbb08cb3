"""Parts: from a recipe's section, {"name": …, option: value}, to the thing it names.

Its options are checked where it is made (genae/recipe/options.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple, Protocol, TypeVar, runtime_checkable

from annotated_types import Ge, Lt, doc

from genae.errors import GenaeError, unknown
from genae.recipe import registry
from genae.recipe.options import Factory, Spec, filled, named, taken

SECTIONS = ("domain", "network", "posterior", "likelihood", "prior", "objective", "task", "condition", "optimiser", "schedule")
T = TypeVar("T")


class Own(Protocol):
    """What a domain names beside the registry: genae/data/domain.py."""

    @property
    def network(self) -> str: ...

    @property
    def networks(self) -> Mapping[str, Factory]: ...

    @property
    def tasks(self) -> Mapping[str, Factory]: ...

    @property
    def attributes(self) -> Mapping[str, Factory]: ...


@runtime_checkable
class Bringing(Protocol):
    """A domain, as a recipe sees it."""

    @property
    def defaults(self) -> Own: ...


class OfExample(NamedTuple):
    """A condition on an attribute of the domain's: genae/model/conditions.py has what it becomes."""

    name: str
    dropout: float


def part(section: str, spec: Mapping[str, object], domain: Bringing | None = None) -> Factory:
    """The factory that a section names: the engine's, the domain's own, or any plugin's."""
    name = named(section, spec)
    if section == "network" and name == "default" and domain is not None:
        name = domain.defaults.network
    own = _own(section, domain)
    if name not in own and name not in registry.names(section):
        raise unknown(section, name, {*own, *registry.names(section)})
    return own[name] if name in own else registry.factory(section, name)


def _own(section: str, domain: Bringing | None) -> Mapping[str, Factory]:
    """What a domain names beside the registry: networks, tasks, and its attributes as conditions."""
    if domain is None:
        return {}
    own = domain.defaults
    beside = {"network": own.networks, "task": own.tasks, "condition": {name: _attribute(name) for name in own.attributes}}
    return beside.get(section, {})


def _attribute(name: str) -> Factory:
    def condition(
        dropout: Annotated[float, Ge(0), Lt(1), doc("share of the training examples from which it is hidden")] = 0.1,
    ) -> OfExample:
        return OfExample(name, dropout)

    return condition


def instantiate(
    section: str,
    spec: Mapping[str, object],
    *given: object,
    domain: Bringing | None = None,
    optional: Mapping[str, object] | None = None,
    **more: object,
) -> object:
    """The part that a section names, with its options, checked and completed, and what the engine gives.

    What is `optional` goes to those alone that have an argument for it.
    """
    factory = part(section, spec, domain)
    return factory(*given, **more, **taken(factory, optional or {}), **filled(section, factory, spec))


def instance(
    kind: type[T], section: str, spec: Mapping[str, object], *given: object, domain: Bringing | None = None, **more: object
) -> T:
    """The same, of the class or protocol that a section's parts are. GenaeError if it is none."""
    return of_kind(kind, section, spec, instantiate(section, spec, *given, domain=domain, optional=None, **more))


def of_kind(kind: type[T], section: str, spec: Mapping[str, object], made: object) -> T:
    """What a section made, if it is of that class or protocol. GenaeError if not."""
    if not isinstance(made, kind):
        raise GenaeError(f"{section} '{named(section, spec)}' must give {kind.__name__}, not {type(made).__name__}")
    return made


def completed(section: str, spec: Mapping[str, object]) -> Spec:
    """What a section that hangs on no domain names, with every option, checked."""
    return {"name": named(section, spec), **filled(section, part(section, spec), spec)}
