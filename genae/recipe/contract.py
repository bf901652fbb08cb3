"""The contract between genae and its plugins: its number, and what a plugin of each kind must be."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping

from genae.errors import GenaeError

CONTRACT = 2  # of genae/data/domain.py and of the parts of recipes; a plugin built for another is refused
PAGE = "docs/writing-a-plugin.md#from-contract-1"
FIRST = frozenset({  # what contract 1 set on a domain's class itself, and contract 2 in its `defaults` and `reading`
    "network", "networks", "tasks", "attributes", "metrics", "shows", "temperature", "samples",
    "cached", "distinct", "least", "advice",
})  # fmt: skip


def require(kind: str, plugin: object, what: str, whose: str) -> None:
    """GenaeError for what is no plugin of its kind, or one of another contract, so far as can be seen without using it."""
    wanted = getattr(plugin, "contract", CONTRACT)
    old = _first(kind, plugin)
    if wanted == 1 or old:
        where = f" ({old})" if old else ""
        raise GenaeError(
            f"{what} was built for contract 1{where}, this genae has {CONTRACT}; {PAGE} says what to change, "
            f"or install a newer {whose}"
        )
    if wanted != CONTRACT:
        newer, older = ("genae", whose) if isinstance(wanted, int) and wanted > CONTRACT else (whose, "genae")
        raise GenaeError(
            f"{what} was built for contract {wanted}, this genae has {CONTRACT}; "
            f"install a matching version: a newer {newer} (pip install --upgrade {newer}) or an older {older}"
        )
    if kind == "preset" and not isinstance(plugin, Mapping):
        raise GenaeError(f"{what} must be a mapping of settings, not {type(plugin).__name__}; reinstall or uninstall {whose}")
    if kind not in ("preset", "dataset") and not callable(plugin):
        raise GenaeError(f"{what} must be callable, not {type(plugin).__name__}; reinstall or uninstall {whose}")


def _first(kind: str, plugin: object) -> str:
    """By what a plugin is known to be of contract 1, or ""."""
    if kind == "domain" and inspect.isclass(plugin):
        words = _set_on(plugin)
        return f"its class sets {', '.join(words)}" if words else ""
    if kind in ("network", "prior") and (inspect.isfunction(plugin) or inspect.isclass(plugin)):
        given = inspect.signature(plugin).parameters
        return "it takes latent, not space" if "latent" in given and "space" not in given else ""
    if kind == "objective" and inspect.isclass(plugin):
        return "" if any("losses" in vars(base) for base in plugin.__mro__) else "it has no losses"
    return ""


def _set_on(domain: type) -> list[str]:
    """The words of contract 1 that a domain's classes set; options and methods of those names are no such."""
    options = {f.name for f in dataclasses.fields(domain)} if dataclasses.is_dataclass(domain) else set()
    return sorted({
        name for base in domain.__mro__ for name, value in vars(base).items()
        if name in FIRST - options and not inspect.isfunction(value)
    })  # fmt: skip
