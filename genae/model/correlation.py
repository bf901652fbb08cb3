r"""β-TC-VAE: the rate in three parts, each with a weight of its own. https://arxiv.org/abs/1802.04942

    E KL(q(z | x) ‖ p) = MI + TC + dimension-wise KL
    MI    E[log q(z | x) − log q(z)]                what z says of which example it is
    TC    E[log q(z) − Σ_d log q(z_d)]              total correlation: how far its numbers are from independent
    dim   E[Σ_d log q(z_d) − log p(z)]

q(z) = mean_j q(z | x_j) over all N examples, of which a batch has B = M + 1. Estimated as Σ_j w_ij q(z_i | x_j):

    MSS   w_ii = 1/N, one other (N − M)/(N·M), the rest 1/M: rows add up to 1; unbiased with batches of distinct examples
    MWS   w = 1/(N·B), biased: rows add up to 1/N, the logarithm of which falls out of the TC but for size − 1 times of it
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Ge, doc
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.posteriors import LOG_2PI, Density, DiagonalGaussian
from genae.model.objectives import VAE, Batch, Loss, Moment, Objective, score
from genae.model.suited import gaussian, require_gaussian
from genae.model.vae import Model

Name = Literal["mss", "mws"]


class BetaTC(Objective):
    """The ELBO with a weight for each part of the rate; with all of them 1 its value, estimated."""

    def __init__(
        self,
        beta: Annotated[float, Ge(0), doc("weight of the total correlation")] = 6.0,
        information: Annotated[float, Ge(0), doc("weight of the mutual information")] = 1.0,
        dimensions: Annotated[float, Ge(0), doc("weight of the dimension-wise KL")] = 1.0,
        estimator: Annotated[Name, doc("stratified, or weighted, sampling of the batch")] = "mss",
    ) -> None:
        super().__init__()
        self.beta, self.information, self.dimensions, self.estimator = beta, information, dimensions, estimator

    def setup(self, vae: Model) -> None:
        require_gaussian(vae, "beta-tc")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        if len(batch.input) < 2:
            raise GenaeError("objective=beta-tc compares the codes of a batch, and needs batch of at least 2")
        inference = vae.infer(batch.input, batch.condition)
        found = inference.sample()
        distortion, name = score(found.p, batch.target, at)
        weights = log_weights_of(len(batch.input), max(at.examples, len(batch.input)), self.estimator, found.z.device)
        rate = decomposed(gaussian(inference, "beta-tc"), vae.prior(batch.condition), found.z, weights)
        weighted = self.information * rate.information + self.beta * rate.correlation + self.dimensions * rate.dimensions
        yield Loss(VAE, (distortion + weighted).mean(), {name: distortion, "rate": found.rate, **rate._asdict()})


class Parts(NamedTuple):
    """Of log q(z | x) − log p(z), each (B,), nats."""

    information: Tensor
    correlation: Tensor
    dimensions: Tensor


def log_weights_of(batch: int, examples: int, estimator: Name, device: torch.device | None = None) -> Tensor:
    """ln w (B, B): row i for z_i, column j for x_j; B is 2 or more."""
    n, m = examples, batch - 1
    if estimator == "mws":
        return torch.full((batch, batch), -math.log(n * batch), device=device)
    w = torch.full((batch, batch), 1 / m, device=device)
    w.diagonal().fill_(1 / n)
    at = torch.arange(batch, device=device)
    w[at, (at + 1) % batch] = (n - m) / (n * m)
    return w.log()


def decomposed(q: DiagonalGaussian, prior: Density, z: Tensor, log_w: Tensor) -> Parts:
    """z (B, *shape) of q, one of each example; log_w (B, B)."""
    flat, mean, log_sigma = z.flatten(1)[:, None], q.mean.flatten(1), q.log_sigma.flatten(1)
    u = (flat - mean) * (-log_sigma).exp()
    each = -0.5 * u.square() - log_sigma - 0.5 * LOG_2PI  # (B, B, size): log q(z_id | x_j)
    own = q.log_prob(z)
    joint = (log_w + each.sum(2)).logsumexp(1)
    alone = (log_w[:, :, None] + each).logsumexp(1).sum(1)
    return Parts(own - joint, joint - alone, alone - prior.log_prob(z))
