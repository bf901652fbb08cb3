r"""What a model is worth, in nats an example on data it has not seen: the means of genae/learn/scoring.py, and

    active   latent dimensions whose posterior mean varies over the data by more than .01

The NLL is an upper bound that falls to −log p(x) as the number K of samples grows; K = 1 is the ELBO. Its standard error is
over the examples. Every example is encoded once and all its samples are decoded in batches. Where an event's numbers have
levels and the likelihood is of them, it is told in bits per dimension too: NLL / (D ln 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import Examples
from genae.data.reading import Report, quiet
from genae.data.store import chunks
from genae.errors import GenaeError
from genae.learn.build import Built
from genae.learn.device import computing, seeded
from genae.learn.scoring import batch_size, batches_of, choose, scored

ACTIVE = 0.01  # variance of the posterior mean: https://arxiv.org/abs/1509.00519, section 5.2
Numbers = dict[str, Any]  # as JSON takes them
Metric = Callable[..., float]  # f(target, output), the mean over (B, …)


def means(metrics: Mapping[str, Metric], target: Tensor, output: Tensor) -> dict[str, float]:
    """Each metric of examples and what came back of them, both (N, …), in parts: what it needs beside them stays small."""
    parts = chunks(target)
    pairs = list(zip(parts, torch.split(output, len(parts[0])), strict=True))
    return {name: sum(float(of(a, b)) * len(a) for a, b in pairs) / len(target) for name, of in metrics.items()}


class Scored(NamedTuple):
    """Examples and their numbers."""

    examples: Examples
    values: Mapping[str, Tensor]  # of genae/learn/scoring.py, (N, …) on the CPU
    metrics: Mapping[str, float]  # the domain's, means
    samples: int


def score(
    built: Built,
    examples: Examples,
    *,
    samples: int = 500,
    limit: int | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    precision: str = "32",
    report: Report = quiet,
) -> Scored:
    """Every example's numbers, nats; `report(done, total)` is called as examples are done."""
    for option, value in {"--samples": samples, "--limit": limit}.items():
        if value is not None and value < 1:
            raise GenaeError(f"{option} must be at least 1, not {value}")
    device = device or torch.device("cpu")
    chosen = choose(examples, limit, seed)
    gathered: dict[str, list[Tensor]] = {}
    metrics: dict[str, float] = {}
    built.vae.eval()
    with seeded(seed), computing(device, precision):
        for batch, seen in batches_of(built, chosen, device, batch_size(built, samples)):
            scores = scored(built, batch, samples)
            for name, numbers in scores.items():
                gathered.setdefault(name, []).append(numbers.float().cpu())
            shown = built.vae.show(scores["mean"], batch.condition, 0.0) if built.domain.defaults.metrics else seen
            for name, metric in built.domain.defaults.metrics.items():
                metrics[name] = metrics.get(name, 0.0) + float(metric(seen, shown)) * len(shown) / len(chosen)
            report(sum(map(len, gathered["mean"])), len(chosen))
    return Scored(chosen, {name: torch.cat(parts) for name, parts in gathered.items()}, metrics, samples)


def evaluate(
    built: Built,
    examples: Examples,
    *,
    samples: int = 500,
    limit: int | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    precision: str = "32",
    report: Report = quiet,
    train: Callable[[], Examples] | None = None,
    further: Callable[[Scored], Numbers] = lambda scored: {},
) -> Numbers:
    """All numbers of the page above, nats, and what is measured `further` of the same examples.

    A plain autoencoder has no density: its elbo, rate and nll are null. With `train`, which gives the training examples, the
    domain's own assessment is added.
    """
    device = device or torch.device("cpu")
    of = score(built, examples, samples=samples, limit=limit, seed=seed, device=device, precision=precision, report=report)
    own: Mapping[str, float | None] = {}
    if train:
        with seeded(seed), computing(device, precision):
            own = built.domain.assess(built.vae, of.examples, _plainly(train), _conditions(built, device))
    return {**_summary(built, of), **of.metrics, **own, **further(of), "seed": seed, "precision": precision}


def judged(
    domain: Domain, draw: Callable[[int], Tensor], held: Examples, train: Callable[[], Examples], seed: int
) -> dict[str, dict[str, float | None]]:
    """The domain's figures of new events, so many as it wants of `draw(n)` (n, *event); what is not finite is None."""
    if not domain.defaults.judged:
        return {}
    samples = draw(domain.defaults.judged)
    with seeded(seed):
        figures = domain.judge(samples, held, train)
    return {
        name: {whose: None if x is None or not math.isfinite(x) else x for whose, x in each.items()}
        for name, each in figures.items()
    }


def _conditions(built: Built, device: torch.device) -> Callable[[Examples, Tensor], Tensor | None]:
    """Examples and their events (B, *event) to the condition that the model takes with them (B, C)."""
    return lambda examples, events: built.condition(examples.known().to(device), events)


def _plainly(train: Callable[[], Examples]) -> Callable[[], Examples]:
    """Files are read in full precision, whatever the networks run in."""

    def read() -> Examples:
        with torch.autocast("cpu", enabled=False):
            return train()

    return read


def _summary(built: Built, of: Scored) -> Numbers:
    values, n = of.values, len(of.examples)
    result: Numbers = {"examples": n, "samples": of.samples if "nll" in values else 0}
    for name in ("elbo", "rate", "distortion", "nll"):
        result[name] = values[name].double().mean().item() if name in values else None
    spread = values["nll"].double().std().item() if "nll" in values and n > 1 else None
    result["nll_se"] = None if spread is None else spread / math.sqrt(n)
    if result["nll"] is not None and built.domain.levels == built.levels > 2:
        result["bits_per_dimension"] = result["nll"] / (math.prod(built.domain.event) * math.log(2))
    means = values["mean"].flatten(1)
    result["active_units"] = int((means.var(0) > ACTIVE).sum()) if n > 1 else None
    result["latent"] = means.shape[1]
    return result
