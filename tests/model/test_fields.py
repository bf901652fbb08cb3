"""Fields, numbers known of an example beside it: from files, arrays and domains to a condition that may be told in part."""

import json
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import genae
from genae.data.domain import Domain, Reading
from genae.data.examples import Examples, File, Found, Known, Split, joined
from genae.data.found import read_file, read_found
from genae.data.inspecting import inspect
from genae.data.items import read_items
from genae.data.reading import read_split
from genae.errors import GenaeError
from genae.learn.build import learned
from genae.model.conditions import Label
from genae.model.fields import Fields
from genae.recipe import registry
from genae.recipe.parts import instantiate
from genae.recipe.recipe import compose
from genae.testing.sets import _one
from genae_cli.main import cli

NAN = float("nan")
TELLS = {
    "of": ["label", "pitch", "place"],
    "classes": ["a", "b"],
    "centre": [[60.0], [1.0, 2.0]],
    "spread": [[10.0], [1.0, 2.0]],
}


@dataclass(frozen=True)
class Lines(Domain):
    """Two levels a line, in files whose first line is an hour: as many examples as lines, each with the hour and its number."""

    step: float = 1.0

    suffixes = (".lines",)
    event = (2,)
    fields = {"hour": 1, "line": 1}  # noqa: RUF012

    def read(self, file):
        hour, *lines = file.read().decode().split("\n")
        x = torch.tensor([[float(word) for word in line.split()] for line in lines])
        return Found(x, {}, {"hour": torch.full((len(x),), float(hour)), "line": torch.arange(len(x))[:, None] * self.step})

    def write(self, example, path):
        path.write_text("nan\n" + " ".join(f"{n:.6f}" for n in example.tolist()))


@dataclass(frozen=True)
class Hours:
    """Levels that are a third of the hour, as files or as an array; the files of the afternoon are of another class."""

    arrays: bool = False
    name: str = "hours"
    domain: str = "lines"
    about: str = "levels by the hour"

    def split(self, name):
        random = np.random.default_rng(["train", "valid", "test"].index(name))
        hours = random.integers(0, 24, 400 if name == "train" else 20)
        levels = (hours[:, None] / 3 - 4 + 0.1 * random.normal(size=(len(hours), 2))).astype(np.float32)
        classes, late = ("morning", "afternoon"), hours >= 12
        if self.arrays:
            fields = {"hour": hours, "both": np.stack([hours, -hours], 1)}
            return Split(array=levels, labels=late.astype(np.int64), classes=classes, fields=fields)
        files = [
            File(f"{i}.lines", label=classes[int(at)], fields={"weight": (i, 1.0)}, content=f"{hour}\n{a} {b}".encode())
            for i, (hour, at, (a, b)) in enumerate(zip(hours, late, levels, strict=True))
        ]
        return Split(files=[replace(file, path=Path(file.path)) for file in files], classes=classes)


@pytest.fixture
def lines():
    preset = {"domain": {"name": "lines"}, "network": {"name": "mlp", "hidden": [32]}, "latent": 2, "epochs": 30.0,
              "likelihood": {"name": "gaussian", "sigma": 0.1}, "data": "hours", "batch": 20,
              "optimiser": {"name": "adam", "lr": 1e-2}}  # fmt: skip
    with registry.override("domain", "lines", Lines), registry.override("preset", "lines", preset), \
         registry.override("dataset", "hours", Hours()), registry.override("dataset", "arrays", Hours(True)):  # fmt: skip
        yield lambda out, *settings, data="hours": genae.train("lines", data=data, out=out, device="cpu", settings=settings)


# -- where they come from ---------------------------------------------------------------------------------------------


def test_a_files_own_and_what_the_domain_reads():
    file = File(Path("a.lines"), fields={"weight": (3, 4), "hour": 0}, content=b"7\n1 2\n3 4")
    found = read_found(file, Lines())
    assert {name: x.tolist() for name, x in found.fields.items()} == {
        "weight": [[3, 4], [3, 4]], "hour": [[7], [7]], "line": [[0], [1]],
    }  # fmt: skip
    assert read_file(file, Lines()).tolist() == [[1, 2], [3, 4]]


@dataclass(frozen=True)
class Wrong(Lines):
    def read(self, file):
        return Found(torch.zeros(2, 2), {}, {"hour": torch.zeros(3)})


def test_a_field_of_another_length_is_told():
    with pytest.raises(GenaeError, match=r"a\.lines: field hour has shape \(3,\), and there are 2 examples"):
        read_found(File(Path("a.lines"), content=b""), Wrong())


@pytest.mark.parametrize("cached", [False, True])
def test_examples_keep_them(lines, monkeypatch, cached):
    monkeypatch.setattr(Lines, "reading", Reading(cached=cached))
    for _ in range(2):  # the second time from the cache
        found = read_split(Hours(), "train", Lines())
        assert {name: tuple(x.shape) for name, x in found.fields.items()} == {
            "hour": (400, 1), "line": (400, 1), "weight": (400, 2),
        }  # fmt: skip
        assert torch.allclose(found.fields["hour"][:, 0] / 3 - 4, found.x.mean(1), atol=0.5)
        assert found.fields["weight"][:3].tolist() == [[0, 1], [1, 1], [2, 1]]
        taken = found.take(torch.tensor([7, 5]))
        assert taken.fields["weight"].tolist() == [[7, 1], [5, 1]]
        assert taken.known().labels.tolist() == found.labels[[7, 5]].tolist()
    whole = read_split(Hours(True), "train", Lines())
    assert whole.fields["both"].shape == (400, 2)
    assert whole.fields["hour"].dtype == torch.float32


def test_another_number_is_another_cache(lines, monkeypatch):
    monkeypatch.setattr(Lines, "reading", Reading(cached=True))

    @dataclass(frozen=True)
    class One(Hours):
        weight: float = 1.0

        def split(self, name):
            return Split(files=[File(Path("a.lines"), fields={"weight": self.weight}, content=b"7\n1 2")])

    for weight in (1.0, 2.0):
        assert read_split(One(weight=weight), "train", Lines()).fields["weight"].tolist() == [[weight]]


def test_what_only_some_have_is_unknown_of_the_others():
    parts = [(2, Known(torch.tensor([0, 1]), ("a", "b"), {"x": torch.ones(2, 2)})), (1, Known(fields={"y": torch.ones(1, 1)}))]
    whole = joined(parts)
    assert whole.labels is None
    assert whole.fields["x"].nan_to_num(nan=-1).tolist() == [[1, 1], [1, 1], [-1, -1]]
    assert whole.fields["y"].nan_to_num(nan=-1).tolist() == [[-1], [-1], [1]]
    assert joined([parts[0], parts[0]]).labels.tolist() == [0, 1, 0, 1]
    with pytest.raises(GenaeError, match="field x has 2 numbers in some examples and 1 in others"):
        joined([parts[0], (1, Known(fields={"x": torch.ones(1, 1)}))])


def test_inspecting_tells_their_range(lines):
    assert (
        inspect("arrays")["splits"]["test"]["fields"]["both"][0][1]
        == -inspect("arrays")["splits"]["test"]["fields"]["both"][1][0]
    )
    told = CliRunner().invoke(cli, ["data", "inspect", "arrays"]).stdout
    assert "hour 0 to 23, both 0 -23 to 23 0\n" in told


# -- the condition ----------------------------------------------------------------------------------------------------


def test_one_hot_then_numbers_around_their_mean_with_a_one():
    fields = Fields(**TELLS)
    assert fields.size == 2 + 2 + 3
    known = Known(
        torch.tensor([1, 0]), ("a", "b"), {"pitch": torch.tensor([[70.0], [NAN]]), "place": torch.tensor([[2.0, 6]] * 2)}
    )
    assert fields(known, torch.zeros(2, 1)).tolist() == [[0, 1, 1, 1, 1, 2, 1], [1, 0, 0, 0, 1, 2, 1]]
    assert fields(known).tolist() == fields(known, torch.zeros(2, 1)).tolist()
    assert fields(Known(), torch.zeros(3, 1)).tolist() == [[0.0] * 7] * 3
    half = Known(fields={"place": torch.tensor([[1.0, NAN]])})
    assert fields(half, torch.zeros(1, 1)).tolist() == [[0.0] * 7]  # a half is not known


def test_classes_go_by_their_names():
    swapped = Known(torch.tensor([0, 1, 2]), ("b", "a", "c"))
    assert Fields(**TELLS)(swapped).tolist() == [[0, 1, *[0] * 5], [1, 0, *[0] * 5], [0.0] * 7]
    assert Label(["a", "b", "c"])(swapped).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    with pytest.raises(GenaeError, match=r"no class 'c'; known: a, b"):
        Label(["a", "b"])(swapped)


def test_any_part_may_be_named():
    fields = Fields(**TELLS)
    assert fields.named("").tolist() == [[0.0] * 7]
    assert fields.named("b").tolist() == [[0, 1, *[0] * 5]]
    assert fields.named(" pitch = 40 , label=a").tolist() == [[1, 0, -2, 1, 0, 0, 0]]
    assert fields.named("place=3 0").tolist() == [[0, 0, 0, 0, 2, -1, 1]]
    alone = Fields(["pitch"], (), [[60.0]], [[10.0]])
    assert alone.named("70").tolist() == alone.named("pitch=70").tolist() == [[1, 1]]


@pytest.mark.parametrize(
    "text, told",
    [
        ("c", r"condition 'c' names no field: write NAME=c, NAME one of label, pitch, place"),
        ("label=c", r"no class 'c'; known: a, b"),
        ("pich=3", r"no field 'pich' of this run's condition; known: label, pitch, place; did you mean 'pitch'\?"),
        ("pitch=high", r"condition pitch is a number, not 'high'"),
        ("pitch=nan", r"condition pitch is a number, not 'nan'"),
        ("pitch=", r"condition pitch is a number, not ''"),
        ("place=1", r"condition place is 2 numbers, with spaces between them, not '1'"),
        ("pitch=1,pitch=2", r"condition 'pitch=1,pitch=2' names a field twice"),
    ],
)
def test_a_text_that_cannot_be(text, told):
    with pytest.raises(GenaeError, match=told):
        Fields(**TELLS).named(text)


def test_training_hides_all_or_any():
    torch.manual_seed(0)
    fields, n = Fields(**TELLS, dropout=0.2), 20_000
    known = Known(torch.ones(n, dtype=torch.int64), ("a", "b"), {"pitch": torch.full((n, 1), 70.0), "place": torch.ones(n, 2)})
    shown = fields(known, torch.zeros(n, 1), train=True)[:, [1, 3, 6]]
    assert shown.mean(0).tolist() == pytest.approx([0.64] * 3, abs=0.015)  # .8 · .8
    assert (shown.sum(1) == 0).float().mean().item() == pytest.approx(0.2 + 0.8 * 0.2**3, abs=0.015)
    assert (shown.sum(1) == 3).float().mean().item() == pytest.approx(0.8**4, abs=0.015)


def test_learned_from_the_training_examples():
    train = Examples(
        torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]), ("a", "b"),
        fields={"z": torch.tensor([[1.0], [3], [NAN], [5]]), "same": torch.full((4, 1), 7.0), "none": torch.full((4, 2), NAN)},
    )  # fmt: skip
    asked = {"name": "fields", "of": [], "classes": [], "centre": [], "spread": [], "dropout": 0.1}
    told = Fields.learned(asked, train, Lines())
    assert told["of"] == ["label", "none", "same", "z"]
    assert told["centre"] == [[0.0, 0.0], [7.0], [3.0]]
    assert told["spread"] == [[1.0, 1.0], [1.0], [pytest.approx((8 / 3) ** 0.5)]]
    assert Fields.learned(asked | {"of": ["z"]}, train, Lines())["classes"] == []
    assert Fields.learned(told, replace(train, fields={**train.fields, "z": torch.ones(4, 1)}), Lines()) == told  # resumed
    with pytest.raises(GenaeError, match=r"no field 'x' of the training examples; known: label, none, same, z"):
        Fields.learned(asked | {"of": ["x"]}, train, Lines())
    with pytest.raises(GenaeError, match="these have none"):
        Fields.learned(asked, Examples(torch.zeros(4, 2)), Lines())


@pytest.mark.parametrize("more", [{"centre": [[0.0]]}, {"centre": [[0.0]] * 2, "spread": [[1.0]] * 2}, {"dropout": 1.0}])
def test_options_that_cannot_be(more):
    with pytest.raises(GenaeError, match=r"condition\.(centre|dropout)"):
        instantiate("condition", {"name": "fields", "of": ["label", "pitch"], "classes": ["a"], **more})


# -- runs -------------------------------------------------------------------------------------------------------------


def test_a_run_does_what_it_is_told(lines, tmp_path):
    run = lines(tmp_path / "run", "condition=fields", 'condition.of=["label","hour"]', "epochs=120")
    assert run.recipe.condition["of"] == ["label", "hour"]
    for hour, name in ((3, "morning"), (9, "morning"), (21, "afternoon")):
        made = run.sample(100, seed=0, condition=f"hour={hour},label={name}")
        assert made.mean().item() == pytest.approx(hour / 3 - 4, abs=0.4)
    early, late = (run.sample(200, seed=0, condition=name).mean().item() for name in ("morning", "afternoon"))
    assert late - early > 0.5  # 4 in the data; the hour was mostly told too, so that the class alone is a rare thing to be told
    assert run.sample(400, seed=0).mean(1).std() > 1.2  # nothing told: any hour; √(24² − 1) / √12 / 3 = 2.3
    item = "hours:test:3"
    seen = run.seen(item)
    told = run.built.condition(seen.known, seen.events)
    assert seen.known.fields["hour"].tolist() == read_items([item], Lines())[0].fields["hour"].tolist()
    assert torch.equal(run.encode(item), run.encode(seen.events, told))  # what its data set knows of it is told
    assert torch.equal(run.reconstruct(item)[1], run.decode(run.encode(seen.events, told), told))
    assert not torch.equal(run.encode(item), run.encode(seen.events))
    again = genae.load(tmp_path / "run")
    assert torch.equal(again.sample(2, seed=0, condition="hour=3"), run.sample(2, seed=0, condition="hour=3"))
    assert run.evaluate(samples=2)["elbo"] > lines(tmp_path / "plain").evaluate(samples=2)["elbo"] - 1


def test_arrays_and_the_command(lines, tmp_path):
    lines(tmp_path / "run", "condition=fields", 'condition.of=["both"]', "epochs=1", data="arrays")
    call = lambda *words: CliRunner().invoke(cli, [str(word) for word in words])  # noqa: E731
    done = call("sample", tmp_path / "run", "-n", 1, "--condition", "both=3 -3", "--out", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["condition"] == "both=3 -3"
    done = call("sample", tmp_path / "run", "-n", 1, "--condition", "hour=3", "--out", tmp_path / "no")
    assert done.exit_code == 2
    assert done.stderr == "genae: no field 'hour' of this run's condition; known: both\n"
    assert not (tmp_path / "no").exists()


def test_a_field_that_the_data_lack(lines, tmp_path):
    with pytest.raises(GenaeError, match=r"no field 'hours' of the training examples; known: both, hour, label"):
        lines(tmp_path / "run", "condition=fields", 'condition.of=["hours"]', data="arrays")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "value, good", [(1, True), ((1, 2.5), True), (NAN, True), ("high", False), ([[1]], False), ((), False)]
)
def test_the_kit_looks_at_files_fields(value, good):
    split = Split(files=[File(Path("a.lines"), fields={"hour": value})])
    told = r"split train: field hour of a\.lines is .*, not a number or a few"
    with nullcontext() if good else pytest.raises(AssertionError, match=told):
        _one(split, "train")


def test_learning_leaves_other_conditions_alone(lines):
    made = compose("lines", [])
    assert learned(made, Examples(torch.zeros(1, 2))) == made
