r"""What a model is worth, in nats a example on data it has not seen.

    log w_k = log p(x | z_k) + log p(z_k) − log q(z_k | x), z_k ~ q(z | x)
    ELBO    = E[log w]                               = −(distortion + rate)
    NLL    ≤ −[logsumexp_k log w_k − ln K]           importance weighting, K samples (https://arxiv.org/abs/1509.00519)
    active  = latent dimensions whose posterior mean varies over the data by more than .01

The NLL is an upper bound that falls to −log p(x) as K grows; K = 1 is the ELBO. Its standard error is over the examples. Every
example is encoded once and all its samples are decoded in batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from genae.data.examples import Examples
from genae.errors import GenaeError
from genae.latent.posteriors import Posterior
from genae.learn.device import computing, seeded
from genae.model.objectives import Batch, iwae, log_weights
from genae.model.vae import VAE
from genae.recipe.parts import Built

DECODED = 1000  # samples decoded at once: more does not run faster on a CPU, and memory stays bounded,
NUMBERS = 1 << 23  # as it does with fewer samples than that of large events, which have so many numbers together
ACTIVE = 0.01  # variance of the posterior mean: https://arxiv.org/abs/1509.00519, section 5.2


def in_turns(vae: VAE, batch: Batch, samples: int, q: Posterior) -> tuple[Tensor, Tensor]:
    """`log_weights` of any number of samples (samples, B), so many decoded at once that memory stays bounded."""
    turn = max(1, min(DECODED, NUMBERS // batch.target[0].numel()) // len(batch.target))
    parts = [log_weights(vae, batch, min(turn, samples - done), q) for done in range(0, samples, turn)]
    weights, likelihoods = zip(*parts, strict=True)
    return torch.cat(weights), torch.cat(likelihoods)


def batches_of(built: Built, examples: Examples, device: torch.device, size: int) -> Iterator[tuple[Batch, Tensor]]:
    """Batches in order, as the likelihood is scored, each with its targets as they are shown, not as they are binarised."""
    for first in range(0, len(examples), size):
        chunk = examples.take(torch.arange(first, min(first + size, len(examples))))
        stored = chunk.x.to(device)
        target = built.domain.prepare(stored, "score")
        condition = built.condition(chunk.known().to(device), target)
        yield Batch(built.task(target), target, condition), built.domain.prepare(stored, "show")


def choose(examples: Examples, limit: int | None, seed: int) -> Examples:
    """`limit` of the examples drawn at random without repetition, or all."""
    if limit is None or limit >= len(examples):
        return examples
    drawn = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))[:limit]
    return examples.take(drawn.sort().values)


def evaluate(
    built: Built,
    examples: Examples,
    *,
    samples: int = 500,
    limit: int | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    precision: str = "32",
    report: Callable[[int, int], object] = lambda done, total: None,
    train: Callable[[], Examples] | None = None,
) -> dict[str, Any]:
    """All numbers of the page above as a dict, nats; `report(done, total)` is called as examples are done.

    A plain autoencoder has no density: its elbo, rate and nll are null. With `train`, which gives the training examples, the
    domain's own assessment is added, unless the model has a condition, of which domains know nothing.
    """
    if samples < 1:
        raise GenaeError(f"--samples must be at least 1, not {samples}")
    if limit is not None and limit < 1:
        raise GenaeError(f"--limit must be at least 1, not {limit}")
    device = device or torch.device("cpu")
    chosen = choose(examples, limit, seed)
    dense = bool(getattr(_posterior(built.vae), "has_density", True))
    size = max(1, min(100 if dense and samples > 1 else 500, NUMBERS // math.prod(built.domain.event)))
    gathered: dict[str, list[Tensor]] = {}
    metrics: dict[str, float] = {}
    vae = built.vae.eval()
    with seeded(seed), computing(device, precision):
        for batch, seen in batches_of(built, chosen, device, size):
            terms = _terms(vae, batch, samples if dense else 0)
            for name, value in terms.items():
                gathered.setdefault(name, []).append(value.float().cpu())
            shown = vae.show(terms["mean"], batch.condition, 0.0) if built.domain.defaults.metrics else seen
            for name, metric in built.domain.defaults.metrics.items():
                metrics[name] = metrics.get(name, 0.0) + float(metric(seen, shown)) * len(shown) / len(chosen)
            report(sum(map(len, gathered["mean"])), len(chosen))
        own = dict(built.domain.assess(vae, chosen, _plainly(train))) if train and not built.condition.size else {}
    summary = _summary({k: torch.cat(v) for k, v in gathered.items()}, samples)
    return summary | metrics | own | {"seed": seed, "precision": precision}


def _plainly(train: Callable[[], Examples]) -> Callable[[], Examples]:
    """Files are read in full precision, whatever the networks run in."""

    def read() -> Examples:
        with torch.autocast("cpu", enabled=False):
            return train()

    return read


def _posterior(vae: VAE) -> Any:
    return next((m for m in vae.encoder.modules() if hasattr(m, "has_density")), None)


def _terms(vae: VAE, batch: Batch, samples: int) -> dict[str, Tensor]:
    """Per-example numbers of a batch; without samples those of a plain autoencoder."""
    q = vae.encode(batch.input, batch.condition)
    if not samples:
        return {"mean": q.mean, "distortion": -vae.decode(q.mean, batch.condition).log_prob(batch.target)}
    weights, likelihoods = in_turns(vae, batch, samples, q)
    distortion, elbo = -likelihoods.mean(0), weights.mean(0)
    return {"mean": q.mean, "distortion": distortion, "elbo": elbo, "rate": -elbo - distortion, "nll": -iwae(weights)}


def _summary(values: dict[str, Tensor], samples: int) -> dict[str, Any]:
    n = len(values["mean"])
    result: dict[str, Any] = {"examples": n, "samples": samples if "nll" in values else 0}
    for name in ("elbo", "rate", "distortion", "nll"):
        result[name] = values[name].double().mean().item() if name in values else None
    spread = values["nll"].double().std().item() if "nll" in values and n > 1 else None
    result["nll_se"] = None if spread is None else spread / math.sqrt(n)
    result["active_units"] = int((values["mean"].var(0) > ACTIVE).sum()) if n > 1 else None
    result["latent"] = values["mean"].shape[1]
    return result
