"""Plugins by entry points: whatever is installed is found, nothing is imported until it is asked for.

A distribution offers things by naming them in its metadata (https://packaging.python.org/specifications/entry-points):

    [project.entry-points."genae.domains"]
    image = "genae_image:Image"

Listing reads metadata only; `get` imports one plugin. A broken plugin is told by name and breaks nothing else; a name taken
by two distributions is an error naming both. genae's own parts use the same door.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from genae.errors import GenaeError, unknown
from genae.files import cache_folder, write_text

CONTRACT = 1  # of the domain contract (genae/domain.py); a plugin built for another is refused with a clear line
OWN = "genae"  # the distribution whose plugins are held by its own tests and need no check when listed
TOLD = "genae found: "  # before what a check has found, so that nothing else is taken for it
CHECK_SECONDS = 20.0  # a plugin slower than this to import is reported, not waited for

KINDS: Mapping[str, str] = {  # kind, in the singular, to entry-point group
    "domain": "genae.domains",
    "preset": "genae.presets",
    "dataset": "genae.datasets",
    "network": "genae.networks",
    "likelihood": "genae.likelihoods",
    "posterior": "genae.posteriors",
    "prior": "genae.priors",
    "objective": "genae.objectives",
    "task": "genae.tasks",
    "condition": "genae.conditions",
}

_overrides: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True)
class Plugin:
    """One installed entry point, as `genae plugins list` shows it."""

    name: str
    kind: str
    distribution: str
    version: str
    error: str = ""


@cache
def _installed() -> dict[str, list[EntryPoint]]:
    """Entry points by kind; read once per process, in the order of their names."""
    everything = entry_points()
    # an editable install beside a wheel, or a folder twice on the path, lists the same entry twice: that is no clash
    return {
        kind: sorted({(e.name, e.value, _owner(e)): e for e in everything.select(group=group)}.values(), key=lambda e: e.name)
        for kind, group in KINDS.items()
    }


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "unknown"


def names(kind: str) -> list[str]:
    """The names of one kind; imports nothing."""
    found = {e.name for e in _installed()[kind]} | {n for k, n in _overrides if k == kind}
    return sorted(found)


def get(kind: str, name: str) -> Any:
    """The plugin of that kind and name; imports that one alone. GenaeError if unknown, taken twice or broken."""
    if (kind, name) in _overrides:
        return _overrides[kind, name]
    found = [e for e in _installed()[kind] if e.name == name]
    if not found:
        raise unknown(kind, name, names(kind))
    if len(found) > 1:
        owners = " and ".join(f"{_owner(e)} ({e.value})" for e in found)
        raise GenaeError(f"{kind} '{name}' is taken twice: by {owners}; uninstall one of them")
    return _load(found[0], kind)


def _load(entry: EntryPoint, kind: str) -> Any:
    try:
        plugin = entry.load()
    except Exception as error:  # whatever a stranger's module raises is told, never passed on
        raise GenaeError(
            f"{kind} '{entry.name}' of {_owner(entry)} cannot be imported: {type(error).__name__}: {error}; "
            f"reinstall or uninstall {_owner(entry)}"
        ) from error
    wanted = getattr(plugin, "contract", CONTRACT)
    if wanted != CONTRACT:
        raise GenaeError(
            f"{kind} '{entry.name}' of {_owner(entry)} was built for contract {wanted}, this genae has {CONTRACT}; "
            f"install a matching version of {_owner(entry)} or of genae"
        )
    return plugin


@contextmanager
def override(kind: str, name: str, plugin: Any) -> Iterator[None]:
    """Within the block, that name gives that object: for tests and for trying a plugin without installing it."""
    before = _overrides.get((kind, name))
    _overrides[kind, name] = plugin
    try:
        yield
    finally:
        del _overrides[kind, name]
        if before is not None:
            _overrides[kind, name] = before


def listing() -> list[Plugin]:
    """Every plugin with its distribution, version and, for a broken one, its error.

    Strangers' plugins are imported once in processes of their own, so that one that raises, hangs or ends the interpreter
    harms nothing, and the finding is kept until the distribution changes.
    """
    pairs = [(kind, entry) for kind, entries in _installed().items() for entry in entries]
    known = _read_findings()
    strange = [(k, e) for k, e in pairs if _owner(e) != OWN and _print(k, e) not in known]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        fresh = dict(zip((_print(k, e) for k, e in strange), pool.map(lambda p: _finding(*p), strange), strict=True))
    errors = known | fresh
    if fresh:
        now = {_print(k, e) for k, e in pairs}
        keep = {key: error for key, error in errors.items() if key in now and "(will try again)" not in error}
        with suppress(GenaeError):  # without a cache to write to, the next listing looks again
            write_text(_findings_file(), json.dumps(keep, indent=1))
    counts = {(k, e.name): sum(1 for k2, e2 in pairs if (k2, e2.name) == (k, e.name)) for k, e in pairs}
    return [
        Plugin(e.name, k, _owner(e), e.dist.version if e.dist else "",
               "name taken twice" if counts[k, e.name] > 1 else errors.get(_print(k, e), ""))
        for k, e in pairs
    ]  # fmt: skip


def _findings_file() -> Path:
    return cache_folder() / "plugins.json"


def _read_findings() -> dict[str, str]:
    try:
        found = json.loads(_findings_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _print(kind: str, entry: EntryPoint) -> str:
    """What changes when the plugin does: interpreter, distribution, version, target, and the target's file times."""
    version = entry.dist.version if entry.dist else ""
    return "|".join((sys.executable, kind, entry.name, entry.value, _owner(entry), version, str(_changed(entry))))


def _changed(entry: EntryPoint) -> float:
    """When the target's file last changed, 0 if there is none; found without importing any parent package."""
    base = entry.module.replace(".", "/")
    files = [Path(place or ".") / tail for place in sys.path for tail in (f"{base}.py", f"{base}/__init__.py")]
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def _finding(kind: str, entry: EntryPoint) -> str:
    """Import one plugin in a process of its own: "" if it works, else its error in one line."""
    # what the plugin itself prints goes elsewhere, and one that exits at once, even with status 0, has not told
    code = (
        "import sys; from genae import registry; out, sys.stdout = sys.stdout, sys.stderr; "
        f"out.write({TOLD!r} + registry.problem(*sys.argv[1:]))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, kind, entry.name, entry.value],
            capture_output=True, text=True, timeout=CHECK_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"import takes longer than {CHECK_SECONDS:.0f} s (will try again)"
    _, told, error = done.stdout.partition(TOLD)
    if done.returncode or not told:
        return f"import ended the interpreter with status {done.returncode}"
    return error.strip()


def problem(kind: str, name: str, value: str) -> str:
    """The error of importing one entry point, or ""."""
    found = [e for e in _installed()[kind] if (e.name, e.value) == (name, value)]
    try:
        _load(found[0], kind)
    except GenaeError as error:
        return " ".join(str(error).split())
    return ""
