r"""Attributes of examples as directions of the latent space, and what going along them does.

    number   v = Cov(z, a) / sd(a)            how far z is from its mean where an example has one sd more of attribute a
    class    v = E[z | class] − E[z]
    effect   E_ij = E[a_j(x(z + v_i)) − a_j(x(z − v_i))] / 2 sd(a_j)          what is got of j, in sd, where 1 of i is asked for

z are posterior means of training examples; effects are measured on decoded held-out ones, each with the same random numbers.
The vectors are those of https://arxiv.org/abs/1803.05428 (section 4.4), by regression in place of two quartiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples
from genae.data.tensors import digest, load_tensors, same, save_tensors
from genae.errors import GenaeError, unknown
from genae.learn.scoring import chosen
from genae.recipe import models
from genae.use.run import Run
from genae.use.seen import Seen, see

FILE = "attributes.safetensors"
LEAST, MOST = 16, 4000  # training examples that they are fitted on
MEASURED = 256  # held-out examples that effects are measured on
Form = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
FEW = 1e-6  # of the largest value: a spread below it is none


class Attributes(NamedTuple):
    """K directions, the first M of which are of numbers and are measured."""

    names: tuple[str, ...]  # K
    vectors: Tensor  # (K, *shape)
    means: Tensor  # (M,)
    spreads: Tensor  # (M,)
    effects: Tensor  # (M, M), asked of i, got of j

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of those of numbers."""
        return self.names[: len(self.spreads)]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the rest."""
        return self.names[len(self.spreads) :]

    def vector(self, name: str) -> Tensor:
        """By its name. GenaeError for one that there is not."""
        if name not in self.names:
            raise unknown("attribute", name, self.names, " of this run")
        return self.vectors[self.names.index(name)]


def measured(domain: Domain, events: Tensor) -> tuple[list[str], Tensor]:
    """Names of the domain's attributes that are one number, and their values (N, M) of events (N, *event)."""
    values = {name: of(events).float().cpu() for name, of in domain.defaults.attributes.items()}
    single = {name: value.flatten() for name, value in values.items() if value.numel() == len(events)}
    return [*single], torch.stack([*single.values()], 1) if single else torch.empty(len(events), 0)


def fit(run: Run, data: str | None = None) -> Attributes:
    """On training examples, at most MOST, and kept in the run. GenaeError where z are codes, or there is no attribute."""
    models.require_own(run.folder, "attributes fit")
    if run.vae.space.codes:
        raise GenaeError(f"{run.folder}: attributes are directions, and its z are codes, which have none")
    train = _some(run, run.training(data), MOST)
    names, values = measured(run.domain, train.events)
    spreads = (values - values.mean(0)).square().mean(0).sqrt()
    varied = spreads > FEW * values.abs().amax(0)
    names = [name for name, good in zip(names, varied.tolist(), strict=True) if good]
    values, spreads = values[:, varied], spreads[varied]
    z = run.encode(train)
    classes, own = _classes(train, z)
    if not names and not classes:
        raise GenaeError(f"{run.folder}: its domain names no attribute and its examples have no classes")
    slopes = torch.einsum("nm,n...->m...", (values - values.mean(0)) / spreads, z - z.mean(0)) / len(z)
    made = Attributes(
        (*names, *classes), torch.cat([slopes, own]), values.mean(0), spreads, torch.zeros(len(names), len(names))
    )
    made = made._replace(effects=effects(run, made, _some(run, run.held_out(data)[1], MEASURED)))
    return keep(run, made)


def _some(run: Run, examples: Examples, most: int) -> Seen:
    """So many of a split, as events."""
    if len(examples) < LEAST:
        raise GenaeError(f"attributes are fitted on {LEAST} examples or more, and there are {len(examples)}")
    return see(examples.take(chosen(len(examples), most, 0)), run.domain)


def _classes(train: Seen, z: Tensor) -> tuple[list[str], Tensor]:
    """Names of classes that have examples, and how far their z (N, *shape) are from all in the mean (K, *shape)."""
    labels, names = train.known.labels, train.known.classes
    if labels is None:
        return [], z[:0]
    there = [i for i in range(len(names)) if bool((labels == i).any())]
    return [names[i] for i in there], torch.stack([z[labels == i].mean(0) - z.mean(0) for i in there]) if there else z[:0]


def effects(run: Run, attributes: Attributes, held: Seen) -> Tensor:
    """E (M, M), the mean over held-out examples; names follow those of numbers."""
    z, given = run.encode(held), run.condition(held)
    rows = list[Tensor]()
    for vector in attributes.vectors[: len(attributes.measured)]:
        more, less = (_values(run, attributes, run.vae.space.onto(z + sign * vector), given) for sign in (1, -1))
        rows.append((more - less).mean(0) / (2 * attributes.spreads))
    return torch.stack(rows) if rows else torch.empty(0, 0)


def _values(run: Run, attributes: Attributes, z: Tensor, given: Tensor | None) -> Tensor:
    """Of what is decoded, (N, M)."""
    names, values = measured(run.domain, run.decode(z, given))
    return values[:, [names.index(name) for name in attributes.measured]]


def keep(run: Run, attributes: Attributes, form: Form = dict) -> Attributes:
    """In the run's folder, in some form, with the digest of its weights; gives them."""
    tensors = form({key: value for key, value in attributes._asdict().items() if isinstance(value, Tensor)})
    save_tensors(run.folder / FILE, tensors, None, names="\n".join(attributes.names), weights=digest(run.vae.state_dict()))
    return attributes


def carry(run: Run, to: Run, form: Form) -> None:
    """A run's attributes, if it has any, to another of its weights. GenaeError for those of other weights."""
    if fitted(run.folder):
        keep(to, load(run), form)


def load(run: Run) -> Attributes:
    """Those that were fitted. GenaeError where none were, or to other weights."""
    if not fitted(run.folder):
        raise GenaeError(f"{run.folder} has no attributes yet; fit them with: genae attributes fit {run.folder}")
    tensors, facts = load_tensors(run.folder / FILE)
    if not same(run.vae.state_dict(), facts.get("weights")):
        raise GenaeError(f"{run.folder}: its attributes were fitted to other weights; fit them again")
    return Attributes(tuple(facts["names"].split("\n")), **tensors)


def fitted(folder: Path) -> bool:
    """Whether a run has any."""
    return (folder / FILE).exists()


def edited(
    run: Run,
    seen: Seen,
    wishes: Mapping[str, float],
    condition: str | None = None,
    temperature: float | None = None,
    seed: int = 0,
) -> Tensor:
    """Examples (N, *event) with so many sd more of these attributes, windows of files as `Run.decode` has them."""
    attributes, given = load(run), run.condition(seen, condition)
    by = torch.stack([amount * attributes.vector(name) for name, amount in wishes.items()]).sum(0)
    z = run.vae.space.onto(run.encode(seen, given) + by)
    return run.decode(z, given, temperature, seed, spans=seen.spans)
