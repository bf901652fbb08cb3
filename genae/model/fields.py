r"""All that is known of examples as one condition: their class, their fields and attributes, any named or left open.

    --set condition=fields                              the class, as `label`, and every field that the training examples have
    --set 'condition.of=["label", "hour", "loudness"]'  these alone, which may be attributes of the domain too
    --condition label=rain,hour=7                       what is not named is unknown

The class is a one-hot vector, zeros where it is unknown. A field of K numbers is (x − centre) / spread, of the training
examples, with a 1 behind it, and K + 1 zeros where one of them is not known; an attribute is the same of what is seen in an
event. A field that is of the domain's `categories` is a one-hot vector for each step, zeros where it is not known.

So that a model can be told any part of it, or nothing, training hides the whole from a share of the examples, and from the
others each part with that probability (https://arxiv.org/abs/2207.12598 hides the whole alone).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Protocol, Self

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples, Known
from genae.errors import GenaeError, unknown
from genae.model.conditions import LABEL, Condition, Options, Share, hide, numbers, one_hot
from genae.model.form import Form, Part
from genae.model.scales import Attribute, categorical, count_of, measured, rows_of, scale_of
from genae.names import composed


class Said(Protocol):
    """How people write fields: `Domain`'s methods of these names."""

    def spelled_along(self, field: str, text: str, count: int) -> Sequence[Sequence[float] | None]: ...

    def settled(self, said: Mapping[str, str]) -> Mapping[str, str]: ...


class Plain:
    """As their numbers."""

    def spelled_along(self, field: str, text: str, count: int) -> Sequence[Sequence[float] | None]:
        """None of each."""
        return [None] * count

    def settled(self, said: Mapping[str, str]) -> Mapping[str, str]:
        """All of it."""
        return said


class Fields(Condition):
    """The class and the fields that `of` names; the others are filled in from the training examples when a run starts."""

    def __init__(
        self,
        of: Annotated[Sequence[str], doc("fields, attributes, and `label` for the class; without, what the data have")] = (),
        classes: Annotated[Sequence[str], doc("names in the order of the vector; without, the data set's")] = (),
        centre: Annotated[Sequence[Sequence[float]], doc("mean of each field's numbers; without, that of the data")] = (),
        spread: Annotated[Sequence[Sequence[float]], doc("their standard deviation, likewise")] = (),
        dropout: Annotated[Share, doc("share of the examples from which all is hidden, and of the others each part")] = 0.1,
        categories: Annotated[
            Sequence[Annotated[int, Ge(0)]], doc("of each field how many its numbers are of; 0 for plain")
        ] = (),
    ) -> None:
        """`centre` and `spread` have K numbers for each of the fields of `of`, which a class is not counted among."""
        self.of, self.classes, self.dropout = tuple(of), tuple(map(composed, classes)), dropout
        self.names = self.parts = self.of
        numbered = [name for name in of if name != LABEL]
        if len(centre) != len(spread) or len(centre) not in (0, len(numbered)):
            raise GenaeError(
                f"condition.centre and condition.spread need a list for each of {', '.join(numbered) or 'no field'}, or none; "
                f"they have {len(centre)} and {len(spread)}"
            )
        self.scale = dict(zip(numbered, zip(centre, spread, strict=True), strict=False))
        if len(categories) not in (0, len(numbered)):
            raise GenaeError(f"condition.categories needs a number for each of {', '.join(numbered)}, or none")
        self.kinds = dict(zip(numbered, categories, strict=False))
        self.seen: Mapping[str, Attribute] = {}
        self.said: Said = Plain()

    def of_domain(self, domain: Domain) -> Self:
        """Itself, with the functions of the attributes that it names, and how people write its fields."""
        self.said = domain
        self.seen = {name: of for name, of in domain.defaults.attributes.items() if name in self.of}
        return self

    @staticmethod
    def learned(options: Options, train: Examples, domain: Domain) -> Options:
        """With what the training examples say, unless it is given. GenaeError for a field that they do not have."""
        there = [*([LABEL] if train.labels is not None else []), *sorted(train.fields)]
        of = options["of"] or there
        attributes = domain.defaults.attributes
        for name in of:
            if name not in there and name not in attributes:
                raise unknown("field", name, [*there, *sorted(attributes)], " of the training examples")
        if not of:
            raise GenaeError(
                "condition=fields needs data that tell more of their examples: classes or fields; these have none, so "
                "set condition=none"
            )
        if options["centre"]:
            return options
        fields = {**measured(train, domain, {n: attributes[n] for n in of if n not in there}), **train.fields}
        kinds = {name: domain.categories.get(name, 0) for name in of if name != LABEL}
        every = [scale_of(name, fields[name], kind) for name, kind in kinds.items()]
        return {
            **options, "of": list(of), "classes": list(train.classes) if LABEL in of else [],
            "centre": [centre for centre, _ in every], "spread": [spread for _, spread in every],
            "categories": list(kinds.values()) if any(kinds.values()) else [],
        }  # fmt: skip

    def tells(self, known: Known) -> bool:
        """Of any; what is not known is told to be unknown."""
        return True

    @property
    def size(self) -> int:
        return sum(self._width(name) for name in self.of)

    @property
    def form(self) -> Form:
        """Categories are said of each step."""
        steps = {name: len(self.scale[name][0]) for name, kind in self.kinds.items() if kind}
        return Form([Part(self.kinds[name], steps[name]) if name in steps else Part(self._width(name)) for name in self.of])

    def __call__(self, known: Known, target: Tensor | None = None, train: bool = False) -> Tensor | None:
        """(B, C), zeros for what is not known."""
        n = len(target) if target is not None else count_of(known)
        device = target.device if target is not None else None
        share = self.dropout if train else 0.0
        parts = [hide(self._part(name, known, target, n).to(device), share) for name in self.of]
        return hide(torch.cat(parts, 1), share)

    def veil(self, n: int) -> Tensor:
        """All is hidden, or each part."""
        return hide(torch.cat([hide(torch.ones(n, self._width(name)), self.dropout) for name in self.of], 1), self.dropout)

    def named(self, text: str) -> Tensor:
        """`rain`, `7` where there is one field alone, or `label=rain,hour=7`, to (1, C)."""
        return self.named_along(text, 1)

    def named_along(self, text: str, count: int) -> Tensor:
        """The same, of so many examples in a row."""
        pairs = [self._pair(item) for item in text.split(",")] if text.strip() else []
        said = dict(pairs)
        if len(said) < len(pairs):
            raise GenaeError(f"condition '{text}' names a field twice")
        rows = {name: self._row(name, value, count) for name, value in self.said.settled(said).items()}
        return torch.cat([rows.get(name, torch.zeros(count, self._width(name))) for name in self.of], 1)

    def _pair(self, item: str) -> tuple[str, str]:
        name, equals, value = (word.strip() for word in item.partition("="))
        if not equals:
            name, value = LABEL if composed(name) in self.classes or not self.scale else next(iter(self.scale)), name
            if name != LABEL and len(self.of) > 1:
                raise GenaeError(f"condition '{value}' names no field: write NAME={value}, NAME one of {', '.join(self.of)}")
        if name not in self.of:
            raise unknown("field", name, self.of, " of this run's condition")
        return name, value

    def _row(self, name: str, value: str, count: int) -> Tensor:
        """What is said of a field, or of the class, of so many examples (count, K)."""
        if name != LABEL:
            plain = partial(numbers, name, value, len(self.scale[name][0]), commas=False)
            return self._scaled(name, torch.tensor([row or plain() for row in self.said.spelled_along(name, value, count)]))
        if composed(value) not in self.classes:
            raise unknown("class", value, self.classes)
        return one_hot(Known(torch.tensor([0]), (value,)), self.classes).expand(count, -1)

    def _width(self, name: str) -> int:
        if name == LABEL:
            return len(self.classes)
        count = len(self.scale[name][0]) if name in self.scale else 0
        return count * self.kinds[name] if self.kinds.get(name) else count + bool(count)

    def _part(self, name: str, known: Known, target: Tensor | None, n: int) -> Tensor:
        if name == LABEL and known.labels is not None:
            return one_hot(known, self.classes)
        if name in self.seen and name not in known.fields and target is not None:
            return self._scaled(name, rows_of(self.seen[name], target))
        if name == LABEL or name not in known.fields:
            return torch.zeros(n, self._width(name))
        return self._scaled(name, known.fields[name])

    def _scaled(self, name: str, x: Tensor) -> Tensor:
        """(B, K) to (B, K + 1), or of categories to (B, K · how many there are)."""
        centre, spread = (torch.tensor(numbers, device=x.device) for numbers in self.scale[name])
        if x.shape[1] != len(centre):
            raise GenaeError(f"field {name} has {x.shape[1]} numbers in these examples, {len(centre)} in this model")
        if self.kinds.get(name):
            return categorical(x, self.kinds[name])
        there = x.isfinite().all(1, keepdim=True)
        return F.pad((x - centre) / spread, (0, 1), value=1.0).where(there, 0.0)
