"""A kill before or after every rename, sync, folder, mode and removal of a training leaves a run that goes on to the same bits.

`Killed` is raised at the n-th of these calls and at all that would follow, so that nothing is cleaned up, as after SIGKILL.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch

import genae
from genae.data.tensors import load_tensors
from genae.errors import Remark
from genae.learn.checkpoint import RECIPE, TRAINING, WEIGHTS
from genae.learn.saved import best

CALLS = ("replace", "rename", "fsync", "mkdir", "chmod", "unlink", "rmdir")
SETTINGS = ("network.hidden=[8]", "latent=2", "batch=64", "ema=0.9", 'stages=[{"sampler": {"name": "gaussian"}}]')
STEPS = 3


class Killed(BaseException):
    """From here on nothing reaches the disk."""


@contextmanager
def killed(at: int, after: bool) -> Iterator[list[str]]:
    """Within the block the calls are counted, and end at number `at`, done or not."""
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, _counted(name, getattr(os, name), seen, at, after))
        yield seen


def _counted(name, call, seen, at, after):
    def counted(*arguments, **options):
        seen.append(name)
        if len(seen) > at or (len(seen) == at and not after):
            raise Killed
        done = call(*arguments, **options)
        if len(seen) == at:
            raise Killed
        return done

    return counted


def _train(bars: Path, out: Path) -> None:
    """A training from the start, or going on, as a person would after a kill."""
    options = {"resume": out} if (out / RECIPE).exists() else {"out": out, "data": str(bars), "steps": STEPS}
    preset = None if "resume" in options else "mnist-mlp"
    settings = () if "resume" in options else SETTINGS
    for _ in genae.Training(preset, settings=settings, device="cpu", save_seconds=0, **options):
        pass


def _same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def _files(run: Path) -> dict[str, dict[str, torch.Tensor]]:
    return {name: load_tensors(run / name)[0] for name in (TRAINING, WEIGHTS, "samplers/gaussian.safetensors")}


def _agree(run: Path) -> None:
    """What is loaded is the state on disk, where there is one."""
    if (run / TRAINING).exists():
        state, facts = load_tensors(run / TRAINING)
        loaded = genae.load(run, "cpu")
        assert loaded.step == int(facts["step"])
        assert _same(dict(loaded.vae.state_dict()), best(state))


def _survives(bars: Path, run: Path, whole: Path, at: int, after: bool) -> None:
    with suppress(Killed), killed(at, after):
        _train(bars, run)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        _agree(run)
        _train(bars, run)
    wanted = _files(whole)
    assert all(_same(tensors, wanted[name]) for name, tensors in _files(run).items()), at
    assert (run / "README.md").exists()
    assert genae.load(run, "cpu").step == STEPS
    assert not [path for path in run.rglob(".*") if ".tmp" in path.name], at


@pytest.fixture(scope="module")
def whole(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A training that was never killed, and how many calls it makes."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with killed(1 << 30, after=False) as seen:
        _train(bars, out)
    return out, len(seen)


def test_calls_of_every_kind_are_seen(whole: tuple[Path, int]) -> None:
    assert whole[1] > 20 * (STEPS + 1)  # two files a saving, each made, synced, renamed and its folder synced


@pytest.mark.parametrize("part", range(12))
def test_a_kill_at_some_points(bars: Path, tmp_path: Path, whole: tuple[Path, int], part: int) -> None:
    """Twelve points spread over the training, the last renames among them."""
    out, calls = whole
    _survives(bars, tmp_path / "run", out, 1 + part * (calls - 1) // 11, after=bool(part % 2))


@pytest.mark.slow
def test_a_kill_at_every_point(bars: Path, tmp_path: Path, whole: tuple[Path, int]) -> None:
    out, calls = whole
    for at in range(1, calls + 1):
        for after in (False, True):
            _survives(bars, tmp_path / f"{at}-{after}", out, at, after)
    print(f"{2 * calls} points")
