"""Checks of conditions: what they tell of examples, and whether networks listen."""

from __future__ import annotations

import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.learn.build import Built
from genae.model.conditions import Condition
from genae.recipe.options import plain
from genae.recipe.parts import part
from genae.testing.chance import of_torch_alone, shaken
from genae.testing.expect import expect, same, shaped, skip
from genae.testing.subject import Subject

SHAKE, MANY = 0.2, 2000  # examples of which a share is hidden
OFF = 0.06  # of that share
ROW = 3  # examples
FAR = 100.0  # times as far as another example's condition


def vectors(s: Subject) -> None:
    """What is known of examples to (B, C): each by itself, others for others, the same from one seed, hidden as it says."""
    condition, n = s.build().condition, min(8, len(s.examples))
    expect(isinstance(condition, Condition), f"it is {type(condition).__name__}, no genae.model.conditions.Condition")
    if not condition.size:
        skip("it tells nothing")
    x, known = s.events(n), s.known(n)
    expect(condition.tells(known) is True, "tells(known) is not True of the examples that it learned from")
    told = of_torch_alone(lambda: _vector(condition, s, n), "what it tells")
    same(told[:1], _one(condition(s.known(1), x[:1])), "what it tells of an example, alone and in a batch,")
    expect(bool((told != told[:1]).any()), "it tells the same of every example")
    every = torch.arange(MANY) % n
    hidden = _one(condition(s.known_of(every), x[every], True)) == 0
    plainly = told[every].eq(0).all(1).float().mean().item()
    share = hidden.all(1).float().mean().item()
    wanted = plainly + (1 - plainly) * condition.dropout
    expect(share >= wanted - OFF, f"in training it hides {share:.2g} of the examples; condition.dropout is {condition.dropout}")
    expect(condition.dropout > 0 or share <= wanted + OFF, f"in training it hides {share:.2g} of the examples without dropout")


def _vector(condition: Condition, s: Subject, n: int) -> Tensor:
    told = _one(condition(s.known(n), s.events(n)))
    shaped(told, (n, condition.size), "what it tells")
    expect(
        condition.form.size == condition.size, f"its form is of {condition.form.size} numbers, and its size {condition.size}"
    )
    return told


def _one(told: Tensor | None) -> Tensor:
    expect(told is not None, "it tells None, though its size is above 0")
    assert told is not None
    return told


def of_new_examples(s: Subject) -> None:
    """Of examples that nobody knows it tells zeros, or that it must be asked; what is drawn has its form."""
    condition = s.build().condition
    veil = condition.veil(ROW)
    shaped(veil, (ROW, condition.size), f"veil({ROW})")
    expect(bool(((veil == 0) | (veil == 1)).all()), "a veil is of 0 and 1")
    for what in (condition.absent, condition.drawn):
        try:
            shaped(what(3), (3, condition.size), f"{what.__name__}(3)")
        except GenaeError as error:
            expect("\n" not in str(error), f"{what.__name__}(3) fails in more than one line: {error}")
    for text in ("", "no such thing", "1,2,3,4,5,6,7", "0.5", *s.told.classes, *(f"label={name}" for name in s.told.classes)):
        try:
            shaped(condition.named(text), (1, condition.size), f"named({text!r})")
            shaped(condition.named_along(text, ROW), (ROW, condition.size), f"named_along({text!r}, {ROW})")
        except GenaeError as error:
            expect("\n" not in str(error), f"named({text!r}) fails in more than one line: {error}")


def what_it_learns(s: Subject) -> None:
    """What it learns from training examples is options as JSON has them, and learned again they are the same."""
    factory = part("condition", s.recipe.condition, s.domain)
    if not (isinstance(factory, type) and issubclass(factory, Condition)):
        skip("it learns nothing")
    once = factory.learned(s.recipe.condition, s.told, s.domain)
    kept = plain(once)
    expect(isinstance(kept, dict), f"what it learns is {type(kept).__name__}, no mapping of options")
    assert isinstance(kept, dict)
    expect(kept == plain(factory.learned(kept, s.told, s.domain)), "learned a second time its options are others")


def heeded(built: Built, s: Subject) -> None:
    """Encoder and decoder listen: with another condition q(z | x) and p(x | z) are others."""
    n = min(8, len(s.examples))
    x, told = s.events(n), built.condition(s.known(n), s.events(n))
    if told is None or bool((told == told[:1]).all()):
        return
    other = next(rolled for rolled in (told.roll(by, 0) for by in range(1, n)) if not torch.equal(told, rolled))
    far = told + FAR * (other - told)  # where fresh weights make so little of it that rounding hides it
    vae = built.vae.eval()
    shaken(vae, SHAKE)
    with torch.no_grad():
        z = vae.encode(x, told)
        first = vae.decode(z, told).log_prob(x)
        moved = any(not torch.equal(first, vae.decode(z, given).log_prob(x)) for given in (other, far))
        expect(moved, "the decoder does not listen to the condition: p(x | z) is the same with another one")
        moved = vae.space.codes > 0 or any(not torch.equal(z, vae.encode(x, given)) for given in (other, far))
        expect(moved, "the encoder does not listen to the condition: q(z | x) is the same with another one")


CHECKS = (vectors, of_new_examples, what_it_learns)
