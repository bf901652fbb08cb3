"""How many steps a run of so many minutes has: a step is timed on a model that is thrown away, and so is a turn of the sampler.

The number goes into the recipe, so that from there on the run is one of steps, the same however fast or slow it goes and
whenever it is gone on with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from statistics import median

import torch

from genae.data.examples import Examples
from genae.errors import GenaeError
from genae.latent.samplers import Fitted
from genae.learn import device as devices
from genae.learn import fitting, trainer
from genae.learn.build import Built
from genae.learn.stages import Stage
from genae.learn.state import start
from genae.recipe.options import Spec
from genae.recipe.recipe import Recipe

WARM, TIMED = 2, 9  # steps before the clock counts, and those of which it is the median
SHARE = 0.05  # of the minutes, after which no further step is timed
KEPT = 0.95  # of the minutes, for steps and the sampler: the rest is saving, validating and previews
LONG = 1 << 20  # steps of the run whose stages are looked at, so that the shares of stages are exact
ENCODED = 4000  # latents on which a sampler's turns are timed, at most
TURNS = 5
LEAST = 0.5  # of the minutes, for the steps: a sampler that leaves less is refused


def steps_in(
    minutes: float, built: Built, sampler: Spec | None, examples: Examples, recipe: Recipe, device: torch.device
) -> int:
    """Steps that take so many minutes, the fit of the sampler beside them. GenaeError where that leaves too little time."""
    seconds = 60 * minutes * KEPT
    fit = 0.0 if sampler is None else fit_seconds(built, sampler, examples, recipe, device)
    if fit > seconds * LEAST:
        raise GenaeError(
            f"--minutes {minutes:g}: fitting the sampler alone takes {fit / 60:.1f} minutes; "
            f"give more than {fit / 60 / KEPT / LEAST:.1f}, or leave out the sampler with --set stages=[]"
        )
    step = step_seconds(built, examples, recipe, device, 60 * minutes * SHARE)
    return max(1, int((seconds - fit) / step))


def step_seconds(built: Built, examples: Examples, recipe: Recipe, device: torch.device, patience: float) -> float:
    """Of a step, the mean over the run's stages as long as each lasts."""
    recipe = replace(recipe, epochs=0.0, steps=LONG)
    stages = trainer.stages_of(built, recipe, LONG)
    state = start(built, recipe, device)
    fabric = devices.fabric(device, recipe.precision)
    total = 0.0
    for stage, share in zip(stages, _shares(stages), strict=True):
        state.step = stage.start
        steps = trainer.fit(built, examples, recipe, state, fabric)
        total += share * _median(steps, device, WARM + TIMED, patience / len(stages))
    return total


def fit_seconds(built: Built, spec: Spec, examples: Examples, recipe: Recipe, device: torch.device) -> float:
    """Of a sampler's fit on as many latents: noise does for them. 0 for one of whole pieces, whose length nobody knows yet."""
    sampler, n = fitting.made(built, spec).to(device), min(len(examples), ENCODED)
    if not isinstance(sampler, Fitted):
        return 0.0
    z = torch.randn(n, *built.vae.space.shape, device=device)
    condition = torch.zeros(n, built.condition.size, device=device) if built.condition.size else None
    with fitting.reduced(sampler, recipe, device), suppress(StopIteration):
        turns = sampler.fit(z, condition)
        total = next(turns).total
        return total * _median(turns, device, TURNS, float("inf"))
    return 0.0


def _shares(stages: Sequence[Stage]) -> list[float]:
    """Of the run, for each stage."""
    ends = [*(stage.start for stage in stages[1:]), LONG]
    return [(end - stage.start) / LONG for stage, end in zip(stages, ends, strict=True)]


def _median(turns: Iterator[object], device: torch.device, most: int, patience: float) -> float:
    """Seconds between `most` turns, or as many as there is patience for, the slow first ones not counted; of none 0."""
    times: list[float] = []
    began = mark = time.perf_counter()
    for _ in turns:
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        times.append((now := time.perf_counter()) - mark)
        mark = now
        if len(times) >= most or (len(times) > WARM and now - began > patience):
            break
    return median(times[WARM:] or times or [0.0])
