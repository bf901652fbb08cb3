"""All that changes while training: the weights, their average, and each player's optimisers."""

from __future__ import annotations

import copy
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from genae.errors import GenaeError, unknown
from genae.learn.build import Built
from genae.learn.checkpoint import fit_into, load_optimiser, nested, optimiser_tensors, under
from genae.model.objectives import VAE, Objective
from genae.model.vae import Model
from genae.recipe.options import Spec
from genae.recipe.parts import instance
from genae.recipe.recipe import Recipe


class Game(nn.Module):
    """Model and objective as one module: all the parameters that a run trains."""

    def __init__(self, vae: Model, objective: Objective) -> None:
        super().__init__()
        self.vae, self.objective = vae, objective


@dataclass
class Player:
    """Who learns from one loss of a step."""

    parameters: list[Parameter]
    optimisers: list[torch.optim.Optimizer]  # each steps in its turn
    clip: float  # the largest norm of a gradient, 0 for any
    skip: float  # a gradient of this norm and more counts as zero, 0 for none
    whole: bool  # whether these are all the parameters there are

    def __post_init__(self) -> None:
        self.rates = [group["lr"] for group in self._groups()]

    def _groups(self) -> list[dict[str, Any]]:
        """The optimisers' own, which are others once a state was loaded."""
        return [group for optimiser in self.optimisers for group in optimiser.param_groups]

    def step(self, factor: float) -> None:
        """One step at so many times the learning rate."""
        for group, rate in zip(self._groups(), self.rates, strict=True):
            group["lr"] = rate * factor
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()


@dataclass
class State:
    """Where a training stands."""

    loss: Game
    players: Mapping[str, Player]
    average: Model | None  # of the weights, for evaluation
    step: int = 0

    def __post_init__(self) -> None:
        self.trainable = frozenset(name for name, p in self.loss.vae.named_parameters() if p.requires_grad)
        self._pairs = self._paired()

    @property
    def best(self) -> Model:
        """The model to evaluate and to keep: the average when there is one."""
        return self.average if self.average is not None else self.loss.vae

    def tensors(self) -> dict[str, Tensor]:
        """Everything that resuming needs."""
        average = nested("average", self.average.state_dict()) if self.average is not None else {}
        moments = [
            nested(f"optimiser/{name}/{i}", optimiser_tensors(optimiser))
            for name, player in self.players.items()
            for i, optimiser in enumerate(player.optimisers)
        ]
        return dict(ChainMap(nested("model", self.loss.state_dict()), average, *moments))

    def load(self, tensors: Mapping[str, Tensor], step: int, path: Path) -> None:
        """Back to where `tensors` were taken, all of them. GenaeError for some that have no place here."""
        own = ["model/", "average/"] if self.average is not None else ["model/"]
        own += [f"optimiser/{name}/{i}/" for name, player in self.players.items() for i in range(len(player.optimisers))]
        if left := [name for name in tensors if not name.startswith(tuple(own))]:
            raise GenaeError(f"{path} does not fit its recipe, which has no place for '{left[0]}'")
        fit_into(self.loss, under("model", tensors), path)
        if self.average is not None:
            fit_into(self.average, under("average", tensors), path)
        for name, player in self.players.items():
            for i, optimiser in enumerate(player.optimisers):
                load_optimiser(optimiser, under(f"optimiser/{name}/{i}", tensors))
        self.step = step

    def finite(self) -> bool:
        """No NaN or infinity in any weight."""
        return all(bool(torch.isfinite(p).all()) for p in self.loss.parameters())

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """average ← decay·average + (1 − decay)·weights, with a shorter memory at first (1 + t)/(10 + t)."""
        weight = 1 - min(decay, (1 + self.step) / (10 + self.step))
        for mean, now in self._pairs:
            if mean.is_floating_point():
                mean.lerp_(now, weight)
            else:
                mean.copy_(now)

    def _paired(self) -> list[tuple[Tensor, Tensor]]:
        if self.average is None:
            return []
        return list(zip(self.average.state_dict().values(), self.loss.vae.state_dict().values(), strict=True))


def start(built: Built, recipe: Recipe, device: torch.device) -> State:
    """Fresh state on a device. GenaeError as `shared_out` has it."""
    game = Game(built.vae, built.objective).to(device)
    shares = shared_out(game, recipe)
    everything = {name for own in shares.values() for name, _ in own}
    players = {
        name: _player(own, recipe.optimisers.get(name, recipe.optimiser), len(own) == len(everything))
        for name, own in shares.items()
    }
    average = copy.deepcopy(built.vae).requires_grad_(False).eval() if recipe.ema else None
    return State(game, players, average)


Named = Sequence[tuple[str, Parameter]]


def _player(named: Named, spec: Spec, whole: bool) -> Player:
    optimisers: list[torch.optim.Optimizer] = instance(list, "optimiser", spec, named)
    return Player([p for _, p in named], optimisers, _number(spec, "clip"), _number(spec, "skip"), whole)


def _number(spec: Spec, option: str) -> float:
    """Of an optimiser, 0 where it has no such option."""
    value = spec.get(option)
    return value if isinstance(value, int | float) else 0.0


def shared_out(game: Game, recipe: Recipe) -> dict[str, list[tuple[str, Parameter]]]:
    """Each player's parameters with their names, in the order of the module.

    GenaeError for a player without, for parameters without a player, and for a player of the recipe that there is not.
    """
    named = [(name, p) for name, p in game.named_parameters() if p.requires_grad]
    own = {name: {id(p) for p in parameters(game)} for name, parameters in game.objective.players.items()}
    if VAE not in own:
        raise GenaeError(f"an objective has a player '{VAE}'; this one has {', '.join(own) or 'none'}")
    shares = {name: [(n, p) for n, p in named if id(p) in ids] for name, ids in own.items()}
    if empty := [name for name, share in shares.items() if not share]:
        raise GenaeError(f"player '{empty[0]}' of this objective has no parameters that can be trained")
    if left := [n for n, p in named if not any(id(p) in ids for ids in own.values())]:
        raise GenaeError(f"nobody trains {left[0]}: a player of the objective must name it (players: {', '.join(own)})")
    for name in recipe.optimisers:
        if name not in shares:
            raise unknown("player", name, shares, " of this objective")
    return shares
