"""Checks of what learns: losses and their players, gradients, and that a short training makes a model better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import Parameter

from genae.learn import device, optim, trainer
from genae.learn.build import Built
from genae.learn.scoring import validated
from genae.learn.state import Game, start
from genae.model import vae as models
from genae.model.objectives import VAE, Batch, Loss, Moment
from genae.testing.chance import averages, reached, shaken
from genae.testing.expect import expect, finite, skip
from genae.testing.subject import Subject

STEP, STEPS = 500, 1000  # where in a run gradients are looked at: β and the like are no longer 0
SHAKE = 0.2  # of weights
SHORT, LR = 120, 0.005  # steps of a training, and its learning rate
COPIES = 100  # of a batch, whose mean terms are compared
DEAR, LOUD = 10.0, 5.0  # nats of a rate that is far too high, and how many times as large weights make it


def learns(built: Built, s: Subject) -> None:
    """A step of the objective: finite, by example, and with a gradient for every parameter of every player."""
    game = Game(built.vae.train(), built.objective.train())
    shaken(game, SHAKE)
    own = {name: [p for p in parameters(game) if p.requires_grad] for name, parameters in built.objective.players.items()}
    for loss in built.objective.losses(built.vae, batch(built, s), _moment(built)):
        _one(loss, built, len(s.examples.x[:4]))
        loss.value.backward(inputs=own[loss.player])  # type: ignore[no-untyped-call]
    _reached(game, own)


def _one(loss: Loss, built: Built, n: int) -> None:
    expect(isinstance(loss, Loss), f"losses yields {type(loss).__name__}, not Loss(player, value, terms)")
    known = ", ".join(built.objective.players)
    expect(loss.player in built.objective.players, f"a loss is of player '{loss.player}'; players has {known}")
    expect(loss.value.shape == (), f"the loss of {loss.player} has shape {tuple(loss.value.shape)}; it is one number")
    expect(loss.value.requires_grad, f"the loss of {loss.player} has no gradient; it must not be detached")
    for name, value in {f"the loss of {loss.player}": loss.value, **loss.terms}.items():
        expect(isinstance(value, Tensor), f"term {name} is {type(value).__name__}, not a tensor")
        expect(value.shape in ((), (n,)), f"term {name} has shape {tuple(value.shape)}; terms are () or (B,), here ({n},)")
        finite(value, name)


def _reached(game: Game, own: dict[str, list[Parameter]]) -> None:
    whose = {id(p): player for player, parameters in own.items() for p in parameters}
    learned = [(name, p) for name, p in game.named_parameters() if p.requires_grad and p.numel()]
    free = [name for name, p in learned if id(p) not in whose]
    expect(not free, f"nobody trains {', '.join(free[:4])}: a player of the objective must name it")
    none = [f"{name} of {whose[id(p)]}" for name, p in learned if p.grad is None or not bool(p.grad.any())]
    more = f" and {len(none) - 4} more" if len(none) > 4 else ""
    expect(not none, f"no gradient reaches {', '.join(none[:4])}{more}")
    for name, p in learned:
        finite(p.grad if p.grad is not None else torch.zeros(1), f"the gradient of {name}")


def batch(built: Built, s: Subject, copies: int = 1) -> Batch:
    """Some examples as a training sees them, each so many times."""
    index = torch.arange(len(s.examples.x[:4])).repeat(copies)
    target: Tensor = built.domain.prepare(s.examples.x[index], "train")
    return Batch(built.task(target), target, built.condition(s.known_of(index), target))


def _moment(built: Built, step: int = STEP) -> Moment:
    return Moment(step, STEPS, frozenset(built.objective.players))


def terms(s: Subject) -> None:
    """Terms called distortion and rate are −log p(x | z) and KL(q ‖ p), nats, means over z ~ q."""
    built = s.build()
    many = batch(built, s, COPIES)
    named: dict[str, Tensor] = {}
    for loss in built.objective.losses(built.vae.eval(), many, _moment(built)):
        named |= loss.terms
    drawn = built.vae.infer(many.input, many.condition).sample()
    own = {"distortion": -drawn.p.log_prob(many.target), "rate": drawn.rate}
    for name in {*own} & {*named} if built.bounded else ():
        apart = (named[name].expand(len(own[name])) - own[name]).detach()
        for one in apart.view(COPIES, -1).T if named[name].ndim else (apart,):
            averages(one, 0.0, f"term {name} of an example, less that of the model,",
                     1e-3 * (1 + own[name].abs().mean().item()), "call what is weighted by another name")  # fmt: skip
    if isinstance(built.vae, models.VAE) and "distortion" in named:
        expect(reached(named["distortion"], built.vae.encoder), "no gradient of the distortion reaches the encoder")


def moments(s: Subject) -> None:
    """Losses are finite at a run's first and last step, and in a stage where the model alone learns."""
    built = s.build()
    for at in (_moment(built, 0), _moment(built, STEPS - 1), Moment(STEP, STEPS, frozenset({VAE}))):
        found = list(built.objective.losses(built.vae.train(), batch(built, s), at))
        expect(VAE in {loss.player for loss in found}, f"at step {at.step} of {STEPS} no loss is the model's own ('{VAE}')")
        for loss in found:
            finite(loss.value, f"the loss of {loss.player} at step {at.step} of {STEPS}")


def improvement(s: Subject) -> None:
    """A short training lowers the distortion."""
    before, after = _trained(s, () if s.title.startswith("optimiser") else (f"optimiser.lr={LR}",))
    line = f"after {SHORT} steps the distortion is {after['distortion']:.4g} nats, {before['distortion']:.4g} before"
    expect(after["distortion"] < before["distortion"], line)


def a_high_rate_falls(s: Subject) -> None:
    """A short training lowers a rate that is far too high."""
    if s.build().objective.fits_codes:
        skip("it pulls all codes together to the prior, whatever the rate of each is")
    before, after = _trained(s, (f"optimiser.lr={LR}",), LOUD)
    if "rate" not in before or before["rate"] < DEAR:
        skip("it has no rate that could be too high")
    line = f"{SHORT} steps change a rate of {before['rate']:.4g} nats to {after['rate']:.4g}; is its sign right?"
    expect(after["rate"] < before["rate"], line)


def _trained(s: Subject, settings: Sequence[str], loud: float = 1.0) -> tuple[dict[str, float], dict[str, float]]:
    """Numbers before and after a short training, of weights that are so much larger than fresh ones."""
    place = torch.device("cpu")
    whole, built = replace(s.composed(*settings), steps=SHORT), s.build(*settings)
    with torch.no_grad():
        for weight in built.vae.parameters():
            weight.mul_(loud)
    state = start(built, whole, place)
    before = validated(built, s.told, place, "32")
    for step in trainer.fit(built, s.told, whole, state, device.fabric(place, "32")):
        for player, value in step.losses.items():
            finite(value, f"the loss of {player} at step {step.number} of a training")
    return before, validated(built, s.told, place, "32")


def factors(s: Subject) -> None:
    """A schedule gives a factor of the learning rate, not negative, and not 0 throughout, for a run of any length."""
    for steps in (1, 10, STEPS):
        found = [optim.factor(s.recipe.schedule, step, steps) for step in range(steps)]
        good = all(isinstance(factor, int | float) and 0 <= factor < math.inf for factor in found) and any(found)
        expect(
            good, f"over {steps} steps its factors go from {found[0]} to {found[-1]}; they are numbers, 0 or more, not all 0"
        )


CHECKS = (terms, moments, a_high_rate_falls)
