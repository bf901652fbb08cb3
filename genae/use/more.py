"""What an evaluation measures only where it is asked, since it takes seconds to minutes: in groups, each with its seconds.

baselines   the NLL of what knows no network, and how much the model's is above it, of the same examples
latent      what z tells (genae/use/information.py) and what can be read from it (genae/use/probing.py)
samples     how like held-out examples new ones are (genae/use/likeness.py)
conditions  whether new examples are what was asked for (genae/use/obeying.py)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from genae.data.domain import Features
from genae.data.examples import Examples
from genae.errors import unknown
from genae.learn.build import Built
from genae.learn.device import computing, seeded
from genae.learn.scoring import batches_of, choose
from genae.model.likelihoods import Unnormalised
from genae.use import information, likeness, obeying, probing

CODED = 2000  # held-out examples of which z is looked at
KNOWN = 5000  # training examples that probes and features are fitted on
COMPARED = 2000  # new examples, and held-out ones
LARGEST = 1 << 26  # numbers of training examples that are looked at
Numbers = dict[str, Any]  # as JSON takes them


@dataclass(frozen=True)
class Subject:
    """What is measured."""

    built: Built
    held: Examples
    known: Callable[[], Examples]  # training examples
    draw: Callable[[int, Tensor | None], Tensor] | None  # n new events (n, *event), with conditions (n, C) or as they come
    nll: Tensor | None  # (N,) of the held-out examples, nats
    device: torch.device
    seed: int = 0

    @cached_property
    def train(self) -> Examples:
        """Some training examples."""
        return self.some(KNOWN)

    def some(self, most: int | None) -> Examples:
        """So many training examples at most, drawn at random, or all that are not too large together."""
        fit = max(100, LARGEST // math.prod(self.built.domain.event))
        return choose(self.known(), fit if most is None else min(most, fit), self.seed)

    @cached_property
    def features(self) -> Sequence[Features]:
        """Those that the domain names."""
        return self.built.domain.features(self.built.domain.prepare(self.train.x, "show"))


def require_groups(names: Sequence[str]) -> None:
    """GenaeError for one that there is not."""
    for name in names:
        if name not in GROUPS:
            raise unknown("group of measurements", name, tuple(GROUPS))


def measured(groups: Sequence[str], subject: Subject) -> Numbers:
    """The numbers of each group by its name, with its seconds."""
    made: Numbers = {}
    for group in dict.fromkeys(groups):
        began = time.perf_counter()
        with seeded(subject.seed), computing(subject.device, "32"), torch.no_grad():
            numbers = GROUPS[group](subject)
        made[group] = {**numbers, "seconds": round(time.perf_counter() - began, 1)}
    return made


def baselines(of: Subject) -> Numbers:
    """Each baseline's NLL, its standard error, and the mean of the model's less it, with that of the difference."""
    if of.nll is None:
        return {"why_not": "a plain autoencoder has no density"}
    if _pseudo(of):
        return {"why_not": "this likelihood is known up to a constant alone"}
    domain = of.built.domain
    train, held = (domain.prepare(part.x, "score") for part in (of.some(None), of.held))
    found = domain.baselines(train, held, of.built.levels)
    made: Numbers = {name: _compared(of.nll.double(), nats.double().cpu()) for name, nats in found.items()}
    return made or {"why_not": "the domain has no baseline in the units of this likelihood"}


def _pseudo(of: Subject) -> bool:
    """Whether p(x | z) is no density."""
    batch, _ = next(batches_of(of.built, of.held, of.device, 1))
    p = of.built.vae.decode(of.built.vae.encode(batch.input, batch.condition), batch.condition)
    return isinstance(p, Unnormalised)


def _compared(nll: Tensor, other: Tensor) -> Numbers:
    apart, root = nll - other, math.sqrt(len(nll))
    errors = [float(x.std()) / root if len(x) > 1 else None for x in (other, apart)]
    return {"nll": float(other.mean()), "nll_se": errors[0], "model_above": float(apart.mean()), "model_above_se": errors[1]}


def latent(of: Subject) -> Numbers:
    """Information and probes; what does not apply is left out."""
    if of.built.vae.space.codes:
        return {"why_not": "z are codes"}
    held = choose(of.held, CODED, of.seed)
    own, other = (information.coded(of.built, part, of.device) for part in (held, of.train))
    made: Numbers = {"examples": len(held)}
    if own.log_sigma is not None and len(held) > 1:
        made |= _informed(of, held, own, own.log_sigma)
    return made | _probed(of, held, own.mean, other.mean)


def _informed(of: Subject, held: Examples, own: information.Coded, log_sigma: Tensor) -> Numbers:
    low, high = information.mutual_information(own.mean, log_sigma)
    curve = information.rate_distortion(of.built, held, own, of.device)
    made: Numbers = {"mutual_information": [low, high], "mutual_information_most": math.log(len(held))}
    if curve and not of.built.condition.size:
        rate = next(point["rate"] for point in curve if point["t"] == 1)
        made["marginal_kl"] = [max(0.0, rate - high), max(0.0, rate - low)]
    return made | {"rate_distortion": curve}


def _probed(of: Subject, held: Examples, own: Tensor, other: Tensor) -> Numbers:
    """Own codes (N, size) of held-out examples, other ones (M, size) of training."""
    made: Numbers = {}
    known = probing.factors(held.labels, held.fields)
    if held.labels is not None and of.train.labels is not None and held.classes == of.train.classes:
        labels, wanted = of.train.labels.cpu(), held.labels.cpu()
        x, y = (of.built.domain.prepare(part.x, "show").cpu().flatten(1) for part in (of.train, held))
        centre, axes = probing.components(x, own.shape[1])
        made["probe"] = probing.probe(other.float(), labels, own.float(), wanted)
        made["probe_pca"] = probing.probe((x - centre) @ axes, labels, (y - centre) @ axes, wanted)
        made["neighbours"] = probing.neighbours(other, labels, own, wanted)
    if known:
        made["factors"] = list(known)
        made["mig"] = probing.gap(own, {name: v.cpu() for name, v in known.items()})
        made |= probing.disentangled(own, {name: v.cpu() for name, v in known.items()}, len(held.classes))
    return made


def samples(of: Subject) -> Numbers:
    """By features: likeness of new examples, and of training ones as the floor, to held-out ones."""
    if of.draw is None:
        return {"why_not": "a plain autoencoder has nothing to draw from; fit a sampler"}
    if not of.features:
        return {"why_not": "the domain names no features to compare examples on"}
    n = min(COMPARED, len(of.held), len(of.train))
    if n <= likeness.NEAREST:
        return {"why_not": f"{n} examples are too few"}
    real, floor = (of.built.domain.prepare(choose(part, n, of.seed).x, "show") for part in (of.held, of.train))
    new = of.draw(n, None)
    each = {
        one.name: {
            whose: likeness.likeness(one.of(real), one.of(x)) for whose, x in {"samples": new, "training": floor}.items()
        }
        for one in of.features
    }
    return {"compared": n, "features": each}


def conditions(of: Subject) -> Numbers:
    """What was asked, against what came."""
    if not of.built.condition.size:
        return {"why_not": "this run has no condition"}
    if of.draw is None:
        return {"why_not": "a plain autoencoder has nothing to draw from; fit a sampler"}
    return obeying.obedience(of.built, of.held, of.train, of.features, of.draw)


GROUPS: Mapping[str, Callable[[Subject], Numbers]] = {
    "baselines": baselines, "latent": latent, "samples": samples, "conditions": conditions,
}  # fmt: skip
