"""Parts: from a recipe's section, {"name": …, option: value}, to the thing it names.

Its options are checked where it is made (genae/recipe/options.py).
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from annotated_types import Ge, Lt, doc

from genae.errors import GenaeError, unknown
from genae.recipe import registry
from genae.recipe.options import Factory, Spec, filled

if typing.TYPE_CHECKING:
    from genae.data.domain import Domain

SECTIONS = ("domain", "network", "posterior", "likelihood", "prior", "objective", "task", "condition", "optimiser", "schedule")


def part(section: str, spec: Mapping[str, Any], domain: Any = None) -> Factory:
    """The factory that a section names: the engine's, the domain's own, or any plugin's."""
    name = spec.get("name")
    if not isinstance(name, str):
        raise GenaeError(f"recipe section '{section}' lacks its 'name'")
    if section == "network" and name == "default":
        return part(section, {"name": domain.defaults.network}, domain)
    own = _own(section, domain)
    if name not in own and name not in registry.names(section):
        raise unknown(section, name, {*own, *registry.names(section)})
    factory: Factory = own[name] if name in own else registry.get(section, name)
    return factory


def _own(section: str, domain: Any) -> Mapping[str, Factory]:
    """What a domain names beside the registry: networks, tasks, and its attributes as conditions."""
    if section == "condition" and domain is not None:
        return {name: _attribute(name, of, domain) for name, of in domain.defaults.attributes.items()}
    if domain is not None and section in ("network", "task"):
        own: Mapping[str, Factory] = domain.defaults.networks if section == "network" else domain.defaults.tasks
        return own
    return {}


def _attribute(name: str, of: Callable[[Any], Any], domain: Domain) -> Factory:
    def condition(
        dropout: Annotated[float, Ge(0), Lt(1), doc("share of the training examples from which it is hidden")] = 0.1,
    ) -> Any:
        return registry.get("condition", "attribute")(name, of, domain.event, dropout)

    return condition


def instantiate(section: str, spec: Mapping[str, Any], *given: Any, domain: Any = None, **more: Any) -> Any:
    """The part that a section names, with its options, checked and completed, and what the engine gives."""
    factory = part(section, spec, domain)
    return factory(*given, **more, **filled(section, factory, spec))


def completed(section: str, spec: Mapping[str, Any]) -> Spec:
    """What a section that hangs on no domain names, with every option, checked."""
    return {"name": spec.get("name"), **filled(section, part(section, spec), spec)}
