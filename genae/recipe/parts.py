"""Parts: from a recipe's section, {"name": …, option: value}, to the thing it names.

Options are the keyword arguments of the part's factory, checked against their annotations before anything is built; what the
engine passes itself is no option.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from genae.errors import GenaeError, unknown
from genae.recipe import registry

if typing.TYPE_CHECKING:
    from genae.data.domain import Domain
    from genae.data.examples import Examples
    from genae.recipe.recipe import Recipe

SECTIONS = ("domain", "network", "posterior", "likelihood", "prior", "objective", "task", "condition", "optimiser", "schedule")
GIVEN = {  # what the engine passes
    "network": ("event", "latent", "posterior", "likelihood", "condition"),
    "prior": ("latent", "condition"),
    "optimiser": ("parameters",),
    "schedule": ("step", "steps"),
}

Spec = dict[str, Any]
Factory = Callable[..., Any]


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
    """The part that a section names, with its options and what the engine gives."""
    return part(section, spec, domain)(*given, **more, **{k: v for k, v in spec.items() if k != "name"})


def options(section: str, factory: Factory, spec: Mapping[str, Any]) -> Spec:
    """Every option of a part, given or default. GenaeError for an unknown one or a value of the wrong kind."""
    try:
        hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    except NameError:  # a stranger's annotation that cannot be resolved is not checked
        hints = {}
    known = {
        name: parameter
        for name, parameter in inspect.signature(factory).parameters.items()
        if name not in GIVEN.get(section, ()) and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    complete: Spec = {}
    for name, parameter in known.items():
        if name in spec:
            complete[name] = check(f"{section}.{name}", spec[name], hints.get(name, Any))
        elif parameter.default is parameter.empty:
            raise GenaeError(f"recipe section '{section}' lacks '{name}', which {spec['name']} needs")
        else:
            complete[name] = plain(_default(factory, parameter))
    for key in spec:
        if key != "name" and key not in known:
            raise unknown("option", f"{section}.{key}", [f"{section}.{n}" for n in known], f" of {section} '{spec['name']}'")
    return complete


def _default(factory: Factory, parameter: inspect.Parameter) -> Any:
    """A default as it is called for; a dataclass's signature shows a stand-in for one that is made anew each time."""
    made = getattr(getattr(factory, "__dataclass_fields__", {}).get(parameter.name), "default_factory", dataclasses.MISSING)
    return parameter.default if made is dataclasses.MISSING else made()


def check(key: str, value: Any, hint: Any) -> Any:
    """The value as its annotation wants it, or a GenaeError that says what is possible."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return plain(value)
    if origin in (typing.Union, types.UnionType):
        for choice in args:
            try:
                return check(key, value, choice)
            except GenaeError:
                continue
        raise GenaeError(f"{key} must be {hint}, not {value!r}")
    if origin is Literal:
        if value in args or str(value) in args:  # on the command line --set precision=32 is a number
            return value if value in args else str(value)
        if isinstance(value, int) and str(value) in args:  # --set precision=32: JSON took the text for a number
            return str(value)
        raise GenaeError(f"{key} must be one of {', '.join(map(str, args))}, not {value!r}")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        if isinstance(value, list | tuple):
            return [check(key, item, args[0] if args else Any) for item in value]
        raise GenaeError(f"{key} must be {_described(hint)}, not {value!r}")  # text is a sequence too, but never meant as one
    if isinstance(value, float) and not math.isfinite(value):  # JSON as Python reads it has NaN and Infinity
        raise GenaeError(f"{key} must be finite, not {value}")
    wanted = origin or hint
    if isinstance(wanted, type) and isinstance(value, wanted) and not (isinstance(value, bool) and wanted is not bool):
        return plain(value)
    raise GenaeError(f"{key} must be {_described(hint)}, not {value!r}")


def _described(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}
    if typing.get_origin(hint) is not None:
        inner = typing.get_args(hint)
        return "a list" + (f" of {names.get(inner[0], inner[0])}s".replace("a ", "", 1) if inner else "")
    return names.get(hint, str(hint))


def plain(value: Any) -> Any:
    """As JSON would give it back, so that a recipe read from disk equals the one written."""
    return json.loads(json.dumps(value))


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
