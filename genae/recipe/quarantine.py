"""Quarantine: third parties' plugins that nobody named are first imported in processes of their own.

A listing, or the search for who reads a file, must not be harmed by a plugin that raises, hangs or ends the interpreter. Each
module is given CHECK_SECONDS in a process of its own; the finding is kept until anything is installed, removed or changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TypedDict

from genae.errors import GenaeError
from genae.files import cache_folder, write_text
from genae.recipe import registry
from genae.recipe.contract import CONTRACT
from genae.recipe.entries import OWN, installed, limit, module, owner, version
from genae.recipe.jsonfile import read_json

SLOW_SECONDS = 3600.0  # a finding of slowness is kept this long: the machine may only have been busy
AT_ONCE = 8  # processes that check; more than cores, since what is slow mostly waits


def each(kind: str, names: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Plugins by their names, nobody having asked for one; for a broken one a GenaeError in its place.

    A third party's is imported here only if a check found nothing wrong with it.
    """
    errors: dict[str, str] = {}
    theirs = {*names} & {*registry.third_party(kind)}
    for (_, entry), error in _check([(kind, e) for e in installed()[kind] if e.name in theirs]).items():
        errors[entry.name] = registry.clash(kind, entry) or errors.get(entry.name) or error
    for name in names:
        yield name, GenaeError(errors[name]) if errors.get(name) else _attempt(kind, name)


def _attempt(kind: str, name: str) -> object:
    try:
        return registry.get(kind, name)
    except GenaeError as error:
        return error


@dataclass(frozen=True)
class Plugin:
    """One plugin, as `genae plugins list` shows it."""

    name: str
    kind: str
    distribution: str
    version: str
    error: str = ""


def listing() -> list[Plugin]:
    """Every plugin with its distribution, version and, for a broken one, its error.

    Third parties' are imported once in processes of their own, so that one that raises, hangs or ends the interpreter
    harms nothing. The finding is kept until anything is installed, removed or changed; that of a slow one for an hour.
    """
    pairs = [(kind, entry) for kind, entries in installed().items() for entry in entries]
    errors = _check([(k, e) for k, e in pairs if owner(e) != OWN])
    return [
        *(Plugin(e.name, k, owner(e), version(e), registry.clash(k, e) or errors.get((k, e), "")) for k, e in pairs),
        *(Plugin(name, kind, origin, "") for (kind, name), origin in registry.registered().items()),
    ]


Pair = tuple[str, EntryPoint]


def _check(pairs: Sequence[Pair]) -> dict[Pair, str]:
    """The errors of third parties' plugins, "" for those that work; what was found before is not looked at again."""
    known = _read_findings() if pairs else {}
    groups: dict[tuple[str, str], list[Pair]] = {}  # those of one module come with one import
    for kind, entry in pairs:
        if _print(kind, entry) not in known:
            groups.setdefault((owner(entry), module(entry)), []).append((kind, entry))
    fresh = {_print(*pair): found for pair, found in _look(list(groups.values()))}
    if fresh:
        now = {_print(k, e) for k, entries in installed().items() for e in entries}
        keep = {key: found for key, found in (known | fresh).items() if key in now}
        with suppress(GenaeError, OSError):  # without a cache to write to, the next time looks again
            write_text(_findings_file(), json.dumps(keep, indent=1))
    return {(k, e): (known | fresh)[_print(k, e)]["error"] for k, e in pairs}


class Found(TypedDict):
    """What is kept of one plugin."""

    error: str  # one line or ""
    until: float  # when it is to be looked for again, 0 for never


def _findings_file() -> Path:
    return cache_folder() / "plugins.json"


def _read_findings() -> dict[str, Found]:
    try:
        found = read_json(_findings_file())
        return {k: f for k, f in found.items() if isinstance(f["error"], str) and (not f["until"] or time.time() < f["until"])}
    except (GenaeError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}  # none yet, or of another version: it is only a cache


def _print(kind: str, entry: EntryPoint) -> str:
    """What changes when the finding might: interpreter, distribution, target, its file's time, and what else is installed."""
    what = (kind, entry.name, entry.value, owner(entry), version(entry), str(_changed(entry)))
    return "|".join((sys.executable, *what, _around(), str(CONTRACT), f"{limit():g} s"))


@cache
def _around() -> str:
    """A digest of the distributions on the path: a plugin that lacked one is looked at again when that comes."""
    found = sorted(p.name for place in sys.path if (folder := Path(place or ".")).is_dir() for p in folder.glob("*.dist-info"))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


def _changed(entry: EntryPoint) -> float:
    """When the target's file last changed, 0 if there is none; found without importing any parent package."""
    base = module(entry).replace(".", "/")
    files = [Path(place or ".") / tail for place in sys.path for tail in (f"{base}.py", f"{base}/__init__.py")]
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def _look(groups: Sequence[Sequence[Pair]]) -> Iterator[tuple[Pair, Found]]:
    """Import the modules of groups of plugins, each in a process of its own, several at once."""
    for start in range(0, len(groups), AT_ONCE):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            yield from _look_at_once(groups[start : start + AT_ONCE], Path(folder))


def _look_at_once(groups: Sequence[Sequence[Pair]], folder: Path) -> Iterator[tuple[Pair, Found]]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        end = time.monotonic() + limit()
        for i, group in enumerate(groups):
            processes.append(_ask(group, folder / str(i)))
        for i, (group, process) in enumerate(zip(groups, processes, strict=True)):
            for pair, (error, until) in zip(group, _told(process, folder / str(i), group, end), strict=True):
                yield pair, {"error": error, "until": until}
    finally:
        for process in processes:
            _end(process)


def _ask(group: Sequence[Pair], answer: Path) -> subprocess.Popen[bytes]:
    """A process that imports a group's plugins as this one would and leaves their errors in a file.

    It answers by a file, since a plugin may print, or leave a process behind that holds its standard output open.
    """
    question = json.dumps([sys.path, [(kind, e.name, e.value, owner(e)) for kind, e in group]])
    code = (
        "import json, os, sys; path, group = json.loads(sys.argv[1]); sys.path[:] = path; from genae.recipe import quarantine; "
        "quarantine.answer(group, sys.argv[2]); os._exit(0)"  # a thread that the plugin started is not waited for
    )
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, question, str(answer)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def answer(group: Sequence[Sequence[str]], path: str) -> None:
    """Write the errors of plugins, each given as [kind, name, value, distribution], as a JSON list.

    When nobody would wait for them any more the process ends: the one that started it may have been killed.
    """
    end = threading.Timer(limit(), os._exit, (1,))
    end.daemon = True
    end.start()
    errors = json.dumps([problem(*one) for one in group])
    Path(path).write_text(errors, "utf-8")


def _told(process: subprocess.Popen[bytes], answer: Path, group: Sequence[Pair], end: float) -> list[tuple[str, float]]:
    """The errors of a group, each with the time until which it is to be believed, 0 for ever."""
    whose = owner(group[0][1])
    try:
        process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        error = f"import takes longer than {limit():g} s; a command that needs it waits, others do not: uninstall {whose}, " \
                f"or set GENAE_CHECK_SECONDS to give it longer"  # fmt: skip
        return [(error, time.time() + SLOW_SECONDS)] * len(group)
    try:
        errors = json.loads(answer.read_text("utf-8"))
        return [(error, 0.0) for error in errors]
    except (OSError, ValueError):
        error = f"import ended the interpreter with status {process.returncode}; reinstall or uninstall {whose}"
        return [(error, 0.0)] * len(group)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    process.wait()


def problem(kind: str, name: str, value: str, whose: str) -> str:
    """The error of importing one entry point, or ""."""
    found = [e for e in installed()[kind] if (e.name, e.value, owner(e)) == (name, value, whose)]
    try:
        registry.load(kind, found[0])
    except GenaeError as error:
        return " ".join(str(error).split())
    return ""
