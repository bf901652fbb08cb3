"""Entry points: what distributions offer, whose each is, and its import.

A distribution offers things by naming them in its metadata (https://packaging.python.org/specifications/entry-points):

    [project.entry-points."genae.domains"]
    sensor = "genae_sensor:Sensor"

Reading them imports nothing. What an import prints goes to standard error, and the working directory is put back; what else it
changes in a process (torch's default type, random state, warnings' filters) is not: the engine seeds what it draws, and the
remedy for the rest is not to use that plugin.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from functools import cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points

from genae.errors import GenaeError

OWN = "genae"  # the distribution whose plugins are held by its own tests and need no check when listed
CHECK_SECONDS = 20.0  # a plugin slower than this to import is reported, not waited for; $GENAE_CHECK_SECONDS changes it

KINDS: Mapping[str, str] = {  # kind, in the singular, to entry-point group
    "domain": "genae.domains",
    "preset": "genae.presets",
    "dataset": "genae.datasets",
    "claim": "genae.claims",
    "book": "genae.books",  # "txt": what a file of that suffix holds
    "network": "genae.networks",
    "likelihood": "genae.likelihoods",
    "posterior": "genae.posteriors",
    "prior": "genae.priors",
    "sampler": "genae.samplers",
    "objective": "genae.objectives",
    "task": "genae.tasks",
    "condition": "genae.conditions",
    "optimiser": "genae.optimisers",
    "schedule": "genae.schedules",
    "upgrade": "genae.upgrades",  # "network.rave": settings of an older format that name it, to what they mean now
}

_imported: dict[EntryPoint, object] = {}


@cache
def installed() -> dict[str, list[EntryPoint]]:
    """Entry points by kind; read once per process, in the order of their names."""
    everything = entry_points()
    # an editable install beside a wheel, or a folder twice on the path, lists the same entry twice: that is no clash
    return {
        kind: sorted({(e.name, e.value, owner(e)): e for e in everything.select(group=group)}.values(), key=lambda e: e.name)
        for kind, group in KINDS.items()
    }


def owner(entry: EntryPoint) -> str:
    return _said(entry.dist)[0] or "unknown"


def version(entry: EntryPoint) -> str:
    return _said(entry.dist)[1]


@cache  # whose name and version are parsed at every call; equal entries of two distributions are two
def _said(of: Distribution | None) -> tuple[str, str]:
    return (of.name or "", of.version or "") if of else ("", "")


def module(entry: EntryPoint) -> str:
    return entry.value.partition(":")[0].strip()


def limit() -> float:
    """Seconds that an import may take."""
    try:
        return float(os.environ.get("GENAE_CHECK_SECONDS") or CHECK_SECONDS)
    except ValueError:
        return CHECK_SECONDS


def imported(kind: str, entry: EntryPoint) -> object:
    """What an entry point names, imported once. GenaeError for whatever a third party's module raises."""
    if entry in _imported:
        return _imported[entry]
    whose = owner(entry)
    what = f"{kind} '{entry.name}' of {whose}"
    try:
        # what it prints must not get between a command's JSON
        with _notice(what, whose), folder_kept(), redirect_stdout(sys.stderr):
            _imported[entry] = entry.load()
    except BaseException as error:
        if type(error) is KeyboardInterrupt:
            raise
        raise GenaeError(f"{what} cannot be imported: {said(error)}; {_remedy(entry, error)}") from error
    return _imported[entry]


@contextmanager
def folder_kept() -> Iterator[None]:
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
def _notice(what: str, whose: str) -> Iterator[None]:
    """Tells on standard error what is waited for, if it takes long."""
    told = f"genae: still importing {what}; Ctrl-C stops, and uninstalling {whose} does without it"
    timer = threading.Timer(limit(), lambda: print(told, file=sys.stderr, flush=True))
    timer.daemon = True
    if whose != OWN:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _remedy(entry: EntryPoint, error: BaseException) -> str:
    """What to do about a plugin that cannot be imported."""
    whose = owner(entry)
    missing = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if missing == OWN:
        return f"it was built for another genae: install a matching version of {whose} or of genae"
    if isinstance(error, ModuleNotFoundError) and missing and missing != module(entry).partition(".")[0]:
        return f"{whose} needs a package that is not installed: pip install {_provider(entry, missing)}"
    return f"reinstall or uninstall {whose}"


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


@contextmanager
def blamed(kind: str, name: str, whose: str = "") -> Iterator[None]:
    """Whatever a plugin raises in the block becomes one GenaeError that names it; GenaeErrors and Ctrl-C go on up."""
    try:
        yield
    except GenaeError:
        raise
    except BaseException as error:
        if type(error) in (KeyboardInterrupt, GeneratorExit):
            raise
        whose = whose or _offered_by(kind, name)
        remedy = f"; reinstall or uninstall {whose}" if whose else ""
        raise GenaeError(f"{kind} '{name}'{f' of {whose}' if whose else ''} fails: {said(error)}{remedy}") from error


def _offered_by(kind: str, name: str) -> str:
    """The distribution of a plugin, genae before others; "" for what is not installed."""
    owners = [owner(e) for e in installed()[kind] if e.name == name]
    return OWN if OWN in owners else owners[0] if owners else ""


def said(error: BaseException) -> str:
    """`ValueError: what it says`, in one line, whatever the error does when it is asked."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
