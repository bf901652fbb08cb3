"""Recipes of older formats, as this genae would have written them.

    1    a prior and a network were given the whole size of z, optimisers had no players, and a run had no stages

What only a part knows of its own options' past is an upgrade: a function of the settings, by the entry point
"SECTION.NAME" of the group genae.upgrades.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from genae.errors import GenaeError
from genae.recipe import registry
from genae.recipe.parts import SECTIONS

OLDEST = 1


def upgraded(settings: Mapping[str, object], wanted: int, path: Path) -> dict[str, object]:
    """A recipe's settings in the `wanted` format. GenaeError for a format of the future, or none."""
    have = settings.get("format")
    if not isinstance(have, int) or isinstance(have, bool) or not OLDEST <= have <= wanted:
        newer = isinstance(have, int) and have > wanted
        raise GenaeError(
            f"{path} has format {have!r}, this genae reads {OLDEST} to {wanted}; "
            + ("install a newer genae (pip install --upgrade genae)" if newer else "it is no recipe of genae's")
        )
    return dict(settings) if have == wanted else _from_1(settings)


def _from_1(settings: Mapping[str, object]) -> dict[str, object]:
    made: Mapping[str, object] = {**settings, "optimisers": {}, "stages": [], "format": 2}
    for section in SECTIONS:
        spec = settings.get(section)
        name = f"{section}.{spec.get('name')}" if isinstance(spec, Mapping) else ""
        if name in registry.names("upgrade"):
            made = _by(name, made)
    return dict(made)


def _by(name: str, settings: Mapping[str, object]) -> Mapping[str, object]:
    """The settings as an upgrade has them."""
    made = registry.factory("upgrade", name)(settings)
    if not isinstance(made, Mapping):
        raise GenaeError(f"upgrade '{name}' must give a mapping of settings, not {type(made).__name__}")
    return made
