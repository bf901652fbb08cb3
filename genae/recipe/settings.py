"""Settings: presets, their parents and `--set`, merged to one mapping that a recipe is made of.

A preset is a difference from its parent, the oldest from DEFAULTS. `objective.beta=4` changes an option, `prior=normal` a
section's part, which then loses the options of the one before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from genae.errors import GenaeError, unknown
from genae.recipe import jsonfile, registry
from genae.recipe.parts import SECTIONS

WRITTEN = ("preset", "format", "plugins", "ancestor")  # what a recipe says of itself, and nobody sets

DEFAULTS: dict[str, object] = {
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
    "optimisers": {},
    "stages": [],
    "data": "",
    "epochs": 10.0,
    "steps": 0,
    "batch": 128,
    "ema": 0.0,
    "precision": "auto",
    "seed": 0,
    "limit": 0,
}

BARE: dict[str, object] = {"likelihood": {"name": "gaussian", "learned": "one"}}  # of a domain without a preset: any floats


def merge(base: Mapping[str, object], change: Mapping[str, object]) -> dict[str, object]:
    """`base` with a preset's or a setting's differences. A section given another name loses the options of the old one."""
    merged = dict(base)
    for key, value in change.items():
        if key not in SECTIONS or not isinstance(value, str | Mapping):
            merged[key] = value
            continue
        section, before = section_of(change, key), section_of(merged, key)
        same = section.get("name", before.get("name")) == before.get("name")
        merged[key] = {**before, **section} if same else {**section}
    return merged


def section_of(settings: Mapping[str, object], section: str) -> Mapping[str, object]:
    """{"name": …, option: value}, as far as it is set."""
    own = settings.get(section)
    return {"name": own} if isinstance(own, str) else own if isinstance(own, Mapping) else {}


def preset(of: str | Mapping[str, object]) -> dict[str, object]:
    """A preset with its parents' settings, over the engine's defaults; a domain's name is one too, if no preset has it.

    One that has no name is the mapping itself, and goes by its parent's name or its domain's.
    """
    merged = dict(DEFAULTS)
    for _, settings in reversed(ancestry(of)):
        merged = merge(merged, {k: v for k, v in settings.items() if k != "parent"})
    return merged | {"preset": name_of(of)}


def name_of(preset: str | Mapping[str, object]) -> str:
    """What a run of a preset goes by. GenaeError for one that names neither a parent nor a domain."""
    if isinstance(preset, str):
        return preset
    name = preset.get("preset") or preset.get("parent") or section_of(preset, "domain").get("name")
    if not isinstance(name, str):
        raise GenaeError('a preset names its parent or its domain: {"parent": "mnist", "latent": 8}')
    return name


def ancestry(of: str | Mapping[str, object]) -> list[tuple[str, Mapping[str, object]]]:
    """A preset and its parents, by name, "" for one without, each with its own differences."""
    chain: list[tuple[str, Mapping[str, object]]] = [] if isinstance(of, str) else [("", of)]
    at = of if isinstance(of, str) else _parent(of)
    while at is not None:
        if at in [n for n, _ in chain]:
            raise GenaeError(f"preset '{of}' is its own ancestor, through '{chain[-1][0]}'")
        bare = at not in registry.names("preset") and at in registry.names("domain")
        settings = {"domain": {"name": at}, **BARE} if bare else registry.preset(at)
        chain.append((at, settings))
        at = _parent(settings)
    return chain


def _parent(settings: Mapping[str, object]) -> str | None:
    name = settings.get("parent")
    return name if isinstance(name, str) else None


Settings = Sequence[str] | Mapping[str, object]  # key=value, or keys to values; both may have dots


def changed(merged: Mapping[str, object], settings: Settings) -> Mapping[str, object]:
    """With settings, one after the other: ["objective.beta=4"], {"objective.beta": 4} or {"objective": {"beta": 4}}."""
    for setting in settings.items() if isinstance(settings, Mapping) else settings:
        difference = parsed(setting, merged) if isinstance(setting, str) else _difference(*setting, merged)
        merged = merge(merged, difference)
    return merged


def parsed(setting: str, merged: Mapping[str, object]) -> dict[str, object]:
    """`latent=8`, `prior=normal` or `objective.beta=4` to a difference. A value is JSON, or else text."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise GenaeError(f"--set takes key=value, not '{setting}'; for example --set latent=8 or --set objective.beta=4")
    return _difference(key, from_text(text), merged)


def _difference(key: str, value: object, merged: Mapping[str, object]) -> dict[str, object]:
    section, dot, option = key.partition(".")
    if section not in merged or section in WRITTEN:
        raise unknown("recipe key", section, [k for k in merged if k not in WRITTEN])
    if dot and section not in SECTIONS:
        raise GenaeError(f"recipe key '{section}' has no options; set it as --set {section}=VALUE")
    if section in SECTIONS and not dot:
        if not isinstance(value, str | Mapping):
            raise GenaeError(f"--set {section} takes a name, not {value}; for example --set {section}=NAME")
        return {section: value}
    if section == "epochs" or section == "steps":  # one of the two says how long
        return {"epochs": 0.0, "steps": 0} | {section: value}
    return {section: {option: value}} if dot else {section: value}


def options(settings: Sequence[str]) -> dict[str, object]:
    """key=value … of one part, whose name is given apart."""
    pairs = [setting.partition("=") for setting in settings]
    for (key, equals, _), setting in zip(pairs, settings, strict=True):
        if not key or not equals or key == "name":
            raise GenaeError(f"--set takes option=value, not '{setting}'; for example --set steps=500")
    return {key: from_text(text) for key, _, text in pairs}


def from_text(text: str) -> object:
    """JSON; a number as people write it, such as .5; or else the text itself. GenaeError for JSON beyond its bounds."""
    try:
        return jsonfile.parsed(text.encode("utf-8", "surrogateescape"))
    except json.JSONDecodeError:
        pass
    except UnicodeDecodeError:
        return text
    except ValueError as error:
        raise GenaeError(f"the value {text[:40]}… cannot be taken: {error}") from error
    try:
        return float(text)
    except ValueError:
        return text
