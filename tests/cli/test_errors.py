"""Errors of every kind are one line and status 2, and with --json one object on standard output: also those of usage."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from genae.files import cache_folder
from genae_cli.main import cli

WRONG = {
    "train": ["no-such-preset"],
    "sample": ["nowhere", "--out", "OUT"],
    "interpolate": ["RUN", "a", "b", "--out", "OUT"],
    "reconstruct": ["RUN", "a.png", "--out", "OUT"],
    "encode": ["RUN", "a.png", "--out", "OUT.npz"],
    "decode": ["RUN", "a.npz", "--out", "OUT"],
    "fit": ["RUN", "no-such-sampler"],
    "evaluate": ["nowhere"],
    "export": ["RUN", "--format", "nn", "--out", "OUT"],
    "plot": ["nowhere", "--kind", "curves", "--out", "OUT.png"],
    "continue": ["RUN", "a", "--out", "OUT"],
    "edit": ["RUN", "a", "--attribute", "b=+1", "--out", "OUT"],
    "attributes fit": ["nowhere"],
    "explore": ["nowhere"],
    "infill": ["RUN", "a", "--out", "OUT"],
    "data list": ["no-such-argument"],
    "data get": ["nowhere"],
    "data inspect": ["nowhere"],
    "data tokens": ["nowhere", "--preset", "mnist"],
    "models list": ["no-such-argument"],
    "models show": ["nowhere"],
    "models where": ["nowhere"],
    "models copy": ["nowhere", "--out", "OUT"],
    "models push": ["nowhere", "hf:a/b"],
    "models pack": ["nowhere", "--name", "a", "--out", "OUT"],
    "presets list": ["no-such-argument"],
    "presets show": ["nowhere"],
    "plugins list": ["no-such-argument"],
    "plugins show": ["nowhere"],
    "plugins check": ["nowhere"],
    "plugins new": ["a/b"],
}


def _verbs() -> list[str]:
    """Every command, those of groups with the group's name."""
    return [
        f"{name} {inner}" if inner else name
        for name, command in cli.commands.items()
        for inner in getattr(command, "commands", {"": None})
    ]


def _only_object(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    told = json.loads(result.stdout)
    assert list(told) == ["error"]
    assert "\n" not in told["error"]
    return str(told["error"])


def test_every_verb_is_here() -> None:
    assert sorted(WRONG) == sorted(_verbs())


@pytest.mark.parametrize("verb", WRONG)
def test_an_error_is_one_object(genae: Callable[..., Result], trained: Path, tmp_path: Path, verb: str) -> None:
    words = [w.replace("OUT", str(tmp_path / "out")).replace("RUN", str(trained)) for w in WRONG[verb]]
    assert _only_object(genae(*verb.split(), *words, "--json"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", WRONG)
def test_an_error_of_usage_is_one_object(genae: Callable[..., Result], trained: Path, verb: str) -> None:
    said = _only_object(genae(*verb.split(), "--json", "a", "b", "c", "d", "--device", "no-such-device"))
    assert said.startswith(("No such option", "Invalid value", "Got unexpected", "Missing"))
    assert said.endswith(f" {verb} --help")


@pytest.mark.parametrize(
    "words", [["train", "--epochz", 3], ["sample"], ["data", "nowhere"], ["--bad"], ["train", "--seed", "9" * 4400]]
)
def test_an_error_of_usage_is_one_line(genae: Callable[..., Result], words: list[object]) -> None:
    result = genae(*words)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("genae: ")
    assert line.endswith(" --help")
    assert len(line) < 2100
    assert result.stdout == ""


@pytest.mark.parametrize("words", [[], ["data"]])
def test_a_group_alone_shows_its_help(genae: Callable[..., Result], words: list[str]) -> None:
    result = genae(*words)
    assert result.exit_code == 2
    assert "Commands:" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "words", [["--no-such-option"], ["no-such-verb"], ["data"], ["data", "no-such-verb"], ["plugins", "-x"]]
)
def test_an_error_before_any_verb_is_one_object(genae: Callable[..., Result], words: list[str]) -> None:
    assert _only_object(genae(*words, "--json")).startswith("No such")


# -- what a recipe or --set may say -----------------------------------------------------------------------------------

DEEP, LONG = "[" * 10_000 + "]" * 10_000, "9" * 4000


@pytest.mark.parametrize(
    "setting, said",
    [
        (f"latent={DEEP}", "more than 20 lists and objects deep"),
        (f"network.hidden={DEEP}", "more than 20 lists and objects deep"),
        (f"latent={LONG}", "a whole number of 4000 digits"),
        (f"optimiser.lr={LONG}", "a whole number of 4000 digits"),
        (f"optimiser.lr={LONG}.5", "optimiser.lr"),
        ('latent={"a": 1, "a": 2}', "the key 'a' twice"),
    ],
)
def test_settings_that_are_deep_or_long(
    refused: Callable[..., str], bars: Path, tmp_path: Path, setting: str, said: str
) -> None:
    line = refused("train", "mnist-mlp", "--data", bars, "--set", setting, "--out", tmp_path / "run")
    assert said in line
    assert len(line) < 400
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "value, said",
    [(DEEP, "more than 20 lists and objects deep"), (LONG, "a whole number of 4000 digits"), ('"\\u0000"', "zero byte")],
)
def test_a_recipe_that_is_deep_or_long(
    refused: Callable[..., str], trained: Path, tmp_path: Path, value: str, said: str
) -> None:
    text = (trained / "recipe.json").read_text()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text(text.replace('"latent": 40', f'"latent": {value}'))
    for words in (["sample", tmp_path / "run", "--out", tmp_path / "out"], ["train", "--resume", tmp_path / "run"]):
        line = refused(*words)
        assert "recipe.json cannot be read as a recipe" in line
        assert said in line


@pytest.mark.parametrize("number", [10**12, 10**20])
@pytest.mark.parametrize(
    "words", [["sample", "-n"], ["sample", "--best-of"], ["evaluate", "--samples"], ["evaluate", "--limit"]]
)
def test_more_than_fits(refused: Callable[..., str], trained: Path, tmp_path: Path, words: list[str], number: int) -> None:
    out = ["--out", tmp_path / "out"] * (words[0] == "sample")
    assert f"{number} is not in the range x<=1000000" in refused(words[0], trained, *words[1:], number, *out)


@pytest.mark.parametrize("option", ["--seed", "--steps", "--epochs"])
def test_numbers_of_many_digits(genae: Callable[..., Result], bars: Path, tmp_path: Path, option: str) -> None:
    result = genae("train", "mnist-mlp", "--data", bars, option, "9" * 4400, "--out", tmp_path / "run", "--json")
    assert _only_object(result)
    assert not (tmp_path / "run").exists()


# -- what the system refuses ------------------------------------------------------------------------------------------

SMALL = ["--steps", 2, "--set", "network.hidden=[8]"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_an_out_that_is_no_utf8_is_refused_before_training(refused: Callable[..., str], bars: Path, tmp_path: Path) -> None:
    out = os.fsdecode(bytes(tmp_path) + b"/run-\xff")
    assert "its name is no UTF-8, which that of a run must be" in refused(
        "train", "mnist-mlp", "--data", bars, *SMALL, "--out", out
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_run_whose_name_is_no_utf8_is_not_called_damaged(refused: Callable[..., str], trained: Path, tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"run-\xff")
    run.symlink_to(trained)
    assert "its name is no UTF-8" in refused("sample", run, "--out", tmp_path / "out")


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the folder of a process")
def test_a_folder_that_is_gone(
    refused: Callable[..., str], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in (
        ["sample", trained, "--out", "out"],
        ["train", "mnist-mlp"],
        ["data", "inspect", "."],
        ["plugins", "new", "mine"],
    ):
        assert refused(*words) == "genae: the folder in which this was started is gone; go to another one"


@pytest.mark.skipif(os.name != "posix", reason="homes of a POSIX system")
def test_without_a_home_it_works(
    answer: Callable[..., dict[str, Any]], bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "GENAE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)  # nobody's: no home in the list of users either
    monkeypatch.chdir(tmp_path)
    assert cache_folder().is_absolute()
    answer("train", "mnist-mlp", "--data", bars, *SMALL, "--out", tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]  # and no folder called ~


@pytest.mark.parametrize("number, said", [(errno.EIO, "the disk reports an error of its own"), (errno.ENOLCK, "has no locks")])
def test_what_a_file_system_lacks(
    refused: Callable[..., str], bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fails(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    if number == errno.ENOLCK:
        fcntl = pytest.importorskip("fcntl")
        monkeypatch.setattr(fcntl, "flock", fails)
    else:
        monkeypatch.setattr(os, "fsync", fails)
    assert said in refused("train", "mnist-mlp", "--data", bars, *SMALL, "--out", tmp_path / "run")


def test_what_cannot_be_printed(
    genae: Callable[..., Result], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standard output on a full disk: what was asked for is done, and the line says so."""
    import click

    print_it = click.echo

    def full(message: object = None, *arguments: Any, err: bool = False, **options: Any) -> None:
        if not err:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        print_it(message, *arguments, err=err, **options)

    monkeypatch.setattr(click, "echo", full)
    result = genae("sample", trained, "-n", 1, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 2
    assert result.stderr == f"genae: it is done, but cannot be printed: {os.strerror(errno.ENOSPC)}\n"
    assert (tmp_path / "out" / "sample-1.png").exists()
