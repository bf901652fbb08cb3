"""A run that begins where another ended: what of it fits, and is taken.

Its weights mean something by its domain, latent space, networks, distributions and condition, so these stay. What a domain
marks CHOICE or WRITTEN, and how it is trained, may be others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from genae.data.domain import CHOICE, WRITTEN
from genae.data.examples import Examples
from genae.data.tensors import digest, same
from genae.errors import GenaeError, remark
from genae.learn import checkpoint, fitting, saved
from genae.learn.build import Built
from genae.model.conditions import LABEL
from genae.model.vae import Model
from genae.recipe import models, recipe
from genae.recipe.options import apart, offered
from genae.recipe.parts import part
from genae.recipe.recipe import Recipe
from genae.recipe.settings import Settings
from genae.recipe.stages import sampler_of
from genae.recipe.tuning import LASTS, MINUTES, Ancestor, Tune, tuned

STAY = ("domain", "latent", "posterior", "likelihood", "prior", "condition")  # and the network, but for what has no weights
LEARNS = {
    "all": "and all weights learn",
    "decoder": "and so is its encoder; the other weights learn",
    "personal": "and so are all weights; a sampler learns",
}
UNTOLD = ("preset:", "data:", "ancestor:", "stages:")  # differences that other lines say
RUN, DIGEST, TUNE = "run", "weights", "tune"  # keys of `Recipe.ancestor`


class Opened(NamedTuple):
    """An ancestor, with its weights."""

    of: Ancestor
    folder: Path
    tensors: dict[str, Tensor]


def opened(run: str | Path) -> Opened:
    """By its folder, or a model by its name. GenaeError if it is no run, or damaged."""
    folder = models.folder_of(run)
    read, weights = recipe.read(folder / checkpoint.RECIPE), saved.weights(folder)
    of = Ancestor(str(run), read, digest(weights.tensors), weights.step, tuple(fitting.names(folder)))
    return Opened(of, folder, weights.tensors)


def composed(
    of: Ancestor, how: Tune, preset: str | None, settings: Settings, changes: Mapping[str, object], minutes: float | None
) -> Recipe:
    """The recipe of a run that begins with another. GenaeError for what does not go with that."""
    if preset not in (None, of.recipe.preset):
        raise GenaeError(
            f"--from {of.run} takes that run's recipe, of preset '{of.recipe.preset}', and not '{preset}'; leave out the "
            "preset, and change what may be changed with --set"
        )
    if "data" not in changes:
        raise GenaeError(f"--from {of.run} needs files to make it one's own with: give --data NAME|PATH")
    if how == "personal" and (minutes is not None or {"epochs", "steps"} & {*changes}):
        raise GenaeError(
            "--tune personal trains no weight, so no --epochs, --steps or --minutes; how long its sampler is fitted is set by "
            """--set 'stages=[{"sampler": {"name": "personal", "steps": 3000}}]'"""
        )
    wanted = recipe.adjust(tuned(of, how), settings, **changes)
    require_kept(of, wanted)
    return wanted


def lasting(own: Recipe, changes: Mapping[str, object], minutes: float | None) -> float | None:
    """The minutes that a run lasts, where nobody said how long."""
    left = not {"epochs", "steps"} & {*changes} and (own.epochs, own.steps) == (LASTS["epochs"], LASTS["steps"])
    return MINUTES if minutes is None and left else minutes


def told(of: Ancestor, own: Recipe) -> list[str]:
    """What a run keeps of its ancestor, and what it changes, for people."""
    how, ends = own.ancestor[TUNE], sampler_of(own.stages)
    lines = [
        f"begins with {of.run} (preset {of.recipe.preset}, step {of.step:,}): its domain, latent space, networks, prior and "
        f"condition are kept, {LEARNS[how]}"
    ]
    changed = [line for line in recipe.differences(of.recipe, own) if not line.startswith(UNTOLD)]
    lines += [f"changed: {'; '.join(changed)}"] if changed else []
    if how == "personal" and of.fitted:
        lines.append(f"its samplers are kept: {', '.join(of.fitted)}")
    elif left := [name for name in of.fitted if ends is None or name != ends["name"]]:
        lines.append(f"its samplers are of its weights and stay behind: {', '.join(left)}")
    if ends is not None:
        anew = "goes on from what it was there" if ends["name"] in of.fitted else "is fitted"
        lines.append(f"sampler '{ends['name']}' {anew}, on these data")
    return lines


def require_kept(of: Ancestor, wanted: Recipe) -> None:
    """GenaeError for settings with which the ancestor's weights would mean something else."""
    free = _choices(wanted)
    for line in recipe.differences(of.recipe, wanted):
        key = line.partition(":")[0]
        if key.partition(".")[0] in STAY and key not in free:
            raise GenaeError(
                f"--from {of.run}: its weights are for its own {key.partition('.')[0]}, and other settings were asked for "
                f"({line}); what may be set is {', '.join([*free, 'task'])}, and how it is trained"
            )


def _choices(wanted: Recipe) -> list[str]:
    """Options of the domain that may be others."""
    every = offered("domain", part("domain", wanted.domain))
    return [f"domain.{option.name}" for option in every if {CHOICE, WRITTEN} & {*apart(option.hint)[1]}]


def require(built: Built, train: Examples, own: Recipe) -> None:
    """GenaeError where an ancestor's weights are of another network, or its condition is not of such examples."""
    run = own.ancestor[RUN]
    folder = models.folder_of(run)
    try:
        checkpoint.require_fit(built.vae, saved.shapes(folder), folder / checkpoint.WEIGHTS)
    except GenaeError as error:
        raise GenaeError(f"--from {run}: its weights are for another network than was asked for ({error})") from error
    _require_told(built, train, run)


def _require_told(built: Built, train: Examples, run: str) -> None:
    """GenaeError where the examples lack what the condition is made of and the model always knew; else a remark."""
    own, domain = built.condition, built.domain
    if not own.size:
        return
    there = {*([LABEL] if train.labels is not None else []), *train.fields, *domain.defaults.attributes}
    lacking = [name for name in own.parts if name not in there]
    if (lacking and not own.dropout) or not own.tells(train.known()):
        classes = f" (classes {', '.join(train.classes)})" if train.classes else ""
        raise GenaeError(
            f"--from {run}: its condition is {', '.join(own.parts)}, which the model always knew, and these data tell "
            f"{', '.join(sorted(there)) or 'nothing'}{classes}; give data that tell it"
            + (f": classes are {', '.join(own.choices)}" if own.choices else "")
        )
    if lacking:
        remark(f"--from {run}: these data do not tell {', '.join(lacking)}; the model learns them as unknown")


def begin(vae: Model, own: Recipe, folder: Path | None) -> None:
    """The ancestor's weights into a model, and its samplers into the run's folder. GenaeError where it is another by now.

    Without a folder the weights alone: of several processes the first writes.
    """
    of, there, tensors = opened(own.ancestor[RUN])
    if not same(tensors, own.ancestor[DIGEST]):
        raise GenaeError(f"--from {of.run}: its weights are not those any more that this run was to begin with; train anew")
    checkpoint.fit_into(vae, tensors, there / checkpoint.WEIGHTS)
    if folder is None:
        return
    ends = sampler_of(own.stages)
    for name in of.fitted:
        if ends is not None and name == ends["name"]:
            fitting.carry(name, there, folder, None)
        elif own.ancestor[TUNE] == "personal":
            fitting.carry(name, there, folder, vae)
