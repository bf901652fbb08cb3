"""The kit, tested: plugins of every kind, which pass, each with one thing made wrong, which must not."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from genae.testing import Outcome, checks, run

MUTANTS, SHARE = Path(__file__).parent / "mutants", 0.95
CHANGES = runpy.run_path(str(MUTANTS / "changes.py"))
IMPORTS = "import random\nimport time\n\nimport numpy as np\n"
ENTRIES = {  # plugin to what its module offers, by entry-point group
    "stereo": {
        "domains": {"stereo": "Stereo"}, "datasets": {"stereo-waves": "Waves"}, "presets": {"stereo-small": "preset"},
        "claims": {"waves": "claim"},
    },
    "letters": {"domains": {"letters": "Letters"}, "datasets": {"words": "Words"}},
    "parts": {
        "likelihoods": {"heavy": "StudentT"}, "posteriors": {"double": "LaplacePosterior"},
        "priors": {"shifted": "Shifted", "blend": "Blend"}, "samplers": {"box": "Box", "counts": "Counts"},
        "objectives": {"critical": "Critical"}, "tasks": {"blur": "Blur"}, "conditions": {"kind": "Kind"},
        "networks": {"both": "both"}, "optimisers": {"plainly": "plainly"}, "schedules": {"falling": "falling"},
    },
}  # fmt: skip


class Mutation(NamedTuple):
    """One change of a plugin's source, looked for by the checks whose titles begin with `of`."""

    plugin: str
    of: str
    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.of}: {self.name}"


def _listed(table: dict[str, dict[str, dict[str, tuple[str, str]]]]) -> list[Mutation]:
    return [
        Mutation(plugin, of, name, *pair)
        for plugin, by_title in table.items() for of, pairs in by_title.items() for name, pair in pairs.items()
    ]  # fmt: skip


EVERY, GOOD = _listed(CHANGES["HARM"]), _listed(CHANGES["HARMLESS"])


def _project(folder: Path, plugin: str, text: str) -> Path:
    """A plugin's project with a module of its own."""
    folder.mkdir()
    module = f"{plugin}_{folder.name.replace('-', '_')}"
    (folder / f"{module}.py").write_text(IMPORTS + text, "utf-8")
    groups = [
        f'[project.entry-points."genae.{group}"]\n' + "".join(f'{name} = "{module}:{of}"\n' for name, of in named.items())
        for group, named in ENTRIES[plugin].items()
    ]
    (folder / "pyproject.toml").write_text(f'[project]\nname = "genae-{plugin}"\nversion = "1"\n' + "".join(groups), "utf-8")
    return folder


def _failures(folder: Path, plugin: str, text: str, of: str) -> Iterator[Outcome]:
    """Failed checks, as they come."""
    every = checks(_project(folder, plugin, text))
    wanted = [check for check in every if str(check).startswith(f"{of}:")]
    assert wanted
    return (outcome for outcome in run(wanted) if outcome.status == "failed")


def _mutated(mutation: Mutation) -> str:
    source = (MUTANTS / f"{mutation.plugin}.py").read_text("utf-8")
    assert source.count(mutation.old) == 1, mutation
    return source.replace(mutation.old, mutation.new)


@pytest.fixture(autouse=True)
def _own_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize("plugin", ENTRIES)
def test_the_plugins_are_good_as_they_are(plugin, tmp_path):
    source = (MUTANTS / f"{plugin}.py").read_text("utf-8")
    every = list(run(checks(_project(tmp_path / "whole", plugin, source))))
    assert [f"{o.title}: {o.reason}" for o in every if o.status == "failed"] == []
    assert [
        o.title for o in every if "not for square events" in o.reason
    ] == []  # or its mutations would be looked at by nobody


@pytest.mark.parametrize("mutation", GOOD, ids=str)
def test_what_does_no_harm_passes(mutation, tmp_path):
    assert list(_failures(tmp_path / "same", mutation.plugin, _mutated(mutation), mutation.of)) == []


@pytest.mark.slow
def test_what_is_made_wrong_is_caught(tmp_path):
    survivors = []
    for number, mutation in enumerate(EVERY):
        first = next(_failures(tmp_path / str(number), mutation.plugin, _mutated(mutation), mutation.of), None)
        if first is None:
            survivors.append(str(mutation))
    print(f"{len(EVERY) - len(survivors)} of {len(EVERY)} mutations are caught; not: {'; '.join(survivors) or 'none'}")
    assert len(EVERY) >= 100
    assert len(EVERY) - len(survivors) >= SHARE * len(EVERY), survivors
