r"""The training loop. It yields after every step: the caller's loop body is the callback.

    for step in fit(built, examples, recipe, state, fabric):
        bar.update()

Order of examples, noise and augmentation are functions of (seed, step) alone: every step seeds the generator anew. A run that
was killed and resumed is therefore the same, bit for bit, as one that never stopped, and evaluating in between changes nothing.
"""

from __future__ import annotations

import copy
import math
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from genae.data.examples import Examples, Known
from genae.errors import NotFinite
from genae.learn import optim
from genae.learn.checkpoint import fit_into, load_optimiser, nested, optimiser_tensors, under
from genae.model.objectives import Batch, Objective, Terms
from genae.recipe.parts import Built, instantiate
from genae.recipe.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_fabric import Fabric

SEED_STRIDE = 1_000_003  # a prime: seeds of neighbouring runs do not meet at neighbouring steps


class Step(NamedTuple):
    """One optimiser step, done."""

    number: int  # steps done so far, this one counted
    terms: Terms  # detached


class Loss(nn.Module):
    """Network and objective as one module, so that precision and distribution wrap all of a step."""

    def __init__(self, vae: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.vae, self.objective = vae, objective

    def forward(self, batch: Batch, step: int) -> Terms:
        return self.objective(self.vae, batch, step)  # type: ignore[arg-type]


@dataclass
class State:
    """All that changes while training."""

    loss: Loss
    optimisers: list[torch.optim.Optimizer]  # each steps in its turn
    average: nn.Module | None  # of the weights, for evaluation
    step: int = 0

    @property
    def best(self) -> nn.Module:
        """The network to evaluate and to keep: the average when there is one."""
        return self.average if self.average is not None else self.loss.vae

    def tensors(self) -> dict[str, Tensor]:
        """Everything that resuming needs."""
        average = nested("average", self.average.state_dict()) if self.average is not None else {}
        moments = [nested(f"optimiser/{i}", optimiser_tensors(o)) for i, o in enumerate(self.optimisers)]
        return dict(ChainMap(nested("model", self.loss.state_dict()), average, *moments))

    def load(self, tensors: dict[str, Tensor], step: int, path: Path) -> None:
        """Back to where `tensors` were taken."""
        fit_into(self.loss, under("model", tensors), path)
        if self.average is not None:
            fit_into(self.average, under("average", tensors), path)
        for i, optimiser in enumerate(self.optimisers):
            load_optimiser(optimiser, under(f"optimiser/{i}", tensors))
        self.step = step

    def finite(self) -> bool:
        """No NaN or infinity in any weight."""
        return all(bool(torch.isfinite(p).all()) for p in self.loss.parameters())


def start(built: Built, recipe: Recipe, device: torch.device) -> State:
    """Fresh state on a device."""
    vae = built.vae.to(device)
    loss = Loss(vae, built.objective)
    named = [(name, p) for name, p in loss.named_parameters() if p.requires_grad]
    optimisers = instantiate("optimiser", recipe.optimiser, named)
    average = copy.deepcopy(vae).requires_grad_(False).eval() if recipe.ema else None
    return State(loss, optimisers, average)


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
    per_epoch = steps_per_epoch(len(examples), recipe.batch)
    for step in range(first, last):
        if step == first or step % per_epoch == 0:
            rows = order(recipe, len(examples), step // per_epoch).to(examples.x.device)
        index = rows[step % per_epoch]
        torch.manual_seed(recipe.seed * SEED_STRIDE + step)
        target = built.domain.prepare(examples.x[index].to(device, non_blocking=True), "train")
        known = examples.known(index).to(device) if built.condition.size else Known()
        yield Batch(built.task(target), target, built.condition(known, target, train=True))


def fit(built: Built, examples: Examples, recipe: Recipe, state: State, fabric: Fabric) -> Iterator[Step]:
    """From `state.step` to the run's last step. Raises NotFinite only when asked to look: see `Watch`."""
    last = total_steps(recipe, len(examples))
    module, *optimisers = fabric.setup(state.loss, *state.optimisers)
    groups = [(group, group["lr"]) for optimiser in state.optimisers for group in optimiser.param_groups]
    clip, skip = recipe.optimiser.get("clip", 0.0), recipe.optimiser.get("skip", 0.0)
    scheduled = [m for m in state.loss.modules() if hasattr(m, "at_step")]  # scheduled sampling, say
    pairs = _pairs(state)
    if hasattr(built.objective, "plan"):
        built.objective.plan(last)
    module.train()
    for batch in batches(built, examples, recipe, state.step, last, fabric.device):
        factor = optim.factor(recipe.schedule, state.step, last)
        for group, rate in groups:
            group["lr"] = rate * factor
        for part in scheduled:
            part.at_step(state.step, last)  # type: ignore[operator]
        terms: Terms = module(batch, state.step)
        fabric.backward(terms.loss)
        if clip or skip:
            _bound(state.loss, clip, skip)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        state.step += 1
        _average(pairs, recipe.ema, state.step)
        yield Step(state.step, Terms(*(t.detach() for t in terms)))


def _bound(module: nn.Module, clip: float, skip: float) -> None:
    """Gradients of norm `skip` and more to zero, others to norm `clip` at most; without waiting for the device."""
    held = [p.grad for p in module.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(held)
    factor = torch.clamp(clip / (norm + 1e-6), max=1.0) if clip else torch.ones_like(norm)
    if skip:
        factor = torch.where(norm < skip, factor, 0.0)
    torch._foreach_mul_(held, factor)


def _pairs(state: State) -> list[tuple[Tensor, Tensor]]:
    if state.average is None:
        return []
    return list(zip(state.average.state_dict().values(), state.loss.vae.state_dict().values(), strict=True))


@torch.no_grad()
def _average(pairs: list[tuple[Tensor, Tensor]], decay: float, step: int) -> None:
    """average ← decay·average + (1 − decay)·weights, with a shorter memory at first (1 + t)/(10 + t)."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for mean, now in pairs:
        if mean.is_floating_point():
            mean.lerp_(now, weight)
        else:
            mean.copy_(now)


class Watch:
    """Sums of the terms on the device, read only when asked, and the first step that was not finite."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(4, device=device)  # steps, loss, distortion, rate
        self.first = torch.zeros(4, device=device)  # step, loss, distortion, rate of the first bad one; 0 while there is none

    def see(self, step: Step) -> None:
        """No synchronisation with the device."""
        loss, distortion, rate = step.terms
        values = torch.stack([torch.ones_like(loss), loss, distortion.mean(), rate.mean()]).float()
        self.sums += values
        new = ~values.sum().isfinite() & (self.first[0] == 0)
        values[0] = step.number
        self.first = torch.where(new, values, self.first)

    def check(self) -> None:
        """NotFinite names the first bad step, with its distortion and rate."""
        bad, loss, distortion, rate = self.first.tolist()
        if bad:
            raise NotFinite(
                f"training stopped: the loss became {loss} at step {bad:.0f} "
                f"(distortion {distortion:.4g}, rate {rate:.4g} nats); the last good checkpoint is kept; "
                "try a lower optimiser.lr, or optimiser.clip=1, or look for bad values in the data"
            )

    def read(self) -> dict[str, float]:
        """Means since the last reading, nats, after a check."""
        self.check()
        n, loss, distortion, rate = self.sums.tolist()
        self.sums.zero_()
        return {"loss": loss / n, "elbo": -(distortion + rate) / n, "distortion": distortion / n, "rate": rate / n}
