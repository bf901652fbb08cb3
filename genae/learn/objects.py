"""A preset whose parts are Python objects: each is registered for this process, and its name stands in its place.

    {"parent": "mnist", "network": my_factory}                  by the name of the function or class
    {"parent": "mnist", "network": (encoder, decoder)}          two modules: genae/model/own.py
    {"parent": "mnist", "prior": {"name": MyPrior, "width": 8}} with options

Another process loads such a run after `genae.register("network", NAME, factory)`, with the NAME in its recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from types import FunctionType
from typing import Any

from torch import nn

from genae.errors import GenaeError
from genae.model.own import Pair
from genae.recipe import registry
from genae.recipe.parts import SECTIONS


def with_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with names for objects. GenaeError for what is no part."""
    return {key: _section(key, value) if key.partition(".")[0] in SECTIONS else value for key, value in settings.items()}


def _section(section: str, value: object) -> object:
    if isinstance(value, Mapping) and "name" in value:
        return {**value, "name": _name(section, value["name"])}
    return value if isinstance(value, Mapping) or "." in section else _name(section, value)


def _name(section: str, part: object) -> object:
    """The name of a part, which is registered if it has none yet."""
    if isinstance(part, str):
        return part
    if section == "network" and isinstance(part, tuple) and len(part) == 2 and all(isinstance(m, nn.Module) for m in part):
        part = Pair(*part)
    if not callable(part) or isinstance(part, nn.Module):
        wanted = "a name, a factory or (encoder, decoder)" if section == "network" else "a name or a factory"
        raise GenaeError(f"{section} is {wanted}, not {type(part).__name__}")
    base = part.__name__.strip("<>") if isinstance(part, FunctionType | type) else type(part).__name__.lower()
    for name in (base if n == 1 else f"{base}-{n}" for n in count(1)):
        try:
            registry.register(section, name, part)
        except registry.Taken:
            continue
        return name
    raise AssertionError
