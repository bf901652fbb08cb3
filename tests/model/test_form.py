"""Conditions that say something of each step of an example."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, Known
from genae.errors import GenaeError
from genae.model.fields import Fields
from genae.model.form import Form, Part

TELLS = {
    "of": ["hour", "kind"], "centre": [[12.0], [0.0, 0.0]], "spread": [[6.0], [1.0, 1.0]], "categories": [0, 3],
    "dropout": 0.25,
}  # fmt: skip


@dataclass(frozen=True)
class Kinds(Domain):
    """Two numbers, each of one of three kinds."""

    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    event = (2,)
    fields: ClassVar = {"hour": 1, "kind": 2}
    categories: ClassVar = {"kind": 3}

    def read(self, file: object) -> Tensor:
        raise NotImplementedError

    def write(self, example: object, path: object) -> None:
        raise NotImplementedError

    def spelled_along(self, field: str, text: str, count: int) -> list[list[float] | None]:
        if field != "kind":
            return [None] * count
        every = [float("abc".index(letter)) for letter in text]
        return [[every[(2 * i + k) % len(every)] for k in range(2)] for i in range(count)]


def test_a_form_takes_apart_what_is_of_the_whole_and_of_steps() -> None:
    form = Form([Part(2), Part(3, 2), Part(1), Part(1, 2)])
    assert (form.size, form.whole, form.steps, form.width) == (11, 3, 2, 4)
    whole, along = form.split(torch.arange(11.0)[None])
    assert whole.tolist() == [[0, 1, 8]]
    assert along.tolist() == [[[2, 3, 4, 9], [5, 6, 7, 10]]]
    assert [tuple(x.shape) for x in Form([Part(4)]).split(torch.zeros(5, 4))] == [(5, 4), (5, 0, 1)]
    with pytest.raises(GenaeError, match="as many steps in all of its parts, not of 2 and of 4"):
        Form([Part(1, 2), Part(1, 4)])


def test_what_is_said_stands_over_the_rest_part_by_part() -> None:
    form = Form([Part(1), Part(2, 1)])
    assert form.over(torch.tensor([[0.0, 0, 1]]), torch.tensor([[5.0, 1, 0]])).tolist() == [[5, 0, 1]]


def test_categories_are_one_hot_vectors_of_each_step() -> None:
    fields = Fields(**TELLS)
    assert fields.size == fields.form.size == 2 + 6
    assert (fields.form.steps, fields.form.width) == (2, 3)
    known = Known(fields={"kind": torch.tensor([[0.0, 2.0], [math.nan, 1.0]]), "hour": torch.tensor([[18.0], [math.nan]])})
    assert fields(known).tolist() == [[1, 1, 1, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1, 0]]
    assert fields(Known(fields={"kind": torch.tensor([[3.0, 0.0]])})).tolist() == [
        [0, 0, 0, 0, 0, 1, 0, 0]
    ]  # 3 is none of them


def test_what_is_written_goes_on_from_example_to_example() -> None:
    fields = Fields(**TELLS).of_domain(Kinds())
    rows = fields.named_along("kind=cab,hour=12", 2)
    assert rows.tolist() == [[0, 1, 0, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 0, 0, 1]]
    assert fields.named("kind=cab").tolist() == [[0, 0, 0, 0, 1, 1, 0, 0]]


def test_a_condition_learns_which_fields_are_categories() -> None:
    train = Examples(torch.zeros(2, 2), fields={"kind": torch.tensor([[0.0, 2.0], [1.0, 1.0]]), "hour": torch.ones(2, 1)})
    options = Fields.learned({"of": [], "classes": [], "centre": [], "spread": [], "categories": []}, train, Kinds())
    assert options["of"] == ["hour", "kind"]
    assert options["categories"] == [0, 3]
    assert options["centre"] == [[1.0], [0.0, 0.0]]
    wrong = Examples(torch.zeros(1, 2), fields={"kind": torch.tensor([[3.0, 0.0]])})
    with pytest.raises(GenaeError, match="field kind is of categories from 0 to 2, not 3"):
        Fields.learned({**options, "of": ["kind"], "centre": []}, wrong, Kinds())


def test_a_veil_hides_all_of_an_example_or_each_part() -> None:
    torch.manual_seed(0)
    veil = Fields(**TELLS).veil(4000)
    whole, part = (veil == 0).all(1).double().mean(), (veil[:, 2:] == 0).all(1).double().mean()
    assert veil[:, 2:].std(1).max() == 0  # a part is hidden in all of its steps
    assert whole == pytest.approx(0.25 + 0.75 * 0.25**2, abs=0.03)
    assert part == pytest.approx(0.25 + 0.75 * 0.25, abs=0.03)
