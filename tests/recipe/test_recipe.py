"""Recipes: inheritance, settings, completion, errors that name what is possible, and JSON that comes back equal."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genae.data.domain import Defaults
from genae.errors import GenaeError
from genae.latent.space import Space
from genae.learn.build import build
from genae.recipe import options, recipe, registry
from genae.recipe.recipe import adjust, complete, compose, differences, dump, read
from genae.recipe.settings import from_text, merge

pytestmark = pytest.mark.usefixtures("dots")


@pytest.fixture
def presets():
    """Registers presets by name while the test runs."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def add(**named):
            for name, preset in named.items():
                stack.enter_context(registry.override("preset", name, preset))

        yield add


# -- merging ----------------------------------------------------------------------------------------------------------


def test_merge_changes_one_option_and_keeps_the_rest():
    base = {"latent": 2, "prior": {"name": "flow", "kind": "maf", "hidden": 8}}
    assert merge(base, {"prior": {"kind": "nsf"}})["prior"] == {"name": "flow", "kind": "nsf", "hidden": 8}
    assert merge(base, {"prior": {"name": "flow", "hidden": 9}})["prior"] == {"name": "flow", "kind": "maf", "hidden": 9}
    assert merge(base, {"latent": 3}) == base | {"latent": 3}
    assert base["prior"]["kind"] == "maf"  # untouched


@pytest.mark.parametrize("change", ["normal", {"name": "normal"}])
def test_another_part_loses_the_options_of_the_old_one(change):
    base = {"prior": {"name": "flow", "kind": "maf"}}
    assert merge(base, {"prior": change})["prior"] == {"name": "normal"}


@given(st.dictionaries(st.sampled_from(["latent", "prior", "objective", "data"]), st.sampled_from(["a", "b"])))
def test_merging_is_idempotent_and_nothing_changes_nothing(change):
    base = {"latent": "a", "prior": {"name": "a", "x": 1}, "objective": {"name": "b"}, "data": "b"}
    assert merge(merge(base, change), change) == merge(base, change)
    assert merge(base, {}) == base


def test_a_preset_is_a_difference_from_its_parent(presets):
    presets(
        child={"parent": "dots", "latent": 5, "objective": {"beta": 4.0}},
        grandchild={"parent": "child", "likelihood": "bernoulli", "objective": {"warmup": 10}},
    )
    own = compose("grandchild")
    assert own.preset == "grandchild"
    assert (own.latent, own.batch) == (5, 4)  # from the parent, from its parent
    assert own.likelihood == {"name": "bernoulli"}
    assert (own.objective["beta"], own.objective["warmup"]) == (4, 10)
    assert own.network["hidden"] == [8]


def test_a_preset_that_is_its_own_ancestor(presets):
    presets(a={"parent": "b"}, b={"parent": "c"}, c={"parent": "a"})
    with pytest.raises(GenaeError, match="preset 'a' is its own ancestor, through 'c'"):
        compose("a")


def test_an_unknown_parent_or_preset(presets):
    presets(orphan={"parent": "dotz"})
    for name in ("orphan", "dotz"):
        with pytest.raises(GenaeError, match=r"no preset 'dotz'; known: .*did you mean 'dots'\?"):
            compose(name)


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "get", "expected"),
    [
        ("latent=8", lambda r: r.latent, 8),
        ("objective.beta=4", lambda r: r.objective["beta"], 4.0),
        ("objective.beta=1e-1", lambda r: r.objective["beta"], 0.1),
        ("prior=flow", lambda r: r.prior["name"], "flow"),
        ("prior.name=flow", lambda r: r.prior["kind"], "maf"),
        ("network.hidden=[16, 4]", lambda r: r.network["hidden"], [16, 4]),
        ("data=my=files", lambda r: r.data, "my=files"),  # the first = alone divides
        ("precision=32", lambda r: r.precision, "32"),
        ("domain.colour=blue", lambda r: r.domain["colour"], "blue"),
        ("steps=7", lambda r: (r.epochs, r.steps), (0.0, 7)),
        ("epochs=2", lambda r: (r.epochs, r.steps), (2.0, 0)),
    ],
)
def test_settings(setting, get, expected):
    found = get(compose("dots", [setting]))
    assert found == expected
    assert type(found) is type(expected)


def test_later_settings_win():
    assert compose("dots", ["latent=8", "latent=9"], seed=3).latent == 9
    own = compose("dots", ["prior=flow", "prior.kind=nsf", "prior.hidden=5"])
    assert own.prior == {"name": "flow", "kind": "nsf", "transforms": 3, "hidden": 5, "layers": 2}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("latent", "key=value, not 'latent'"),
        ("=3", "key=value, not '=3'"),
        ("latnt=3", r"no recipe key 'latnt'; .*did you mean 'latent'\?"),
        ("format=2", "no recipe key 'format'"),
        ("latent.x=3", "'latent' has no options"),
        ("prior=3", "--set prior takes a name, not 3"),
        ("prior=flwo", r"no prior 'flwo'; known: .*normal.*did you mean 'flow'\?"),
        ("objective.bta=4", r"no option 'objective.bta' of objective 'elbo'; .*did you mean 'objective.beta'\?"),
        ("optimiser=adma", r"no optimiser 'adma'; known: adam, muon; did you mean 'adam'\?"),
        ("schedule=cosin", r"did you mean 'cosine'\?"),
        ("domain.sise=3", r"did you mean 'domain.size'\?"),
        ("latent=many", "latent must be a whole number, not 'many'"),
        ("latent=2.5", "latent must be a whole number, not 2.5"),
        ("latent=true", "latent must be a whole number, not True"),
        ("objective.beta=high", "objective.beta must be a number, not 'high'"),
        ("objective.beta=true", "objective.beta must be a number, not True"),
        ("objective.beta=NaN", "objective.beta must be finite, not nan"),
        ("epochs=Infinity", "epochs must be finite, not inf"),
        ("network.hidden=8", "network.hidden must be a list of whole numbers, not 8"),
        ("network.hidden=big", "network.hidden must be a list of whole numbers, not 'big'"),
        ("network.hidden=[8,2.5]", "network.hidden must be a whole number, not 2.5"),
        ("prior.kind=nsf", "no option 'prior.kind' of prior 'normal'"),
        ("precision=64", "precision must be one of auto, 32, bf16"),
        ("data=3", "data must be text, not 3"),
    ],
)
def test_settings_that_cannot_be(setting, told):
    with pytest.raises(GenaeError, match=told):
        compose("dots", [setting])


def test_a_choice_says_what_can_be_chosen():
    with pytest.raises(GenaeError, match=r"prior.kind must be one of maf, nsf, coupling, not 'iaf'"):
        compose("dots", ["prior=flow", "prior.kind=iaf"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"latent": 0}, "latent must be at least 1, not 0"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"seed": -1}, "seed must be 0 to 1099511627776, not -1"),
        ({"limit": -1}, "limit must be at least 0"),
        ({"ema": 1.0}, "ema must be at least 0 and below 1, not 1.0"),
        ({"ema": -0.1}, "ema must be"),
        ({"epochs": -1.0}, "epochs must be at least 0"),
        ({"epochs": 0.0, "steps": 0}, "one of them above 0"),
        ({"epochs": 1.0, "steps": 5}, "one of them above 0; got epochs=1.0, steps=5"),
    ],
)
def test_bounds(changes, told):
    with pytest.raises(GenaeError, match=told):
        compose("dots", **changes)


# -- completing and files ---------------------------------------------------------------------------------------------


def test_options_left_out_are_filled_in_from_the_parts_own_defaults():
    own = compose("dots")
    assert own.domain == {"name": "dots", "size": 2, "scale": 1.0, "colour": "red"}
    assert own.likelihood == {"name": "gaussian", "sigma": 0.5, "learned": "no"}
    assert own.objective["free_bits_per"] == "dimension"
    assert own.network == {"name": "mlp", "hidden": [8], "activation": "relu"}
    assert own.prior == {"name": "normal"}
    assert own.optimiser["lr"] == 1e-3
    assert complete(dataclasses.asdict(own)) == own  # nothing is left to fill in


def test_the_default_network_is_the_domains(presets, dots):
    def tiny(event, space, posterior, likelihood, condition=0, width=3):
        """A domain's own network."""

    presets(own={"parent": "dots", "network": "default"})
    assert compose("own").network == {"name": "mlp", "hidden": [512], "activation": "relu"}
    with registry.override("domain", "dots", type("Own", (dots,), {"defaults": Defaults("tiny", {"tiny": tiny})})):
        assert compose("own").network == {"name": "tiny", "width": 3}


def test_a_default_that_is_made_anew_each_time(dots):
    @dataclasses.dataclass(frozen=True)
    class Listed(dots):
        tags: list[str] = dataclasses.field(default_factory=lambda: ["a"])

    with registry.override("domain", "dots", Listed):
        assert compose("dots").domain["tags"] == ["a"]
        assert compose("dots", ['domain.tags=["b", "c"]']).domain["tags"] == ["b", "c"]


def test_an_option_that_a_part_cannot_do_without(dots):
    def needy(target, depth: int):
        """A task that lacks a default."""

    with registry.override("task", "needy", needy), pytest.raises(GenaeError, match="section 'task' lacks '"):
        compose("dots", ["task=needy"])


def test_json_comes_back_equal(tmp_path):
    own = compose("dots", ["prior=flow", "objective.warmup=5", "condition=label", 'condition.classes=["a", "ß"]'])
    path = tmp_path / "recipe.json"
    path.write_bytes(dump(own).encode())
    assert read(path) == own
    assert dump(read(path)) == dump(own)
    assert json.loads(path.read_text("utf-8"))["format"] == recipe.FORMAT


def _written(tmp_path, **changes):
    path = tmp_path / "recipe.json"
    settings = {k: v for k, v in (dataclasses.asdict(compose("dots")) | changes).items() if v is not ...}
    path.write_text(json.dumps(settings))
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"latent": ..., "seed": ...}, "the recipe lacks latent, seed; a recipe has preset, domain"),
        ({"format": 99}, "has format 99, this genae reads 1 to 2; install a newer genae"),
        ({"format": "x"}, "has format 'x', this genae reads 1 to 2; it is no recipe of genae's"),
        ({"latents": 3}, r"no recipe key 'latents'; .*did you mean 'latent'\?"),
        ({"prior": "normal"}, "section 'prior' must be an object with a name, not 'normal'"),
        ({"prior": {}}, "section 'prior' lacks its 'name'"),
        ({"prior": {"name": 3}}, "section 'prior' lacks its 'name'"),
        ({"prior": {"name": "normal", "kind": "maf"}}, "no option 'prior.kind' of prior 'normal'"),
        ({"latent": "8"}, "latent must be a whole number, not '8'"),
        ({"domain": {"name": "dotz"}}, "no domain 'dotz'"),
    ],
)
def test_recipes_from_disk_that_cannot_be(tmp_path, changes, told):
    with pytest.raises(GenaeError, match=told):
        read(_written(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"latent": 3'])
def test_not_a_recipe(tmp_path, text):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(GenaeError, match=r"recipe.json .*recipe"):
        read(path)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(GenaeError, match=r"is not a run: it has no recipe\.json"):
        read(tmp_path / "nothing" / "recipe.json")


def test_adjusting_and_differences():
    own = compose("dots")
    assert differences(own, adjust(own)) == []
    other = adjust(own, ["latent=9", "objective.beta=2"], seed=4)
    assert differences(own, other) == ["latent: 2, then 9", "objective.beta: 1.0, then 2.0", "seed: 0, then 4"]
    assert differences(own, adjust(own, ["prior=flow"]))[-1].startswith("prior.transforms: None, then 3")


def test_what_is_built_has_the_recipes_shapes():
    built = build(compose("dots", ["latent=3", "domain.size=5", "prior=flow", "prior.hidden=4"]))
    assert built.vae.space == Space((3,))
    assert built.vae.event == (5,)
    assert built.vae.sample(7).shape == (7, 5)
    assert built.domain.size == 5


@settings(max_examples=100)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda v: st.lists(v, max_size=3)))
def test_values_of_any_kind_are_taken_or_refused_in_one_line(value):
    from collections.abc import Sequence
    from typing import Literal

    for hint in (int, float, str, bool, list, Sequence[int], Literal["a", 1], int | None):
        try:
            kept = options.check("key", value, hint)
        except GenaeError as error:
            kept, told = value, str(error)
            assert told.startswith("key must be ")
        assert kept == value


@pytest.mark.parametrize(
    ("text", "line"),
    [("[" * 100_000, "more than 20 lists and objects deep"), ("9" * 4500, "a whole number of 4500 digits"),
     ('{"a": 1, "a": 2}', "the key 'a' twice")],
)  # fmt: skip
def test_a_setting_s_json_is_read_within_bounds(text, line):
    with pytest.raises(GenaeError, match=line) as caught:
        from_text(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("text", "value"), [(".5", 0.5), ("8", 8), ("[1, 2]", [1, 2]), ("true", True), ("mnist", "mnist")])
def test_a_setting_s_value_is_json_a_number_or_text(text, value):
    assert from_text(text) == value
