"""Options by annotation: kinds, bounds and meanings, checked in one place and told in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MaxLen, MinLen, MultipleOf, Unit, doc

from genae.errors import GenaeError
from genae.recipe import describe, recipe, registry
from genae.recipe.options import bounds, check, described, filled, offered, plain
from genae.recipe.parts import SECTIONS, instantiate, part
from genae.recipe.recipe import Recipe

Share = Annotated[float, Ge(0), Lt(1)]


@pytest.mark.parametrize(
    ("hint", "good", "bad", "told"),
    [
        (Annotated[float, Ge(0)], 0, -1, "k must be at least 0, not -1.0"),
        (Annotated[float, Gt(0)], 0.1, 0, "k must be above 0, not 0.0"),
        (Share, 0.5, 1.0, "k must be at least 0 and below 1, not 1.0"),
        (Annotated[int, Ge(10), Le(20), Unit("Hz")], 20, 21, "k must be 10 to 20 Hz, not 21"),
        (Annotated[int, Interval(gt=0, le=3)], 3, 0, "k must be above 0 and at most 3, not 0"),
        (Annotated[int, MultipleOf(4)], 8, 6, "k must be a multiple of 4, not 6"),
        (Sequence[Annotated[int, Ge(1)]], [1, 2], [1, 0], "k must be at least 1, not 0"),
        (Annotated[Sequence[int], MinLen(1)], [0], [], r"k must be a list of 1 or more, not \[\]"),
        (Annotated[Sequence[int], MaxLen(1)], [0], [1, 2], r"k must be a list of 1 or less, not \[1, 2\]"),
        (Annotated[int, Ge(1)] | None, None, 0, r"k must be a whole number \(at least 1\) or null, not 0"),
        (Annotated[int, Ge(1)] | dict[str, int], {"a": 1}, 0, "k must be at least 1, not 0"),
        (int | dict[str, int], 3, {"a": "b"}, r"k\.a must be a whole number, not 'b'"),
        (int | dict[str, int], 3, "b", "k must be a whole number, not 'b'"),
        (Literal[1, 3], 3, True, "k must be one of 1, 3, not True"),
        (Literal["32", "bf16"], "32", 64, "k must be one of 32, bf16, not 64"),
        (float, 1, 10**400, "k must be a number, not 1000"),
        (Sequence[Sequence[float]], [[1.0], []], [1.0], "k must be a list of numbers, not 1.0"),
    ],
)
def test_a_bound_is_kept_or_told(hint, good, bad, told):
    assert check("k", good, hint) == good
    with pytest.raises(GenaeError, match=f"^{told}"):
        check("k", bad, hint)


def test_words():
    assert described(Annotated[Sequence[Annotated[int, Ge(1)]], doc("widths")]) == "list of whole numbers"
    assert described(Literal["maf", "nsf", "coupling"]) == "maf, nsf or coupling"
    assert bounds([Ge(0), doc("nothing"), Lt(1)]) == "at least 0 and below 1"
    assert bounds([Unit("Hz")]) == ""


@dataclass(frozen=True)
class Part:
    width: Annotated[int, Ge(1), doc("of every layer")] = 8
    sizes: Annotated[Sequence[Annotated[int, Ge(1)]], MinLen(1), doc("of the levels")] = field(default_factory=lambda: [4])
    share: Share = 0.0


def test_what_a_part_offers():
    width, sizes, share = offered("task", Part)
    assert (width.name, width.kind, width.bounds, width.default, width.meaning) == (
        "width", "whole number", "at least 1", 8, "of every layer",
    )  # fmt: skip
    assert (sizes.kind, sizes.bounds, sizes.default) == ("list of whole numbers", "1 or more, each at least 1", [4])
    assert (share.meaning, share.required) == ("", False)


def test_what_the_engine_gives_is_no_option():
    def network(event: tuple[int, ...], space: object, posterior: object, likelihood: object, depth: int) -> None: ...

    (depth,) = offered("network", network)
    assert (depth.name, depth.required) == ("depth", True)
    with pytest.raises(GenaeError, match="recipe section 'network' lacks 'depth', which deep needs"):
        filled("network", network, {"name": "deep"})


def test_an_inherited_option_is_checked_where_its_words_are_not_imported():
    namespace = {"Base": Part, "dataclass": dataclass}
    exec("@dataclass(frozen=True)\nclass Child(Base):\n    more: 'int' = 1", namespace)
    with pytest.raises(GenaeError, match=r"task\.width must be at least 1, not 0"):
        filled("task", namespace["Child"], {"name": "child", "width": 0})


# -- the options of every registered part -----------------------------------------------------------------------------

KINDS = (
    "domain",
    "network",
    "posterior",
    "likelihood",
    "prior",
    "sampler",
    "objective",
    "task",
    "condition",
    "optimiser",
    "schedule",
)


def parts():
    """Every part that genae registers or its domains bring, as kind, name and factory."""
    for kind in KINDS:
        yield from ((kind, name, registry.get(kind, name)) for name in registry.own(kind))
    for name in registry.own("domain"):
        domain = instantiate("domain", {"name": name})
        for kind, own in (("task", domain.defaults.tasks), ("condition", domain.defaults.attributes)):
            yield from ((kind, f"{name}'s {one}", part(kind, {"name": one}, domain)) for one in own)


@pytest.mark.parametrize("kind, name, factory", [pytest.param(*one, id=f"{one[0]} {one[1]}") for one in parts()])
def test_every_option_has_a_kind_a_meaning_and_a_default_within_its_bounds(kind, name, factory):
    for option in offered(kind, factory):
        assert option.meaning, f"{kind} {name}: {option.name} is annotated without doc(…)"
        assert option.kind != "anything"
        if not option.required:
            assert check(option.name, option.default, option.hint) == plain(option.default)


def test_every_key_of_a_recipe_has_a_meaning():
    keys = [option for option in offered("recipe", Recipe) if option.name not in (*SECTIONS, "preset", "format")]
    assert len(keys) >= 10
    assert all(option.meaning for option in keys)


@pytest.mark.parametrize("name", registry.own("preset"))
def test_every_preset_can_be_shown_and_says_who_sets_what(name):
    shown = describe.preset(name)
    made = recipe.compose(name)
    assert {key["name"]: key["value"] for key in shown["keys"]}["latent"] == made.latent
    for section in SECTIONS:
        spec = {k: v for k, v in getattr(made, section).items() if k != "name"}
        assert {o["name"]: o["value"] for o in shown["sections"][section]["options"]} == spec


def test_who_sets_what():
    by = describe.setters("mnist-2d")
    assert (by["latent"], by["prior.name"], by["likelihood.name"]) == ("mnist-2d", "mnist-2d", "mnist")
    assert "prior.transforms" not in by  # of the flow that the parent had
    assert "seed" not in by


def test_an_option_that_is_not_annotated_is_anything():
    (option,) = offered("task", lambda depth=1: None)
    assert describe.line(option) == {"name": "depth", "type": "anything", "bounds": "", "default": 1, "meaning": ""}
