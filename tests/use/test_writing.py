"""What a run offers for how its examples are written, and what a user's wishes make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest
from annotated_types import Ge, Le, Unit, doc

from genae.data.domain import WRITTEN, Domain
from genae.errors import GenaeError
from genae.recipe import registry
from genae.recipe.recipe import compose
from genae.use.writing import Writing, offers, plan


@dataclass(frozen=True)
class Letters(Domain):
    """Numbers as text; `size` is the model's, the other options are of what is written."""

    size: Annotated[int, Ge(1), doc("numbers in a line")] = 4
    shade: Annotated[float, WRITTEN, Ge(0), Le(1), Unit("of black"), doc("how dark")] = 0.5
    font: Annotated[str, WRITTEN] = "serif"
    frame: Annotated[bool, WRITTEN, doc("a line around")] = True

    suffixes: ClassVar[tuple[str, ...]] = (".txt",)

    @property
    def event(self):
        return (self.size,)

    @property
    def units(self):
        return {"lines": 3, "metres": 0.5 * self.size}

    def read(self, file):
        raise NotImplementedError

    def write(self, example, path):
        raise NotImplementedError


@pytest.fixture
def recipe():
    with registry.override("domain", "letters", Letters):
        yield compose("letters", ["domain.size=2", "domain.font=mono"])


def test_offers_are_the_marked_options_as_the_run_has_them_and_the_units(recipe):
    assert offers(recipe) == [
        ("shade=0.5", "number, 0 to 1 of black: how dark"),
        ("font=mono", "text"),
        ("frame=true", "true or false: a line around"),
        ("lines=3", "how long, a multiple of 3"),
        ("metres=1", "how long, rounded up to a multiple of 1"),
    ]


@pytest.mark.parametrize(
    "wishes, made",
    [
        ({}, Writing()),
        ({"shade": "1", "font": "bold", "frame": "false"}, Writing({"shade": 1.0, "font": "bold", "frame": False})),
        ({"lines": "9", "shade": ".25"}, Writing({"shade": 0.25}, 3)),
        ({"metres": "2"}, Writing({}, 2)),
        ({"metres": "2.0000001"}, Writing({}, 2)),
        ({"metres": "2.2"}, Writing({}, 3, "--metres 2.2: rounded up to 3 × 1")),
        ({"metres": "1e-9"}, Writing({}, 1, "--metres 1e-9: rounded up to 1 × 1")),
    ],
)
def test_wishes_become_options_and_a_length(recipe, wishes, made):
    assert plan(recipe, wishes) == made


TOLD = ["condition=fields", 'condition.of=["label", "hour", "font"]', 'condition.classes=["rain"]',
        "condition.centre=[[12], [0]]", "condition.spread=[[4], [1]]"]  # fmt: skip


def test_wishes_may_be_what_the_run_is_told(recipe):
    """Parts of its condition, beside what is given of it already; a name of the domain's own stays the domain's."""
    told = compose("letters", TOLD)
    assert offers(told)[-2:] == [(f"{name}=", "of the condition; unknown if left out") for name in ("label", "hour")]
    assert plan(told, {"hour": "7", "lines": "9", "font": "mono"}) == Writing({"font": "mono"}, 3, condition="hour=7")
    assert plan(told, {"hour": "7"}, condition="label=rain").condition == "label=rain,hour=7"
    assert plan(told, {}, condition="rain").condition == "rain"
    with pytest.raises(GenaeError, match=r"^no option --hour; this run offers"):
        plan(recipe, {"hour": "7"})


OFFER = (
    "this run offers shade=0.5 (number, 0 to 1 of black: how dark); font=mono (text); "
    "frame=true (true or false: a line around); lines=3 (how long, a multiple of 3); "
    "metres=1 (how long, rounded up to a multiple of 1)"
)


@pytest.mark.parametrize(
    "wishes, message",
    [
        ({"shade": "1.5"}, "--shade must be 0 to 1 of black, not 1.5"),
        ({"shade": "dark"}, "--shade must be a number, not 'dark'"),
        ({"shade": "NaN"}, "--shade must be finite, not nan"),
        ({"shade": "true"}, "--shade must be a number, not True"),
        ({"lines": "4"}, "--lines 4: this run makes 3 lines at a time; give a multiple of 3"),
        ({"lines": "0"}, "--lines must be 1 to 100000, not 0"),
        ({"lines": "4.5"}, "--lines must be a whole number, not 4.5"),
        ({"metres": "-1"}, "--metres must be above 0 and at most 100000, not -1.0"),
        ({"lines": "3", "metres": "1"}, "--lines and --metres both say how long; give one of them"),
        ({"size": "3"}, f"--size cannot be changed after training: the model depends on it; {OFFER}"),
        ({"name": "dots"}, f"no option --name; {OFFER}; did you mean --frame?"),
        ({"frme": "1"}, f"no option --frme; {OFFER}; did you mean --frame or --from?"),
        ({"sed": "1"}, f"no option --sed; {OFFER}; did you mean --seed?"),
    ],
)
def test_wishes_that_cannot_be(recipe, wishes, message):
    with pytest.raises(GenaeError) as caught:
        plan(recipe, wishes, ["from", "seed"])
    assert str(caught.value) == message


def test_a_domain_that_offers_nothing_says_so(dots):
    with pytest.raises(GenaeError, match=r"^no option --metres; this run offers none$"):
        plan(compose("dots"), {"metres": "3"})
