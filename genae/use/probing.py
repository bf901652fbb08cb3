r"""What can be read from codes a (N, D) whose class or factors are known, by something linear or by neighbours.

probe      multinomial logistic regression, its accuracy on others; beside it the same of as many principal components
neighbours the class that most of the K nearest training codes have
MIG        mean over factors of (I(a_j; v) − I(a_k; v)) / H(v), j and k the two codes that tell most of v, all in BINS bins
           (https://arxiv.org/abs/1802.04942)
DCI        R_jf ≥ 0 how much code j counts in a lasso of factor f: disentanglement 1 − H(R_j·) in units of ln F, weighted by
           Σ_f R_jf; completeness 1 − H(R_·f) in units of ln D, averaged; informativeness the lasso's R²
           (https://openreview.net/forum?id=By-7dz-AZ)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

DECAY = 1e-3  # of the probe's weights, on standardised codes
TURNS = 200  # of L-BFGS, and of the lasso
NEIGHBOURS = 5
BINS = 20
SPARSE = 0.02  # the lasso's weight, of standardised codes and factors
CHUNK = 1000


def components(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """x (N, …) to its mean (D,) and its first k principal directions (D, ≤ k), orthonormal."""
    flat = x.flatten(1)
    centre = flat.mean(0)
    # of the smaller of the two Gram matrices: exact, and quick for N or D up to a few thousand
    centred = (flat - centre).double()
    if len(flat) > flat.shape[1]:
        return centre, torch.linalg.eigh(centred.mT @ centred)[1].flip(1)[:, :k].float()
    values, vectors = torch.linalg.eigh(centred @ centred.mT)
    kept = values.flip(0)[:k] > 1e-9 * values[-1].clamp(min=1e-30)
    axes = centred.mT @ vectors.flip(1)[:, :k][:, kept]
    return centre, torch.nn.functional.normalize(axes, dim=0).float()


def probe(a: Tensor, labels: Tensor, b: Tensor, wanted: Tensor) -> float | None:
    """Logistic regression of labels (N,) on a (N, D): the share of b (M, D) that it gives the label that is wanted.

    Those without a class, label -1, are left out. None where there is one class alone.
    """
    b, wanted = b[wanted >= 0], wanted[wanted >= 0]
    given = classified(a, labels, b)
    return None if given is None or not len(b) else (given == wanted).float().mean().item()


def classified(a: Tensor, labels: Tensor, b: Tensor) -> Tensor | None:
    """The labels (M,) that logistic regression of labels (N,) on a (N, D) gives b (M, D); None where there is one class."""
    a, labels = a[labels >= 0], labels[labels >= 0]
    if len(labels.unique()) < 2:
        return None
    mean, spread = a.mean(0), a.std(0).clamp(min=1e-6)
    a, b = (a - mean) / spread, (b - mean) / spread
    weight = torch.zeros(a.shape[1] + 1, int(labels.max()) + 1, device=a.device, requires_grad=True)
    solver = torch.optim.LBFGS([weight], max_iter=TURNS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = torch.nn.functional.cross_entropy(a @ weight[1:] + weight[0], labels) + DECAY * weight[1:].square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        solver.step(loss)
    given: Tensor = (b @ weight[1:] + weight[0]).detach().argmax(1)
    return given


def neighbours(a: Tensor, labels: Tensor, b: Tensor, wanted: Tensor) -> float | None:
    """The share of b (M, D) whose class is that of most of the nearest of a (N, D); of equally many the nearest's own."""
    a, labels, b, wanted = a[labels >= 0], labels[labels >= 0], b[wanted >= 0], wanted[wanted >= 0]
    if not len(a) or not len(b):
        return None
    right = 0
    for part, own in zip(torch.split(b, CHUNK), torch.split(wanted, CHUNK), strict=True):
        near = labels[torch.cdist(part, a).topk(min(NEIGHBOURS, len(a)), largest=False).indices]  # (m, K)
        votes = torch.nn.functional.one_hot(near, int(labels.max()) + 1).sum(1).float()
        votes.scatter_add_(1, near[:, :1], torch.full_like(votes[:, :1], 0.5))
        right += int((votes.argmax(1) == own).sum())
    return right / len(b)


def factors(labels: Tensor | None, fields: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is known of examples as columns (N,) that vary; NaN where it is not known."""
    columns = {} if labels is None else {"class": torch.where(labels >= 0, labels.double(), math.nan)}
    for name, value in fields.items():
        wide = value.shape[1] > 1
        columns |= {f"{name}_{i}" if wide else name: column.double() for i, column in enumerate(value.unbind(1))}
    return {name: v for name, v in columns.items() if len(v[~v.isnan()].unique()) > 1}


def gap(codes: Tensor, known: Mapping[str, Tensor]) -> float | None:
    """MIG of codes (N, D), D at least 2, and factors (N,)."""
    if codes.shape[1] < 2 or not known:
        return None
    gaps = []
    for v in known.values():
        rows = ~v.isnan()
        own = _binned(v[rows])
        tells = torch.stack([_information(_binned(code), own) for code in codes[rows].unbind(1)])
        best, second = tells.topk(2).values
        gaps.append(float((best - second) / _information(own, own)))
    return sum(gaps) / len(gaps)


def _binned(x: Tensor) -> Tensor:
    """Numbers (N,) to the numbers of their bins: of few different values each its own, else as wide as each other."""
    values = x.unique()
    if len(values) <= BINS:
        return torch.searchsorted(values, x.contiguous())
    return ((x - x.min()) / (x.max() - x.min()) * BINS).long().clamp(max=BINS - 1)


def _information(x: Tensor, y: Tensor) -> Tensor:
    """I(x; y) of whole numbers (N,), nats."""
    joint = torch.bincount(x * (y.max() + 1) + y, minlength=int((x.max() + 1) * (y.max() + 1))).double() / len(x)
    joint = joint.view(-1, int(y.max()) + 1)
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (joint * (joint / apart.clamp(min=1e-300)).clamp(min=1e-300).log()).sum()


def disentangled(codes: Tensor, known: Mapping[str, Tensor], classes: int) -> dict[str, float]:
    """DCI of codes (N, D) and factors (N,), at least two of each, else nothing; the class is `classes` columns of 0 and 1."""
    if len(known) < 2 or codes.shape[1] < 2:
        return {}
    parts = [_lasso(codes, v, classes if name == "class" else 0) for name, v in known.items()]
    weight = torch.stack([part for part, _ in parts], 1).clamp(min=1e-12)  # (D, F)
    by_code, by_factor = weight / weight.sum(1, keepdim=True), weight / weight.sum(0)
    alone = 1 + (by_code * by_code.log()).sum(1) / math.log(weight.shape[1])
    whole = 1 + (by_factor * by_factor.log()).sum(0) / math.log(len(weight))
    share = weight.sum(1) / weight.sum()
    return {
        "disentanglement": float((share * alone).sum()), "completeness": float(whole.mean()),
        "informativeness": sum(r for _, r in parts) / len(parts),
    }  # fmt: skip


def _lasso(codes: Tensor, v: Tensor, classes: int) -> tuple[Tensor, float]:
    """min ½ |y − a W|² / N + SPARSE |W|, by proximal steps: how much each code counts (D,), and R²."""
    rows = ~v.isnan()
    y = torch.nn.functional.one_hot(v[rows].long(), classes).double() if classes else v[rows, None]
    a, y = (_standard(x.double()) for x in (codes[rows], y))
    gram, cross = a.mT @ a / len(a), a.mT @ y / len(a)
    step = 1 / torch.linalg.eigvalsh(gram)[-1].clamp(min=1e-12)
    w = torch.zeros_like(cross)
    for _ in range(TURNS):
        w = w - step * (gram @ w - cross)
        w = w.sign() * (w.abs() - step * SPARSE).clamp(min=0)
    return w.abs().sum(1), float(1 - (y - a @ w).square().mean() / y.square().mean().clamp(min=1e-12))


def _standard(x: Tensor) -> Tensor:
    return (x - x.mean(0)) / x.std(0, correction=0).clamp(min=1e-12)
