"""The site's reference names all there is, its gallery is of commands that are there; versions are the pinned ones."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import click
import pytest

import genae
from genae.recipe import registry
from genae_cli.main import cli

ROOT = Path(__file__).parents[1]
GALLERY = (ROOT / "docs" / "gallery.md").read_text("utf-8")


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("genae_docs_hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(group: click.Group, before: str) -> list[str]:
    every = []
    for name, command in group.commands.items():
        path = f"{before} {name}"
        every += commands(command, path) if isinstance(command, click.Group) else [path]
    return every


def headings(text: str, level: str) -> list[str]:
    return re.findall(rf"^{level} ([^{{\n]+?)(?: \{{.*)?$", text, re.M)


def test_the_reference_has_every_verb_with_its_options(hooks: ModuleType) -> None:
    text = "\n".join(hooks.verbs())
    assert headings(text, "##") == sorted(commands(cli, "genae"))
    train = text.partition("\n## genae train\n")[2].partition("\n## ")[0]
    assert "\ngenae train [OPTIONS] [PRESET]\n" in train
    assert "\ngenae train mnist --data glyphs --steps 300 --out runs/first\n" in train
    assert "| --resume | Go on where this run was stopped. |" in train


def test_the_reference_has_every_public_name(hooks: ModuleType) -> None:
    text = "\n".join(hooks.python())
    assert set(headings(text, "##")) == {*genae.__all__}
    assert "\n::: genae.use.run.Run\n" in text


@pytest.mark.slow
def test_the_reference_has_every_preset_and_part(hooks: ModuleType) -> None:
    pages = hooks.pages()
    presets = pages["reference/presets.md"]
    assert headings(presets, "##") == registry.own("preset")
    assert "| latent | 2 | mnist-2d |" in presets.partition("\n## mnist-2d\n")[2].partition("\n## ")[0]
    parts = pages["reference/parts.md"]
    for kind in hooks.PARTS:
        own = parts.partition(f"\n## {kind.capitalize()}\n")[2].partition("\n## ")[0]
        assert headings(own, "###") == registry.own(kind)
    assert "| beta | 1.0 | weight of the rate (number, at least 0) |" in parts


def test_pages_of_the_repository_link_to_pages(hooks: ModuleType) -> None:
    index = hooks.linked((ROOT / "README.md").read_text("utf-8"))
    for place in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", index):
        assert (ROOT / "docs" / place).is_file(), place


def test_the_gallery_is_of_pictures_and_commands_that_are_there() -> None:
    for place in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", GALLERY):
        assert (ROOT / "docs" / place).is_file(), place
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", GALLERY, re.S | re.M) for line in block.splitlines()]
    assert len(lines) > 8
    for line in lines:
        words = shlex.split(line, comments=True)
        assert " ".join(words[:2]) in commands(cli, "genae") or " ".join(words[:3]) in commands(cli, "genae"), line
        if words[1] == "train":
            assert words[2] in registry.names("preset")


def test_what_looks_at_a_commit_has_the_pinned_version() -> None:
    pinned = re.search(r"^ruff==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    hook = re.search(r"ruff-pre-commit\n\s+rev: v(\S+)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert pinned is not None
    assert hook is not None
    assert hook[1] == pinned[1]
