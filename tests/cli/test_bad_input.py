"""A user's mistakes: one clear line, status 2, nothing lost and nothing half-written."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "mnits"], ["no preset 'mnits'", "known:", "did you mean 'mnist'"]),
        (["train"], ["needs a PRESET"]),
        (["train", "mnist", "--data", "mnits"], ["no data set or path 'mnits'", "did you mean 'mnist'"]),
        (["train", "mnist", "--set", "latnet=3"], ["no recipe key 'latnet'", "did you mean 'latent'"]),
        (["train", "mnist", "--set", "objective.bta=3"], ["objective.bta", "did you mean 'objective.beta'"]),
        (["train", "mnist", "--set", "objective=elbow"], ["no objective 'elbow'", "did you mean 'elbo'"]),
        (["train", "mnist", "--set", "latent=two"], ["latent must be a whole number, not 'two'"]),
        (["train", "mnist", "--set", "latent=0"], ["latent must be at least 1, not 0"]),
        (["train", "mnist", "--set", "objective.beta=-1"], ["objective.beta must be at least 0, not -1"]),
        (["train", "mnist", "--set", "latent"], ["key=value"]),
        (["train", "mnist", "--epochs", "0"], ["--epochs must be above 0"]),
        (["train", "mnist", "--epochs", "1", "--steps", "1"], ["both say how long"]),
        (["train", "image-64"], ["--data NAME|PATH"]),
        (["data", "inspect", "nowhere"], ["no data set or path 'nowhere'"]),
        (["data", "get", "nowhere"], ["no data set 'nowhere'", "mnist"]),
        (["data", "get", "glyphs"], ["glyphs", "no download"]),
        (["sample", "nowhere", "--out", "x"], ["nowhere is not a run"]),
    ],
)
def test_what_is_not_there(refused: Refused, tmp_path: Path, monkeypatch: Any, arguments: list[str], said: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused(*arguments)
    assert all(words in line for words in said), line
    assert list(tmp_path.iterdir()) == []


def test_a_named_set_that_is_not_here(refused: Refused, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("GENAE_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("GENAE_CACHE", str(tmp_path / "cache"))
    assert "genae data get mnist" in refused("train", "mnist-mlp", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sample", "-n", "0"], "-n must be at least 1, not 0"),
        (["sample", "--temperature", "-1"], "--temperature must not be negative"),
        (["interpolate", "BARS:test:0", "BARS:test:1", "--steps", "1"], "--steps must be at least 2"),
        (["interpolate", "BARS:test:0"], "two points or more"),
        (["interpolate", "BARS:test:0", "BARS:test:0"], "the same example"),
        (["interpolate", "BARS:test:0", "BARS:test:40"], "has 40 examples, 0 to 39"),
        (["interpolate", "BARS:test:0", "missing.png"], "no such file or item: 'missing.png'"),
        (["reconstruct", "missing.png"], "no such file or item"),
    ],
)
def test_generation(refused: Refused, trained: Path, bars: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    verb, *rest = [a.replace("BARS", str(bars)) for a in arguments]
    assert said in refused(verb, trained, *rest, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_evaluate_and_encode(refused: Refused, trained: Path, bars: Path, tmp_path: Path) -> None:
    assert "--samples must be at least 1" in refused("evaluate", trained, "--samples", 0)
    assert "--limit must be at least 1" in refused("evaluate", trained, "--limit", 0)
    assert ".npz" in refused("encode", trained, f"{bars}:test:0", "--out", tmp_path / "z.txt")
    assert "png" in refused("plot", trained, "--kind", "curves", "--out", tmp_path / "plot.xyz")


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac may have no CUDA but another accelerator")
def test_a_device_that_is_not_there(refused: Refused, trained: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    assert "possible: auto, cpu" in refused("sample", trained, "--device", "cuda", "--out", tmp_path / "x")


# -- output folders ---------------------------------------------------------------------------------------------------


def test_an_output_folder_that_holds_something(refused: Refused, trained: Path, bars: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    for verb in (["train", "mnist-mlp", "--data", bars, "--steps", 2], ["sample", trained]):
        assert "is not empty" in refused(*verb, "--out", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    assert "is a file" in refused("sample", trained, "--out", tmp_path / "mine.txt")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_an_output_folder_that_is_not_writable(refused: Refused, trained: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "permission denied" in refused("sample", trained, "--out", tmp_path / "out")
    tmp_path.chmod(0o700)


def test_a_part_of_the_path_that_is_a_file(refused: Refused, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write" in refused("sample", trained, "--out", tmp_path / "file" / "out")


def test_a_full_disk(refused: Refused, trained: Path, bars: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in refused("sample", trained, "--out", tmp_path / "out")
    assert "the disk is full" in refused("train", "mnist-mlp", "--data", bars, "--steps", 2, "--out", tmp_path / "run")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.rglob("*.tmp*"))


# -- runs that are damaged --------------------------------------------------------------------------------------------


@pytest.fixture
def broken(trained: Path, tmp_path: Path) -> Path:
    """A copy of a run, to be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "broken"))


def test_weights_cut_short(refused: Refused, broken: Path, tmp_path: Path) -> None:
    weights = broken / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "cut short or damaged" in refused("sample", broken, "--out", tmp_path / "out")


def test_weights_of_another_recipe(refused: Refused, broken: Path, plane: Path, tmp_path: Path) -> None:
    shutil.copy(plane / "weights.safetensors", broken)
    line = refused("sample", broken, "--out", tmp_path / "out")
    assert "does not fit its recipe" in line
    assert "shape" in line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r | {"latnet": 3}, "no recipe key 'latnet'"),
        (lambda r: {k: v for k, v in r.items() if k != "latent"}, "the recipe lacks latent"),
        (lambda r: r | {"prior": {"name": "norml"}}, "no prior 'norml'"),
        (lambda r: r | {"network": r["network"] | {"hiden": [3]}}, "network.hiden"),
        (lambda r: r | {"format": 99}, "format 99"),
    ],
)
def test_a_recipe_with_wrong_keys(refused: Refused, broken: Path, tmp_path: Path, change: Any, said: str) -> None:
    path = broken / "recipe.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert said in refused("sample", broken, "--out", tmp_path / "out")


def test_a_recipe_that_is_not_json(refused: Refused, broken: Path, tmp_path: Path) -> None:
    (broken / "recipe.json").write_text("{")
    assert "cannot be read as a recipe" in refused("sample", broken, "--out", tmp_path / "out")


def test_resume_with_another_recipe(refused: Refused, broken: Path) -> None:
    assert "latent: 40, then 8" in refused("train", "mnist-mlp", "--resume", broken, "--set", "latent=8")
    assert "preset: 'mnist-mlp', then 'mnist'" in refused("train", "mnist", "--resume", broken)
    assert "steps: 60, then 90" in refused("train", "--resume", broken, "--steps", 90)


def test_resume_of_nothing(refused: Refused, tmp_path: Path) -> None:
    assert "is not a run" in refused("train", "--resume", tmp_path)


# -- data that are damaged --------------------------------------------------------------------------------------------


def _images(folder: Path, good: int = 12) -> Path:
    random = np.random.RandomState(0)
    for i in range(good):
        path = folder / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.randint(0, 256, (28, 28), np.uint8)).save(path)
    return folder


def test_bad_pictures_among_good_ones(answer: Any, tmp_path: Path) -> None:
    folder = _images(tmp_path / "photos")
    (folder / "a" / "empty.png").write_bytes(b"")
    (folder / "a" / "cut.png").write_bytes((folder / "a" / "0.png").read_bytes()[:400])
    (folder / "notes.txt").write_text("not a picture")
    told = answer("data", "inspect", folder)
    assert sum(split["examples"] for split in told["splits"].values()) == 12
    assert len(told["skipped"]) == 3
    assert any("empty.png" in line for line in told["skipped"])
    assert any("cut.png" in line for line in told["skipped"])


def test_pictures_of_another_size_are_refused_when_asked(refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("L", (31, 28)).save(folder / "one.png")
    line = refused("train", "mnist-mlp", "--data", folder / "one.png", "--set", "domain.fit=refuse", "--out", tmp_path / "run")
    assert "no usable example" in line
    assert "31" in line


def test_an_empty_folder(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no usable example (it is empty)" in refused(
        "train", "mnist-mlp", "--data", tmp_path / "empty", "--out", tmp_path / "run"
    )
    assert not (tmp_path / "run").exists()


def test_fewer_examples_than_a_batch(answer: Any, tmp_path: Path) -> None:
    told = answer("train", "mnist-mlp", "--data", _images(tmp_path / "photos"), "--steps", 3, "--out", tmp_path / "run")
    assert 0 < told["examples"] < 12
    assert told["steps"] == 3


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train-images-idx3-ubyte", struct.pack(">4I", 0x802, 1, 28, 28) + bytes(784), "0x00000802"),
        ("train-images-idx3-ubyte", struct.pack(">4I", 0x803, 2, 28, 28) + bytes(784), "2"),
        (
            "train-images-idx3-ubyte.gz",
            gzip.compress(struct.pack(">4I", 0x803, 9, 28, 28) + os.urandom(9 * 784))[:-900],
            "cut short",
        ),
        ("train-labels-idx1-ubyte", struct.pack(">2I", 0x801, 3) + bytes(3), "3"),
    ],
)
def test_damaged_idx(refused: Refused, bars: Path, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    folder = Path(shutil.copytree(bars, tmp_path / "idx"))
    (folder / f"{name.removesuffix('.gz')}.gz").unlink()
    (folder / name).write_bytes(content)
    line = refused("train", "mnist-mlp", "--data", folder, "--steps", 2, "--out", tmp_path / "run")
    assert said in line
    assert str(folder) in line
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite(refused: Refused, genae: Any, bars: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    wild = ["--set", "optimiser.lr=1e30", "--set", "precision=32"]
    line = refused("train", "mnist-mlp", "--data", bars, "--steps", 400, "--out", run, *wild)
    assert "at step" in line
    assert "distortion" in line
    assert "rate" in line
    assert genae("sample", run, "-n", 1, "--out", tmp_path / "out").exit_code == 0  # the last good checkpoint


def test_two_trainings_into_one_folder(refused: Refused, bars: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "genae_cli",
        "train",
        "mnist-mlp",
        "--data",
        str(bars),
        "--steps",
        "100000",
        "--out",
        str(run),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as first:
        try:
            while not (run / "weights.safetensors").exists():
                assert first.poll() is None
            assert "another training is writing" in refused("train", "--resume", run)
            assert "is not empty" in refused("train", "mnist-mlp", "--data", bars, "--out", run)
        finally:
            first.kill()
