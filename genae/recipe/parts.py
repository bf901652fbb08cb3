"""Parts: from a recipe's section, {"name": …, option: value}, to the thing it names.

Its options are checked where it is made (genae/recipe/options.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Protocol, TypeVar, runtime_checkable

from annotated_types import Ge, Lt, doc

from genae.errors import GenaeError, unknown
from genae.recipe import registry
from genae.recipe.options import Factory, filled, named

SECTIONS = ("domain", "network", "posterior", "likelihood", "prior", "objective", "task", "condition", "optimiser", "schedule")
T = TypeVar("T")


class Brought(Protocol):
    """What a domain has beside the registry."""

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
    """A domain, so far as recipes know it."""

    @property
    def event(self) -> tuple[int, ...]: ...
    @property
    def defaults(self) -> Brought: ...


def part(section: str, spec: Mapping[str, object], domain: Bringing | None = None) -> Factory:
    """The factory that a section names: the engine's, the domain's own, or any plugin's."""
    name = named(section, spec)
    if section == "network" and name == "default" and domain is not None:
        name = domain.defaults.network
    own = {} if domain is None else _own(section, domain)
    if name not in own and name not in registry.names(section):
        raise unknown(section, name, {*own, *registry.names(section)})
    return own[name] if name in own else registry.factory(section, name)


def _own(section: str, domain: Bringing) -> Mapping[str, Factory]:
    """What a domain names beside the registry: networks, tasks, and its attributes as conditions."""
    if section == "condition":
        return {name: _attribute(name, of, domain) for name, of in domain.defaults.attributes.items()}
    return {"network": domain.defaults.networks, "task": domain.defaults.tasks}.get(section, {})


def _attribute(name: str, of: Callable[..., object], domain: Bringing) -> Factory:
    def condition(
        dropout: Annotated[float, Ge(0), Lt(1), doc("share of the training examples from which it is hidden")] = 0.1,
    ) -> object:
        return registry.factory("condition", "attribute")(name, of, domain.event, dropout)

    return condition


def instantiate(
    section: str, spec: Mapping[str, object], *given: object, domain: Bringing | None = None, **more: object
) -> object:
    """The part that a section names, with its options, checked and completed, and what the engine gives."""
    factory = part(section, spec, domain)
    return factory(*given, **more, **filled(section, factory, spec))


def instance(
    kind: type[T], section: str, spec: Mapping[str, object], *given: object, domain: Bringing | None = None, **more: object
) -> T:
    """The same, of the class or protocol that a section's parts are. GenaeError if it is none."""
    made = instantiate(section, spec, *given, domain=domain, **more)
    if not isinstance(made, kind):
        raise GenaeError(f"{section} '{named(section, spec)}' gives {type(made).__name__}, which is no {kind.__name__}")
    return made
