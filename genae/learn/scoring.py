r"""The numbers of single examples: distortion, rate, ELBO and the importance-weighted NLL, in nats.

log w_k = log p(x | z_k) + log p(z_k) − log q(z_k | x), z_k ~ q(z | x)
ELBO    = mean_k log w_k,   NLL ≤ −[logsumexp_k log w_k − ln K]                     https://arxiv.org/abs/1509.00519
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from genae.data.domain import Stage
from genae.data.examples import Examples
from genae.latent.inference import Inference
from genae.learn.build import Built
from genae.learn.device import computing, seeded
from genae.model.objectives import Batch, iwae, log_weights

DECODED = 1000  # samples decoded at once: more does not run faster on a CPU, and memory stays bounded,
NUMBERS = 1 << 23  # as it does with fewer samples than that of large events, which have so many numbers together
Scores = dict[str, Tensor]  # of examples: mean (B, *shape), and distortion, rate, elbo, nll where there are such, (B,)


def batches_of(
    built: Built, examples: Examples, device: torch.device, size: int, stage: Stage = "score"
) -> Iterator[tuple[Batch, Tensor]]:
    """Batches in order, as the likelihood is scored, each with its targets as they are shown: not as they are binarised.

    In stage "train" they are varied, with what is known of them, and their conditions hidden as in training.
    """
    for first in range(0, len(examples), size):
        chunk = examples.take(torch.arange(first, min(first + size, len(examples))))
        stored = chunk.x.to(device)
        yield built.batch(stored, chunk.known().to(device), stage), built.domain.prepare(stored, "show")


def batch_size(built: Built, samples: int) -> int:
    """How many examples are scored at once."""
    return max(1, min(100 if built.bounded and samples > 1 else 500, NUMBERS // math.prod(built.domain.event)))


def scored(built: Built, batch: Batch, samples: int) -> Scores:
    """The numbers of a batch; of a plain autoencoder its distortion alone."""
    inference = built.vae.infer(batch.input, batch.condition)
    if not built.bounded:
        distortion = -built.vae.decode(inference.mean, batch.condition).log_prob(batch.target)
        return {"mean": inference.mean, "distortion": distortion}
    weights, likelihoods = in_turns(inference, batch, samples)
    distortion, elbo = -likelihoods.mean(0), weights.mean(0)
    return {"mean": inference.mean, "distortion": distortion, "elbo": elbo, "rate": -elbo - distortion, "nll": -iwae(weights)}


def in_turns(inference: Inference, batch: Batch, samples: int) -> tuple[Tensor, Tensor]:
    """`log_weights` of any number of samples (samples, B), so many decoded at once that memory stays bounded."""
    turn = max(1, min(DECODED, NUMBERS // batch.target[0].numel()) // len(batch.target))
    parts = [log_weights(inference, batch, min(turn, samples - done)) for done in range(0, samples, turn)]
    weights, likelihoods = zip(*parts, strict=True)
    return torch.cat(weights), torch.cat(likelihoods)


def choose(examples: Examples, limit: int | None, seed: int) -> Examples:
    """`limit` of the examples drawn at random without repetition, or all."""
    if limit is None or limit >= len(examples):
        return examples
    return examples.kept(chosen(len(examples), limit, seed), f"beyond the {limit} examples drawn")


def chosen(n: int, limit: int | None, seed: int) -> Tensor:
    """Which of n examples these are, in order."""
    drawn = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:limit]
    return drawn.sort().values


def validated(built: Built, examples: Examples, device: torch.device, precision: str) -> dict[str, float]:
    """Means of elbo, rate and distortion by one sample an example; of a plain autoencoder the distortion."""
    sums: dict[str, float] = {}
    built.vae.eval()
    with seeded(0), computing(device, precision):
        for batch, _ in batches_of(built, examples, device, batch_size(built, 1)):
            for name, values in scored(built, batch, 1).items():
                if name in ("elbo", "rate", "distortion"):
                    sums[name] = sums.get(name, 0.0) + values.double().sum().item()
    return {name: total / len(examples) for name, total in sums.items()}
