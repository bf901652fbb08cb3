"""The contract of a plugin, run over it: as functions, as a pytest plugin, and by `genae plugins check`.

In a plugin's own tests, a test a check:

    import pytest
    from genae.testing import checks

    @pytest.mark.parametrize("check", checks("genae-sensor"), ids=str)
    def test_contract(check):
        check()

Or without a test file: `pytest -p genae.testing --contract genae-sensor`. What is checked is a distribution, the name of one
plugin, a project's folder or a module; examples are those of its data sets, of `data`, or else made by the domain itself.
"""

from __future__ import annotations

import sysconfig
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path
from typing import Any, Literal
from unittest import SkipTest

from genae.errors import GenaeError
from genae.recipe.entries import KINDS
from genae.testing.target import Target, find

__all__ = ["Check", "Outcome", "checks", "run"]


@dataclass(frozen=True)
class Check:
    """One line of the contract, of one subject: called, it raises AssertionError, SkipTest or what the plugin raised."""

    title: str
    target: Target
    call: Callable[[], None]

    def __call__(self) -> None:
        from genae.learn.device import seeded

        with self.target.active(), seeded(0):
            self.call()

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True)
class Outcome:
    """What came of a check; `reason` of a failed or skipped one, in one line."""

    title: str
    status: Literal["ok", "failed", "skipped"]
    reason: str
    seconds: float


def checks(target: str | Path, data: str | None = None) -> list[Check]:
    """All checks of a distribution, a plugin's name, a folder or a module. GenaeError if there is no such thing."""
    from genae.testing import densities, describing, domains, measuring, models, others, trips

    found = find(str(target))
    with found.active():
        subjects = found.subjects(data)
    made = [Check(f"{kind} {name}: importable", found, _raising(error)) for kind, name, error in found.broken]
    every = (*domains.CHECKS, *measuring.CHECKS, *trips.CHECKS, *describing.CHECKS, *models.CHECKS, *densities.CHECKS)
    for subject in subjects:
        for check in every:
            made.append(Check(f"{subject.title}: {_words(check)}", found, _bound(check, subject)))
    for kind, name in found.offers:
        for other in others.CHECKS.get(kind, ()):
            made.append(Check(f"{kind} {name}: {_words(other)}", found, _bound(other, found, kind, name)))
    return made


def run(every: Sequence[Check]) -> Iterator[Outcome]:
    """Each check's outcome, as it comes; nothing that a plugin raises goes further."""
    for check in every:
        began, reason = time.perf_counter(), ""
        status: Literal["ok", "failed", "skipped"] = "ok"
        try:
            check()
        except SkipTest as skip:
            status, reason = "skipped", str(skip)
        except (AssertionError, GenaeError) as error:
            status, reason = "failed", str(error) or _place(error)
        except Exception as error:
            status, reason = "failed", f"{type(error).__name__}: {error} ({_place(error)})"
        yield Outcome(check.title, status, " ".join(reason.split()), time.perf_counter() - began)


def _bound(check: Callable[..., None], *given: Any) -> Callable[[], None]:
    return lambda: check(*given)


def _raising(error: str) -> Callable[[], None]:
    def check() -> None:
        raise AssertionError(error)

    return check


def _words(check: Callable[..., None]) -> str:
    return check.__name__.replace("_", " ")


def _place(error: BaseException) -> str:
    """Where it was raised, `module.py:12`: the last line that is a plugin's, or else genae's, rather than a library's."""
    frames = traceback.extract_tb(error.__traceback__)
    near = [f for f in frames if not _of_a_library(Path(f.filename))]
    own = [f for f in near if not Path(f.filename).is_relative_to(Path(__file__).parents[1])]
    last = (own or near or list(frames))[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _of_a_library(path: Path) -> bool:
    """Of Python's own, or of an installed distribution that is neither genae nor a plugin of it."""
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        if path.is_relative_to(site):
            return path.relative_to(site).parts[0].removesuffix(".py") not in _plugins()
    return path.is_relative_to(sysconfig.get_path("stdlib"))


def _plugins() -> set[str]:
    """The packages and modules of distributions that offer parts, genae's among them."""
    offering = {entry.dist.name for group in KINDS.values() for entry in entry_points(group=group) if entry.dist}
    return {module for module, owners in packages_distributions().items() if offering & {*owners}}


# -- pytest's hooks ---------------------------------------------------------------------------------------------------


def pytest_addoption(parser: Any) -> None:
    """--contract."""
    group = parser.getgroup("genae")
    group.addoption("--contract", action="append", default=[], metavar="NAME|PATH", help="Run genae's contract over a plugin.")


@contextmanager
def _usage() -> Iterator[None]:
    import pytest

    try:
        yield
    except GenaeError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(session: Any, config: Any, items: list[Any]) -> None:
    """A test for each check of each --contract."""
    import pytest

    class Contract(pytest.Item):
        check: Check

        def runtest(self) -> None:
            self.check()

        def reportinfo(self) -> tuple[Path, int | None, str]:
            return Path(__file__), None, self.name

    for name in config.getoption("--contract"):
        with _usage():
            found = checks(name)
        for check in found:
            item = Contract.from_parent(session, name=f"contract[{check}]", nodeid=f"contract[{check}]")
            item.check = check
            items.append(item)
