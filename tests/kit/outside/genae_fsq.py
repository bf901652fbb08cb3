r"""Finite scalar quantisation for genae, and a sequence model of its codes. https://arxiv.org/abs/2309.15505

    f(h) = r·tanh(h + tan(o/r)) − o           r = ½ (L − 1)(1 − 10⁻³) of L levels, o = ½ where L is even, else 0
    v = round(f(h)) / ⌊L/2⌋                   what the decoder is given, with the gradient of f alone
    z = Σ_j (⌊L_j/2⌋ + round f(h)_j) Π_{i<j} L_i    one code for all numbers of a place
    p(z) = Π_i p(z_i | z_<i, c)               the sampler, fitted when the codes are learnt

Use it by `genae train melody-fsq --plugin genae_fsq.py`; `genae sample RUN --sampler prior` draws from the uniform prior.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from types import SimpleNamespace
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, MinLen, doc
from torch import nn

import genae
from genae import Family, Fitting, Prior


class FSQ(Family):
    """A posterior: each place of z is one of Π L codes, whose vector has a number for each of the levels."""

    kind = "codes"

    def __init__(self, levels: Annotated[Sequence[Annotated[int, Ge(2)]], MinLen(1), doc("L of each number")] = (8, 5, 5)):
        super().__init__()
        self.codes, count = prod(levels), torch.tensor(levels)
        self.levels, self.middle = nn.Buffer(count, persistent=False), nn.Buffer(count // 2, persistent=False)
        self.basis = nn.Buffer(count.cumprod(0) // count, persistent=False)

    def space(self, space):
        if space.codes not in (0, self.codes):
            raise genae.GenaeError(f"posterior.levels make {self.codes} codes, and latent says {space.codes}; leave that out")
        return replace(space, codes=self.codes)

    def features(self, space):
        return (*space.shape, len(self.levels))

    embedded = features

    def bound(self, h):
        """Any numbers (…, levels) to ones that round to their levels, which are around 0."""
        reach, offset = (self.levels - 1) * (1 - 1e-3) / 2, 0.5 * (self.levels % 2 == 0)
        return (h + (offset / reach).tan()).tanh() * reach - offset

    def index(self, v):
        """Vectors (…, levels), as the decoder is given them, to codes (…)."""
        return (((v * self.middle).round().long() + self.middle) * self.basis).sum(-1)

    def embed(self, z):  # and back
        return (z[..., None] // self.basis % self.levels - self.middle) / self.middle

    def forward(self, h):
        return Codes(self, self.bound(h.float()))


class Codes:
    """The one z that an encoder gives; `bounded` (B, *shape, levels)."""

    def __init__(self, family, bounded):
        level = bounded.detach().round() + (bounded - bounded.detach())  # round(f), with the gradient of f
        self.family, self.v = family, level / family.middle
        self.mean = family.index(self.v.detach())

    def rsample(self, samples=None):
        return self.v if samples is None else self.v.expand(samples, *self.v.shape)

    def log_ratio(self, prior, z):
        return -prior.log_prob(self.family.index(z))  # q(z | x) = 1

    rate = log_ratio

    def rate_by_dimension(self, prior):
        raise genae.GenaeError("codes have no rate by dimension; set objective.free_bits=0")

    def penalty(self):
        return None

    def terms(self):  # e^entropy of the batch's codes: how many are in use
        share = F.one_hot(self.mean.flatten(), self.family.codes).float().mean(0)
        return {"perplexity": torch.special.entr(share).sum().exp()}


class Causal(Prior):
    """A GRU over the places of z in their order."""

    def __init__(
        self, space, condition=0, *,
        width: Annotated[int, Ge(1), doc("units")] = 128,
        steps: Annotated[int, Ge(1), doc("optimiser steps")] = 1000,
        lr: Annotated[float, Gt(0), doc("learning rate")] = 2e-3,
    ):  # fmt: skip
        super().__init__(space, condition)
        self.require(discrete=True)
        self.steps, self.lr = steps, lr
        self.embed = nn.Embedding(space.codes + 1, width)  # the last one begins
        self.gru = nn.GRU(width + condition, width, batch_first=True)
        self.out = nn.Linear(width, space.codes)

    def logits(self, before, condition, state=None):
        """Codes before (N, T) and the condition (N, C) to logits (N, T, codes), and the state after them."""
        seen, context = self.embed(before), self.context(condition)
        if context is not None:
            seen = torch.cat([seen, context.unsqueeze(-2).expand(*before.shape, -1)], -1)
        h, state = self.gru(seen, state)
        return self.out(h).float(), state

    def forward(self, condition=None):
        return SimpleNamespace(log_prob=lambda z: self.log_prob(z, condition))

    def log_prob(self, z, condition):  # (…, B, *shape) and (B, C) to (…, B)
        lead, flat = z.shape[: z.ndim - len(self.space.shape)], z.reshape(-1, self.space.size)
        given = None if condition is None else condition.expand(*lead, -1).flatten(0, -2)
        logits, _ = self.logits(F.pad(flat[:, :-1], (1, 0), value=self.space.codes), given)
        return -F.cross_entropy(logits.mT, flat, reduction="none").sum(1).view(lead)

    def fit(self, z, condition):
        optimiser = torch.optim.Adam(self.parameters(), self.lr)
        for step in range(self.steps):
            at = torch.randint(len(z), (128,), device=z.device)
            loss = -self.log_prob(z[at], None if condition is None else condition[at]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            yield Fitting(step + 1, self.steps, loss.detach())

    def sample(self, n, temperature=1.0, condition=None):
        z, state = torch.full((n, 1), self.space.codes, device=self.anchor.device), None
        for _ in range(self.space.size):
            logits, state = self.logits(z[:, -1:], condition, state)
            noise = -torch.empty_like(logits).exponential_().log()
            z = torch.cat([z, (logits + temperature * noise).argmax(-1)], 1)
        return self.space.shaped(z[:, 1:])


preset = {
    "parent": "melody-2bar-tiny", "data": "tunes", "latent": 16, "posterior": {"name": "own-fsq"}, "prior": {"name": "uniform"},
    "objective": {"name": "elbo", "beta": 1.0, "warmup": 0}, "stages": [{"sampler": {"name": "causal"}}],
}  # fmt: skip

genae.register("posterior", "own-fsq", FSQ)
genae.register("sampler", "causal", Causal)
genae.register("preset", "melody-fsq", preset)
