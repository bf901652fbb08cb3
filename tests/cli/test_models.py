"""A run packed as a model, brought by a distribution, used by its name."""

import json
import shutil

import pytest
import torch

import genae
from genae.data.tensors import header
from genae.errors import GenaeError
from genae.learn import fitting
from genae.use import packing
from genae.use.model_card import Told
from genae.use.packing import pack

pytestmark = pytest.mark.usefixtures("dots", "no_models")
TOLD = Told("cc0-1.0", "points of nobody", "points around (3, -3)")
MORE = 0.01  # may 16 bits cost in a network of a hundred weights, where their errors do not cancel
LAST = 'stages=[{"sampler": {"name": "gaussian"}}]'


@pytest.fixture
def run(tmp_path):
    """Of two steps on points around (3, −3), in a folder of the user's own, with a fitted sampler."""
    generator = torch.Generator().manual_seed(0)
    for split, n in (("train", 64), ("test", 8)):
        (tmp_path / "points" / split).mkdir(parents=True)
        for i in range(n):
            a, b = torch.randn(2, generator=generator).tolist()
            (tmp_path / "points" / split / f"{i:02}.txt").write_text(f"{3 + a:.4f} {b - 3:.4f}")
    settings = (LAST, "precision=32")
    return genae.train("dots", data=tmp_path / "points", out=tmp_path / "run", steps=2, settings=settings, device="cpu")


@pytest.fixture
def model(run, install, monkeypatch):
    """The run as the installed model `dotted`."""
    monkeypatch.setattr(packing, "LEAST", MORE)
    site = install("genae-mine", {"genae.models": "own = genae_mine"}, {})
    made = pack(run, "dotted", site / "genae_mine", TOLD)
    monkeypatch.syspath_prepend(str(site))
    return made


def test_numbers_are_stored_in_16_bits(run, model):
    assert model.halved
    assert set(model.cost) == {"elbo", "sampler prior", "sampler gaussian"}
    assert max(model.cost.values()) < MORE
    ours, theirs = run.vae.state_dict(), genae.load("dotted", "cpu").vae.state_dict()
    assert all(torch.equal(ours[name].half().float(), theirs[name]) for name in ours)
    path = model.folder / "weights.safetensors"
    assert path.stat().st_size < (run.folder / path.name).stat().st_size - sum(2 * x.numel() for x in ours.values()) + 100


def test_what_a_network_draws_is_compared_from_the_same_noise(tmp_path, run, monkeypatch):
    monkeypatch.setattr(packing, "LEAST", MORE)
    run.fit({"name": "flow-matching", "width": 8, "blocks": 1, "steps": 2})
    made = pack(genae.load(run.folder, "cpu"), "points", tmp_path / "shelf", TOLD)
    assert 0 < made.cost["sampler flow-matching"] < MORE
    assert made.halved


def test_where_16_bits_cost_too_much_all_are_kept(run, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "LEAST", -1.0)
    made = pack(run, "points", tmp_path / "shelf", TOLD)
    assert not made.halved
    small = genae.load(made.folder, "cpu")
    assert torch.equal(small.sample(9, seed=1), run.sample(9, seed=1))
    assert (
        header(made.folder / "weights.safetensors").facts["content"]
        == header(run.folder / "weights.safetensors").facts["content"]
    )


def test_a_weight_too_large_for_16_bits_keeps_its_32(run, tmp_path):
    with torch.no_grad():
        name, weight = next(iter(run.vae.named_parameters()))
        weight.flatten()[0] = 1e5
    tensors = packing.halved(run.vae.state_dict())
    assert tensors[name].dtype == torch.float32
    assert {t.dtype for other, t in tensors.items() if other != name} == {torch.float16}


def test_what_was_left_behind(run, model, tmp_path):
    names = {path.relative_to(model.folder).as_posix() for path in model.folder.rglob("*") if path.is_file()}
    assert names == {"recipe.json", "data.json", "weights.safetensors", "README.md", "samplers/gaussian.safetensors"} | {
        "previews/samples.png"
    }
    assert all(str(tmp_path) not in (model.folder / name).read_text() for name in ("recipe.json", "data.json", "README.md"))


def test_the_card(model):
    card = (model.folder / "README.md").read_text("utf-8")
    assert card.startswith('---\nlicense: "cc0-1.0"\nlibrary_name: "genae"\ndatasets: []\ntags: ["genae", "vae", "dots"]\n')
    assert "genae train dots --steps 2 --set 'stages=" in card
    assert "Measured on 8 examples (test)" in card
    assert "points of nobody" in card


def test_whose_the_data_are_must_be_said(run, tmp_path):
    with pytest.raises(GenaeError, match="model 'points' needs a licence, and its data set says none"):
        pack(run, "points", tmp_path / "shelf", Told())
    with pytest.raises(GenaeError, match=r"a model's name is of small letters, digits and hyphens, not '\.\./up'"):
        pack(run, "../up", tmp_path / "shelf", TOLD)
    assert not list((tmp_path / "shelf").glob("*"))


# -- used by its name -------------------------------------------------------------------------------------------------


def test_verbs_take_its_name(answer, genae, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (found,) = answer("models", "list")["models"]
    assert (found["name"], found["domain"], found["licence"], found["summary"]) == ("dotted", "dots", "cc0-1.0", TOLD.summary)
    assert answer("models", "where", "dotted")["folder"] == str(model.folder)
    assert len(answer("sample", "dotted", "-n", 3, "--out", "made")["files"]) == 7
    assert "gaussian" in genae("sample", "dotted", "--help").stdout
    shown = genae("models", "show", "dotted").stdout
    assert shown.startswith("# dotted\n")
    assert shown.endswith(f"genae-mine 1.0: {model.folder}\n")


def test_what_would_write_into_it_is_refused(refused, genae, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in model.folder.rglob("*") if path.is_file()}
    for words in (["fit", "dotted", "gaussian"], ["train", "--resume", "dotted"], ["fit", model.folder, "gaussian"]):
        assert "model 'dotted' of genae-mine 1.0 is installed and stays as it is" in refused(*words)
    assert {path: path.read_bytes() for path in model.folder.rglob("*") if path.is_file()} == before
    assert "did you mean 'dotted'?" in refused("sample", "doted", "--out", "made")


def test_data_that_are_not_here_are_named(refused, model):
    assert "give them again as data=…, or --data NAME|PATH" in refused("evaluate", "dotted")


def test_a_copy_is_a_run_of_ones_own(answer, model, tmp_path):
    answer("models", "copy", "dotted", "--out", tmp_path / "mine")
    shutil.rmtree(model.folder)
    answer("fit", tmp_path / "mine", "gaussian", "--data", tmp_path / "points")
    assert fitting.names(tmp_path / "mine") == ["gaussian"]


def test_packing_on_the_command_line(answer, run, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "LEAST", MORE)
    told = answer("models", "pack", run.folder, "--name", "mine", "--licence", "mit", "--out", tmp_path / "shelf", "--limit", 4)
    assert told["halved"]
    assert told["numbers"]["examples"] == 4
    assert json.loads((tmp_path / "shelf" / "mine" / "recipe.json").read_text())["data"] == ""
