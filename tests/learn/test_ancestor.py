"""A run that begins with another's weights: what it takes, what learns, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import genae
from genae.data.tensors import digest, load_tensors
from genae.errors import GenaeError, Remark
from genae.learn import fitting
from genae.learn.checkpoint import RECIPE, TRAINING, WEIGHTS
from genae.recipe.tuning import MINUTES
from genae_cli.main import cli

FLOW = {"name": "flow", "steps": 40, "hidden": 8, "lr": 1e-3}
SMALL = [
    "network.hidden=[16]",
    "latent=4",
    "optimiser.lr=0.005",
    "batch=32",
    "condition=fields",
    f"stages={json.dumps([{'sampler': FLOW}])}",
]


@pytest.fixture(scope="module")
def parent(bars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 100 steps on bars, which tell their class, with a flow fitted on their latents."""
    out = tmp_path_factory.mktemp("parent") / "run"
    genae.train("mnist-mlp", data=str(bars), steps=100, out=out, settings=SMALL, device="cpu", progress=False)
    return out


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of standing bars near the left side, in no class."""
    folder = tmp_path_factory.mktemp("mine")
    for i in range(20):
        pixels = np.zeros((28, 28), np.uint8)
        pixels[4:24, 4 + i % 4 : 7 + i % 4] = 250 - i
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return folder


def begun(parent: Path, mine: Path, out: Path, **more: object) -> genae.Run:
    with pytest.warns(Remark, match="do not tell label; the model learns them as unknown"):
        return genae.train(parent=parent, data=mine, out=out, device="cpu", progress=False, **more)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_tensors(run / WEIGHTS)[0]


def apart(run: genae.Run, mine: Path) -> float:
    """How far new z lie from the mean of a user's, in the mean."""
    spec = run.default_sampler
    with torch.no_grad():
        drawn = run.sampler(spec).sample(200, 1.0, torch.zeros(200, run.built.condition.size))
    own = run.encode(mine)
    return float((drawn - own.mean(0)).norm(dim=1).mean())


def test_all_learn_from_where_the_ancestor_ended(parent: Path, mine: Path, tmp_path: Path) -> None:
    run = begun(parent, mine, tmp_path / "run", steps=1, settings=["optimiser.lr=1e-12"])
    before, after = weights(parent), weights(run.folder)
    assert all(torch.allclose(before[name], after[name], atol=1e-10) for name in before)
    assert run.recipe.ancestor == {"run": str(parent), "weights": digest(before), "tune": "all"}
    assert (run.recipe.data, run.recipe.steps, run.recipe.preset) == (str(mine), 1, "mnist-mlp")
    assert run.recipe.stages[-1]["sampler"] == {**run.recipe.stages[-1]["sampler"], "name": "flow", "steps": 1, "lr": 1.5e-5}
    assert digest(before) in (run.folder / "README.md").read_text("utf-8")


def test_the_encoder_stays_where_the_decoder_is_tuned(parent: Path, mine: Path, tmp_path: Path) -> None:
    before, after = weights(parent), weights(begun(parent, mine, tmp_path / "run", steps=3, tune="decoder").folder)
    stay = {name for name in before if torch.equal(before[name], after[name])}
    assert stay == {name for name in before if name.startswith("encoder.")}


def test_a_personal_run_has_every_weight_and_draws_near_the_users(parent: Path, mine: Path, tmp_path: Path) -> None:
    quick = {"stages": [{"sampler": {"name": "personal", "steps": 200, "hidden": 16}}]}
    run = begun(parent, mine, tmp_path / "run", tune="personal", settings=quick)
    before, after = weights(parent), weights(run.folder)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert run.default_sampler == "personal"
    assert fitting.names(run.folder) == ["flow", "personal"]
    flow = [genae.load(folder, "cpu").sample(4, seed=1, sampler="flow") for folder in (parent, run.folder)]
    assert torch.equal(*flow)
    assert apart(run, mine) < 0.5 * apart(genae.load(parent, "cpu"), mine)


def test_a_sampler_goes_on_from_what_it_was(parent: Path, mine: Path, tmp_path: Path) -> None:
    """At a learning rate of nothing it is the ancestor's, but for the centre and spread of its z."""
    still = [{"sampler": {**FLOW, "steps": 1, "lr": 1e-12}}]
    run = begun(parent, mine, tmp_path / "run", tune="personal", settings={"stages": still})
    before, after = (load_tensors(fitting.path_of(folder, "flow"))[0] for folder in (parent, run.folder))
    moved = {name for name in before if not torch.allclose(before[name], after[name], atol=1e-10)}
    assert moved == {"centre", "spread"}


def test_one_that_was_stopped_ends_in_the_same_weights(parent: Path, mine: Path, tmp_path: Path) -> None:
    whole = begun(parent, mine, tmp_path / "whole", steps=6).folder
    with pytest.warns(Remark):
        training = genae.Training(parent=parent, data=mine, out=tmp_path / "part", steps=6, device="cpu")
    for progress in training:
        if progress.step == 2:
            break
    for _ in genae.Training(resume=tmp_path / "part", device="cpu"):
        pass
    for name in (WEIGHTS, TRAINING, "samplers/flow.safetensors"):
        a, b = (load_tensors(folder / name)[0] for folder in (whole, tmp_path / "part"))
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_an_ancestor_that_changed_before_anything_was_saved(parent: Path, mine: Path, tmp_path: Path) -> None:
    other = shutil.copytree(parent, tmp_path / "other")
    run = begun(other, mine, tmp_path / "run", steps=2).folder
    for name in (WEIGHTS, TRAINING, "training.previous.safetensors"):
        (run / name).unlink()
    training = genae.Training(resume=run, device="cpu")
    shutil.copytree(begun(parent, mine, tmp_path / "third", steps=2).folder, other, dirs_exist_ok=True)
    with pytest.raises(GenaeError, match="its weights are not those any more that"):
        next(iter(training))


@pytest.mark.parametrize(
    "asked, line",
    [
        ({"settings": ["latent=8"]}, r"latent: 4, then 8\); what may be set is domain.fit, domain.background, task"),
        ({"settings": ["domain.size=32"]}, r"its weights are for its own domain.*domain.size: 28, then 32"),
        ({"settings": ["prior=flow"]}, "its weights are for its own prior"),
        ({"settings": ["network.hidden=[8]"]}, r"another network than was asked for .*\(16, 786\).* wants \(8, 786\)"),
        ({"preset": "mnist"}, "takes that run's recipe, of preset 'mnist-mlp', and not 'mnist'"),
        ({"data": None}, "needs files to make it one's own with"),
        ({"tune": "personal", "steps": 3}, "--tune personal trains no weight, so no --epochs, --steps or --minutes"),
        ({"resume": "run"}, "--resume run goes on with a run, and --from .* begins a new one"),
        ({"parent": "nowhere"}, "nowhere is not a run"),
    ],
)
def test_what_does_not_fit_is_refused(parent: Path, mine: Path, tmp_path: Path, asked: dict[str, object], line: str) -> None:
    with pytest.raises(GenaeError, match=line):
        genae.Training(**({"parent": parent, "data": mine, "steps": 1, "out": tmp_path / "run"} | asked))
    assert not (tmp_path / "run").exists()


def test_a_condition_that_was_always_known_is_asked_for(bars: Path, mine: Path, tmp_path: Path) -> None:
    settings = ["condition=label", "network.hidden=[16]", "latent=4"]
    genae.train("mnist-mlp", data=str(bars), steps=1, out=tmp_path / "told", settings=settings, progress=False)
    with pytest.raises(GenaeError, match=r"label, which the model always knew, and these data tell .*: classes are 0, 1"):
        genae.Training(parent=tmp_path / "told", data=mine, steps=1, out=tmp_path / "run")


def test_minutes_unless_something_else_is_said(parent: Path, mine: Path, tmp_path: Path, monkeypatch) -> None:
    asked = list[float]()
    monkeypatch.setattr("genae.learn.session.steps_in", lambda minutes, *_: asked.append(minutes) or 5)
    with pytest.warns(Remark):
        assert genae.Training(parent=parent, data=mine, out=tmp_path / "a").recipe.steps == 5
    with pytest.warns(Remark):
        assert genae.Training(parent=parent, data=mine, out=tmp_path / "a", settings=["epochs=2"]).recipe.epochs == 2
    assert asked == [MINUTES]


def test_few_examples_are_not_learned_by_heart(parent: Path, mine: Path, tmp_path: Path, monkeypatch) -> None:
    """Eight passes over them, however many steps the minutes would have; asked for minutes are what is asked for."""
    monkeypatch.setattr("genae.learn.session.steps_in", lambda *_: 10**6)
    with pytest.warns(Remark) as said:
        training = genae.Training(parent=parent, data=mine, out=tmp_path / "a")
    assert training.steps == 8 * max(1, len(training.examples) // training.recipe.batch)
    assert any("2 minutes, or 8 passes over the data if these are shorter: " in str(line.message) for line in said)
    with pytest.warns(Remark):
        assert genae.Training(parent=parent, data=mine, out=tmp_path / "a", minutes=2).steps == 10**6


def test_the_command_says_what_is_kept(parent: Path, mine: Path, tmp_path: Path) -> None:
    words = ["train", "--from", str(parent), "--data", str(mine), "--steps", "1", "--out", str(tmp_path / "run"), "--json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    begins = json.loads(done.stdout)["begins"]
    assert begins[0].startswith(f"begins with {parent} (preset mnist-mlp, step 100): its domain, latent space")
    assert "optimiser.lr: 0.005, then 0.001" in begins[1]
    assert begins[2] == "sampler 'flow' goes on from what it was there, on these data"
    assert json.loads((tmp_path / "run" / RECIPE).read_text())["ancestor"]["tune"] == "all"
