"""Parts: from a recipe's section, {"name": …, option: value}, to the thing it names.

Its options are checked where it is made (genae/recipe/options.py).
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from genae.errors import GenaeError, unknown
from genae.recipe import registry
from genae.recipe.options import Factory, filled, plain

if typing.TYPE_CHECKING:
    from genae.data.domain import Domain
    from genae.data.examples import Examples
    from genae.recipe.recipe import Recipe

SECTIONS = ("domain", "network", "posterior", "likelihood", "prior", "objective", "task", "condition", "optimiser", "schedule")


def part(section: str, spec: Mapping[str, Any], domain: Any = None) -> Factory:
    """The factory that a section names: the engine's, the domain's own, or any plugin's."""
    name = spec.get("name")
    if not isinstance(name, str):
        raise GenaeError(f"recipe section '{section}' lacks its 'name'")
    if section in ("optimiser", "schedule"):
        return _of_the_engine(section, name)
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
    def condition(dropout: float = 0.1) -> Any:
        from genae.model.conditions import Attribute

        return Attribute(name, of, domain.event, dropout)

    return condition


def _of_the_engine(section: str, name: str) -> Factory:
    from genae.learn import optim

    known: Mapping[str, Factory] = optim.OPTIMISERS if section == "optimiser" else optim.SCHEDULES
    if name not in known:
        raise unknown(section, name, known)
    return known[name]


def instantiate(section: str, spec: Mapping[str, Any], *given: Any, domain: Any = None, **more: Any) -> Any:
    """The part that a section names, with its options, checked and completed, and what the engine gives."""
    factory = part(section, spec, domain)
    return factory(*given, **more, **filled(section, factory, spec))


class Built(NamedTuple):
    """What a recipe builds."""

    domain: Domain
    vae: Any  # genae.model.vae.VAE, or what stands in for it
    objective: Any
    task: Any
    condition: Any


def learned(recipe: Recipe, train: Examples) -> Recipe:
    """With what the condition learns from the training examples: their classes, say."""
    condition = part("condition", recipe.condition, instantiate("domain", recipe.domain))
    if not hasattr(condition, "learned"):
        return recipe
    return dataclasses.replace(recipe, condition=plain(condition.learned(recipe.condition, train)))


def build(recipe: Recipe) -> Built:
    """The parts of a run, with fresh weights drawn from the global random state."""
    from genae.model.vae import VAE

    domain = instantiate("domain", recipe.domain)
    posterior, likelihood = instantiate("posterior", recipe.posterior), instantiate("likelihood", recipe.likelihood)
    condition = instantiate("condition", recipe.condition, domain=domain)
    prior = instantiate("prior", recipe.prior, recipe.latent, condition=condition.size)
    encoder, decoder = instantiate(
        "network", recipe.network, domain=domain, event=domain.event, latent=recipe.latent,
        posterior=posterior, likelihood=likelihood, condition=condition.size,
    )  # fmt: skip
    objective, task = instantiate("objective", recipe.objective), instantiate("task", recipe.task, domain=domain)
    return Built(domain, VAE(encoder, decoder, prior, domain.event, domain.defaults.shows), objective, task, condition)
