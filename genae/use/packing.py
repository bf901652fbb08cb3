"""A run as a model to be given away: the folder that a distribution of models brings (genae/recipe/models.py).

    recipe.json, weights.safetensors, samplers/, scorer.safetensors      what makes and shows new examples
    attributes.safetensors                                               what `genae attributes fit` fitted
    data.json, README.md, previews/                                      what it was made of, what it is, what it makes

Training state and metrics stay behind, and so does the path of data without a name. Numbers are stored in 16 bits where that
costs nothing that is measured: the ELBO of held-out examples and what samplers draw from the same noise.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data import pins
from genae.data.examples import Examples
from genae.data.tensors import halved
from genae.errors import GenaeError
from genae.files import new_folder, write_text
from genae.learn import checkpoint, fitting, saved
from genae.learn.device import seeded
from genae.learn.scoring import choose, validated
from genae.recipe import hub, models, recipe, registry
from genae.recipe.options import named
from genae.recipe.recipe import Recipe
from genae.recipe.stages import sampler_of
from genae.use import attributes, best
from genae.use.attributes import Form
from genae.use.evaluate import evaluate
from genae.use.model_card import Told, write_card
from genae.use.run import Run, load

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
LEAST = 1e-3  # of rate and distortion, or of the spread of z: what 16 bits may cost, a tenth of what estimates are uncertain by
MEASURED = 500  # held-out examples, and draws of each sampler


class Packed(NamedTuple):
    """What was made."""

    folder: Path
    halved: bool
    cost: dict[str, float]  # of 16 bits, each as a share: "elbo" of rate and distortion, "sampler NAME" of the spread of z
    numbers: dict[str, object]


def pack(run: Run, name: str, out: Path, told: Told, limit: int = MEASURED, sampler: str = "", address: str = "") -> Packed:
    """A run as the folder NAME in `out`, with all its samplers or one alone, which it then draws new examples from.

    Its card calls it by its `address`, where that is not the name.

    GenaeError for a name that none may have, and where the run's data set is not there.
    """
    if not NAME.fullmatch(name):
        raise GenaeError(f"a model's name is of small letters, digits and hyphens, not '{name}'")
    split, examples = run.held_out()
    held = choose(examples, limit, seed=0).to(run.device)
    with new_folder(out / name) as folder:
        small = _filled(run, folder, halved, sampler)
        cost = _cost(run, small, held)
        free = max(cost.values()) <= LEAST
        small = small if free else _filled(run, folder, dict, sampler)
        best.keep(folder, run.domain, run.training())
        samples = run.domain.defaults.samples
        numbers = {"split": split, **evaluate(small.built, held, samples=samples, device=run.device)}
        write_card(small, address or name, told, numbers, cost if free else {})
    return Packed(out / name, free, cost, numbers)


def push(run: Run, address: str, told: Told, limit: int = MEASURED, sampler: str = "") -> tuple[Packed, str]:
    """A run packed and uploaded as `hf:owner/name`, and where it is to be seen. GenaeError where the hub does not take it."""
    name = f"{hub.PREFIX}{hub.parsed(address).id}"
    with TemporaryDirectory() as folder:
        made = pack(run, "model", Path(folder), told, limit, sampler, name)
        return made, hub.push(made.folder, address, f"{run.recipe.preset}, step {run.step:,}")


def _filled(run: Run, folder: Path, form: Form, sampler: str) -> Run:
    """All but the card in a folder, and what is loaded from it."""
    write_text(folder / checkpoint.RECIPE, recipe.dump(_public(run, sampler)))
    if pin := pins.kept(run.folder):
        pins.keep(replace(pin, data=_name(pin.data), path=""), folder)
    saved.give(folder, form(run.vae.state_dict()), run.step)
    small = load(folder, run.device.type, run.dataset())
    for name in [sampler] if sampler else fitting.names(run.folder):
        run.sampler(name)  # GenaeError for one of other weights
        fitting.carry(name, run.folder, folder, small.vae, form)
    attributes.carry(run, small, form)
    return small


def _public(run: Run, sampler: str) -> Recipe:
    """Its recipe without a path of data, and with the sampler that it ends with, as that was fitted."""
    own = sampler_of(run.recipe.stages)
    last = sampler or (named("sampler", own) if own else "")
    stages = [stage for stage in run.recipe.stages if stage["sampler"] is None]
    ancestor = run.recipe.ancestor and {**run.recipe.ancestor, "run": models.named(run.recipe.ancestor["run"])}
    if last in fitting.names(run.folder):
        stages += [{"sampler": fitting.spec_of(run.folder, last)}]
    return recipe.adjust(replace(run.recipe, data=_name(run.recipe.data), ancestor=ancestor), {"stages": stages})


def _name(data: str) -> str:
    """A data set's name; of a path nothing."""
    return data if data in registry.names("dataset") else ""


def _cost(run: Run, small: Run, held: Examples) -> dict[str, float]:
    """What 16 bits cost: of the ELBO as a share of rate and distortion, of each sampler's z as a share of their spread."""
    numbers = [validated(one.built, held, one.device, "32") for one in (run, small)]
    key = "elbo" if run.built.bounded else "distortion"
    nats = abs(numbers[0]["distortion"]) + abs(numbers[0].get("rate", 0.0))
    share = abs(numbers[0][key] - numbers[1][key]) / max(nats, 1.0)
    drawn = {f"sampler {name}": _apart(run, small, name) for name in fitting.offered(small.folder, run.built.bounded)}
    return {key: share, **drawn}


@torch.no_grad()
def _apart(run: Run, small: Run, name: str) -> float:
    """How far apart in the median two samplers draw from the same noise, as a share of the spread of z."""
    condition = run.built.condition.absent(MEASURED).to(run.device) if run.built.condition.size else None
    drawn = list[Tensor]()
    for sampler in (run.sampler(name), small.sampler(name)):  # loaded before the seed: what builds a net draws numbers
        with seeded(0):
            drawn.append(sampler.sample(MEASURED, 1.0, condition).float())
    return float((drawn[0] - drawn[1]).abs().median() / drawn[0].std())
