"""Samplers fitted on the latents of a run's training examples, and kept in its folder: samplers/NAME.safetensors.

The file says what it was made with, as JSON in its metadata, and the digest of the weights whose latents it was fitted on: a
sampler of other weights is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Stage
from genae.data.examples import Examples
from genae.data.pieces import Pieces
from genae.data.tensors import digest, finite, header, load_tensors, same, save_tensors
from genae.errors import GenaeError, unknown
from genae.files import require_own
from genae.latent.samplers import Fitted, Fitting, Sampler, Sequential
from genae.learn.build import Built
from genae.learn.checkpoint import fit_into
from genae.learn.device import computing, precision, seeded
from genae.learn.passages import passages
from genae.learn.scoring import batches_of, choose
from genae.model.vae import Model
from genae.recipe import registry
from genae.recipe.options import Spec, named
from genae.recipe.parts import instance
from genae.recipe.recipe import Recipe

FOLDER, SUFFIX = "samplers", ".safetensors"
PRIOR = "prior"  # the sampler that every generative model has
CHUNK = 250  # examples encoded at once
Report = Callable[[int, int], object]  # turns done, turns in all


class Training(NamedTuple):
    """What a sampler is fitted on, read when it is wanted."""

    examples: Callable[[], Examples]
    pieces: Callable[[], Pieces]


def fitted(
    built: Built,
    spec: Spec,
    train: Training,
    recipe: Recipe,
    device: torch.device,
    report: Report = lambda done, total: None,
    begin: Mapping[str, Tensor] | None = None,
) -> Sampler:
    """A sampler fitted from the run's seed, from tensors that it begins with where these have its form.

    GenaeError for one that does not suit the model's latent space.
    """
    with seeded(recipe.seed):
        sampler = made(built, spec).to(device)
        own = {key: value.shape for key, value in sampler.state_dict().items()}
        if begin and own == {key: value.shape for key, value in begin.items()}:
            sampler.load_state_dict(dict(begin))
        turns = _turns(sampler, built, train, device)
        with reduced(sampler, recipe, device):
            for at in turns:
                report(at.done, at.total)
    broken = [name for name, value in sampler.state_dict().items() if not bool(value.isfinite().all())]
    if broken:
        raise GenaeError(f"sampler '{spec['name']}' could not be fitted: its {broken[0]} is not finite; try other options")
    return sampler.eval()


def reduced(sampler: Sampler, recipe: Recipe, device: torch.device) -> torch.autocast:
    """The precision of a fit: bf16 where the sampler bears it and the run has it. Weights change within, so none is kept."""
    low = sampler.reduced and precision(recipe.precision, device) == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=low, cache_enabled=False)


def _turns(sampler: Sampler, built: Built, train: Training, device: torch.device) -> Iterator[Fitting]:
    """The fit, on whole pieces where the sampler is one of sequences."""
    if isinstance(sampler, Sequential):
        return sampler.fit_passages(passages(built, train.pieces().voices, device, sampler.variants))
    if not isinstance(sampler, Fitted):
        raise GenaeError(f"sampler '{type(sampler).__name__}' cannot be fitted: it has no method fit")
    if sampler.of_inputs:
        return sampler.fit(*inputs(built, train.examples(), sampler.of_inputs, device))
    return sampler.fit(*latents(built, train.examples(), device, sampler.variants))


def made(built: Built, spec: Spec) -> Sampler:
    """A sampler of the model's space, not fitted. GenaeError for one that does not suit it."""
    sampler = instance(Sampler, "sampler", spec, space=built.vae.space, condition=built.condition.size)
    built.vae.introduce(sampler)
    return sampler


@torch.no_grad()
def inputs(built: Built, examples: Examples, count: int, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """So many examples (N, *event), drawn at random, as the encoder is given them, and their conditions (N, C)."""
    chosen = choose(examples, count, seed=0)
    pairs = [batch for batch, _ in batches_of(built, chosen, device, CHUNK)]
    given = [batch.condition for batch in pairs if batch.condition is not None]
    return torch.cat([batch.input for batch in pairs]), torch.cat(given) if given else None


@torch.no_grad()
def latents(built: Built, examples: Examples, device: torch.device, variants: int = 0) -> tuple[Tensor, Tensor | None]:
    """z (N, *shape), samples of q(z | x), of a plain code the code itself; and the conditions (N, C). In float32, as z are.

    With `variants` so many more of each example, varied as in training, and the condition hidden as often as there.
    """
    built.vae.eval()
    z, conditions = [], []
    with computing(device, "32"):
        once: list[Stage] = ["score"]
        varied: list[Stage] = ["train"]
        for stage in once + varied * variants:
            for batch, _ in batches_of(built, examples, device, CHUNK, stage):
                inference = built.vae.infer(batch.input, batch.condition)
                z.append(inference.sample().z if built.vae.kind == "density" else inference.mean)
                conditions.append(batch.condition)
    given = [c for c in conditions if c is not None]
    return torch.cat(z), torch.cat(given) if given else None


def path_of(run: Path, name: str) -> Path:
    """Where a run keeps a sampler."""
    return run / FOLDER / f"{name}{SUFFIX}"


def keep(sampler: Sampler, spec: Spec, run: Path, vae: Model) -> Path:
    """Into the run's folder, whole or not at all, with the digest of the weights on whose latents it was fitted."""
    require_own(run / FOLDER)
    path = path_of(run, named("sampler", spec))
    save_tensors(path, sampler.state_dict(), spec=json.dumps(spec), weights=digest(vae.state_dict()))
    return path


def spec_of(run: Path, name: str) -> Spec:
    """What a run's sampler was made with."""
    path = path_of(run, name)
    return _spec_of(header(path).facts, path)


def carry(
    name: str, run: Path, to: Path, vae: Model | None, form: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict
) -> Path:
    """A run's sampler into another folder, in another form, there of these weights; of None, to begin a fit with."""
    tensors, facts = load_tensors(path_of(run, name))
    path = path_of(to, name)
    save_tensors(path, form(tensors), spec=facts.get("spec", ""), weights="" if vae is None else digest(vae.state_dict()))
    return path


def beginning(run: Path, name: str) -> Mapping[str, Tensor]:
    """What a fit begins with, where a sampler was carried here for that; nothing elsewhere."""
    if name not in names(run):
        return {}
    tensors, facts = load_tensors(path_of(run, name))
    return {} if facts.get("weights") else tensors


def fits(run: Path, name: str, vae: Model) -> bool:
    """Whether a run has a sampler, fitted on the latents of these weights."""
    try:
        return same(vae.state_dict(), header(path_of(run, name)).facts.get("weights"))
    except GenaeError:
        return False


def names(run: Path) -> list[str]:
    """The samplers that a run has fitted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in (run / FOLDER).glob(f"[!.]*{SUFFIX}"))


def offered(run: Path, sampled: bool) -> list[str]:
    """All that new z of a run can be drawn from: its prior, unless it is a plain autoencoder, and what was fitted."""
    return [*([PRIOR] if sampled else []), *names(run)]


def load(run: Path, name: str, built: Built) -> Sampler:
    """A run's sampler. GenaeError if it was never fitted, or on the latents of other weights."""
    if name not in names(run):
        raise _never_fitted(run, name, offered(run, built.sampled))
    path = path_of(run, name)
    tensors, facts = load_tensors(path)
    if not same(built.vae.state_dict(), facts.get("weights")):
        raise GenaeError(
            f"{path} was fitted on the latents of other weights than {run} has; fit it again: genae fit {run} {name}"
        )
    finite(tensors, path)
    sampler = made(built, _spec_of(facts, path))
    try:
        fit_into(sampler, tensors, path)
    except GenaeError as error:
        raise GenaeError(f"{error}; fit it again: genae fit {run} {name}") from None
    return sampler.to(built.vae.anchor.device).eval()


def _spec_of(facts: Mapping[str, str], path: Path) -> Spec:
    """What a sampler's file was made with."""
    try:
        spec = json.loads(facts.get("spec", ""))
    except ValueError:
        spec = None
    if not isinstance(spec, dict):
        raise GenaeError(f"{path} does not say which sampler it is; delete it, and fit it again")
    return spec


def _never_fitted(run: Path, name: str, have: list[str]) -> GenaeError:
    if name not in registry.names("sampler"):
        return unknown("sampler", name, {*have, *registry.names("sampler")})
    there = ", ".join(have) or "none"
    return GenaeError(f"sampler '{name}' was never fitted in {run}, which has {there}; fit it with: genae fit {run} {name}")
