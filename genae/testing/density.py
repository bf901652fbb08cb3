r"""Whether a density is one, and that of the samples: from `log_prob` and `sample` alone.

normalised   E over x ~ p of r(x) / p(x) = 1 for any r that integrates to one where p has mass. r is made of other samples: of
             continuous x small Gaussians around those that are likeliest, of discrete x how often each came.
follows      x ~ p, x′ by a symmetric change of x: of the two, x is the likelier with probability σ(|log p(x) − log p(x′)|).
             It is bounded, so any event will do; an autoregressive density that sees what it predicts fails it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from genae.latent.posteriors import LOG_2PI
from genae.testing.chance import averages
from genae.testing.expect import expect, finite, skip

DRAWN = 4000  # samples: the check takes half a second, and its standard error is near .03
NEAR = 20  # a Gaussian of r reaches half the way to so-many-th neighbour
SLACK = 0.1  # of the 1 that a density integrates to: r leaves some of itself outside bounded ones
NUMBERS = 1 << 16  # that are looked at for repeated values
EVEN = 0.01  # of the probability that a sample is the likelier of two
LogProb = Callable[[Tensor], Tensor]


def distinct(x: Tensor) -> int:
    """How many of the rows of x (N, …) differ."""
    return len(torch.unique(x, dim=0))


def discrete(x: Tensor) -> bool:
    """Whether samples repeat their values. Skips for a mixture of both."""
    values = x.flatten()[:NUMBERS]
    share = len(torch.unique(values)) / len(values)
    if 0.5 < share < 0.95:
        skip("its samples are partly discrete")
    return share <= 0.5


def normalised(log_prob: LogProb, x: Tensor, what: str) -> None:
    """x (N, *event), samples of one distribution over a few numbers."""
    given = log_prob(x).double()
    finite(given, f"log_prob of samples of {what}")
    half, flat = len(x) // 2, x.flatten(1).double()
    if discrete(x):
        log_r = _frequencies(flat[:half], flat[half:])
    else:
        centres = given[:half].topk(half // 2).indices
        log_r = _kernels(flat[centres], flat[half:])
    averages(
        (log_r - given[half:]).exp(), 1.0, f"the mean of r(x) / p(x) over samples of {what}", SLACK,
        "its log_prob is no normalised density of what it samples",
    )  # fmt: skip


def _frequencies(seen: Tensor, x: Tensor) -> Tensor:
    """log r of discrete x (N, D): how often each is among those seen."""
    _, group = torch.unique(torch.cat([seen, x]), dim=0, return_inverse=True)
    counts = torch.bincount(group[: len(seen)], minlength=int(group.max()) + 1)
    shares: Tensor = counts[group[len(seen) :]] / len(seen)
    return shares.log().double()


def _kernels(centres: Tensor, x: Tensor) -> Tensor:
    """log r of x (N, D), a mixture of Gaussians, each as wide as others are near."""
    low, high = centres.quantile(torch.tensor([0.25, 0.75]).double(), 0)
    scale = (high - low).clamp(min=1e-12)
    width = torch.cdist(centres / scale, centres / scale).kthvalue(NEAR, 1).values.clamp(min=1e-12) / 2
    apart = torch.cdist(x / scale, centres / scale) / width
    dimensions = x.shape[1]
    log_r = -0.5 * apart.square() - dimensions * (width.log() + 0.5 * LOG_2PI)
    mixed: Tensor = log_r.logsumexp(1) - math.log(len(centres)) - scale.log().sum()
    return mixed


def matters(log_prob: LogProb, x: Tensor, others: Tensor) -> float:
    """By how many nats one changed number of x (N, *event) moves log_prob, on the average."""
    changed = _changed(x.flatten(1), others.flatten(1)).view_as(x)
    moved = (log_prob(x) - log_prob(changed)).abs()
    return moved[(x != changed).flatten(1).any(1)].nan_to_num().mean().item()


def follows(log_prob: LogProb, x: Tensor, others: Tensor, what: str) -> None:
    """x (N, *event), and as many other samples of the same N distributions."""
    changed = _changed(x.flatten(1), others.flatten(1)).view_as(x)
    apart = (log_prob(x) - log_prob(changed)).double()
    apart = apart[(x != changed).flatten(1).any(1) & ~apart.isnan()]
    expect(len(apart) > 0, f"all samples of {what} are the same: sample must draw")
    likelier = torch.where(apart == 0, 0.5, (apart > 0).double())
    averages(
        likelier - apart.abs().sigmoid(), 0.0, f"how much oftener samples of {what} are likely than their log_prob says", EVEN,
        "sample and log_prob must be of one distribution; an autoregressive log_prob must not see what it predicts",
    )  # fmt: skip


def _changed(x: Tensor, others: Tensor) -> Tensor:
    """x (N, D) with one number of each row another one, as probable as the way back."""
    changed, every = x.clone(), torch.cat([x, others])
    where, spread = torch.randint(x.shape[1], (len(x),)), (x - others).square().mean(0).sqrt()
    values = {i: torch.unique(every[:, i]) for i in {*where.tolist()}} if discrete(every) else None
    for row, i in enumerate(where.tolist()):
        if values is None:
            changed[row, i] += 0.7 * spread[i] * torch.randn(())
        else:
            changed[row, i] = values[i][torch.randint(len(values[i]), ())]
    return changed
