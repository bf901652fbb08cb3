"""A small real data set on disk and a run trained on it, shared by the command line's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from genae_cli.main import cli


@pytest.fixture
def genae() -> Callable[..., Result]:
    """`genae("sample", run, "-n", 4)` runs the command in this process."""

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(cli, [str(a) for a in arguments])

    return call


@pytest.fixture
def answer(genae: Callable[..., Result]) -> Callable[..., dict[str, Any]]:
    """The JSON object that a command prints with --json, and nothing else on standard output."""

    def call(*arguments: Any) -> dict[str, Any]:
        result = genae(*arguments, "--json")
        assert result.exit_code == 0, result.output
        parsed: dict[str, Any] = json.loads(result.stdout)
        return parsed

    return call


@pytest.fixture
def refused(genae: Callable[..., Result]) -> Callable[..., str]:
    """The one line that a command gives for a user's mistake."""

    def call(*arguments: Any) -> str:
        result = genae(*arguments)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        line = result.stderr.strip().splitlines()[-1]
        assert result.stdout == ""
        return line

    return call


def _trained(folder: Path, data: Path, *options: str) -> Path:
    result = CliRunner().invoke(
        cli, ["train", "mnist-mlp", "--data", str(data), "--steps", "60", "--out", str(folder), *options]
    )
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def trained(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of mnist-mlp, 60 steps on bars."""
    return _trained(tmp_path_factory.mktemp("runs") / "bars", bars)


@pytest.fixture(scope="session")
def plane(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with two latent dimensions, conditioned on the class."""
    return _trained(tmp_path_factory.mktemp("runs") / "plane", bars, "--set", "latent=2", "--set", "condition=label")


@pytest.fixture(scope="session")
def autoencoder(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain autoencoder that removes noise."""
    settings = ("posterior=point", "objective=autoencoder", "task=denoise")
    return _trained(tmp_path_factory.mktemp("runs") / "ae", bars, *(x for s in settings for x in ("--set", s)))
