r"""What training minimises: a callable (vae, batch, step) to Terms.

    ELBO          E_q[−log p(x | z)] + β·KL(q ‖ p)                                     https://arxiv.org/abs/1312.6114
      β           a constant (https://openreview.net/forum?id=Sy2fzU9gl), raised from 0 over `warmup` steps, or
                  β·(1 − rate^step) (https://arxiv.org/abs/1803.05428)
      capacity    β·|KL − C|, C raised from 0 to `capacity` nats                       https://arxiv.org/abs/1804.03599
      free bits   Σ_j max(λ, E_B KL_j) by dimension (https://arxiv.org/abs/1606.04934), or max(KL − λ, 0) on the total
                  (https://arxiv.org/abs/1803.05428)
    IWAE          −[logsumexp_k log w_k − ln K], log w as in genae/use/evaluate.py          https://arxiv.org/abs/1509.00519
    Autoencoder   −log p(x | f(x)) + l1·Σ|z|

An objective that depends on how long the run is has a method `plan(steps)`, which the trainer calls before the first step.

Sums are over the event, means over the batch, logs natural.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from torch import Tensor

from genae.errors import GenaeError

if TYPE_CHECKING:
    from genae.latent.posteriors import Posterior
    from genae.model.vae import VAE


class Batch(NamedTuple):
    """Reconstruction has input = target; any other task makes the input from the target."""

    input: Tensor  # (B, *event)
    target: Tensor  # (B, *event)
    condition: Tensor | None = None  # (B, C)


class Terms(NamedTuple):
    loss: Tensor  # (), minimised
    distortion: Tensor  # (B,), −log p(x | z), nats
    rate: Tensor  # (B,), KL(q, prior), nats


Objective = Callable[["VAE", Batch, int], Terms]


class ELBO:
    """The negative evidence lower bound and its usual weightings; with the defaults, the bound itself."""

    def __init__(
        self,
        beta: float = 1.0,
        warmup: int = 0,
        capacity: float = 0.0,
        capacity_steps: int = 0,
        free_bits: float = 0.0,
        free_bits_per: Literal["dimension", "total"] = "dimension",
        beta_rate: float = 0.0,
    ) -> None:
        """`warmup` and `capacity_steps` in steps, `capacity` in nats, `free_bits` in bits (1 bit = ln 2 nats)."""
        if not 0 <= beta_rate < 1:
            raise GenaeError(f"objective.beta_rate must be at least 0 and below 1, not {beta_rate}")
        for key, value in {"beta": beta, "warmup": warmup, "capacity": capacity, "free_bits": free_bits}.items():
            if value < 0:
                raise GenaeError(f"objective.{key} must not be negative, not {value}")
        if free_bits_per not in ("dimension", "total"):
            raise GenaeError(f"objective.free_bits_per must be dimension or total, not '{free_bits_per}'")
        if capacity and free_bits:
            raise GenaeError("objective.capacity and objective.free_bits both hold the rate up; set one of them")
        self.beta, self.warmup, self.beta_rate = beta, warmup, beta_rate
        self.capacity, self.capacity_steps = capacity, capacity_steps
        self.free_nats, self.free_bits_per = free_bits * math.log(2), free_bits_per

    def weight(self, step: int) -> float:
        """β at that step, counted from 0."""
        beta = self.beta * (1 - self.beta_rate**step) if self.beta_rate else self.beta
        return beta * min(1.0, (step + 1) / self.warmup) if self.warmup else beta

    def target_rate(self, step: int) -> float:
        """C at that step, nats."""
        return self.capacity * min(1.0, (step + 1) / self.capacity_steps) if self.capacity_steps else self.capacity

    def __call__(self, vae: VAE, batch: Batch, step: int) -> Terms:
        q = vae.encode(batch.input, batch.condition)
        z = q.rsample()
        distortion = -vae.decode(z, batch.condition).log_prob(batch.target)
        prior = vae.prior(batch.condition)
        rate = q.rate(prior, z)
        if self.free_nats and self.free_bits_per == "dimension":
            penalty = q.rate_by_dimension(prior).mean(0).clamp(min=self.free_nats).sum()
        elif self.free_nats:
            penalty = (rate - self.free_nats).clamp(min=0).mean()
        elif self.capacity:
            penalty = (rate.mean() - self.target_rate(step)).abs()
        else:
            penalty = rate.mean()
        return Terms(distortion.mean() + self.weight(step) * penalty, distortion, rate)


class IWAE:
    """The importance-weighted bound of `samples` samples, in the last share of the run; before it the ELBO.

    It is tighter, so the model is not held to posteriors that are Gaussian, and a step costs `samples` decodings: it pays where
    the ELBO no longer gains.
    """

    def __init__(self, samples: int = 5, last: float = 1.0, warmup: int = 0) -> None:
        """`last` from 0 to 1; `warmup` of β in steps, within the ELBO's share."""
        if samples < 1:
            raise GenaeError(f"objective.samples must be at least 1, not {samples}")
        if not 0 <= last <= 1:
            raise GenaeError(f"objective.last is a share of the run, from 0 to 1, not {last}")
        self.samples, self.last, self.first = samples, last, 0
        self.elbo = ELBO(warmup=warmup)

    def plan(self, steps: int) -> None:
        """The run has so many steps."""
        self.first = round(steps * (1 - self.last))

    def __call__(self, vae: VAE, batch: Batch, step: int) -> Terms:
        if step < self.first:
            return self.elbo(vae, batch, step)
        weights, likelihoods = log_weights(vae, batch, self.samples)  # (K, B)
        distortion = -likelihoods.mean(0)
        return Terms(-iwae(weights).mean(), distortion, -weights.mean(0) - distortion)


def log_weights(vae: VAE, batch: Batch, samples: int, q: Posterior | None = None) -> tuple[Tensor, Tensor]:
    """log w = log p(x | z) + log p(z) − log q(z | x) and log p(x | z), both (samples, B), nats; q(z | x) if it is known."""
    q = q or vae.encode(batch.input, batch.condition)
    z = q.rsample(samples)  # (K, B, latent)
    p = vae.decode(z.flatten(0, 1), _repeat(batch.condition, samples))
    likelihood = p.log_prob(_repeat(batch.target, samples)).view(samples, -1)
    density = vae.prior(_repeat(batch.condition, samples)).log_prob(z.flatten(0, 1)).view(samples, -1)
    return likelihood + density - q.log_prob(z), likelihood


def iwae(weights: Tensor) -> Tensor:
    """log w (K, B) to the importance-weighted bound on log p(x) (B,), nats."""
    return weights.logsumexp(0) - math.log(len(weights))


def _repeat(x: Tensor | None, k: int) -> Any:
    return None if x is None else x.expand(k, *x.shape).flatten(0, 1)


class Autoencoder:
    """Distortion alone, at the posterior's mean; `l1` makes the code sparse."""

    def __init__(self, l1: float = 0.0) -> None:
        if l1 < 0:
            raise GenaeError(f"objective.l1 must not be negative, not {l1}")
        self.l1 = l1

    def __call__(self, vae: VAE, batch: Batch, step: int) -> Terms:
        q: Posterior = vae.encode(batch.input, batch.condition)
        distortion = -vae.decode(q.mean, batch.condition).log_prob(batch.target)
        loss = distortion.mean() + self.l1 * q.mean.abs().sum(-1).mean()
        return Terms(loss, distortion, distortion.new_zeros(distortion.shape))
