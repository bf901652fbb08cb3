"""Plugins by entry points: whatever is installed is found, nothing is imported until it is asked for.

A distribution offers things by naming them in its metadata (https://packaging.python.org/specifications/entry-points):

    [project.entry-points."genae.domains"]
    image = "genae_image:Image"

Listing reads metadata only; `get` imports one plugin. A broken plugin is told by name and breaks nothing else; a name taken
by two distributions is an error naming both, but genae's own names stay its own. genae's own parts use the same door.

Strangers' plugins that nobody named (a listing, the search for who reads a file) are first imported in a process of its own
that is given CHECK_SECONDS; one that raises, hangs or ends the interpreter is left out with its error. One that was named is
imported here: what it prints goes to standard error and the working directory is put back. What else an import changes in a
process (torch's default type, random state, warnings' filters) is not: the engine seeds what it draws, and the remedy for
the rest is not to use that plugin.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Any

from genae.errors import GenaeError, unknown
from genae.files import cache_folder, write_text

CONTRACT = 1  # of the domain contract (genae/data/domain.py); a plugin built for another is refused with a clear line
OWN = "genae"  # the distribution whose plugins are held by its own tests and need no check when listed
CHECK_SECONDS = 20.0  # a plugin slower than this to import is reported, not waited for; $GENAE_CHECK_SECONDS changes it
SLOW_SECONDS = 3600.0  # a finding of slowness is kept this long: the machine may only have been busy
AT_ONCE = 8  # processes that check; more than cores, since what is slow mostly waits

KINDS: Mapping[str, str] = {  # kind, in the singular, to entry-point group
    "domain": "genae.domains",
    "preset": "genae.presets",
    "dataset": "genae.datasets",
    "claim": "genae.claims",
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
    return (entry.dist.name if entry.dist else "") or "unknown"


def _version(entry: EntryPoint) -> str:
    return (entry.dist.version if entry.dist else "") or ""


def _module(entry: EntryPoint) -> str:
    return entry.value.partition(":")[0].strip()


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
    entry = next((e for e in found if _owner(e) == OWN), found[0])
    if clash := _clash(kind, entry):
        raise GenaeError(clash)
    return _load(entry, kind)


def own(kind: str) -> list[str]:
    """The names of genae's own plugins of a kind, and of those given for a while; imports nothing."""
    return sorted({n for k, n in _overrides if k == kind} | {e.name for e in _installed()[kind] if _owner(e) == OWN})


def strange(kind: str) -> list[str]:
    """The names of a kind that are not genae's own; imports nothing."""
    return sorted({*names(kind)} - {*own(kind)})


def each(kind: str, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Plugins by their names, nobody having asked for one; for a broken one a GenaeError in its place.

    A stranger's is imported here only if a check found nothing wrong with it.
    """
    errors: dict[str, str] = {}
    strangers = {*names} & {*strange(kind)}
    for (_, entry), error in _check([(kind, e) for e in _installed()[kind] if e.name in strangers]).items():
        errors[entry.name] = _clash(kind, entry) or errors.get(entry.name) or error
    for name in names:
        yield name, GenaeError(errors[name]) if errors.get(name) else _attempt(kind, name)


def _attempt(kind: str, name: str) -> Any:
    try:
        return get(kind, name)
    except GenaeError as error:
        return error


def _clash(kind: str, entry: EntryPoint) -> str:
    """What is wrong with the name of an entry, or "". One of genae's own cannot be taken from it."""
    found = [e for e in _installed()[kind] if e.name == entry.name]
    own = sum(_owner(e) == OWN for e in found)
    if len(found) == 1 or (own == 1 and _owner(entry) == OWN):
        return ""
    if own == 1:
        return (
            f"{kind} '{entry.name}' is genae's own and stays so, that of {_owner(entry)} is not used; uninstall {_owner(entry)}"
        )
    owners = " and ".join(f"{_owner(e)} ({e.value})" for e in found)
    return f"{kind} '{entry.name}' is taken twice: by {owners}; uninstall one of them"


def _load(entry: EntryPoint, kind: str) -> Any:
    owner = _owner(entry)
    what = f"{kind} '{entry.name}' of {owner}"
    try:
        # what it prints must not get between a command's JSON
        with _notice(what, owner), _folder_kept(), redirect_stdout(sys.stderr):
            plugin = entry.load()
    except BaseException as error:  # whatever a stranger's module raises is told, never passed on
        if type(error) is KeyboardInterrupt:
            raise
        raise GenaeError(f"{what} cannot be imported: {said(error)}; {_remedy(entry, error)}") from error
    with blamed(kind, entry.name, owner):
        _require_contract(plugin, what, owner)
        _require_shape(plugin, kind, what, owner)
    return plugin


@contextmanager
def _folder_kept() -> Iterator[None]:
    """The working directory is afterwards what it was: the paths that a user gives are relative to it."""
    here = ""
    with suppress(OSError):  # it may have been removed
        here = os.getcwd()  # noqa: PTH109
    try:
        yield
    finally:
        if here:
            os.chdir(here)


@contextmanager
def _notice(what: str, owner: str) -> Iterator[None]:
    """Tells on standard error what is waited for, if it takes long."""
    told = f"genae: still importing {what}; Ctrl-C stops, and uninstalling {owner} does without it"
    timer = threading.Timer(_limit(), lambda: print(told, file=sys.stderr, flush=True))
    timer.daemon = True
    if owner != OWN:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _remedy(entry: EntryPoint, error: BaseException) -> str:
    """What to do about a plugin that cannot be imported."""
    owner = _owner(entry)
    missing = (getattr(error, "name", None) or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if missing == OWN:
        return f"it was built for another genae: install a matching version of {owner} or of genae"
    if isinstance(error, ModuleNotFoundError) and missing and missing != _module(entry).partition(".")[0]:
        return f"{owner} needs a package that is not installed: pip install {_provider(entry, missing)}"
    return f"reinstall or uninstall {owner}"


def _provider(entry: EntryPoint, module: str) -> str:
    """The distribution to install for a module: the one that the plugin's own requires and lacks, else of the same name."""
    required = [r for r in (entry.dist.requires or [] if entry.dist else []) if ";" not in r]
    lacking = [name for name in (re.split(r"[^\w.-]", r)[0] for r in required) if not _is_installed(name)]
    return lacking[0] if len(lacking) == 1 else module


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _require_contract(plugin: Any, what: str, owner: str) -> None:
    wanted = getattr(plugin, "contract", CONTRACT)
    if wanted == CONTRACT:
        return
    newer, older = ("genae", owner) if isinstance(wanted, int) and wanted > CONTRACT else (owner, "genae")
    raise GenaeError(
        f"{what} was built for contract {wanted}, this genae has {CONTRACT}; "
        f"install a matching version: a newer {newer} (pip install --upgrade {newer}) or an older {older}"
    )


def _require_shape(plugin: Any, kind: str, what: str, owner: str) -> None:
    """That a plugin is the kind of thing that its group says, so far as can be seen without using it."""
    if kind == "preset":
        if not isinstance(plugin, Mapping):
            raise GenaeError(
                f"{what} must be a mapping of settings, not {type(plugin).__name__}; reinstall or uninstall {owner}"
            )
        parent = plugin.get("parent")
        if parent is not None and parent not in [*names("preset"), *names("domain")]:  # a domain's name is a preset too
            raise GenaeError(f"{what} cannot be used: {unknown('preset', parent, names('preset'), ', its parent')}")
    elif kind != "dataset" and not callable(plugin):
        raise GenaeError(f"{what} must be callable, not {type(plugin).__name__}; reinstall or uninstall {owner}")


@contextmanager
def blamed(kind: str, name: str, owner: str = "") -> Iterator[None]:
    """Whatever a plugin raises in the block becomes one GenaeError that names it; GenaeErrors and Ctrl-C go on up."""
    try:
        yield
    except GenaeError:
        raise
    except BaseException as error:
        if type(error) in (KeyboardInterrupt, GeneratorExit):
            raise
        owner = owner or _offered_by(kind, name)
        remedy = f"; reinstall or uninstall {owner}" if owner else ""
        raise GenaeError(f"{kind} '{name}'{f' of {owner}' if owner else ''} fails: {said(error)}{remedy}") from error


def _offered_by(kind: str, name: str) -> str:
    """The distribution of a plugin, genae before others; "" for what is not installed."""
    owners = [_owner(e) for e in _installed()[kind] if e.name == name]
    return OWN if OWN in owners else owners[0] if owners else ""


def said(error: BaseException) -> str:
    """`ValueError: what it says`, in one line, whatever the error does when it is asked."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


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


# -- looking at all of them -------------------------------------------------------------------------------------------


def listing() -> list[Plugin]:
    """Every plugin with its distribution, version and, for a broken one, its error.

    Strangers' plugins are imported once in processes of their own, so that one that raises, hangs or ends the interpreter
    harms nothing. The finding is kept until anything is installed, removed or changed; that of a slow one for an hour.
    """
    pairs = [(kind, entry) for kind, entries in _installed().items() for entry in entries]
    errors = _check([(k, e) for k, e in pairs if _owner(e) != OWN])
    return [
        Plugin(e.name, k, _owner(e), _version(e), _clash(k, e) or errors.get((k, e), ""))
        for k, e in pairs
    ]  # fmt: skip


Pair = tuple[str, EntryPoint]


def _check(pairs: Sequence[Pair]) -> dict[Pair, str]:
    """The errors of strangers' plugins, "" for those that work; what was found before is not looked at again."""
    known = _read_findings()
    groups: dict[tuple[str, str], list[Pair]] = {}  # those of one module come with one import
    for kind, entry in pairs:
        if _print(kind, entry) not in known:
            groups.setdefault((_owner(entry), _module(entry)), []).append((kind, entry))
    fresh = {_print(*pair): found for pair, found in _look(list(groups.values()))}
    if fresh:
        now = {_print(k, e) for k, entries in _installed().items() for e in entries}
        keep = {key: found for key, found in (known | fresh).items() if key in now}
        with suppress(GenaeError, OSError):  # without a cache to write to, the next time looks again
            write_text(_findings_file(), json.dumps(keep, indent=1))
    return {(k, e): (known | fresh)[_print(k, e)]["error"] for k, e in pairs}


Found = dict[str, Any]  # error: one line or "", until: when it is to be looked for again, 0 for never


def _findings_file() -> Path:
    return cache_folder() / "plugins.json"


def _read_findings() -> dict[str, Found]:
    try:
        found = json.loads(_findings_file().read_text("utf-8"))
        return {k: f for k, f in found.items() if isinstance(f["error"], str) and (not f["until"] or time.time() < f["until"])}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none yet, or of another version: it is only a cache
        return {}


def _print(kind: str, entry: EntryPoint) -> str:
    """What changes when the finding might: interpreter, distribution, target, its file's time, and what else is installed."""
    what = (kind, entry.name, entry.value, _owner(entry), _version(entry), str(_changed(entry)))
    return "|".join((sys.executable, *what, _around(), str(CONTRACT), f"{_limit():g} s"))


@cache
def _around() -> str:
    """A digest of the distributions on the path: a plugin that lacked one is looked at again when that comes."""
    found = sorted(p.name for place in sys.path if (folder := Path(place or ".")).is_dir() for p in folder.glob("*.dist-info"))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


def _changed(entry: EntryPoint) -> float:
    """When the target's file last changed, 0 if there is none; found without importing any parent package."""
    base = _module(entry).replace(".", "/")
    files = [Path(place or ".") / tail for place in sys.path for tail in (f"{base}.py", f"{base}/__init__.py")]
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def _limit() -> float:
    """Seconds that an import may take."""
    try:
        return float(os.environ.get("GENAE_CHECK_SECONDS") or CHECK_SECONDS)
    except ValueError:
        return CHECK_SECONDS


def _look(groups: Sequence[Sequence[Pair]]) -> Iterator[tuple[Pair, Found]]:
    """Import the modules of groups of plugins, each in a process of its own, several at once."""
    for start in range(0, len(groups), AT_ONCE):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            yield from _look_at_once(groups[start : start + AT_ONCE], Path(folder))


def _look_at_once(groups: Sequence[Sequence[Pair]], folder: Path) -> Iterator[tuple[Pair, Found]]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        end = time.monotonic() + _limit()
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
    question = json.dumps([sys.path, [(kind, e.name, e.value, _owner(e)) for kind, e in group]])
    code = (
        "import json, os, sys; path, group = json.loads(sys.argv[1]); sys.path[:] = path; from genae.recipe import registry; "
        "registry.answer(group, sys.argv[2]); os._exit(0)"  # a thread that the plugin started is not waited for
    )
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, question, str(answer)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def answer(group: Sequence[Sequence[str]], path: str) -> None:
    """Write the errors of plugins, each given as [kind, name, value, distribution], as a JSON list."""
    errors = json.dumps([problem(*one) for one in group])
    Path(path).write_text(errors, "utf-8")


def _told(process: subprocess.Popen[bytes], answer: Path, group: Sequence[Pair], end: float) -> list[tuple[str, float]]:
    """The errors of a group, each with the time until which it is to be believed, 0 for ever."""
    owner = _owner(group[0][1])
    try:
        process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        error = f"import takes longer than {_limit():g} s; a command that needs it waits, others do not: uninstall {owner}, " \
                f"or set GENAE_CHECK_SECONDS to give it longer"  # fmt: skip
        return [(error, time.time() + SLOW_SECONDS)] * len(group)
    try:
        errors = json.loads(answer.read_text("utf-8"))
        return [(error, 0.0) for error in errors]
    except (OSError, ValueError):
        error = f"import ended the interpreter with status {process.returncode}; reinstall or uninstall {owner}"
        return [(error, 0.0)] * len(group)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    process.wait()


def problem(kind: str, name: str, value: str, owner: str) -> str:
    """The error of importing one entry point, or ""."""
    found = [e for e in _installed()[kind] if (e.name, e.value, _owner(e)) == (name, value, owner)]
    try:
        _load(found[0], kind)
    except GenaeError as error:
        return " ".join(str(error).split())
    return ""
