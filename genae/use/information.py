r"""What z tells of x, by Monte Carlo, of a Gaussian posterior q(z | x) and N examples:

mutual information   I(x; z) = E log q(z | x) / q(z), q(z) the aggregate posterior: between
                       E log q(z_i | x_i) − log (1/N) Σ_j q(z_i | x_j), which is at most ln N, and the same without j = i
                     (https://arxiv.org/abs/1905.06922, equations 10 to 13)
marginal KL          KL(q(z) ‖ p(z)) = rate − I(x; z): what new z have too much or too little of
                     (https://arxiv.org/abs/1606.04934 splits the rate so; without a condition)
rate–distortion      of z ~ q_t ∝ q(z | x)^t r(z)^(1−t), r the Gaussian of the aggregate posterior's mean and variances:
                     t = 0 tells nothing, t = 1 is the run's point, above it q sharpens. Every point is one that decoder and
                     prior reach, so their lower hull bounds the model's curve from above
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.examples import Examples
from genae.latent.posteriors import LOG_2PI, DiagonalGaussian
from genae.learn.build import Built
from genae.learn.scoring import batches_of
from genae.model.objectives import Batch
from genae.model.vae import VAE, Encoded

SWEEP = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.4, 2.0, 3.0)  # t
SWEPT = 500  # examples on the curve
WIDEST = 0.999  # σ² of q is at most that share of r's variance, so that every t gives a Gaussian
TURN = 100  # examples at once


class Coded(NamedTuple):
    """Examples as the posterior has them; `log_sigma` is None where it is no Gaussian."""

    mean: Tensor  # (N, size), float64 on the CPU
    log_sigma: Tensor | None


Point = dict[str, float]  # t, rate and distortion, nats


def coded(built: Built, examples: Examples, device: torch.device) -> Coded:
    """Posterior means and deviations, flat."""
    means, widths = list[Tensor](), list[Tensor]()
    for batch, _ in batches_of(built, examples, device, TURN):
        inference = built.vae.infer(batch.input, batch.condition)
        means.append(inference.mean.flatten(1).double().cpu())
        if isinstance(inference, Encoded) and isinstance(inference.q, DiagonalGaussian):
            widths.append(inference.q.log_sigma.flatten(1).double().cpu())
    return Coded(torch.cat(means), torch.cat(widths) if widths else None)


def mutual_information(mean: Tensor, log_sigma: Tensor) -> tuple[float, float]:
    """Of posteriors (N, size) each, N at least 2: a lower and an upper bound, nats, in expectation."""
    n, precision = len(mean), (-2 * log_sigma).exp()
    z = mean + log_sigma.exp() * torch.randn_like(mean)
    apart = z.square() @ precision.mT - 2 * z @ (mean * precision).mT + (mean.square() * precision).sum(1)
    log_q = -0.5 * apart - log_sigma.sum(1) - 0.5 * mean.shape[1] * LOG_2PI  # (N, N), of z_i given x_j
    own = log_q.diagonal()
    others = log_q.masked_fill(torch.eye(n, dtype=torch.bool), -math.inf).logsumexp(1) - math.log(n - 1)
    return float((own - log_q.logsumexp(1) + math.log(n)).mean()), float((own - others).mean())


def rate_distortion(built: Built, examples: Examples, of: Coded, device: torch.device) -> list[Point]:
    """A point for each t of SWEEP, of the first examples; none where prior or posterior are of another kind."""
    if not isinstance(built.vae, VAE) or of.log_sigma is None:
        return []
    few = examples.take(torch.arange(min(SWEPT, len(examples))))
    centre, spread = of.mean.mean(0), of.mean.var(0, correction=0) + (2 * of.log_sigma).exp().mean(0)
    sums = {t: torch.zeros(2, dtype=torch.float64) for t in SWEEP}
    first = 0
    for batch, _ in batches_of(built, few, device, TURN):
        rows = slice(first, first + len(batch.target))
        for t, q in _tempered(of.mean[rows], 2 * of.log_sigma[rows], centre, spread.log()):
            sums[t] += _point(built.vae, q, batch)
        first += len(batch.target)
    return [{"t": t, "rate": float(both[0]) / len(few), "distortion": float(both[1]) / len(few)} for t, both in sums.items()]


def _tempered(
    mean: Tensor, log_variance: Tensor, centre: Tensor, log_spread: Tensor
) -> Iterator[tuple[float, DiagonalGaussian]]:
    """q_t for each t, of the Gaussians q (B, size) and r (size,)."""
    own = (-torch.minimum(log_variance, log_spread + math.log(WIDEST))).exp()
    other = (-log_spread).exp()
    for t in SWEEP:
        precision = t * own + (1 - t) * other
        yield t, DiagonalGaussian((t * own * mean + (1 - t) * other * centre) / precision, -0.5 * precision.log())


def _point(vae: VAE, q: DiagonalGaussian, batch: Batch) -> Tensor:
    """The sums of rate and distortion over a batch, by one sample an example (2,)."""
    anchor = vae.anchor
    flat = DiagonalGaussian(q.mean.to(anchor), q.log_sigma.to(anchor))
    z = flat.rsample()
    shaped = vae.space.shaped(z)
    prior = vae.prior(batch.condition).log_prob(shaped)
    distortion = -vae.decode(shaped, batch.condition).log_prob(batch.target)
    return torch.stack([(flat.log_prob(z) - prior).double().sum().cpu(), distortion.double().sum().cpu()])
