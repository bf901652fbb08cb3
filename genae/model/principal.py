r"""Pictures (C, H, W) by their principal components, which convolutions mend: it begins as PCA and can only become better.

    z ~ N(Vᵀ (x − m) / s + f(x), diag exp 2 (g(x) + g₀))         x̂ = y + U(y, z), y = m + V (s · z)

m, V and s are mean, components and spreads of the training pictures, worked out once before the first step, and fixed; g₀ and
σ are those of probabilistic PCA (https://www.jstor.org/stable/2680726). f, g and U end in layers that are zero at first. U is a
U-Net over y (https://arxiv.org/abs/1505.04597) with z at its bottom: where components leave ghosts of other pictures, what is
near a place says which of it to keep. A plain convolutional VAE needs minutes to come to where this one begins.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Bernoulli, Gaussian, Laplace, Likelihood
from genae.model.networks import Activation, Conditioned, Networks, Sizes, activation, ending
from genae.model.residual import Act, Blocks, ChannelsLast, Hidden, Patch, Widths, block, down, smallest, through
from genae.model.vae import Begun, Events

BEGUN, NUMBERS = 2000, 1 << 26  # training pictures whose components it begins with, at most, and numbers of all of them
CHUNK = 200  # pictures that are compared with theirs at once
INSIDE = 0.02  # how far from 0 and 1 a picture of components is taken for probabilities
LEAST = 1e-4  # of a spread, as a share of the greatest: a component below it is none


class Basis(nn.Module):
    """Mean m, components V and spreads s of pictures at 1/coarse of their sides; nothing before it has begun."""

    def __init__(self, event: Shape, size: int, coarse: int) -> None:
        super().__init__()
        self.shape, self.coarse = (event[0], event[1] // coarse, event[2] // coarse), coarse
        self.mean = nn.Buffer(torch.zeros(prod(self.shape)))
        self.axes = nn.Buffer(torch.zeros(prod(self.shape), size))
        self.spread = nn.Buffer(torch.ones(size))
        self.log_sigma = nn.Buffer(torch.zeros(size))  # of z given a picture, by probabilistic PCA

    def begin(self, x: Tensor) -> Tensor:
        """From pictures x (N, C, H, W), by the N by N matrix of their products; σ (), the root of what is left over."""
        flat = self._small(x)
        self.mean.copy_(flat.mean(0))
        rest = flat - self.mean
        values, vectors = torch.linalg.eigh((rest @ rest.mT).double())
        kept = min(len(x), len(self.spread))
        values, vectors = values[-kept:].flip(0), vectors[:, -kept:].flip(1)
        good = values.clamp(min=0).sqrt() > LEAST * values[0].clamp(min=1e-12).sqrt()
        axes = (rest.mT @ (vectors / values.clamp(min=1e-12).sqrt()).float()).where(good, 0.0)
        self.axes.zero_()[:, :kept].copy_(axes)
        self.spread.fill_(1.0)[:kept].copy_((values / len(x)).clamp(min=0).sqrt().where(good, 1.0))
        errors = [(part - self.picture(self.code(part))).square().sum() for part in torch.split(x, CHUNK)]
        error = (sum(errors, torch.zeros(())) / x.numel()).clamp(min=1e-6)
        variance = self.spread.square() * self.coarse**2 * self.axes.square().sum(0)
        self.log_sigma.copy_(0.5 * (error / (error + variance)).log())
        return error.sqrt()

    def code(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) to (B, size), of variance 1 over what it began with."""
        return (self._small(x) - self.mean) @ self.axes / self.spread

    def picture(self, z: Tensor) -> Tensor:
        """z (B, size) to y (B, C, H, W)."""
        y = (self.mean + (z * self.spread) @ self.axes.mT).view(-1, *self.shape)
        return y if self.coarse == 1 else F.interpolate(y, scale_factor=self.coarse, mode="bilinear")

    def _small(self, x: Tensor) -> Tensor:
        return (x if self.coarse == 1 else F.avg_pool2d(x, self.coarse)).flatten(1)


class Encoder(nn.Module):
    """A picture's components, and what convolutions add to them, to q(z | x)."""

    def __init__(self, body: nn.Module, head: nn.Module, posterior: nn.Module, basis: Basis) -> None:
        super().__init__()
        self.body, self.head, self.posterior = body, head, posterior
        self._basis = (basis,)  # in a tuple: its numbers are the decoder's

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, C, H, W) in [0, 1]."""
        basis, h = self._basis[0], cast(Tensor, self.head(self.body(2 * x - 1), condition))
        code = basis.code(x)
        scale = basis.log_sigma.expand(len(x), -1)[:, : h[0].numel() - code.shape[1]]  # of none, where z has no spread
        return self.posterior(h + torch.cat([code, scale], 1).to(h.dtype))


class Decoder(nn.Module, Begun):
    """z to y, and by a U-Net to p(x | z)."""

    def __init__(self, basis: Basis, bottom: nn.Module, mend: Mend, likelihood: Likelihood) -> None:
        super().__init__()
        self.basis, self.bottom, self.mend, self.likelihood = basis, bottom, mend, likelihood

    @torch.no_grad()
    def begin(self, events: Events) -> None:
        """From training pictures, before the first step."""
        most = max(CHUNK, min(BEGUN, NUMBERS // prod(self.basis.shape) // self.basis.coarse**2))
        sigma = self.basis.begin(events(most))
        if isinstance(self.likelihood, Gaussian):
            self.likelihood.begin_at(sigma)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> object:
        y = self.basis.picture(z).float()
        features = self.mend(y, self.bottom(z, condition)).float()
        begun = y.logit(INSIDE) if isinstance(self.likelihood, Bernoulli) else y
        return self.likelihood(features + F.pad(begun, (0, 0, 0, 0, 0, features.shape[1] - y.shape[1])))  # to the mean alone


class Mend(nn.Module):
    """A U-Net: y (B, C, H, W), and what of z is at its bottom (B, W, h, w), to features (B, F, H, W), zero at first."""

    def __init__(self, channels: int, features: int, widths: Sizes, blocks: Sizes, patch: int, act: Activation) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.enter = nn.Sequential(
            nn.PixelUnshuffle(patch), ChannelsLast(), nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)
        )
        self.before = nn.ModuleList(_level(width, n, act) for width, n in zip(widths, blocks, strict=True))
        self.after = nn.ModuleList(_level(width, n, act) for width, n in zip(widths, blocks, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(wide, narrow, 2, stride=2) for wide, narrow in pairs)
        self.up = nn.ModuleList(nn.Sequential(nn.Conv2d(low, 4 * high, 1), nn.PixelShuffle(2)) for high, low in pairs)
        last = nn.Conv2d(widths[0], features * patch**2, 3, padding=1)
        self.leave = nn.Sequential(activation(act), last, nn.PixelShuffle(patch))
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, y: Tensor, bottom: Tensor) -> Tensor:
        h = self.before[0](self.enter(2 * y - 1))
        kept = [h]
        for shrink, level in zip(self.down, self.before[1:], strict=True):
            h = level(shrink(h))
            kept.append(h)
        h = self.after[-1](h + bottom)
        for grow, level, beside in reversed(list(zip(self.up, self.after, kept, strict=False))):
            h = level(grow(h) + beside)
        features: Tensor = self.leave(h)
        return features


def _level(width: int, blocks: int, act: Activation) -> nn.Sequential:
    return nn.Sequential(*(block(width, act) for _ in range(blocks)))


def principal(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    *,
    widths: Widths = (32, 64),
    blocks: Blocks = (1, 1),
    hidden: Hidden = 256,
    patch: Patch = 4,
    coarse: Annotated[int, Ge(1), doc("the components are of pictures at this fraction of their sides")] = 1,
    activation: Act = "relu",
) -> Networks:
    """Principal components and convolutions, for events (channels, height, width) and z in one vector."""
    small = smallest(event, widths, blocks, patch, "principal")
    _require(event, space, posterior, likelihood, coarse)
    q, basis = posterior.features(space), Basis(event, space.size, coarse)
    ends = through(widths[-1] * prod(small) + condition, hidden, prod(q), activation)
    starts = through(space.size + condition, hidden, widths[-1] * prod(small), activation)
    for parameter in ends[-1].parameters():
        nn.init.zeros_(parameter)
    body = nn.Sequential(nn.PixelUnshuffle(patch), ChannelsLast(), *down(event[0] * patch**2, widths, blocks, activation))
    encoder = Encoder(body, Conditioned(*ends), nn.Sequential(*ending(q, posterior)), basis)
    bottom = Conditioned(*starts, nn.Unflatten(1, (widths[-1], *small)), ChannelsLast())
    mend = Mend(event[0], likelihood.features(event)[0], widths, blocks, patch, activation)
    return Networks(encoder, Decoder(basis, bottom, mend, likelihood), space)


def _require(event: Shape, space: Space, posterior: Family, likelihood: Likelihood, coarse: int) -> None:
    """GenaeError for what components of pictures do not suit."""
    if not isinstance(likelihood, Gaussian | Laplace | Bernoulli):
        raise GenaeError(
            "network principal goes with likelihood gaussian, laplace or bernoulli; for others set network=residual"
        )
    if len(space.shape) != 1 or space.codes or posterior.embedded(space) != space.shape:
        raise GenaeError(f"network principal has a continuous z in one vector, not {space}; for others set network=residual")
    if any(side % coarse for side in event[1:]):
        raise GenaeError(f"network.coarse {coarse} does not divide the sides {event[1]} by {event[2]}")
