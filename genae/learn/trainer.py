r"""The training loop. It yields after every step: the caller's loop body is the callback.

    for step in fit(built, examples, recipe, state, fabric):
        bar.update()

A step is the losses that the objective yields, each with one backward and one optimiser step of its player. Order of examples,
noise and augmentation are functions of (seed, step) alone: every step seeds the generator anew. A run that was killed and
resumed is therefore the same, bit for bit, as one that never stopped, and evaluating in between changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from genae.data.examples import Examples, Known
from genae.learn import optim
from genae.learn.build import Built
from genae.learn.stages import Stage, enter, planned, stage_at
from genae.learn.state import Player, State
from genae.learn.workers import ALONE, Workers
from genae.model.objectives import Batch, Loss, Moment
from genae.recipe.recipe import Recipe
from genae.recipe.stages import of_training

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SEED_STRIDE = 1_000_003  # a prime: seeds of neighbouring runs do not meet at neighbouring steps
Drawing = AbstractContextManager[object]  # in which the random numbers of a step are drawn


class Step(NamedTuple):
    """One step, done."""

    number: int  # steps done so far, this one counted
    losses: Mapping[str, Tensor]  # by player, (), detached
    terms: Mapping[str, Tensor]  # of all players, () or (B,), detached


def steps_per_epoch(n: int, batch: int) -> int:
    """Whole batches; a training set smaller than one is one batch."""
    return max(1, n // batch)


def total_steps(recipe: Recipe, n: int) -> int:
    """Steps of the whole run over n examples."""
    return recipe.steps or max(1, math.ceil(recipe.epochs * steps_per_epoch(n, recipe.batch)))


def order(recipe: Recipe, n: int, epoch: int) -> Tensor:
    """The examples of an epoch, shuffled, (steps, batch); what is left over by whole batches changes from epoch to epoch."""
    generator = torch.Generator().manual_seed(recipe.seed * SEED_STRIDE + epoch)
    steps, batch = steps_per_epoch(n, recipe.batch), min(recipe.batch, n)
    return torch.randperm(n, generator=generator)[: steps * batch].view(steps, batch)


def batches(built: Built, examples: Examples, recipe: Recipe, first: int, last: int, device: torch.device) -> Iterator[Batch]:
    """The batches of steps first … last − 1, each with the generator seeded for its step."""
    return (batch for batch, _ in shares(built, examples, recipe, first, last, device, ALONE))


def shares(
    built: Built, examples: Examples, recipe: Recipe, first: int, last: int, device: torch.device, workers: Workers
) -> Iterator[tuple[Batch, Drawing]]:
    """Of such batches this process's part, each with the block in which it is learned from."""
    per_epoch = steps_per_epoch(len(examples), recipe.batch)
    for step in range(first, last):
        if step == first or step % per_epoch == 0:
            rows = order(recipe, len(examples), step // per_epoch).to(examples.x.device)
        index = workers.rows(rows[step % per_epoch])
        drawing = workers.drawing(recipe.seed * SEED_STRIDE + step, len(index), device)
        known = examples.known(index).to(device) if built.condition.size else Known()
        with drawing:
            batch = built.batch(examples.x[index].to(device, non_blocking=True), known, "train")
        yield batch, drawing


def stages_of(built: Built, recipe: Recipe, steps: int) -> list[Stage]:
    """The stages of a run of so many steps. GenaeError for ones that the run or its objective does not have."""
    return planned(of_training(recipe.stages), steps, [*built.objective.players], built.vae)


def fit(
    built: Built, examples: Examples, recipe: Recipe, state: State, fabric: Fabric, workers: Workers = ALONE
) -> Iterator[Step]:
    """From `state.step` to the run's last step. Raises NotFinite only when asked to look: see `Watch`."""
    last = total_steps(recipe, len(examples))
    stages = stages_of(built, recipe, last)
    if workers.size == 1:
        fabric.setup(state.loss, *(o for player in state.players.values() for o in player.optimisers))
    learner, entered = Learner(built, recipe, state, fabric, workers), None
    for batch, drawing in shares(built, examples, recipe, state.step, last, fabric.device, workers):
        if (stage := stage_at(stages, state.step)) is not entered:
            enter(stage, built.vae, state.trainable)
            built.objective.train()
            entered = stage
        step = learner.step(batch, Moment(state.step, last, stage.players, len(examples)), drawing)
        state.step += 1
        state.follow(recipe.ema)
        yield step


class Learner:
    """What a step needs beside its batch."""

    def __init__(self, built: Built, recipe: Recipe, state: State, fabric: Fabric, workers: Workers) -> None:
        self.vae, self.objective, self.state, self.fabric = built.vae, built.objective, state, fabric
        self.schedule, self.workers = recipe.schedule, workers

    def step(self, batch: Batch, at: Moment, drawing: Drawing) -> Step:
        """Every loss of the objective in turn; those of players that do not learn now change nothing."""
        losses: dict[str, Tensor] = {}
        terms: dict[str, Tensor] = {}
        factor = optim.factor(self.schedule, at.step, at.steps)
        found = self.objective.losses(self.vae, batch, at)
        while (loss := self._next(found, drawing)) is not None:
            value, told = self._numbers(loss)
            if loss.player in at.players:
                self._learn(self.state.players[loss.player], loss, factor, [value, *told.values()])
            losses[loss.player] = value
            terms |= told
        return Step(at.step + 1, losses, terms)

    def _next(self, found: Iterator[Loss], drawing: Drawing) -> Loss | None:
        precision: AbstractContextManager[None] = self.fabric.autocast()
        with precision, drawing:
            return next(found, None)

    def _numbers(self, loss: Loss) -> tuple[Tensor, dict[str, Tensor]]:
        """Its value and terms; of a share of the batch the terms' means, which become those of the whole with the gradients."""
        terms = {name: value.detach() for name, value in loss.terms.items()}
        if self.workers.size == 1:
            return loss.value.detach(), terms
        return loss.value.detach().clone(), {name: value.float().mean() for name, value in terms.items()}

    def _learn(self, player: Player, loss: Loss, factor: float, numbers: list[Tensor]) -> None:
        """One backward and one step. What other players have in the loss gets no gradient."""
        alone = len(self.state.players) == 1 and player.whole
        learning = [p for p in player.parameters if p.requires_grad]
        if not learning:
            return
        loss.value.backward(inputs=None if alone else learning)  # type: ignore[no-untyped-call]  # of torch
        self.workers.mean_([p.grad for p in learning if p.grad is not None] + numbers)
        if player.clip or player.skip:
            bound(learning, player.clip, player.skip)
        player.step(factor)


def bound(parameters: list[Parameter], clip: float, skip: float) -> None:
    """Gradients of norm `skip` and more to zero, others to norm `clip` at most; without waiting for the device."""
    held = [p.grad for p in parameters if p.grad is not None]
    norm = nn.utils.get_total_norm(held)
    factor = torch.clamp(clip / (norm + 1e-6), max=1.0) if clip else torch.ones_like(norm)
    if skip:
        factor = torch.where(norm < skip, factor, 0.0)
    torch._foreach_mul_(held, factor)
