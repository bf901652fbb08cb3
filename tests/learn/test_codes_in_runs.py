"""Runs of codes, on a sphere or of mixed posteriors: trained, resumed to the bit, fitted, and refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import genae
from genae.data.tensors import load_tensors
from genae.errors import GenaeError, Remark
from genae.learn.checkpoint import TRAINING, WEIGHTS
from genae.learn.metrics import read_metrics

SMALL = [
    "network.widths=[4,8]", "network.blocks=[1,1]", "posterior.codes=8", "posterior.width=4", "batch=20",
    'stages=[{"sampler": {"name": "autoregressive", "width": 16, "layers": 1, "steps": 5}}]',
]  # fmt: skip
QUIETLY = {"device": "cpu", "progress": False}


@pytest.mark.slow
def test_a_grid_of_codes_resumes_to_the_bit(bars: Path, tmp_path: Path) -> None:
    """The codebook, its counts and the fitted sampler are those of a run that never stopped."""
    given = {"data": bars, "steps": 6, "settings": SMALL, "device": "cpu"}
    for _ in genae.Training("mnist-vq", out=tmp_path / "whole", **given):
        pass
    for progress in genae.Training("mnist-vq", out=tmp_path / "parts", **given):
        if progress.step == 3:
            break
    for _ in genae.Training(resume=tmp_path / "parts", device="cpu"):
        pass
    for name in (TRAINING, WEIGHTS, "samplers/autoregressive.safetensors"):
        one, other = load_tensors(tmp_path / "whole" / name)[0], load_tensors(tmp_path / "parts" / name)[0]
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name
    run = genae.load(tmp_path / "parts", "cpu")
    assert run.vae.space == genae.Space((7, 7), codes=8)
    assert run.sample(3, seed=1).shape == (3, 1, 28, 28)
    assert run.default_sampler == "autoregressive"
    numbers = run.evaluate(samples=2, limit=4)
    assert numbers["rate"] == pytest.approx(49 * 2.0794, rel=1e-3)  # 49 ln 8
    line = read_metrics(run.folder)[0]
    assert 1 <= line["perplexity"] <= 8
    assert line["unused"] == 0


def test_codes_that_are_hardly_used_are_told(bars: Path, tmp_path: Path) -> None:
    """A codebook of 64 for a batch of one bar, by which most are forgotten within the run."""
    settings = ["posterior=vq", "posterior.codes=64", "posterior.width=2", "posterior.decay=0.5", "posterior.revive=0",
                "prior=uniform", "latent=2", "network.hidden=[4]", "batch=4"]  # fmt: skip
    with pytest.warns(Remark, match=r"of 64 codes are hardly used: a posterior with fewer would do"):
        genae.train("mnist-mlp", data=bars, steps=40, out=tmp_path / "run", settings=settings, **QUIETLY)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["posterior=von-mises-fisher", "prior=sphere"],
        ["posterior=wrapped-normal", "prior=hyperbolic"],
        ["posterior=iaf", "prior=vamp", "prior.inputs=5"],
        ["prior=vamp", "prior.inputs=5"],
        ['stages=[{"sampler": {"name": "vamp", "inputs": 5}}]', "posterior=planar"],
    ],
    ids=" ".join,
)
def test_what_makes_sense_trains_and_samples(settings: list[str], bars: Path, tmp_path: Path) -> None:
    given = [*settings, "latent=4", "network.hidden=[8]", "batch=20"]
    run = genae.train("mnist-mlp", data=bars, steps=3, out=tmp_path / "run", settings=given, **QUIETLY)
    made = genae.load(run.folder, "cpu")
    assert torch.equal(run.sample(3, seed=1), made.sample(3, seed=1))
    assert run.evaluate(samples=2, limit=4)["nll"] > 0


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["posterior=vq"], "StandardNormal is for continuous z"),
        (["posterior=von-mises-fisher"], "StandardNormal is for z without bounds"),
        (["prior=sphere"], "UniformSphere is for z on a sphere"),
        (["prior=vamp", "prior.inputs=201"], "201 posteriors needs as many training examples.*194; set inputs to 194"),
        (["prior=vamp", "prior.inputs=0"], r"prior\.inputs must be 1 to 100000, not 0"),
        (["prior=mixture", "prior.components=0"], r"prior\.components must be 1 to 100000, not 0"),
        (["prior=vamp", "posterior=point"], "needs a model of one posterior that has a density"),
        (['stages=[{"sampler": {"name": "vamp"}}]', "posterior=point"], "needs a model of one posterior that has a density"),
        (["posterior=iaf", "objective.free_bits=1"], "free_bits_per=total"),
        (["posterior=vq", "prior=uniform", 'latent={"shape": [4], "codes": 7}'], "has 512 codes, and latent says 7"),
        (["network=grid"], r'latent is \{"shape": \[7, 7\]\} of a posterior of codes'),
    ],
)
def test_what_does_not_is_refused_before_the_first_step(settings: list[str], line: str, bars: Path, tmp_path: Path) -> None:
    with pytest.raises(GenaeError, match=line):
        for _ in genae.Training("mnist-mlp", data=bars, steps=2, out=tmp_path / "run", settings=settings, device="cpu"):
            pass
    assert not (tmp_path / "run").exists()
