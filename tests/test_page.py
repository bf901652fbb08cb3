"""docs/writing-a-plugin.md is true: its plugins run and pass the kit, its tables name what there is, it leaves out no kind."""

import inspect
import json
import re
import typing
from pathlib import Path

import pytest
import torch

import genae
from genae.latent import inference, posteriors
from genae.latent.samplers import Fitted, Noise, Prior, Sampler
from genae.model import conditions, likelihoods, networks, objectives, tasks
from genae.recipe import contract, options
from genae.recipe.entries import KINDS
from genae.testing import checks, run

PAGE = (Path(__file__).parents[1] / "docs" / "writing-a-plugin.md").read_text("utf-8")
PARTS = ("prior", "posterior", "likelihood", "objective", "sampler", "condition", "task", "network")
PRESETS = {"genae_mixture": "mnist-mixture", "genae_factor": "mnist-factor", "genae_matching": "matched"}


def section(title):
    """What stands under a heading of the page, up to the next one of its level."""
    level, text = re.search(rf"^(##+) {title}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M).groups()
    return re.split(rf"^{level} ", text, flags=re.M)[0]


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)


IMPORTS = blocks(section("The parts"))[0]
EXAMPLES = {kind: blocks(section(kind.capitalize()))[0] for kind in PARTS}
WHOLE = dict(zip(PRESETS, blocks(section("Three whole plugins")), strict=True))
QUICK = ("int = 2000)", "int = 60)")  # optimiser steps of the sampler where it is fitted after a few steps of training
NAMES = {kind: re.search(rf'^genae\.register\("{kind}", "(\w+)"', block, re.M)[1] for kind, block in EXAMPLES.items()}
each_part = pytest.mark.parametrize("kind", PARTS)
each_whole = pytest.mark.parametrize("name", WHOLE)


def _file(folder, name, source):
    path = folder / f"{name}.py"
    path.write_text(source, "utf-8")
    return path


def _whole(folder, name):
    """The file of a whole plugin, that of the sampler with few optimiser steps."""
    assert WHOLE["genae_matching"].count(QUICK[0]) == 1
    return _file(folder, name, WHOLE[name].replace(*QUICK))


def _preset(kind):
    """A small model of glyphs with the example's part in it."""
    part = {"name": NAMES[kind]}
    own = {"stages": [{"sampler": part}]} if kind == "sampler" else {kind: part}
    return {"parent": "mnist-mlp", "data": "glyphs", "network": {"name": "mlp", "hidden": [16]}, "latent": 4, **own}


def _used(preset, out, **asked):
    """Trains a few steps, and samples, encodes and decodes with what is on the disk."""
    genae.train(preset, steps=3, out=out, device="cpu", progress=False)
    made = genae.load(out, "cpu")
    new = made.sample(3, seed=0, **asked)
    assert new.shape == (3, 1, 28, 28)
    assert torch.equal(new, made.sample(3, seed=0, **asked))
    z = made.encode(["glyphs:test:0", "glyphs:test:1"])
    assert made.decode(z, **asked).shape == (2, 1, 28, 28)
    return made


# -- the plugins ------------------------------------------------------------------------------------------------------


@each_part
def test_an_example_passes_the_kit(kind, tmp_path, forgotten):
    outcomes = list(run(checks(_file(tmp_path, f"page_{kind}", IMPORTS + "\n\n" + EXAMPLES[kind]))))
    assert [f"{o.title}: {o.reason}" for o in outcomes if o.status == "failed"] == []
    skipped = {o.title.partition(": ")[2] for o in outcomes if o.status == "skipped"}
    assert skipped <= {"density"}  # the sampler's, which has none
    assert {o.title.partition(":")[0] for o in outcomes} == {f"{kind} {NAMES[kind]}"}


@each_part
def test_an_example_is_trained_and_used(kind, tmp_path, forgotten):
    genae.plugin(_file(tmp_path, f"page_{kind}", IMPORTS + "\n\n" + EXAMPLES[kind]))
    genae.register("preset", "of-the-page", _preset(kind))
    made = _used("of-the-page", tmp_path / "run", **{"condition": "0.2"} if kind == "condition" else {})
    assert made.recipe.plugins[f"{kind} {NAMES[kind]}"] == f"page_{kind}.py"


@pytest.mark.slow
@each_whole
def test_a_whole_plugin_passes_the_kit(name, tmp_path, forgotten):
    outcomes = list(run(checks(_file(tmp_path, name, WHOLE[name]))))
    assert [f"{o.title}: {o.reason}" for o in outcomes if o.status == "failed"] == []
    assert f"preset {PRESETS[name]}: save and load" in [o.title for o in outcomes if o.status == "ok"]


@each_whole
def test_a_whole_plugin_hangs_on_a_condition(name, tmp_path, forgotten):
    genae.plugin(_whole(tmp_path, name))
    parent = {"parent": PRESETS[name], "condition": {"name": "label"}}
    genae.register("preset", "of-the-page", parent)
    _used("of-the-page", tmp_path / "run", condition="3")


def test_the_mixture_is_a_density(tmp_path, forgotten):
    genae.plugin(_file(tmp_path, "genae_mixture", WHOLE["genae_mixture"]))
    prior = _part("prior", "heeding", genae.Space((1,)), condition=2)
    z, c = torch.linspace(-20, 20, 4001)[:, None], torch.tensor([[0.0, 1.0]])
    with torch.no_grad():
        prior.weight.normal_()
        told = prior(c).log_prob(z).exp()
        assert torch.trapezoid(told, z[:, 0]).item() == pytest.approx(1, abs=1e-4)
        assert not torch.allclose(told, prior(c.flip(1)).log_prob(z).exp())
        drawn = prior.sample(50_000, 1.0, c)
        assert drawn.mean().item() == pytest.approx(torch.trapezoid(told * z[:, 0], z[:, 0]).item(), abs=0.03)


def test_the_critic_sees_numbers_that_hang_together(tmp_path, forgotten):
    """z whose two numbers are equal: nobody has made them independent, so the critic tells them from shuffled ones."""
    genae.plugin(_file(tmp_path, "genae_factor", WHOLE["genae_factor"]))
    genae.train("mnist-factor", steps=4, out=tmp_path / "run", device="cpu", progress=False)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    seen = [line for line in lines if line["split"] == "train"]
    assert {"loss", "loss_critic", "correlation", "rate"} <= {*seen[0]}
    assert seen[0]["loss_critic"] == pytest.approx(torch.tensor(2.0).log().item(), abs=0.05)  # it begins with no opinion


@pytest.mark.slow
def test_matching_carries_noise_to_what_it_was_fitted_on(tmp_path, forgotten):
    genae.plugin(_file(tmp_path, "genae_matching", WHOLE["genae_matching"]))
    torch.manual_seed(0)
    sampler, z = (
        _part("sampler", "matching", genae.Space((2,)), steps=400),
        0.5 * torch.randn(2000, 2) + torch.tensor([3.0, -2.0]),
    )
    *_, last = sampler.fit(z, None)
    assert last.done == last.total == 400
    with torch.no_grad():
        drawn = sampler.sample(4000)
        assert drawn.mean(0).tolist() == pytest.approx([3.0, -2.0], abs=0.15)
        assert drawn.std(0).tolist() == pytest.approx([0.5, 0.5], abs=0.1)
        assert sampler.sample(2, temperature=0.0).unique(dim=0).shape == (1, 2)


def _part(kind, name, space, condition=0, **of):
    from genae.recipe.parts import instantiate

    return instantiate(kind, {"name": name, **of}, space=space, condition=condition)


def test_how_long_they_are():
    assert all(sum(map(bool, map(str.strip, block.splitlines()))) <= 15 for block in EXAMPLES.values())
    assert all(len(block.splitlines()) <= 40 for block in WHOLE.values())
    assert all(len(line) <= 128 for block in [*EXAMPLES.values(), *WHOLE.values()] for line in block.splitlines())


# -- the tables -------------------------------------------------------------------------------------------------------

CLASSES = {  # of each part's section: what its rows are of
    "prior": (Prior, Noise, Sampler),
    "posterior": (posteriors.Family, posteriors.Posterior, posteriors.Spread),
    "likelihood": (likelihoods.Likelihood, likelihoods.Unnormalised, inference.Distribution, objectives.Trained),
    "objective": (objectives.Objective,),
    "sampler": (Fitted, Noise, Prior, Sampler),
    "condition": (conditions.Condition,),
    "task": (tasks.Reconstruct,),
}
THERE = {"require", "context"}  # helpers of samplers, described with priors
FORWARD = {"posterior": "forward(h)", "likelihood": "forward(h)"}  # of one argument, which no base class names


def _rows(kind):
    """The first cells of a section's tables, such as `sample(n, condition)`, and the text of the row."""
    return re.findall(r"^\| `(\w+(?:\([\w, ]*\))?)` (\|.*)$", section(kind.capitalize()), re.M)


def _arguments(of, name):
    """Those of a method, None for an attribute."""
    found = inspect.getattr_static(of, name)
    found = found.__func__ if isinstance(found, staticmethod) else found
    if not inspect.isfunction(found):
        return None
    return [p for p in inspect.signature(found).parameters if p != "self"]


@pytest.mark.parametrize("kind", CLASSES)
def test_a_row_is_of_what_there_is(kind):
    rows = [cell for cell, _ in _rows(kind)]
    assert rows
    for cell in rows:
        name, called, arguments = re.fullmatch(r"(\w+)(\(([\w, ]*)\))?", cell).groups()
        homes = [of for of in CLASSES[kind] if name in dir(of) or name in typing.get_type_hints(of)]
        if cell == FORWARD.get(kind):
            continue
        assert homes, f"{kind}: {cell}"
        if called:
            wanted = [a for a in arguments.split(", ") if a]
            assert wanted in [_arguments(of, name) for of in homes], f"{kind}: {cell}"


@pytest.mark.parametrize("kind", CLASSES)
def test_what_there_is_has_a_row(kind):
    named = {cell.partition("(")[0] for cell, _ in _rows(kind)}
    for of in CLASSES[kind]:
        own = {name for name in vars(of) if not name.startswith("_")} & {
            name for name in dir(of) if name not in dir(torch.nn.Module)
        }
        assert own - THERE <= named, f"{kind}: {of.__name__}"


@pytest.mark.parametrize("kind", CLASSES)
def test_required_is_what_has_no_default(kind):
    """What is abstract, of a protocol, raises NotImplementedError or says that there is none; all else has a default."""
    optional = {"surrogate", "spread", "unnormalised", "push", "forward"}  # of protocols and bases that a part need not have
    for cell, row in _rows(kind):
        name = cell.partition("(")[0]
        for of in CLASSES[kind]:
            if name not in vars(of) or name in optional | THERE or of is Noise:  # whose `sample` is made of `push`
                continue
            body = vars(of)[name]
            must = getattr(of, "_is_protocol", False) or getattr(body, "__isabstractmethod__", False)
            source = inspect.getsource(body) if inspect.isfunction(body) else ""
            must = must or "NotImplementedError" in source or "has no method" in source or kind == "task"
            assert ("required" in row) == must, f"{kind}: {cell}"


def test_a_network_is_called_by_what_the_page_says():
    rows = [cell for cell, _ in _rows("network")]
    assert rows[:6] == [*[*inspect.signature(networks.mlp).parameters][:5], "form"] == list(options.GIVEN["network"])
    assert networks.Networks._fields == ("encoder", "decoder", "space")


def test_what_an_objective_asks_of_a_model_is_there():
    asked = set(re.findall(r"`vae\.(\w+)", section("Objective")))
    assert {"infer", "encode", "decode", "prior", "space", "event", "kind"} == asked
    assert asked <= {*dir(genae.Model)} | {*typing.get_type_hints(genae.Model)} | {"space", "event"}
    sample = set(re.search(r"^\| a sample's (.*?) \|.*\n\| a sample's (.*?) \|", section("Objective"), re.M).groups())
    named = {word for cell in sample for word in re.findall(r"`(\w+)", cell)}
    assert named == {name for name in vars(inference.Inferred) if not name.startswith("_")}


# -- everything is named ----------------------------------------------------------------------------------------------


def test_every_kind_has_its_group_in_the_page():
    rows = dict(re.findall(r"^\| (\w+) \| `(genae\.\w+)` \|", section("Registering"), re.M))
    assert rows == dict(KINDS)


def test_names_of_genae_are_public():
    named = set(re.findall(r"\bgenae\.(\w+)", PAGE)) - {group.removeprefix("genae.") for group in KINDS.values()}
    assert named - {*genae.__all__, "testing", "model", "models"} == set()


def test_the_words_of_annotations_are_those_that_are_checked():
    words = section("Options")
    marks = set(re.findall(r"`(\w+)`", re.search(r"^(`Ge`.*?) are those of `annotated_types`", words, re.M | re.S)[1]))
    assert marks == {mark.__name__ for mark in options.BOUNDS} | {"Unit", "doc"}


def test_spaces_are_as_the_page_says():
    rows = re.findall(r"^\| `(Space.*?)` \| \(B, ([\d, ]+)\)", section("Spaces"), re.M)
    assert len(rows) == 5
    for made, shape in rows:
        assert eval(made, {"Space": genae.Space}).shape == tuple(map(int, shape.split(", ")))
    latent = re.findall(r"`(\{\"shape\".*?\})`", section("Spaces"))
    assert genae.Space.of(json.loads(latent[0])) == genae.Space((32, 16), time=True)


def test_stages_and_optimisers_are_read_as_they_are_written(tmp_path, forgotten):
    from genae.recipe.recipe import complete
    from genae.recipe.settings import preset

    genae.plugin(_file(tmp_path, "genae_factor", WHOLE["genae_factor"]))
    text = re.search(r'^    "optimisers".*?\n\n', section("Objective"), re.M | re.S)[0]
    written = json.loads("{" + text + "}")
    made = complete({**preset("mnist-factor"), **written})
    assert made.optimisers["critic"]["beta1"] == 0.5
    assert [stage["freeze"] for stage in made.stages] == [[], ["encoder"], []]
    assert made.stages[-1]["sampler"]["name"] == "flow"


def test_the_page_names_every_check():
    there = {str(check).partition(": ")[2] for check in checks("genae")}
    cells = re.findall(r"^\| ([^|]*) \| ([^|\n]*)", section("The checks").replace(r"\|", ""), re.M)
    titles = {title for cell in cells for part in cell for title in part.partition(":")[0].split(", ")}
    assert there - titles == set()
    alone = [title for cell, _ in cells for title in cell.split(", ") if title in there]
    assert len(alone) == len({*alone}) == 41


def test_what_a_domain_may_say_is_there():
    text = section("The contract")
    methods = {name: said.split(", ") for name, said in re.findall(r"`(\w+)\(([\w, ]*)\)`", text) if name in vars(genae.Domain)}
    assert len(methods) == 27
    assert methods == {name: _arguments(genae.Domain, name) for name in methods}
    assert {name for name in vars(genae.Domain) if not name.startswith("_")} - {*re.findall(r"`(\w+)", text)} == {"contract"}
    for of in (genae.Defaults, genae.Reading):
        assert {*inspect.signature(of).parameters} <= {*re.findall(r"`(\w+)`", text)}


def test_a_part_can_be_given_as_it_is(tmp_path, forgotten):
    made = {}
    exec(IMPORTS + EXAMPLES["prior"].split("genae.register")[0], made)
    of = {**_preset("prior"), "prior": made["Scaled"]}
    trained = genae.train(of, steps=2, out=tmp_path / "run", device="cpu", progress=False)
    assert trained.recipe.prior["name"] == "Scaled"
    assert trained.sample(2).shape == (2, 1, 28, 28)


def test_what_contract_1_had_is_said_to_be_elsewhere():
    rows = section("From contract 1")
    assert contract.PAGE == "docs/writing-a-plugin.md#from-contract-1"
    assert f"`Domain.contract` is {contract.CONTRACT}." in rows
    first = re.findall(r"^\| (`network = .*?|`cached`.*?) on the domain's class", rows, re.M)
    assert set(re.findall(r"`(\w+)", " ".join(first))) == contract.FIRST
