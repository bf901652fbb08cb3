r"""Whether new examples are what was asked for: drawn with the conditions of held-out examples, what they turn out to be is set
beside what these are.

    class       share whose class is the one asked for, as a logistic regression sees it that was fitted on named features of
                training examples; `held-out` is the same of the held-out examples, which is as good as the share can get
    attributes  of the domain's own functions of an event: mean |asked − got|, and their correlation
    fields      how far new examples keep to them, by `Domain.kept`, beside held-out ones, and new ones that were not told
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genae.data.domain import Features
from genae.data.examples import Examples
from genae.learn.build import Built
from genae.model.conditions import LABEL, one_hot
from genae.use.probing import classified

ASKED = 1000  # new examples
Draw = Callable[[int, Tensor | None], Tensor]  # so many, with these conditions (N, C), or what a run draws where none is asked


def obedience(built: Built, held: Examples, train: Examples, features: Sequence[Features], draw: Draw) -> dict[str, Any]:
    """Of `draw(n, conditions)`, with the conditions of the first held-out examples; {} where the run has none."""
    held = held.take(torch.arange(min(ASKED, len(held))))
    own, shown = (built.domain.prepare(held.x, stage) for stage in ("score", "show"))
    given = built.condition(held.known(), own) if built.condition.size else None
    if given is None:
        return {}
    made = draw(len(held), given)
    found: dict[str, Any] = {"asked": len(held)}
    if LABEL in built.condition.parts and train.labels is not None and held.labels is not None:
        found |= _classes(train, held, features, built.domain.prepare(train.x, "show"), shown, made)
    attributes = {name: of for name, of in built.domain.defaults.attributes.items() if name in built.condition.parts}
    found |= {name: _apart(of(own.cpu()), of(made)) for name, of in attributes.items()}
    return found | _fields(built, held, shown, made, draw)


def _fields(built: Built, held: Examples, shown: Tensor, made: Tensor, draw: Draw) -> dict[str, Any]:
    """Of held-out examples (N, *event) and of new ones."""
    fields = {name: value.cpu() for name, value in held.fields.items() if name in built.condition.parts}
    real = built.domain.kept(shown.cpu(), fields)
    if not real:
        return {}
    every = {"samples": built.domain.kept(made, fields), "held-out": real}
    if built.condition.dropout:
        every["not told"] = built.domain.kept(draw(len(held), None), fields)
    return {name: {whose: float(of[name].nanmean()) for whose, of in every.items()} for name in real}


def _classes(
    train: Examples, held: Examples, features: Sequence[Features], known: Tensor, shown: Tensor, made: Tensor
) -> Mapping[str, object]:
    """By those of the features that tell held-out classes best."""
    tries = []
    names = train.classes
    labels = one_hot(train.known(), names)
    wanted = one_hot(held.known(), names)
    own, other = (torch.where(x.any(1), x.argmax(1), -1).cpu() for x in (labels, wanted))
    for one in features:
        a = one.of(known)
        parts = [classified(a, own, one.of(x)) for x in (shown, made)]
        if parts[0] is not None and parts[1] is not None:
            tries.append((_share(parts[0], other), parts[1], one.name))
    if not tries:
        return {}
    ceiling, got, name = max(tries, key=lambda each: each[0])
    each = {c: _share(got[other == i], other[other == i]) for i, c in enumerate(names) if bool((other == i).any())}
    return {"class": {"samples": _share(got, other), "held-out": ceiling, "features": name, "each": each}}


def _share(got: Tensor, wanted: Tensor) -> float:
    return float((got == wanted)[wanted >= 0].double().mean())


def _apart(asked: Tensor, got: Tensor) -> dict[str, float | None]:
    """Of numbers (N,) or (N, K)."""
    asked, got = (x.reshape(len(x), -1).double().cpu() for x in (asked, got))
    both = torch.stack([asked.flatten(), got.flatten()])
    varies = bool((both.std(1) > 0).all())
    return {"apart": float((asked - got).abs().mean()), "correlation": float(torch.corrcoef(both)[0, 1]) if varies else None}
