"""Checks of what a domain brings to an evaluation: baselines, and features that examples are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from genae.testing.chance import always, elsewhere
from genae.testing.expect import expect, same, shaped, skip
from genae.testing.subject import LOOKED, Subject


def baselines(s: Subject) -> None:
    """An NLL of every held-out event by name, finite, and the same from the same seed."""
    first, again = (_nats(s, turn) for turn in range(2))
    if not first:
        skip("it names no baseline")
    for name, nats in first.items():
        shaped(nats, (min(LOOKED, len(s.examples)),), f"the NLLs of baseline '{name}'")
        expect(bool(nats.isfinite().all()), f"the NLLs of baseline '{name}' must be finite")
        same(nats, again[name], f"baseline '{name}' (of one seed of torch; draw random numbers from torch alone)")


def _nats(s: Subject, turn: int) -> Mapping[str, Tensor]:
    with elsewhere(turn):
        train, held = (s.domain.prepare(x, "score") for x in (s.examples.x, s.examples.x[:LOOKED]))
        return s.domain.baselines(train, held, s.domain.levels)


def features(s: Subject) -> None:
    """Features have names of their own; those of an event are the same at every time, whatever stands beside it."""
    every = s.domain.features(s.domain.prepare(s.examples.x, "show"))
    if not every:
        skip("it names no features")
    names = [one.name for one in every]
    expect(len({*names}) == len(names) and all(names), f"each of the features needs a name of its own, not {names}")
    x = s.events(LOOKED)
    for one in every:
        made = always(partial(one.of, x), f"features {one.name}")
        expect(made.ndim == 2 and len(made) == len(x), f"features {one.name} are (N, F), not {tuple(made.shape)}")
        alone = torch.cat([one.of(event[None]) for event in x])
        expect(torch.allclose(alone, made, rtol=1e-4, atol=1e-4), f"features {one.name} of an event hang on the others")


CHECKS = (baselines, features)
