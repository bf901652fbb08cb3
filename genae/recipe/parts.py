"""Parts: from a recipe's section, {"name": …, option: value}, to the thing it names.

Its options are checked where it is made (genae/recipe/options.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Protocol

from annotated_types import Ge, Lt, doc

from genae.errors import GenaeError, unknown
from genae.recipe import registry
from genae.recipe.options import Factory, Spec, filled

SECTIONS = ("domain", "network", "posterior", "likelihood", "prior", "objective", "task", "condition", "optimiser", "schedule")


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


class Bringing(Protocol):
    """A domain, as a recipe sees it."""

    @property
    def defaults(self) -> Own: ...


class OfExample(NamedTuple):
    """A condition on an attribute of the domain's: genae/model/conditions.py has what it becomes."""

    name: str
    of: Factory  # events (B, *event) to (B,) or (B, K)
    dropout: float


def part(section: str, spec: Mapping[str, Any], domain: Bringing | None = None) -> Factory:
    """The factory that a section names: the engine's, the domain's own, or any plugin's."""
    name = spec.get("name")
    if not isinstance(name, str):
        raise GenaeError(f"recipe section '{section}' lacks its 'name'")
    if section == "network" and name == "default" and domain is not None:
        return part(section, {"name": domain.defaults.network}, domain)
    own = _own(section, domain)
    if name not in own and name not in registry.names(section):
        raise unknown(section, name, {*own, *registry.names(section)})
    factory: Factory = own[name] if name in own else registry.get(section, name)
    return factory


def _own(section: str, domain: Bringing | None) -> Mapping[str, Factory]:
    """What a domain names beside the registry: networks, tasks, and its attributes as conditions."""
    if domain is None:
        return {}
    own, attributes = domain.defaults, domain.defaults.attributes
    named = {"network": own.networks, "task": own.tasks, "condition": {n: _attribute(n, of) for n, of in attributes.items()}}
    return named.get(section, {})


def _attribute(name: str, of: Factory) -> Factory:
    def condition(
        dropout: Annotated[float, Ge(0), Lt(1), doc("share of the training examples from which it is hidden")] = 0.1,
    ) -> OfExample:
        return OfExample(name, of, dropout)

    return condition


def instantiate(section: str, spec: Mapping[str, Any], *given: Any, domain: Bringing | None = None, **more: Any) -> Any:
    """The part that a section names, with its options, checked and completed, and what the engine gives."""
    factory = part(section, spec, domain)
    return factory(*given, **more, **filled(section, factory, spec))


def completed(section: str, spec: Mapping[str, Any]) -> Spec:
    """What a section that hangs on no domain names, with every option, checked."""
    return {"name": spec.get("name"), **filled(section, part(section, spec), spec)}
