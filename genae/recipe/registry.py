"""The registry: parts, domains, presets and data sets by kind and name, from entry points or registered in this process.

Listing names imports nothing; `get` imports one plugin. A broken plugin is reported by name and breaks nothing else; a name
taken by two distributions is an error naming both, but genae's own names stay its own. genae's own parts use the same door.

What is not installed is registered: `genae.register("prior", "mine", Mine)`, in a script or in a file given by --plugin.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import EntryPoint
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

from genae.errors import GenaeError, unknown
from genae.recipe import contract
from genae.recipe.entries import KINDS, OWN, blamed, folder_kept, imported, installed, owner, said, version

DIRECTLY = "genae.register"  # where what no file registered comes from

Key = tuple[str, str]  # kind and name


class Taken(GenaeError):
    """A name that something else has."""


class Registered(NamedTuple):
    """What this process gave a name, and the file that did, or `DIRECTLY`."""

    plugin: object
    origin: str


_registered: dict[Key, Registered] = {}
_overrides: dict[Key, object] = {}  # for a while, before all others
_reading: list[Path] = []  # the file that is being imported, last


def names(kind: str) -> list[str]:
    """The names of one kind; imports nothing."""
    every = {e.name for e in installed()[kind]} | {n for k, n in _here() if k == kind}
    return sorted(every)


def get(kind: str, name: str) -> object:
    """The plugin of that kind and name; imports that one alone. GenaeError if unknown, taken twice or broken."""
    if (kind, name) in _here():
        return _here()[kind, name]
    every = [e for e in installed()[kind] if e.name == name]
    if not every:
        raise unknown(kind, name, names(kind))
    entry = next((e for e in every if owner(e) == OWN), every[0])
    if error := clash(kind, entry):
        raise GenaeError(error)
    return load(kind, entry)


def factory(kind: str, name: str) -> Callable[..., object]:
    """That of a part. GenaeError as `get`."""
    found = get(kind, name)
    if not callable(found):
        raise GenaeError(f"{kind} '{name}' must be callable, not {type(found).__name__}")
    return found


def preset(name: str) -> Mapping[str, object]:
    """The settings of a preset. GenaeError as `get`."""
    found = get("preset", name)
    if not isinstance(found, Mapping):
        raise GenaeError(f"preset '{name}' must be a mapping of settings, not {type(found).__name__}")
    return found


def _here() -> dict[Key, object]:
    """What this process named itself."""
    return {key: one.plugin for key, one in _registered.items()} | _overrides


def load(kind: str, entry: EntryPoint) -> object:
    """What an entry point names, checked. GenaeError if it cannot be imported or is no plugin of its kind."""
    whose, plugin = owner(entry), imported(kind, entry)
    with blamed(kind, entry.name, whose):
        _require(kind, plugin, f"{kind} '{entry.name}' of {whose}", whose)
    return plugin


def _require(kind: str, plugin: object, what: str, whose: str) -> None:
    contract.require(kind, plugin, what, whose)
    parent = plugin.get("parent") if isinstance(plugin, Mapping) else None
    if kind == "preset" and parent is not None and parent not in [*names("preset"), *names("domain")]:
        raise GenaeError(f"{what} cannot be used: {unknown('preset', parent, names('preset'), ', its parent')}")


def own(kind: str) -> list[str]:
    """The names of genae's own plugins of a kind, and of those that this process gave; imports nothing."""
    return sorted({n for k, n in _here() if k == kind} | {e.name for e in installed()[kind] if owner(e) == OWN})


def third_party(kind: str) -> list[str]:
    """The names of a kind that other distributions offer; imports nothing."""
    return sorted({*names(kind)} - {*own(kind)})


def origin(kind: str, name: str) -> str:
    """Where a part is from: `distribution version`, a file, `genae.register`; "" for genae's own. Imports nothing."""
    if (kind, name) in _registered:
        return _registered[kind, name].origin
    if name in own(kind):
        return ""
    return next((f"{owner(e)} {version(e)}" for e in installed()[kind] if e.name == name), "")


def clash(kind: str, entry: EntryPoint) -> str:
    """What is wrong with the name of an entry, or "". One of genae's own cannot be taken from it."""
    every = [e for e in installed()[kind] if e.name == entry.name]
    own = sum(owner(e) == OWN for e in every)
    if len(every) == 1 or (own == 1 and owner(entry) == OWN):
        return ""
    if own == 1:
        return (
            f"{kind} '{entry.name}' is genae's own and stays so, that of {owner(entry)} is not used; uninstall {owner(entry)}"
        )
    owners = " and ".join(f"{owner(e)} ({e.value})" for e in every)
    return f"{kind} '{entry.name}' is taken twice: by {owners}; uninstall one of them"


# -- what is not installed --------------------------------------------------------------------------------------------


def register(kind: str, name: str, plugin: object) -> None:
    """From here on, in this process, that name is that factory, class, preset or data set.

    GenaeError if the kind is unknown, the name taken, or the object no such thing; a class or function defined anew under its
    own name, as when a notebook's cell runs again, takes its own place.
    """
    if kind not in KINDS:
        raise unknown("kind of plugin", kind, KINDS)
    before = _registered.get((kind, name))
    if name in names(kind) and not (before and _same(before.plugin, plugin)):
        whose = before.origin if before else origin(kind, name) or OWN
        raise Taken(f"{kind} '{name}' is taken already, by {whose}; choose another name")
    file = _reading[-1].name if _reading else DIRECTLY
    _require(kind, plugin, f"{kind} '{name}' of {file}", file)
    _registered[kind, name] = Registered(plugin, file)


def _same(before: object, plugin: object) -> bool:
    """Whether it is the same thing, or the same definition run again."""
    named = [f"{p.__module__}.{p.__qualname__}" for p in (before, plugin) if isinstance(p, type | FunctionType)]
    return before is plugin or (isinstance(before, Mapping) and before == plugin) or (len(named) == 2 and named[0] == named[1])


def registered() -> dict[Key, str]:
    """What this process registered: kind and name to the file that did, or `genae.register`."""
    return {key: one.origin for key, one in _registered.items()}


def plugin(path: str | Path) -> None:
    """Import a module's file, whose top level calls `genae.register`; once more, it takes the place of what it was.

    GenaeError names the file and the line if that fails, or if nothing is registered.
    """
    file = Path(os.path.realpath(path))
    if file.suffix != ".py" or not file.is_file():
        raise GenaeError(f"plugin {path}: {'no Python file (.py)' if file.exists() else 'no such file'}")
    module = sys.modules.get(file.stem)
    if module is not None and Path(vars(module).get("__file__") or ".").resolve() != file:
        raise GenaeError(f"plugin {path}: a module called '{file.stem}' is imported already; give the file another name")
    before = dict(_registered)
    for key in [key for key, one in _registered.items() if one.origin == file.name]:
        del _registered[key]
    try:
        _run(file)
        if file.name not in registered().values():
            raise GenaeError("registers nothing; it needs a line such as genae.register('prior', 'mine', Mine)")
    except BaseException as error:
        _registered.clear()
        _registered.update(before)
        if type(error) is KeyboardInterrupt:
            raise
        told = str(error) if isinstance(error, GenaeError) else f"cannot be imported: {said(error)}"
        raise GenaeError(f"plugin {path}, line {_line(error, file)}: {told}") from error


def _run(file: Path) -> None:
    """Import a file under its own name, where dataclasses and other processes look for it."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    sys.modules[file.stem] = module = importlib.util.module_from_spec(spec)
    _reading.append(file)
    try:
        with folder_kept(), redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    finally:
        _reading.pop()


def _line(error: BaseException, file: Path) -> int:
    """Of the file, where it went wrong."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno or 1
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return (lines or [1])[-1] or 1


@contextmanager
def override(kind: str, name: str, plugin: object) -> Iterator[None]:
    """Within the block, that name gives that object: for tests and for trying a plugin without installing it."""
    before = _overrides.get((kind, name))
    _overrides[kind, name] = plugin
    try:
        yield
    finally:
        del _overrides[kind, name]
        if before is not None:
            _overrides[kind, name] = before
