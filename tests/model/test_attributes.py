"""A domain's attributes as conditions: computed where there are examples, named where there are none, hidden now and then."""

from dataclasses import dataclass

import pytest
import torch

import genae
from genae.data.domain import Defaults, Domain
from genae.data.examples import Known
from genae.errors import GenaeError
from genae.model.conditions import Attribute
from genae.recipe import registry
from genae.recipe.recipe import compose


@dataclass(frozen=True)
class Levels(Domain):
    """Four levels in a file, stored as they are and seen at a tenth: float all the way."""

    suffixes = (".levels",)
    defaults = Defaults(attributes={"mean": lambda x: x.mean(1), "ends": lambda x: x[:, [0, -1]]})

    @property
    def event(self):
        return (4,)

    def read(self, file):
        return torch.tensor([float(word) for word in file.read().split()])

    def write(self, example, path):
        path.write_text(" ".join(f"{10 * n:.4f}" for n in example.tolist()))

    def prepare(self, stored, stage):
        return stored / 10


@pytest.fixture
def folder(tmp_path):
    """Files whose four levels are nearly one: the mean says nearly all."""
    place, generator = tmp_path / "levels", torch.Generator().manual_seed(0)
    for split, n in (("train", 200), ("test", 6)):
        (place / split).mkdir(parents=True)
        for i in range(n):
            level = 20 * torch.rand(1, generator=generator) - 10 + 0.1 * torch.randn(4, generator=generator)
            (place / split / f"{i}.levels").write_text(" ".join(f"{v:.4f}" for v in level.tolist()))
    return place


@pytest.fixture
def levels(folder):
    preset = {"domain": {"name": "levels"}, "network": {"name": "mlp", "hidden": [32]}, "latent": 2, "epochs": 60.0,
              "likelihood": {"name": "gaussian", "sigma": 0.1}, "data": str(folder), "batch": 20,
              "optimiser": {"name": "adam", "lr": 1e-2}}  # fmt: skip
    with registry.override("domain", "levels", Levels), registry.override("preset", "levels", preset):
        yield lambda out, *settings: genae.train("levels", out=out, device="cpu", settings=settings)


def test_numbers_and_a_one_that_says_they_are_known():
    condition = Attribute("mean", lambda x: x.mean(1), (4,))
    assert condition.size == 2
    assert condition(Known(), torch.tensor([[1.0, 2, 3, 6]])).tolist() == [[3, 1]]
    assert condition.named("0.5").tolist() == [[0.5, 1]]
    torch.manual_seed(0)
    vector = condition(Known(), torch.ones(20_000, 4), train=True)
    assert set(map(tuple, vector.tolist())) == {(1, 1), (0, 0)}
    assert vector[:, 1].mean().item() == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("text", ["", "loud", "1,2,3"])
def test_a_text_that_is_no_such_number(text):
    with pytest.raises(GenaeError, match=r"condition mean is a number, not"):
        Attribute("mean", lambda x: x.mean(1), (4,)).named(text)
    with pytest.raises(GenaeError, match=r"condition ends is 2 numbers, with commas between them, not"):
        Attribute("ends", lambda x: x[:, [0, -1]], (4,)).named(text)


def test_a_run_does_what_it_is_told(levels, folder, tmp_path):
    run = levels(tmp_path / "run", "condition=mean")
    for wanted in (-0.8, 0.0, 0.8):
        made = run.sample(50, seed=0, condition=str(wanted))
        assert made.mean().item() == pytest.approx(wanted, abs=0.15)
    item = next((folder / "test").iterdir())
    x = run.seen(item).events
    told = run.built.condition(Known(), x)
    assert torch.equal(run.encode(item), run.encode(x, told))  # of an example its own is known
    assert torch.equal(run.reconstruct(item)[1], run.decode(run.encode(x, told), told))
    morph = run.interpolate(-0.8 * torch.ones(4), 0.8 * torch.ones(4), steps=5)
    assert morph.mean(1).tolist() == pytest.approx([-0.8, -0.4, 0, 0.4, 0.8], abs=0.15)
    assert run.evaluate(samples=2)["elbo"] > levels(tmp_path / "plain").evaluate(samples=2)["elbo"] - 1


def test_an_unknown_attribute_names_the_known(levels):
    with pytest.raises(GenaeError, match=r"no condition 'meen'; known: ends, fields, label, mean, none; did you mean 'mean'\?"):
        compose("levels", ["condition=meen"])
    assert compose("levels", ["condition=ends"]).condition == {"name": "ends", "dropout": 0.1}


def test_items_of_float_storage_are_prepared(levels, folder, tmp_path):
    run = levels(tmp_path / "run")
    item = next((folder / "test").iterdir())
    numbers = torch.tensor([float(word) for word in item.read_text().split()])
    assert torch.equal(run.seen(item).events, numbers[None] / 10)
    assert torch.equal(run.seen(str(item)).events, numbers[None] / 10)
    assert torch.equal(run.seen(numbers).events, numbers[None])  # a tensor of floats is of events
    _, held = run.held_out()
    assert torch.equal(run.seen(held).events, held.x / 10)
