"""A run's stages: which players learn, from which step, what stays frozen, and the sampler that is fitted at the end.

    "stages": [{"players": ["vae"]}, {"start": 0.5, "freeze": ["encoder"]}, {"sampler": {"name": "flow"}}]

A stage lasts until the next one starts. `start` is a step, or a share of the run if it is below 1; `players` are all where none
is named; `freeze` names modules of the model, which then neither learn nor change with their input's statistics.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from torch import nn

from genae.errors import GenaeError, unknown
from genae.recipe.stages import StageSpec


class Stage(NamedTuple):
    """One stage of a run of so many steps."""

    start: int
    players: frozenset[str]
    freeze: tuple[str, ...]


def planned(specs: Sequence[StageSpec], steps: int, players: Sequence[str], vae: nn.Module) -> list[Stage]:
    """A recipe's stages for a run. GenaeError for a player, module or start that there is not."""
    modules = [name for name, _ in vae.named_modules() if name]
    stages = []
    for spec in specs or [StageSpec()]:
        for player in spec.players:
            if player not in players:
                raise unknown("player", player, players, " of this objective")
        for name in spec.freeze:
            if name not in modules:
                raise unknown("module", name, [m for m in modules if m.count(".") < 2], " of this model to freeze")
        start = round(spec.start * steps) if spec.start < 1 else round(spec.start)
        if start >= steps:
            raise GenaeError(
                f"a stage starts at step {start}, and the run ends at step {steps}; start it earlier, or train longer"
            )
        stages.append(Stage(start, frozenset(spec.players or players), tuple(spec.freeze)))
    if stages[0].start:
        raise GenaeError(
            f"the first stage starts at step {stages[0].start}; it must start at 0, so that something learns until then"
        )
    for before, after in pairwise(stages):
        if after.start <= before.start:
            raise GenaeError(f"stages must start one after the other, not at steps {before.start} and {after.start}")
    return stages


def stage_at(stages: Sequence[Stage], step: int) -> Stage:
    """The stage that a step belongs to."""
    return next(stage for stage in reversed(stages) if stage.start <= step)


def enter(stage: Stage, vae: nn.Module, trainable: Set[str]) -> None:
    """Freezes what the stage freezes and thaws the rest of the parameters that are `trainable`, by their names."""
    vae.train()
    for name, parameter in vae.named_parameters():
        parameter.requires_grad_(name in trainable and not any(name.startswith(f"{module}.") for module in stage.freeze))
    for name in stage.freeze:
        vae.get_submodule(name).eval()
