"""What a part or a preset offers, for people: every option with its kind, bounds, default and meaning, and who set it.

And a recipe as the command that trains it.
"""

from __future__ import annotations

import inspect
import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import NotRequired, TypedDict

from genae import __version__
from genae.errors import GenaeError, unknown
from genae.recipe import quarantine, registry
from genae.recipe.entries import KINDS, OWN
from genae.recipe.options import Option, Spec, named, offered, plain
from genae.recipe.parts import SECTIONS, Bringing, instance, part
from genae.recipe.recipe import Recipe, compose
from genae.recipe.settings import DEFAULTS, WRITTEN, ancestry, merge, section_of


class Line(TypedDict):
    """One option; of a preset's also its value and who set it."""

    name: str
    type: str
    bounds: str
    meaning: str
    default: NotRequired[object]
    value: NotRequired[object]
    set_by: NotRequired[str]


class Section(TypedDict):
    """A part of a preset."""

    name: str
    set_by: str
    about: str
    options: list[Line]


class Whole(TypedDict):
    """A preset with all that it inherits."""

    name: str
    source: str
    parents: list[str]
    keys: list[Line]
    sections: dict[str, Section]


LONG = ("data", "steps", "epochs")  # of a recipe's keys, which `genae train` has options for


@dataclass(frozen=True)
class Described:
    """One part: `about` is the first sentence of its docstring."""

    kind: str
    name: str
    source: str  # distribution and version, or the file that registered it
    about: str
    options: list[Line]
    brings: dict[str, list[str]]  # of a domain: the networks, tasks and conditions that it has beside the registry's


def described(kind: str, name: str) -> Described:
    """A part, domain or data set of the registry. GenaeError if there is none of that kind and name."""
    if kind not in KINDS:
        raise unknown("kind of plugin", kind, KINDS)
    found = registry.get(kind, name)
    options = [line(option) for option in offered(kind, found)] if kind != "dataset" and callable(found) else []
    brings = _brings(name) if kind == "domain" else {}
    return Described(kind, name, source(kind, name), about(found), options, brings)


def kinds_of(name: str) -> list[str]:
    """The kinds of the registry that have that name. GenaeError if none has."""
    kinds = [kind for kind in KINDS if name in registry.names(kind)]
    if not kinds:
        raise unknown("plugin", name, {n for kind in KINDS for n in registry.names(kind)})
    return kinds


def source(kind: str, name: str) -> str:
    """`genae 0.1.0`, or where else it comes from."""
    return registry.origin(kind, name) or f"{OWN} {__version__}"


def about(found: object) -> str:
    """The first sentence of a docstring, in one line."""
    text = " ".join((inspect.getdoc(found) or "").split())
    return text.partition(". ")[0].rstrip(".")


def line(option: Option) -> Line:
    """An option as JSON has it; a required one has no default."""
    made: Line = {"name": option.name, "type": option.kind, "bounds": option.bounds, "meaning": option.meaning}
    if not option.required:
        made["default"] = plain(option.default)
    return made


def _brings(name: str) -> dict[str, list[str]]:
    try:
        own = instance(Bringing, "domain", {"name": name}).defaults
    except GenaeError:  # it has options that it cannot do without
        return {}
    return {"networks": sorted(own.networks), "tasks": sorted(own.tasks), "conditions": sorted(own.attributes)}


# -- presets ----------------------------------------------------------------------------------------------------------


def presets() -> list[dict[str, str]]:
    """Every preset: name, parent, domain, data set, source and, of a broken one, its error."""
    return [_preset(name, found) for name, found in quarantine.each("preset", registry.names("preset"))]


def _preset(name: str, found: object) -> dict[str, str]:
    row = {"name": name, "parent": "", "domain": "", "data": "", "source": source("preset", name), "error": ""}
    if isinstance(found, GenaeError):
        return row | {"error": str(found)}
    try:
        merged: Mapping[str, object] = {}
        for _, settings in reversed(ancestry(name)):
            merged = merge(merged, settings)
        domain = section_of(merged, "domain").get("name", "")
        facts = {"parent": registry.preset(name).get("parent", ""), "domain": domain, "data": merged.get("data", "")}
        return row | {key: str(value) for key, value in facts.items()}
    except GenaeError as error:
        return row | {"error": str(error)}


def preset(name: str) -> Whole:
    """A preset's whole recipe: its parents, and a list of lines for its keys and for each section's options."""
    recipe, by = compose(name), setters(name)
    domain = instance(Bringing, "domain", recipe.domain)
    keys = [
        _set(line(option), getattr(recipe, option.name), by.get(option.name, ""), DEFAULTS.get(option.name))
        for option in offered("recipe", Recipe)
        if option.name not in (*SECTIONS, *WRITTEN)
    ]
    sections = {section: _section(section, recipe.section(section), domain, by) for section in SECTIONS}
    parents = [parent for parent, _ in ancestry(name)[1:]]
    return {"name": name, "source": source("preset", name), "parents": parents, "keys": keys, "sections": sections}


def _section(section: str, spec: Spec, domain: Bringing, by: Mapping[str, str]) -> Section:
    factory = part(section, spec, domain)
    options = [
        _set(line(option), spec[option.name], by.get(f"{section}.{option.name}", "")) for option in offered(section, factory)
    ]
    return {"name": named(section, spec), "set_by": by.get(f"{section}.name", ""), "about": about(factory), "options": options}


def _set(of: Line, value: object, by: str, default: object = None) -> Line:
    made: Line = {**of, "value": value, "set_by": by}
    if default is not None:
        made.setdefault("default", default)
    return made


def setters(name: str) -> dict[str, str]:
    """`latent` or `objective.beta` to the preset, that one or a parent, that sets it; what none sets is not there."""
    by: dict[str, str] = {}
    merged: dict[str, object] = dict(DEFAULTS)
    for at, settings in reversed(ancestry(name)):
        changes = {key: value for key, value in settings.items() if key != "parent"}
        changed = merge(merged, changes)
        for key in changes:
            if key not in SECTIONS:
                by[key] = at
                continue
            before, after = (section_of(settings, key).get("name") for settings in (merged, changed))
            if before != after:  # another part: what was set is of the old one
                by = {k: v for k, v in by.items() if not k.startswith(f"{key}.")}
            by |= {f"{key}.{option}": at for option in section_of(changes, key)}
        merged = changed
    return by


# -- commands ---------------------------------------------------------------------------------------------------------


def command(recipe: Recipe) -> str:
    """The command that trains a recipe: what it has else than its preset, as settings."""
    own = asdict(recipe)
    words = ["genae", "train", origin(recipe), *(["--data", recipe.data] if recipe.data else [])]
    words += ["--steps", str(recipe.steps)] if recipe.steps else ["--epochs", f"{recipe.epochs:g}"]
    base = asdict(compose(recipe.preset, parts := _other_parts(recipe)))
    changes = {key: own[key] for key in own if key not in (*SECTIONS, *WRITTEN, *LONG) and own[key] != base[key]}
    for section in SECTIONS:
        options = {key: value for key, value in own[section].items() if value != base[section].get(key)}
        changes |= {f"{section}.{key}": value for key, value in options.items()}
    settings = [*parts, *(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in changes.items())]
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])


def origin(recipe: Recipe) -> str:
    """What a training is told to begin with: its preset, or `--from RUN --tune all` where it began with another run."""
    return "--from {run} --tune {tune}".format(**recipe.ancestor) if recipe.ancestor else recipe.preset


def _other_parts(recipe: Recipe) -> list[str]:
    """Settings for the sections that name another part than the preset's."""
    base = compose(recipe.preset)
    names = {section: named(section, recipe.section(section)) for section in SECTIONS}
    return [f"{section}={name}" for section, name in names.items() if name != named(section, base.section(section))]
