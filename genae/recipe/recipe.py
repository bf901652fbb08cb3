"""Recipe: everything that is needed to rebuild a run, as JSON beside its weights.

A recipe names parts of the registry with their options, a section each:

    {"domain": {"name": "image", "size": 28}, "latent": 40, "prior": {"name": "flow", "kind": "maf"}, …}

A preset is a difference from its parent. `--set objective.beta=4` changes an option, `--set prior=normal` a section's part.
Unknown keys fail with the known ones named; options left out are filled in from the part's own defaults when a run starts, so
that a later genae with other defaults still rebuilds the same model.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from genae.errors import GenaeError, unknown
from genae.recipe import registry
from genae.recipe.options import Spec, check, filled
from genae.recipe.parts import SECTIONS, instantiate, part

CHEAP = ("posterior", "likelihood", "objective", "task", "condition")  # parts that are made in no time
FORMAT = 1  # of recipe.json and the weights beside it


@dataclass(frozen=True)
class Recipe:
    """One run, whole. Sections are {"name": …, option: value}; their names are looked up in the registry."""

    preset: str
    domain: Spec
    latent: int
    network: Spec
    posterior: Spec
    likelihood: Spec
    prior: Spec
    objective: Spec
    task: Spec
    condition: Spec
    optimiser: Spec
    schedule: Spec
    data: str  # the data set, or a path; "" when one must be given
    epochs: float  # passes over the training set; 0 when `steps` says how long
    steps: int  # optimiser steps; 0 when `epochs` says how long
    batch: int
    ema: float  # decay of the averaged weights that are evaluated and saved; 0 for none
    precision: Literal["auto", "32", "bf16"]  # auto: bf16 where the processor has it, else 32
    seed: int
    limit: int  # train on the first so many examples; 0 for all
    format: int = FORMAT


DEFAULTS: dict[str, Any] = {
    "network": {"name": "default"},
    "posterior": {"name": "gaussian"},
    "likelihood": {"name": "bernoulli"},
    "prior": {"name": "normal"},
    "objective": {"name": "elbo"},
    "task": {"name": "reconstruct"},
    "condition": {"name": "none"},
    "optimiser": {"name": "adam"},
    "schedule": {"name": "constant"},
    "latent": 32,
    "data": "",
    "epochs": 10.0,
    "steps": 0,
    "batch": 128,
    "ema": 0.0,
    "precision": "auto",
    "seed": 0,
    "limit": 0,
}

BARE: dict[str, Any] = {"likelihood": {"name": "gaussian", "learned": "one"}}  # of a domain without a preset: any floats


# -- from presets and settings ----------------------------------------------------------------------------------------


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with a preset's or a setting's differences. A section given another name loses the options of the old one."""
    merged = dict(base)
    for key, value in change.items():
        if key not in SECTIONS:
            merged[key] = value
            continue
        section = {"name": value} if isinstance(value, str) else dict(value)
        before = dict(merged.get(key, {}))
        same = section.get("name", before.get("name")) == before.get("name")
        merged[key] = before | section if same else section
    return merged


def preset(name: str) -> dict[str, Any]:
    """A preset with its parents' settings, over the engine's defaults; a domain's name is one too, if no preset has it."""
    chain: list[tuple[str, Mapping[str, Any]]] = []
    at: str | None = name
    while at is not None:
        if at in [n for n, _ in chain]:
            raise GenaeError(f"preset '{name}' is its own ancestor, through '{chain[-1][0]}'")
        bare = at not in registry.names("preset") and at in registry.names("domain")
        settings = {"domain": {"name": at}, **BARE} if bare else registry.get("preset", at)
        chain.append((at, settings))
        at = settings.get("parent")
    merged = dict(DEFAULTS)
    for _, settings in reversed(chain):
        merged = merge(merged, {k: v for k, v in settings.items() if k != "parent"})
    return merged | {"preset": name}


def compose(name: str, settings: Sequence[str] = (), **changes: Any) -> Recipe:
    """A preset with `key=value` settings and keyword changes, checked and completed."""
    merged = preset(name)
    for setting in settings:
        merged = merge(merged, _parse(setting, merged))
    merged = merge(merged, changes)
    return complete(merged)


def adjust(recipe: Recipe, settings: Sequence[str] = (), **changes: Any) -> Recipe:
    """A recipe with `key=value` settings and keyword changes, checked and completed."""
    merged = dataclasses.asdict(recipe)
    for setting in settings:
        merged = merge(merged, _parse(setting, merged))
    return complete(merge(merged, changes))


def _parse(setting: str, merged: Mapping[str, Any]) -> dict[str, Any]:
    """`latent=8`, `prior=normal` or `objective.beta=4` to a difference. A value is JSON, or else text."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise GenaeError(f"--set takes key=value, not '{setting}'; for example --set latent=8 or --set objective.beta=4")
    value = _value(text)
    section, dot, option = key.partition(".")
    if section not in merged or section in ("preset", "format"):
        raise unknown("recipe key", section, [k for k in merged if k not in ("preset", "format")])
    if dot and section not in SECTIONS:
        raise GenaeError(f"recipe key '{section}' has no options; set it as --set {section}={text}")
    if section in SECTIONS and not dot:
        if not isinstance(value, str):
            raise GenaeError(f"--set {section} takes a name, not {text}; for example --set {section}=NAME")
        return {section: {"name": value}}
    if section == "epochs" or section == "steps":  # one of the two says how long
        return {"epochs": 0.0, "steps": 0} | {section: value}
    return {section: {option: value}} if dot else {section: value}


def _value(text: str) -> Any:
    """JSON; a number as people write it, such as .5; or else the text itself."""
    for parse in (json.loads, float):
        try:
            return parse(text)
        except ValueError:
            continue
    return text


# -- checking ---------------------------------------------------------------------------------------------------------


def complete(settings: Mapping[str, Any]) -> Recipe:
    """A checked recipe with every option filled in. GenaeError names an unknown or missing key and the known ones."""
    fields = {f.name: f for f in dataclasses.fields(Recipe)}
    hints = typing.get_type_hints(Recipe)
    for key in settings:
        if key not in fields:
            raise unknown("recipe key", key, fields)
    missing = [n for n, f in fields.items() if n not in settings and f.default is dataclasses.MISSING]
    if missing:
        raise GenaeError(f"the recipe lacks {', '.join(missing)}; a recipe has {', '.join(fields)}")
    whole = {k: v if k in SECTIONS else check(k, v, hints[k]) for k, v in settings.items()}
    domain: Any = None
    for section in SECTIONS:
        spec = whole[section]
        if not isinstance(spec, Mapping):
            raise GenaeError(f"recipe section '{section}' must be an object with a name, not {spec!r}")
        factory = part(section, spec, domain)
        name = domain.defaults.network if section == "network" and spec["name"] == "default" else spec["name"]
        whole[section] = {"name": name, **filled(section, factory, spec)}
        if section == "domain":
            domain = instantiate(section, whole[section])
        elif section in CHEAP:
            instantiate(section, whole[section], domain=domain)  # its own checks of its options, before any data are read
    return _bounded(Recipe(**whole))


def _bounded(recipe: Recipe) -> Recipe:
    least = {"latent": 1, "batch": 1, "epochs": 0, "steps": 0, "limit": 0, "seed": 0}
    for key, bound in least.items():
        if getattr(recipe, key) < bound:
            raise GenaeError(f"{key} must be at least {bound}, not {getattr(recipe, key)}")
    if not 0 <= recipe.ema < 1:
        raise GenaeError(f"ema must be at least 0 and below 1, not {recipe.ema}")
    if bool(recipe.epochs) == bool(recipe.steps):
        raise GenaeError(f"a run lasts epochs or steps, one of them above 0; got epochs={recipe.epochs}, steps={recipe.steps}")
    if recipe.format != FORMAT:
        raise GenaeError(f"this recipe has format {recipe.format}, this genae reads {FORMAT}; install a matching genae")
    return recipe


# -- files ------------------------------------------------------------------------------------------------------------


def dump(recipe: Recipe) -> str:
    """As JSON text."""
    return json.dumps(dataclasses.asdict(recipe), indent=2) + "\n"


def read(path: Path) -> Recipe:
    """From recipe.json. GenaeError if missing, not JSON, or not a recipe."""
    try:
        settings = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise GenaeError(
            f"{path.parent} is not a run: it has no {path.name}; a run is a folder that `genae train` wrote"
        ) from error
    except (OSError, ValueError) as error:
        raise GenaeError(f"{path} cannot be read as a recipe: {error}") from error
    if not isinstance(settings, dict):
        raise GenaeError(f"{path} is not a recipe: it must be a JSON object")
    return complete(settings)


def differences(a: Recipe, b: Recipe) -> list[str]:
    """What differs between two recipes, a line each: `latent: 40, then 8`."""
    left, right = dataclasses.asdict(a), dataclasses.asdict(b)
    lines = []
    for key in left:
        if key in SECTIONS:
            keys = sorted({*left[key], *right[key]})
            lines += [
                f"{key}.{k}: {left[key].get(k)!r}, then {right[key].get(k)!r}"
                for k in keys
                if left[key].get(k) != right[key].get(k)
            ]
        elif left[key] != right[key]:
            lines.append(f"{key}: {left[key]!r}, then {right[key]!r}")
    return lines
