"""A training that lasts: resumed equals never stopped, whatever happened in between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import genae
from genae.data.tensors import load_tensors
from genae.errors import GenaeError
from genae.learn.checkpoint import BEFORE, TRAINING, WEIGHTS
from genae.learn.metrics import METRICS, read_metrics
from genae.learn.trainer import order

SETTINGS = (
    "ema=0.99",
    "prior=flow",
    "prior.hidden=16",
    "network.hidden=[32]",
    "batch=32",
    "condition=label",
    "condition.dropout=0.2",
    "optimiser=muon",
    "objective=iwae",
    "objective.last=0.5",
    "objective.samples=2",
    "schedule=cosine",
    "schedule.warmup=10",
)


def same(a: Path, b: Path) -> bool:
    """Whether two runs hold the same weights, averages and moments, to the bit."""
    pairs = [(load_tensors(a / name)[0], load_tensors(b / name)[0]) for name in (TRAINING, WEIGHTS)]
    return all(x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x) for x, y in pairs)


def stopped(bars: Path, out: Path, at: int) -> Path:
    """A run of 30 steps, stopped after step `at` as Ctrl-C does."""
    training = genae.Training("mnist-mlp", data=str(bars), steps=30, out=out, settings=SETTINGS)

    def train() -> None:
        for progress in training:
            training.interrupted = progress.step >= at - 1

    with pytest.raises(KeyboardInterrupt):
        train()
    return out


@pytest.mark.parametrize("at", [1, 6, 7, 29])  # six batches an epoch: at its end, and just after
def test_resumed_is_the_same_as_never_stopped(bars: Path, tmp_path: Path, at: int) -> None:
    genae.train("mnist-mlp", data=str(bars), steps=30, out=tmp_path / "whole", settings=SETTINGS)
    run = stopped(bars, tmp_path / "part", at)
    assert int(load_tensors(run / TRAINING)[1]["step"]) < 30
    for _ in genae.Training(resume=run):
        pass
    assert same(tmp_path / "whole", run)
    steps = [r["step"] for r in read_metrics(run) if r["split"] == "train"]
    assert steps == sorted(set(steps))
    assert steps[-1] == 30


def test_validating_and_looking_change_nothing(bars: Path, tmp_path: Path) -> None:
    genae.train("mnist-mlp", data=str(bars), steps=12, out=tmp_path / "a", settings=SETTINGS)
    for _ in genae.Training("mnist-mlp", data=str(bars), steps=12, out=tmp_path / "b", settings=SETTINGS, save_seconds=0):
        torch.manual_seed(5)
        torch.randn(3)
    assert same(tmp_path / "a", tmp_path / "b")


def test_another_seed_gives_other_weights(bars: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        genae.train("mnist-mlp", data=str(bars), steps=3, out=tmp_path / str(seed), settings=SETTINGS, seed=seed)
    assert not same(tmp_path / "0", tmp_path / "1")


def test_a_run_killed_before_its_first_save_resumes(bars: Path, tmp_path: Path) -> None:
    genae.train("mnist-mlp", data=str(bars), steps=5, out=tmp_path / "whole", settings=SETTINGS)
    run = stopped(bars, tmp_path / "part", 2)
    recipe = json.loads((run / "recipe.json").read_text()) | {"steps": 5}
    (run / "recipe.json").write_text(json.dumps(recipe))
    for name in (TRAINING, BEFORE, WEIGHTS, METRICS):
        (run / name).unlink()
    (run / ".weights.safetensors.abc.tmp.safetensors").write_bytes(b"half")  # what a kill leaves of a save
    for _ in genae.Training(resume=run):
        pass
    assert same(tmp_path / "whole", run)
    assert not list(run.glob(".*tmp*"))


def test_a_finished_run_resumes_to_itself(bars: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    genae.train("mnist-mlp", data=str(bars), steps=4, out=run, settings=SETTINGS)
    before = {p.name: p.read_bytes() for p in run.glob("*.safetensors")}
    assert list(genae.Training(resume=run)) == []
    assert {p.name: p.read_bytes() for p in run.glob("*.safetensors")} == before


def test_every_example_is_seen_once_an_epoch(bars: Path) -> None:
    from genae.recipe.recipe import compose

    recipe = compose("mnist-mlp", ["batch=32"], data=str(bars))
    first, second = order(recipe, 96, 0), order(recipe, 96, 1)
    assert first.shape == (3, 32)
    assert sorted(first.flatten().tolist()) == list(range(96))
    assert not torch.equal(first, second)
    assert order(recipe, 20, 0).shape == (1, 20)  # fewer than a batch


def test_not_a_number_names_step_distortion_and_rate(bars: Path, tmp_path: Path) -> None:
    with pytest.raises(GenaeError, match=r"at step \d+ \(distortion .*, rate .* nats\)"):
        genae.train("mnist-mlp", data=str(bars), steps=400, out=tmp_path, settings=["optimiser.lr=1e30", "precision=32"])
    tensors, meta = load_tensors(tmp_path / TRAINING)
    assert all(t.isfinite().all() for t in tensors.values())
    assert int(meta["step"]) < 400
