"""Checks of a domain's networks with everything around them, and of runs made with them."""

from __future__ import annotations

import json
import math
from functools import partial

import torch

from genae.data.tensors import load_tensors
from genae.errors import GenaeError
from genae.learn import checkpoint
from genae.learn.build import Built
from genae.learn.device import seeded
from genae.model.tasks import task_of
from genae.recipe import recipe
from genae.testing.chance import elsewhere, of_torch_alone
from genae.testing.expect import expect, same, shaped, skip
from genae.testing.learning import learns
from genae.testing.subject import Subject
from genae.testing.telling import heeded
from genae.use import output

BY_EXAMPLE = "draw a row for each example by functions of torch"


def shapes(s: Subject) -> None:
    """x to q(z | x) to z to p(x | z), without a NaN."""
    shapes_of(s.build(), s)


def shapes_of(built: Built, s: Subject) -> None:
    """The same of a model that is built already."""
    x = s.domain.prepare(s.examples.x[:3], "score")
    space, n, told = built.vae.space, len(x), built.condition(s.known(len(x)), x)
    inference = built.vae.infer(x, told)
    z = inference.mean
    shaped(z, (n, *space.shape), "the z that stands for x")
    space.check(z)
    drawn = inference.sample()
    shaped(drawn.rate, (n,), "the rate")
    shaped(drawn.p.log_prob(x), (n,), "log p(x | z)")
    shaped(built.vae.show(z, told), (n, *s.domain.event), "what is shown of p(x | z)")


def examples_do_not_mix(s: Subject) -> None:
    """An example's posterior is the same alone and in a batch."""
    vae, x = s.build().vae.eval(), s.events(3)
    told = s.build().condition(s.known(len(x)), x)
    with torch.no_grad():
        whole, alone = vae.encode(x, told), vae.encode(x[:1], None if told is None else told[:1])
    scale = whole.abs().max().clamp(min=1.0)
    expect(bool((whole[:1] - alone).abs().max() < 1e-3 * scale), "a posterior hangs on the other examples of its batch")


def gradients(s: Subject) -> None:
    """A loss reaches every parameter."""
    learns(s.build(), s)


def determinism(s: Subject) -> None:
    """Two trainings from one seed end in the same weights."""
    trained = []
    for turn in range(2):
        with elsewhere(turn):
            trained.append(s.trained())
    one, two = trained
    other = [name for name, value in one.items() if not torch.equal(value, two[name])]
    expect(not other, f"after two trainings from one seed these differ: {', '.join(other[:3])}; draw from torch alone")


def save_and_load(s: Subject) -> None:
    """A run on disk is the run that was trained, from its recipe alone."""
    run, again = s.run, s.run
    kept, _ = load_tensors(run.folder / checkpoint.WEIGHTS)
    for name, value in run.vae.state_dict().items():
        same(value.cpu(), kept[name], f"weights {name}, trained and loaded,")
    with s.ready():
        expect(recipe.read(run.folder / checkpoint.RECIPE) == run.recipe, "the recipe is another one once it was on disk")
    z = run.encode(s.events(2))
    same(run.decode(z), again.decode(z), "what a run decodes, loaded twice,")


def sampling(s: Subject) -> None:
    """New examples from a seed, as files."""
    run = s.run
    if not run.built.sampled:
        skip("a plain autoencoder has no prior to sample from")
    events = run.sample(3, seed=1)
    shaped(events, (3, *s.domain.event), "samples")
    same(events, run.sample(3, seed=1), "samples of one seed")
    written = output.write_samples(run.domain, events, s.folder / "samples")
    for path in written:
        expect(path.is_file() and path.stat().st_size > 0, f"of a sample {path.name} is empty or not there")


def numbers_of_its_own(s: Subject) -> None:
    """Few samples are the beginning of more; an example comes back the same whatever stands beside it."""
    run, x = s.run, s.events(3)
    whole, turned = run.reconstruct(x, seed=1)[1], run.reconstruct(x.flip(0), seed=1)[1]
    apart = (whole - turned.flip(0)).abs().max().item()
    expect(apart < 1e-4, f"what comes back of an example is {apart:.3g} away with others beside it; {BY_EXAMPLE}")
    if run.built.sampled:
        apart = (run.sample(20, seed=1)[:2] - run.sample(2, seed=1)).abs().max().item()
        expect(apart < 1e-4, f"the first of 20 samples are {apart:.3g} away from those of 2 with the same seed; {BY_EXAMPLE}")


def interpolation(s: Subject) -> None:
    """Begins and ends exactly at what its ends decode to."""
    run, x = s.run, s.events(2)
    a, b = x[:1], x[-1:]
    between = run.interpolate(a, b, steps=5)
    shaped(between, (5, *s.domain.event), "an interpolation of 5 steps")
    for end, at in ((a, 0), (b, -1)):
        apart = (run.reconstruct(end)[1][0] - between[at]).abs().max().item()
        expect(apart < 1e-4, f"an interpolation's end is {apart:.3g} away from what that end decodes to")
    looped = run.interpolate(a, b, steps=3, loop=True)
    expect(len(looped) == 4, f"a loop through 2 points in 3 steps has {len(looped)} events, not 4")


def evaluation(s: Subject) -> None:
    """Numbers that agree with each other and can be written as JSON."""
    run = s.run
    with s.ready():
        numbers = run.evaluate(samples=2, limit=4)
    json.dumps(numbers, allow_nan=False)
    if numbers["elbo"] is None:
        return
    total = numbers["rate"] + numbers["distortion"]
    good = math.isclose(numbers["elbo"], -total, rel_tol=1e-3, abs_tol=0.1)
    expect(good, f"ELBO {numbers['elbo']:.4g} is not −(rate + distortion) = {-total:.4g}")
    expect(numbers["nll"] <= -numbers["elbo"] + 1e-3 * abs(total), f"NLL {numbers['nll']:.4g} is above −ELBO")


def tasks(s: Subject) -> None:
    """Input made from target: of its shape, from the seed alone, the target left as it is; and training goes with it."""
    named = [*s.domain.defaults.tasks, *({s.recipe.task["name"]} - {"reconstruct", *s.domain.defaults.tasks})]
    if not named:
        skip("it names no tasks")
    for name in named:
        try:
            task, target = task_of({"name": name}, s.domain), s.events()
        except GenaeError as error:
            expect("\n" not in str(error), f"what task {name} says of the domain is no single line: {error}")
            continue
        before = target.clone()
        made = of_torch_alone(partial(task, target), f"inputs of task {name}")
        shaped(made, tuple(target.shape), f"the input of task {name}")
        expect(made.is_floating_point(), f"the input of task {name} is {made.dtype}; events are floats")
        same(target, before, f"targets, which task {name} must not change,")
        with seeded(0):
            other = task(target.flip(0) + 0.5)
        expect(not torch.equal(made, other), f"the input of task {name} is the same whatever its target is")
        learns(s.build(f"task={name}"), s)


def conditions(s: Subject) -> None:
    """Networks take the class, the fields, and each of the domain's attributes, beside x and z."""
    for name in ("label", "fields", *s.domain.defaults.attributes):
        try:
            built = s.build(f"condition={name}")
        except GenaeError as error:
            skip(f"condition={name}: {error}")
        learns(built, s)
        heeded(s.build(f"condition={name}"), s)
        vae, n = built.vae.eval(), min(3, len(s.examples))
        told = built.condition(s.known(n), s.events(n))
        shaped(vae.sample(n, 1.0, told), (n, *s.domain.event), f"samples with condition={name}")


CHECKS = (
    shapes, examples_do_not_mix, gradients, determinism, save_and_load, sampling, numbers_of_its_own, interpolation, evaluation,
    tasks, conditions,
)  # fmt: skip
