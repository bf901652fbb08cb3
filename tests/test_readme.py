"""README's snippets run as they stand."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from genae_cli.main import cli

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.S | re.M)


def test_python_snippets_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    assert len(snippets("python")) == 3
    for snippet in snippets("python"):
        exec(snippet, names)  # the README is ours
    assert names["morph"].shape == (9, 1, 28, 28)
    assert names["numbers"]["nll"] > 0


def test_every_setting_in_the_readme_composes() -> None:
    from genae.recipe.recipe import compose

    lines = [line for block in snippets("sh") for line in block.splitlines() if " --set " in line]
    assert len(lines) == 16
    for line in lines:
        words = shlex.split(line, comments=True)
        assert compose(words[2], [after for word, after in pairwise(words) if word == "--set"])


@pytest.mark.slow
def test_the_first_commands_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in snippets("sh")[2].splitlines() if line.startswith("genae ")]
    assert len(lines) == 3
    for line in lines:
        result = CliRunner().invoke(cli, line.split()[1:])
        assert result.exit_code == 0, result.output
