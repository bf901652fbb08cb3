"""Random numbers belong to each example: what is made of it does not depend on what is made beside it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch

from genae.learn.build import build
from genae.model.vae import Shows
from genae.recipe import recipe
from genae.use import run as runs
from genae.use.run import Run

SHAKE = 0.5
MADE: dict[str, tuple[str, ...]] = {
    "images of latent 40": ("mean", "mnist-mlp"),
    "images of latent 2": ("mean", "mnist-mlp", "latent=2"),
    "images of latent 1 and a flow": ("mean", "mnist-mlp", "latent=1", "prior=flow"),
    "Bernoulli images that are sampled": ("sample", "mnist-mlp", "latent=3"),
    "noisy inputs": ("mean", "mnist-mlp", "latent=2", "task=denoise"),
    "classes": ("mean", "mnist-mlp", "latent=2", "condition=label", 'condition.classes=["a", "b", "c"]'),
    "melodies": ("sample", "melody-2bar-tiny", "latent=5"),
    "drums of NADE": ("sample", "drums-2bar-nade", "latent=5", "network.width=16", "network.encoder_width=16"),
    "sounds with noise": ("sample", "speech-mel", "latent=5", "stages=[]"),
}


@pytest.fixture(params=MADE, scope="module")
def run(request: pytest.FixtureRequest) -> Run:
    """Fresh weights, shaken: what they make is no good, but differs."""
    shows, preset, *settings = MADE[request.param]
    whole = recipe.compose(preset, (*settings, "precision=32"))
    torch.manual_seed(0)
    built = build(whole)
    built.vae.shows = cast(Shows, shows)
    with torch.no_grad():
        for p in built.vae.parameters():
            p.add_(SHAKE * torch.randn_like(p) / max(1, p.numel() // max(1, len(p) if p.ndim else 1)) ** 0.5)
    return Run(Path("nowhere"), whole, built, torch.device("cpu"), 0)


def test_fewer_samples_are_the_beginning_of_more(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    more = run.sample(19, seed=3, temperature=1.0)
    assert len(torch.unique(more, dim=0)) > 10
    for n in (1, 2, 5, 16):
        assert torch.equal(run.sample(n, seed=3, temperature=1.0), more[:n])
    assert not torch.equal(run.sample(2, seed=4, temperature=1.0), more[:2])
    monkeypatch.setattr(runs, "CHUNK", 16)
    assert torch.equal(run.sample(19, seed=3, temperature=1.0), more)


def test_an_example_comes_back_the_same_whatever_stands_beside_it(run: Run) -> None:
    x = run.sample(3, seed=1, temperature=1.0)
    told = "a" if run.built.condition.size else None
    inputs, whole = run.reconstruct(x, told, temperature=1.0, seed=5)
    for row in range(3):
        alone = run.reconstruct(x[row], told, temperature=1.0, seed=5)
        assert torch.equal(alone[0][0], inputs[row])
        assert torch.equal(alone[1][0], whole[row])
    turned = run.reconstruct(x.flip(0), told, temperature=1.0, seed=5)
    assert torch.equal(turned[1].flip(0), whole)


def test_an_interpolation_s_ends_are_its_points_reconstructions(run: Run) -> None:
    x = run.sample(2, seed=1, temperature=1.0)
    told = "b" if run.built.condition.size else None
    whole = run.reconstruct(x, told, temperature=1.0, seed=5)[1]
    between = run.interpolate(x[0], x[1], steps=4, condition=told, temperature=1.0, seed=5)
    assert torch.equal(between[0], whole[0])
    assert torch.equal(between[-1], whole[1])


def test_without_a_seed_they_follow_torch_s() -> None:
    _, preset, *settings = MADE["melodies"]
    run = Run(
        Path("nowhere"), recipe.compose(preset, settings), build(recipe.compose(preset, settings)), torch.device("cpu"), 0
    )
    z = torch.zeros(4, 5)
    torch.manual_seed(8)
    one, two = run.decode(z, temperature=1.0, seed=None), run.decode(z, temperature=1.0, seed=None)
    assert not torch.equal(one, two)
    assert len(torch.unique(one, dim=0)) == 4
    assert len(torch.unique(run.decode(z, temperature=1.0, seed=0), dim=0)) == 1
    torch.manual_seed(8)
    assert torch.equal(run.decode(z, temperature=1.0, seed=None), one)


def test_batches_are_multiples_of_sixteen_rows_and_the_last_is_filled_up() -> None:
    assert runs.batches(3) == [[0, 1, 2, *[2] * 13]]
    assert [len(batch) for batch in runs.batches(runs.CHUNK + 17)] == [256, 32]
    assert sorted({row for batch in runs.batches(300) for row in batch}) == list(range(300))
