r"""What knows no network: the densities that the NLL of an image model is compared with, in the same units.

    pca-gaussian       N(m, Σ_i (λ_i − σ²) u_i u_iᵀ + σ² I), the maximum-likelihood pPCA with q components
                       (Tipping and Bishop 1999, https://doi.org/10.1111/1467-9868.00196), q by a tenth of the training images
    gaussian-mixture   the q components as a mixture of diagonal Gaussians, the rest as above
    bernoulli-mixture  Σ_k w_k Π_d Bernoulli(x_d; p_kd), by expectation maximisation, of binarised pixels

Of pixels with L levels k a density of y = k + u, u uniform in [0, 1), bounds their probability: −log P(k) ≤ E_u[−log p(k + u)]
(https://arxiv.org/abs/1511.01844, section 3.1). Where the model has a density of x itself, the baselines have one of x.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from genae.data.domain import Features
from genae.latent.mixture import Mixture
from genae.latent.posteriors import LOG_2PI
from genae.latent.space import Space
from genae.use.probing import components

MOST = 20_000  # training images that are looked at
SIZES = (8, 32, 128, 512)  # q
CLUSTERS, TURNS = 100, 15  # of Bernoullis
GAUSSIANS = 20
PSEUDO = 0.5  # of either value, counted for each pixel of each cluster
FEATURES = 64
LEAST = 1e-8  # of a variance: pixels that never change would have a density without bounds


def baselines(train: Tensor, held: Tensor, levels: int) -> dict[str, Tensor]:
    """−log p (N,), nats, of held-out events (N, C, H, W), by name; levels 0 where densities are compared."""
    x, y = (part.flatten(1).float().cpu() for part in (train[torch.randperm(len(train))[:MOST]], held))
    found = {"bernoulli-mixture": -bernoullis(x, y)} if levels == 2 else {}
    if levels:
        x, y = ((part * (levels - 1)).round() + torch.rand_like(part) for part in (x, y))
    linear = fitted(x)
    found["pca-gaussian"] = -linear.log_prob(y)
    return found if levels == 2 else found | {"gaussian-mixture": -mixed(linear, x, y)}


class Linear(NamedTuple):
    """pPCA."""

    mean: Tensor  # (D,)
    axes: Tensor  # (D, q), orthonormal
    variance: Tensor  # (q,), λ
    noise: Tensor  # (), σ²

    def scores(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, D) to its components (N, q), and log p (N,) of what they leave."""
        apart = x - self.mean
        scores = apart @ self.axes
        rest = (apart.square().sum(1) - scores.square().sum(1)).clamp(min=0)
        return scores, -0.5 * (rest / self.noise + (x.shape[1] - scores.shape[1]) * (self.noise.log() + LOG_2PI))

    def log_prob(self, x: Tensor) -> Tensor:
        """x (N, D) to (N,), nats."""
        scores, rest = self.scores(x)
        return rest - 0.5 * (scores.square() / self.variance + self.variance.log() + LOG_2PI).sum(1)


def fitted(x: Tensor) -> Linear:
    """Of images (N, D), with as many components as the last tenth of them likes best."""
    cut = max(1, len(x) // 10)
    known, other = (x[:-cut], x[-cut:]) if len(x) > 1 else (x, x)
    centre, axes = components(known, max(SIZES))
    every = [_linear(known, centre, axes[:, :q]) for q in SIZES if q <= axes.shape[1]] or [_linear(known, centre, axes)]
    return max(every, key=lambda linear: float(linear.log_prob(other).mean()))


def _linear(x: Tensor, centre: Tensor, axes: Tensor) -> Linear:
    apart = x - centre
    variance = (apart @ axes).square().mean(0).clamp(min=LEAST)
    rest = apart.square().sum(1).mean() - variance.sum()
    return Linear(centre, axes, variance, (rest / max(1, x.shape[1] - axes.shape[1])).clamp(min=LEAST))


def mixed(linear: Linear, x: Tensor, y: Tensor) -> Tensor:
    """log p (M,) of y (M, D) by a mixture of the components of x (N, D), and the rest as it was."""
    (known, _), (scores, rest) = linear.scores(x), linear.scores(y)
    mixture = Mixture(Space((known.shape[1],)), components=min(GAUSSIANS, len(known)), turns=20)
    for _ in mixture.fit(known, None):
        pass
    log_prob: Tensor = rest + mixture(None).log_prob(scores)
    return log_prob


def bernoullis(x: Tensor, y: Tensor) -> Tensor:
    """log p (M,) of y (M, D) under a mixture of Bernoullis of x (N, D), both 0 or 1."""
    share = torch.rand(len(x), min(CLUSTERS, len(x))).mul(8).softmax(1)
    for _ in range(TURNS):
        total = share.sum(0)  # (K,)
        p = (share.mT @ x + PSEUDO) / (total[:, None] + 2 * PSEUDO)
        log_weight = (total / total.sum()).clamp(min=1e-12).log()
        share = _joint(x, p, log_weight).softmax(1)
    return _joint(y, p, log_weight).logsumexp(1)


def _joint(x: Tensor, p: Tensor, log_weight: Tensor) -> Tensor:
    """log w_k + log p_k(x) (N, K)."""
    return log_weight + x @ (p.log() - (-p).log1p()).mT + (-p).log1p().sum(1)


def principal(train: Tensor) -> Features:
    """The first principal components of training images (N, C, H, W), in units of their spread."""
    x = train[torch.randperm(len(train))[:MOST]].float().cpu()
    centre, axes = components(x, FEATURES)
    scale = ((x.flatten(1) - centre) @ axes).square().mean(0).max().sqrt().clamp(min=math.sqrt(LEAST))
    return Features(f"pca-{axes.shape[1]}", lambda images: (images.float().cpu().flatten(1) - centre) @ axes / scale)
