r"""Mixtures of Gaussians, p(z) = Σ_k w_k N(z; m_k, S_k): a prior that learns inside the ELBO, and a sampler fitted after it.

    MixturePrior   S_k = diag s_k²; with a condition the weights are of it, ln w = softmax(b + A c)    arXiv 1611.05148
    Mixture        by expectation maximisation, S_k diagonal or full, whatever c           https://arxiv.org/abs/1903.12436

z is flat here, (N, size).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import LOG_2PI, LOG_SIGMA, Density
from genae.latent.precision import full_precision
from genae.latent.samplers import Fitting, Prior
from genae.latent.space import Space

Components = Annotated[int, Ge(1), Le(100_000), doc("how many Gaussians")]


def joint(z: Tensor, log_weight: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """log w_k + log N(z; m_k, diag s_k²) (…, K) of z (…, D); in double, since (z − m)² is taken apart into products."""
    z, mean, precision = z.double(), mean.double(), variance.double().reciprocal()
    apart = z.square() @ precision.mT - 2 * z @ (mean * precision).mT + (mean.square() * precision).sum(-1)
    scale = variance.double().log().sum(-1) + mean.shape[1] * LOG_2PI
    return (log_weight - 0.5 * (apart + scale)).float()


def drawn(log_weight: Tensor, n: int, temperature: float) -> Tensor:
    """n components by their weights (K,), or (n, K) for each; at temperature 0 the greatest."""
    gumbel = -torch.empty(n, log_weight.shape[-1], device=log_weight.device).exponential_().log()
    return (log_weight + temperature * gumbel).argmax(1)


class MixturePrior(Prior):
    """Diagonal Gaussians that learn with the model."""

    def __init__(self, space: Space, condition: int = 0, *, components: Components = 10) -> None:
        super().__init__(space, condition)
        self.require(discrete=False)
        self.mean = nn.Parameter(torch.randn(components, space.size))
        self.log_sigma = nn.Parameter(torch.zeros(components, space.size))
        self.weights = nn.Parameter(torch.zeros(components))
        self.given = nn.Linear(condition, components, bias=False) if condition else None

    def log_weight(self, condition: Tensor | None) -> Tensor:
        """(K,), or (B, K) with a condition."""
        context = self.context(condition)
        logits = self.weights if self.given is None or context is None else self.weights + self.given(context)
        return logits.float().log_softmax(-1)

    def log_sigmas(self) -> Tensor:
        """ln s (K, size), as bounded as a posterior's."""
        return self.log_sigma.clamp(*LOG_SIGMA)

    def forward(self, condition: Tensor | None = None) -> Density:
        return _Learned(self, condition)

    @torch.no_grad()
    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        at = drawn(self.log_weight(condition), n, temperature)
        noise = torch.randn(n, self.space.size, device=self.mean.device)
        return self.space.shaped(self.mean[at] + temperature * self.log_sigmas().exp()[at] * noise)


class _Learned:
    def __init__(self, prior: MixturePrior, condition: Tensor | None) -> None:
        self.prior, self.condition = prior, condition

    def log_prob(self, z: Tensor) -> Tensor:
        prior = self.prior
        with full_precision(z.device):
            log_weight = prior.log_weight(self.condition)
            flat = z.flatten(-len(prior.space.shape))
            return joint(flat, log_weight, prior.mean, (2 * prior.log_sigmas()).exp()).logsumexp(-1)


class Mixture(Prior):
    """Gaussians fitted to the latents; the condition does not act, so a run with one is refused."""

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        components: Components = 10,
        turns: Annotated[int, Ge(1), doc("turns of expectation maximisation")] = 100,
        least: Annotated[float, Gt(0), doc("the smallest variance, as a share of the data's mean variance")] = 1e-3,
        covariance: Annotated[Literal["diagonal", "full"], doc("of each Gaussian")] = "diagonal",
    ) -> None:
        super().__init__(space, condition)
        self.require(discrete=False)
        if condition:
            raise GenaeError("sampler mixture takes no condition, and this run has one; fit gaussian or flow")
        self.components, self.turns, self.least, self.full = components, turns, least, covariance == "full"
        self.log_weight = nn.Buffer(torch.full((components,), -math.log(components)))
        self.mean = nn.Buffer(torch.zeros(components, space.size))
        if self.full:
            self.root = nn.Buffer(torch.eye(space.size).repeat(components, 1, 1))  # S_k = root rootᵀ, lower triangular
        else:
            self.variance = nn.Buffer(torch.ones(components, space.size))

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """From distant examples as first means. GenaeError for fewer examples than components."""
        flat = self.space.flat(z).float()
        if len(flat) < self.components:
            raise GenaeError(f"sampler.components must be at most the {len(flat)} examples, not {self.components}")
        floor = self.least * flat.var(0, unbiased=False).mean().clamp(min=1e-12)
        self._begin(flat, floor)
        for turn in range(self.turns):
            log_joint = self.joint(flat)  # (N, K)
            share = log_joint.softmax(1)
            total = share.sum(0).clamp(min=1e-6)
            self.log_weight.copy_((total / total.sum()).log())
            self.mean.copy_(share.mT @ flat / total[:, None])
            self._widen(flat, share / total, floor)
            yield Fitting(turn + 1, self.turns, -log_joint.logsumexp(1).mean())

    def _begin(self, flat: Tensor, floor: Tensor) -> None:
        """At distant examples, each as wide as all of them together."""
        self.mean.copy_(_distant(flat, self.components))
        self.log_weight.fill_(-math.log(self.components))
        variance = flat.var(0, unbiased=False).clamp(min=floor)
        (self.root if self.full else self.variance).copy_(variance.sqrt().diag() if self.full else variance)

    def _widen(self, flat: Tensor, share: Tensor, floor: Tensor) -> None:
        """Covariances around the means, share (N, K) of each example in each."""
        if not self.full:
            square = share.mT @ flat.square()
            self.variance.copy_((square - self.mean.square()).clamp(min=floor))
            return
        for k, mean in enumerate(self.mean):
            apart = (flat - mean).double()
            narrow, axes = torch.linalg.eigh((apart * share[:, k, None]).mT @ apart)
            self.root[k].copy_(torch.linalg.cholesky(axes * narrow.clamp(min=floor.double()) @ axes.mT))

    def joint(self, flat: Tensor) -> Tensor:
        """log w_k + log N_k (…, K) of z (…, size)."""
        if not self.full:
            return joint(flat, self.log_weight, self.mean, self.variance)
        apart = (flat.unsqueeze(-2) - self.mean).unsqueeze(-1)  # (…, K, size, 1)
        u = torch.linalg.solve_triangular(self.root, apart, upper=False).squeeze(-1)
        scale = self.root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        log_joint: Tensor = self.log_weight - 0.5 * (u.square() + LOG_2PI).sum(-1) - scale
        return log_joint

    def forward(self, condition: Tensor | None = None) -> Density:
        return _Mixed(self)

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        at = drawn(self.log_weight, n, temperature)  # at 0 the greatest component, with its mean
        noise = torch.randn(n, self.space.size, device=self.mean.device)
        wide = (self.root[at] @ noise[..., None]).squeeze(-1) if self.full else self.variance[at].sqrt() * noise
        return self.space.shaped(self.mean[at] + temperature * wide)


class _Mixed:
    def __init__(self, mixture: Mixture) -> None:
        self.mixture = mixture

    def log_prob(self, z: Tensor) -> Tensor:
        with full_precision(z.device):
            return self.mixture.joint(z.flatten(-len(self.mixture.space.shape))).logsumexp(-1)


def _distant(z: Tensor, k: int) -> Tensor:
    """k of the rows of z (N, D): each drawn with a probability that grows with its distance from those before (k-means++)."""
    chosen = [z[torch.randint(len(z), (), device=z.device)]]
    for _ in range(k - 1):
        near = torch.cdist(z, torch.stack(chosen)).amin(1).square()
        chosen.append(z[torch.multinomial(near + 1e-12, 1)[0]])
    return torch.stack(chosen)
