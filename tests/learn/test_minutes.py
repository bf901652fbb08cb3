"""So many minutes are so many steps, timed once: from there on the run is one of steps like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import genae
from genae.data.tensors import load_tensors
from genae.errors import GenaeError, Remark
from genae.learn import minutes
from genae.learn.checkpoint import CARD, PREVIEWS, RECIPE, WEIGHTS

SMALL = ("network.hidden=[16]", "latent=4", "batch=32")


@pytest.mark.parametrize("fit, steps", [(0.0, 570), (27.0, 300)])  # 95 % of a minute, at a tenth of a second each
def test_steps_are_what_the_sampler_leaves(monkeypatch, fit, steps):
    monkeypatch.setattr(minutes, "step_seconds", lambda *_: 0.1)
    monkeypatch.setattr(minutes, "fit_seconds", lambda *_: fit)
    assert minutes.steps_in(1, None, {"name": "gaussian"}, None, None, torch.device("cpu")) == steps


def test_a_sampler_that_leaves_too_little_is_refused(monkeypatch):
    monkeypatch.setattr(minutes, "fit_seconds", lambda *_: 57.0)
    with pytest.raises(GenaeError, match=r"takes 0\.9 minutes; give more than 2\.0, or leave out the sampler"):
        minutes.steps_in(1, None, {"name": "gaussian"}, None, None, torch.device("cpu"))


def test_a_run_of_minutes_is_one_of_so_many_steps(bars: Path, tmp_path: Path) -> None:
    with pytest.warns(Remark, match=r"0\.005 minutes: \d+ steps"):
        timed = genae.Training("mnist-mlp", data=str(bars), minutes=0.005, out=tmp_path / "a", settings=SMALL)
    assert timed.steps >= 1
    assert timed.recipe.epochs == 0
    for _ in timed:
        pass
    assert json.loads((tmp_path / "a" / RECIPE).read_text())["steps"] == timed.steps
    genae.train("mnist-mlp", data=str(bars), steps=timed.steps, out=tmp_path / "b", settings=SMALL)
    a, b = (load_tensors(tmp_path / name / WEIGHTS)[0] for name in "ab")
    assert all(torch.equal(a[name], b[name]) for name in b)


def test_minutes_beside_another_length_or_a_run_to_resume(bars: Path, tmp_path: Path) -> None:
    with pytest.raises(GenaeError, match="--steps 3 and --minutes 1 both say how long"):
        genae.Training("mnist-mlp", data=str(bars), minutes=1, steps=3, out=tmp_path / "a")
    with pytest.raises(GenaeError, match="--minutes must be above 0, not 0"):
        genae.Training("mnist-mlp", data=str(bars), minutes=0, out=tmp_path / "a")
    with pytest.raises(GenaeError, match="leave out --minutes 1"):
        genae.Training(resume=tmp_path / "a", minutes=1)


def test_a_run_that_is_stopped_has_a_card_and_previews(bars: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    training = genae.Training("mnist-mlp", data=str(bars), steps=9, out=out, settings=SMALL)

    def train() -> None:
        for progress in training:
            training.interrupted = progress.step >= 4

    with pytest.raises(KeyboardInterrupt):
        train()
    assert "| steps | 5 of 9: it is not finished" in (out / CARD).read_text()
    assert {path.name for path in (out / PREVIEWS).iterdir()} == {"samples.png", "reconstructions.png"}
    for _ in genae.Training(resume=out):
        pass
    assert "| steps | 9 |" in (out / CARD).read_text()
