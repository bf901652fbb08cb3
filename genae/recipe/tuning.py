"""The recipe of a run that begins with another's weights, to make it a user's own in minutes.

    all        every weight learns, at a share of the learning rate
    decoder    the encoder stays, so that z mean what they meant; decoder and prior learn
    personal   no weight learns: a small VAE of the user's latents says where new ones lie (`genae.latent.twostage.Personal`)

It goes on in the ancestor's last stage, with the rate at its whole weight from the first step, and the learning rate falls to 0
again. The sampler that the ancestor ends with goes on too, from what it was, for a few steps and slowly.

Few files are soon known by heart, and what was learned of many is lost. Of twenty long files, examples drawn by a sampler that
had gone on for 250 steps at a fifth of its rate lay farther from them than those of the ancestor (latent energy distance .063,
.013), by one of 25 steps at a sixtieth as near. Of twenty others, new ones were nearest after eight passes, and the ELBO of
held-out ones had fallen by 120 nats after a hundred (`bench/personal.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from genae.errors import GenaeError
from genae.recipe.options import Spec
from genae.recipe.recipe import Recipe, adjust
from genae.recipe.stages import of_training, sampler_of

Tune = Literal["all", "decoder", "personal"]
SHARE = 0.2  # of the learning rates
TURNS, SLOWLY = 0.01, 0.015  # of a sampler's steps, where it goes on, and of its learning rate
RATES = ("lr", "adam_lr")  # options of optimisers, and of samplers
SCHEDULE: Spec = {"name": "cosine", "warmup": 0.05, "final": 0.0}
MINUTES, PASSES = 2.0, 8.0  # that it lasts, or passes over the data if these are shorter, unless something else is said
LASTS: Mapping[str, object] = {"epochs": 0.0, "steps": 1}  # until the minutes are counted


class Ancestor(NamedTuple):
    """A run that another begins with."""

    run: str  # as it was given
    recipe: Recipe
    weights: str  # their digest
    step: int
    fitted: tuple[str, ...]  # its samplers


def tuned(of: Ancestor, how: Tune) -> Recipe:
    """The ancestor's recipe with what tuning changes. GenaeError for one that was not trained."""
    if not of.step:
        raise GenaeError(f"--from {of.run}: it was not trained yet, so there is nothing to begin with")
    old, sampler = of.recipe, sampler_of(of.recipe.stages)
    told = {"run": of.run, "weights": of.weights, "tune": how}
    changes: dict[str, object] = {"data": "", "limit": 0, "ancestor": told}
    if how == "personal":
        return adjust(old, (), **changes | {"epochs": 0.0, "steps": of.step, "stages": [{"sampler": {"name": "personal"}}]})
    last = of_training(old.stages)[-1:]
    stage = {
        "players": [*last[0].players] if last else [],
        "freeze": sorted({*(last[0].freeze if last else ()), *(["encoder"] if how == "decoder" else [])}),
    }
    stages = [stage, *([] if sampler is None else [{"sampler": _shorter(sampler, of.fitted)}])]
    changes |= {**LASTS, "stages": stages, "schedule": SCHEDULE, "optimiser": _slower(old.optimiser)}
    changes |= {"optimisers": {player: _slower(spec) for player, spec in old.optimisers.items()}}
    changes |= {"objective": {**old.objective, "warmup": 0}} if "warmup" in old.objective else {}
    return adjust(old, (), **changes)


def _slower(spec: Spec, share: float = SHARE) -> Spec:
    """With a share of its learning rates."""
    return {key: share * value if key in RATES and isinstance(value, float) else value for key, value in spec.items()}


def _shorter(spec: Spec, fitted: tuple[str, ...]) -> Spec:
    """A sampler that goes on, if there is one that was fitted and its fit has steps."""
    steps = spec.get("steps")
    if spec["name"] not in fitted or not isinstance(steps, int):
        return spec
    return _slower(spec, SLOWLY) | {"steps": max(1, round(steps * TURNS))}
