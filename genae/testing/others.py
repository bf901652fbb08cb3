"""Checks of what a plugin may offer beside domains: names, presets, and the parts that recipes compose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.learn.build import build
from genae.learn.trainer import stages_of
from genae.model.conditions import Condition
from genae.model.objectives import Objective
from genae.recipe import recipe, registry
from genae.recipe.entries import KINDS
from genae.recipe.parts import instantiate
from genae.recipe.stages import sampler_of
from genae.testing import densities, fits, latents, learning, likely, models, telling
from genae.testing.expect import expect, skip
from genae.testing.parts import Check, of_squares
from genae.testing.sets import apart, claiming_no_others, splitting
from genae.testing.subject import Subject
from genae.testing.target import Target

LONG = 10**6  # steps of a run that any stage starts within


def its_name(t: Target, kind: str, name: str) -> None:
    """Names are the user's words: nobody else's, and easily typed."""
    good = name == name.lower() and not set(name) & set(" /\\:=")
    expect(good, f"{kind} '{name}': a name has lower-case letters, digits and hyphens")
    others = " and ".join(t.taken(kind, name))
    expect(not others, f"{kind} '{name}' is taken already, by {others}; choose another name")


def composing(t: Target, kind: str, name: str) -> None:
    """A preset is a recipe, whole and known."""
    made = recipe.compose(name)
    if made.data and made.data not in registry.names("dataset"):
        raise AssertionError(f"its data set '{made.data}' is not installed; known: {', '.join(registry.names('dataset'))}")
    if made.stages and made.condition["name"] == "none":
        built = build(made)
        stages_of(built, made, made.steps or LONG)
        if sampler := sampler_of(made.stages):
            instantiate("sampler", sampler, space=built.vae.space, condition=0)


def of_its_kind(t: Target, kind: str, name: str) -> None:
    """What it makes is of the class that genae has for it."""
    try:
        made = instantiate(kind, {"name": name})
    except GenaeError as error:
        skip(f"{error}")
    expect(isinstance(made, BASES[kind]), f"it gives {type(made).__name__}, no {BASES[kind].__module__}.{BASES[kind].__name__}")


def composed_with_others(s: Subject) -> None:
    """Trains by one step in a small network on square events of one channel, unless it says that it cannot."""
    learning.learns(s.build(), s)


def heeding_a_condition(s: Subject) -> None:
    """With a class as condition encoder and decoder listen to it."""
    try:
        built = s.build("condition=label")
    except GenaeError as error:
        skip(f"condition=label: {error}")
    learning.learns(built, s)
    telling.heeded(s.build("condition=label"), s)


def spaces(s: Subject) -> None:
    """z may be a vector or frames, plain or not; what does not suit is refused in one line."""
    for latent in ('latent={"shape":[3,2],"time":true}', "latent=1", "posterior=point", "likelihood.learned=each"):
        likelihood = ("likelihood=gaussian",) if latent.startswith("likelihood") else ()
        try:
            built = s.build(*likelihood, latent)
        except GenaeError as error:
            expect("\n" not in str(error), f"what it says of {latent} is no single line: {error}")
            continue
        models.shapes_of(built, s)


WHOLE = (composed_with_others, models.determinism, learning.improvement, densities.weights_are_all)
MODEL = (models.shapes, models.examples_do_not_mix, *densities.CHECKS)
OF_SQUARES: Mapping[str, tuple[Callable[[Subject], None], ...]] = {
    "network": (composed_with_others, models.determinism, learning.improvement, *MODEL, heeding_a_condition, spaces),
    "likelihood": (*WHOLE, densities.likelihood_is_a_density, densities.samples_follow_the_density, densities.temperature),
    "posterior": (*WHOLE, models.shapes, models.examples_do_not_mix, densities.rate, densities.latent_matters, spaces),
    "prior": (*WHOLE, densities.rate),
    "objective": (*WHOLE, *learning.CHECKS, heeding_a_condition),
    "task": (composed_with_others, models.tasks, learning.improvement),
    "condition": (*WHOLE, *telling.CHECKS),
    "optimiser": (composed_with_others, models.determinism, learning.improvement),
    "schedule": (composed_with_others, learning.factors, learning.improvement),
}
BASES: Mapping[str, type] = {
    "likelihood": likely.Ending, "posterior": Family, "objective": Objective, "condition": Condition,
}  # fmt: skip
ALONE: Mapping[str, tuple[Check, ...]] = {
    "preset": (composing,), "dataset": (splitting, apart), "claim": (claiming_no_others,),
    "likelihood": likely.CHECKS, "posterior": fits.POSTERIOR, "prior": latents.CHECKS,
    "sampler": (*fits.FIT, *latents.CHECKS),
}  # fmt: skip
CHECKS: Mapping[str, tuple[Check, ...]] = {
    kind: (
        its_name,
        *((of_its_kind,) if kind in BASES else ()),
        *ALONE.get(kind, ()),
        *map(of_squares, OF_SQUARES.get(kind, ())),
    )
    for kind in KINDS
}
