r"""How like real examples new ones are, on named features (N, F); beside it the same of other real ones, as the floor.

With N_K(x) the ball around x to its K-th nearest of its own set, K = 5:

    precision   share of new ones in some real one's ball          recall     share of real ones in some new one's ball
    density     real balls that a new one is in, of K, mean        coverage   share of real balls with a new one in them
                (https://arxiv.org/abs/1904.06991 the upper two, https://arxiv.org/abs/2002.09797 the lower)
    kernel      MMD² of the kernel (x·y / F + 1)³, unbiased, the mean of FOLDS disjoint parts with its standard error; it can be
                below 0 (https://arxiv.org/abs/1801.01401, there on Inception features, so its numbers are of another scale)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

NEAREST = 5
FOLDS = 10

Likeness = dict[str, float | None]


def likeness(real: Tensor, made: Tensor) -> Likeness:
    """All of real (N, F) and new features (M, F), more than NEAREST of each."""
    return manifolds(real, made) | kernel_distance(real, made)


def manifolds(real: Tensor, made: Tensor, k: int = NEAREST) -> Likeness:
    """Precision, recall, density and coverage."""
    real, made = real.double(), made.double()
    radius, own = (torch.cdist(x, x).kthvalue(k + 1).values for x in (real, made))  # the nearest is itself
    apart = torch.cdist(real, made)  # (N, M)
    inside = apart < radius[:, None]
    return {
        "precision": float(inside.any(0).double().mean()),
        "recall": float((apart < own).any(1).double().mean()),
        "density": float(inside.sum(0).double().mean()) / k,
        "coverage": float(inside.any(1).double().mean()),
    }


def kernel_distance(real: Tensor, made: Tensor) -> Likeness:
    """MMD², and its standard error, None of few examples."""
    folds = max(1, min(FOLDS, min(len(real), len(made)) // 20))
    parts = zip(real.double().tensor_split(folds), made.double().tensor_split(folds), strict=True)
    each = torch.stack([squared_mmd(x, y) for x, y in parts])
    error = float(each.std()) / math.sqrt(folds) if folds > 1 else None
    return {"kernel_distance": float(each.mean()), "kernel_distance_se": error}


def squared_mmd(x: Tensor, y: Tensor) -> Tensor:
    """Of x (N, F) and y (M, F), the U-statistic."""
    within = sum(_off_diagonal(_kernel(a, a)) for a in (x, y))
    return within - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.mT / x.shape[1] + 1) ** 3


def _off_diagonal(k: Tensor) -> Tensor:
    """The mean of a square matrix without its diagonal."""
    return (k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1))
