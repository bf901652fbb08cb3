r"""A ladder VAE for genae: levels of z, each inferred and generated from those above it. https://arxiv.org/abs/1602.02282

    p(z) = Π_l p(z_l | z_>l)           each N(m, diag s²), the topmost N(0, I)
    q(z | x) = Π_l q(z_l | x, z_>l)    ∝ p(z_l | z_>l) · N(m̂_l(x), diag ŝ_l(x)²): precisions add up; the topmost x's own
    rate = Σ_l KL(q_l ‖ p_l)           each level's is exact, given the levels above

Prior and posterior go down one path. Levels are top first. Use it by `genae train mnist-ladder --plugin genae_ladder.py`.
"""

from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, doc
from torch import nn

import genae
from genae import DiagonalGaussian, Model, Noise, Space
from genae.model.vae import repeated


def layer(inputs, width):
    return nn.Sequential(nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.SiLU())


class TopDown(Noise):
    """The path down: a state, which begins as the condition, takes in each z_l and says p of the next level."""

    def __init__(self, space, condition, width, gaussian):
        super().__init__(space, condition)
        sizes = [level.size for level in space.levels]
        self.take = nn.ModuleList(layer((width if i else condition) + size, width) for i, size in enumerate(sizes))
        self.say = nn.ModuleList(nn.Linear(width, 2 * size) for size in sizes[1:])
        self.gaussian = gaussian

    def descend(self, n, choose, condition=None):
        """z (n, size), of which `choose(level, p)` gives each level, and the last state (n, width)."""
        context, z = self.context(condition), []
        state = self.anchor.new_zeros(n, 0) if context is None else context.expand(n, -1)
        origin = self.anchor.new_zeros(n, self.space.levels[0].size)
        for i, take in enumerate(self.take):
            z.append(choose(i, self.gaussian(self.say[i - 1](state)) if i else DiagonalGaussian(origin, origin)))
            state = take(torch.cat([state, z[-1]], 1))
        return self.space.join(z), state

    def push(self, u, condition=None):
        noise = self.space.split(u)
        return self.descend(len(u), lambda i, p: p.mean + p.log_sigma.exp() * noise[i], condition)[0]


class Ladder(Model):
    """x goes up through layers, and what each says of its level meets the path down."""

    def __init__(self, event, space, gaussian, likelihood, condition, width):
        super().__init__(event, space)
        sizes, features = [level.size for level in space.levels], likelihood.features(event)
        self.up = nn.ModuleList(layer(width if i else prod(event) + condition, width) for i in range(len(sizes)))
        self.estimate = nn.ModuleList(nn.Linear(width, 2 * size) for size in sizes)
        self.prior = TopDown(space, condition, width, gaussian)
        last = nn.Linear(width, prod(features))
        self.output = nn.Sequential(layer(width, width), last, nn.Unflatten(1, features), likelihood)

    def infer(self, x, condition=None):
        h = x.flatten(1) if condition is None else torch.cat([x.flatten(1), condition], 1)
        heights = [h := up(h) for up in self.up]
        features = [estimate(h) for estimate, h in zip(self.estimate, reversed(heights), strict=True)]
        return Inference(self, features, condition)

    def decode(self, z, condition=None):
        levels = self.space.split(z)
        return self.output(self.prior.descend(len(z), lambda i, p: levels[i], condition)[1])


class Inference:
    """q(z | x), of features (B, 2·size) for each level."""

    def __init__(self, ladder, features, condition):
        self.ladder, self.features, self.condition = ladder, features, condition

    @property
    def mean(self):  # each level's, given the means above it
        return self.down(lambda q: q.mean)[0]

    def sample(self, samples=None):
        return Inferred(self.ladder, *self.down(lambda q: q.rsample(), samples), samples)

    def down(self, choose, samples=None):
        """z and the last state of `samples` times B, and q and p of each level."""
        prior, features, pairs = self.ladder.prior, [repeated(h, samples) for h in self.features], []

        def at(i, p):
            own = prior.gaussian(features[i])
            pairs.append((product(p, own) if i else own, p))
            return choose(pairs[-1][0])

        return *prior.descend(len(features[0]), at, repeated(self.condition, samples)), pairs


def product(one, other):
    """Of two Gaussians, normalised."""
    log_sigma = -0.5 * torch.logaddexp(-2 * one.log_sigma, -2 * other.log_sigma)
    share = (2 * (one.log_sigma - other.log_sigma)).sigmoid()  # the surer one has the greater say
    return DiagonalGaussian(one.mean.lerp(other.mean, share), log_sigma)


class Inferred:
    """z ~ q(z | x), with the q and p of each level."""

    penalty = None

    def __init__(self, ladder, z, state, pairs, samples):
        self.pairs, self.levels, self.samples = pairs, ladder.space.split(z), samples
        self.z, self.p = self.apart(z), ladder.output(state)

    def apart(self, x):  # (K·B, …) to (K, B, …), where there are K samples
        return x if self.samples is None else x.unflatten(0, (self.samples, -1))

    def rates(self):  # (B, levels)
        each = self.apart(torch.stack([q.rate_by_dimension(p).sum(1) for q, p in self.pairs], 1))
        return each if self.samples is None else each.mean(0)

    @property
    def rate(self):
        return self.rates().sum(1)

    @property
    def terms(self):
        return {f"rate_{i}": rate for i, rate in enumerate(self.rates().unbind(1), 1)}

    def log_ratio(self):
        each = [q.log_prob(z) - p.log_prob(z) for (q, p), z in zip(self.pairs, self.levels, strict=True)]
        return self.apart(torch.stack(each).sum(0))


def ladder(
    event, space, posterior, likelihood, condition=0,
    levels: Annotated[int, Ge(2), doc("of z; `latent` numbers are in the lowest, half as many in each above")] = 3,
    width: Annotated[int, Ge(1), doc("of every layer")] = 256,
):  # fmt: skip
    """Encoder, prior and decoder of linear layers, for any event."""
    sizes = [max(1, space.size >> i) for i in reversed(range(levels))]
    return Ladder(event, Space.ladder([Space((size,)) for size in sizes]), posterior, likelihood, condition, width)


preset = {"parent": "mnist-mlp", "latent": 32, "network": {"name": "ladder", "width": 224}, "objective": {"warmup": 1000}}

genae.register("network", "ladder", ladder)
genae.register("preset", "mnist-ladder", preset)
