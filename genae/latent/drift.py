r"""Drift fields v(x, t, h) of flow matching: a net for z as one vector, and one for z in frames along time.

    x_t = (1 − t) u + t z, u ~ N(0, I)        minimise E ‖v(x_t, t, h) − (z − u)‖²        then dx = v dt from u at 0 to z at 1

z is flat and standardised, (B, D) or (B, F·D) of F frames; h is whatever z is drawn given: a condition, or the windows before.
Guided by a weight w, what a part of it adds to a drift that knows nothing is multiplied
(https://arxiv.org/abs/2207.12598). Both nets are residual blocks whose scale, shift and gate are of t and h
(https://arxiv.org/abs/2212.09748), brought to few units; into the net for vectors h enters whole, too. Frames share their
weights: a block is two convolutions, of neighbours 1, 2, 4, … frames away, so that what holds of one frame need not be learned
of each, and what is asked of all of them (a class, a number) acts in all alike.

A vector whose parts are alike (a z with as many numbers for each beat) can be drawn part by part, each given those before it by
a recurrent layer: fields of few numbers are learned in steps in which one of all of them is not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.space import Space

PERIODS = 32  # sines of t that the network is given, and as many cosines
ABOUT = 128  # units that t and h are brought to once, before each block makes its scale and shift of them
FINE = 5  # of the sines that h is also given as
FARTHEST = 8  # frames from a convolution's middle to its end

Width = Annotated[int, Ge(1), Le(4096), doc("units of the drift's network")]
Blocks = Annotated[int, Ge(1), Le(32), doc("residual blocks of the drift's network")]
Turns = Annotated[int, Ge(1), Le(1000), doc("steps from noise to z, each of two evaluations")]


class Drift(nn.Module, ABC):
    """v(x, t, h): x (B, size), t (B, 1) and h (B, H) to (B, size)."""

    @abstractmethod
    def forward(self, x: Tensor, t: Tensor, h: Tensor) -> Tensor: ...

    def loss(self, z: Tensor, h: Tensor, draws: int = 1, seen: Tensor | None = None) -> Tensor:
        """The mean square error (draws·B,) of z (B, size) given h (B, H), at so many times and noises; parts see `seen`."""
        z, h = z.repeat(draws, 1), h.repeat(draws, 1)
        t, u = torch.rand(len(z), 1, device=z.device), torch.randn_like(z)
        apart: Tensor = self((1 - t) * u + t * z, t, h).float() - (z - u)
        return apart.square().mean(1)

    def carried(self, u: Tensor, h: Tensor, turns: int) -> Tensor:
        """Noise u (B, size) to z (B, size)."""
        return heun(lambda x, t: self(x, t, h), u, turns)

    def guided(self, u: Tensor, h: Tensor, seen: Tensor, nothing: Tensor, weight: float, turns: int) -> Tensor:
        """Noise u (B, size) to z (B, size) given h (B, H), pushed from what is drawn given `nothing` to that given `seen`.

        `nothing` is (H,) or (B, H). v_h + (w − 1) (v_seen − v_nothing)
        """
        if weight == 1:
            return self.carried(u, h, turns)
        each = torch.cat([h, seen, nothing.expand_as(h)])

        def slope(x: Tensor, t: Tensor) -> Tensor:
            given, near, free = self(x.repeat(3, 1), t.repeat(3, 1), each).chunk(3)
            pushed: Tensor = given + (weight - 1) * (near - free)
            return pushed

        return heun(slope, u, turns)


def heun(slope: Callable[[Tensor, Tensor], Tensor], u: Tensor, turns: int) -> Tensor:
    """x (B, size) at time 1 of dx = slope(x, t) dt that is u at time 0, t (B, 1), by Heun's method."""
    x, length = u, 1 / turns
    for turn in range(turns):
        t = u.new_full((u.shape[0], 1), turn * length)
        here = slope(x, t)
        x = x + length * (here + slope(x + length * here, t + length)) / 2
    return x


def drift(space: Space, given: int, width: int, blocks: int) -> Drift:
    """The field that suits a space, where h has `given` numbers."""
    if space.time:
        return FrameDrift(space.shape[0], space.width, given, width, blocks)
    return VectorDrift(space.size, given, width, blocks)


def finer(h: Tensor, count: int) -> Tensor:
    """h (B, H) and its sines and cosines of 1, 2, 4, … half-turns a unit (B, H (1 + 2 count)).

    A network learns slowly what changes fast with a number: https://arxiv.org/abs/2006.10739.
    """
    angle = (h[..., None] * torch.pi * 2.0 ** torch.arange(count, device=h.device)).flatten(1)
    return torch.cat([h, angle.sin(), angle.cos()], 1)


class VectorDrift(Drift):
    """Of z as one vector, by residual blocks whose scale and shift are of t and h."""

    def __init__(self, size: int, given: int, width: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(size + given, width)
        self.about = nn.Linear(2 * PERIODS + given, ABOUT)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.leave = nn.Linear(width, size)
        nn.init.zeros_(self.leave.weight)
        self.frequencies = nn.Buffer(torch.logspace(0, 3, PERIODS), persistent=False)

    def forward(self, x: Tensor, t: Tensor, h: Tensor) -> Tensor:
        angle = t * self.frequencies
        about = F.silu(self.about(torch.cat([angle.sin(), angle.cos(), h], 1)))
        hidden = self.enter(torch.cat([x, h], 1))
        for block in self.blocks:
            hidden = block(hidden, about)
        drift: Tensor = self.leave(F.silu(hidden))
        return drift


class PartsDrift(nn.Module):
    """Of a vector's equal parts one after another, each by the same field, given h and the parts before."""

    def __init__(self, size: int, parts: int, given: int, width: int, blocks: int) -> None:
        super().__init__()
        if size % parts:
            raise GenaeError(f"sampler.parts must divide z's {size} numbers, not {parts}")
        self.parts, self.own = parts, size // parts
        self.first, self.place = nn.Linear(given, width), nn.Parameter(0.1 * torch.randn(parts, width))
        self.before = nn.GRU(self.own + width, width, batch_first=True)
        self.drift = VectorDrift(self.own, width + given, width, blocks)

    def loss(self, z: Tensor, h: Tensor, draws: int = 1, seen: Tensor | None = None) -> Tensor:
        """As a drift's; what is before a part is read once for all draws."""
        parts = (z if seen is None else seen).view(len(z), self.parts, self.own)
        c, _ = self.before(self._entering(F.pad(parts[:, :-1], (0, 0, 1, 0)), self.place), self._begin(h))
        given = torch.cat([c, h[:, None].expand(-1, self.parts, -1)], 2)
        of_parts = self.drift.loss(z.reshape(-1, self.own), given.flatten(0, 1), draws)
        return of_parts.view(-1, self.parts).mean(1)

    def guided(self, u: Tensor, h: Tensor, seen: Tensor, nothing: Tensor, weight: float, turns: int) -> Tensor:
        """As a drift's."""
        all_h = torch.stack([h, seen, nothing.expand_as(h)])  # (3, B, H), as they are told of the same parts
        state, made = self._begin(all_h.flatten(0, 1)), [u.new_zeros(len(u), self.own)]
        for place, noise in zip(self.place, u.view(len(u), self.parts, self.own).unbind(1), strict=True):
            c, state = self.before(self._entering(made[-1].repeat(3, 1), place)[:, None], state)
            given, near, free = torch.cat([c[:, 0], all_h.flatten(0, 1)], 1).chunk(3)
            made.append(self.drift.guided(noise, given, near, free, weight, turns))
        return torch.cat(made[1:], 1)

    def _begin(self, h: Tensor) -> Tensor:
        """The first state (1, B, width)."""
        state: Tensor = self.first(h).tanh()[None].contiguous()
        return state

    def _entering(self, part: Tensor, place: Tensor) -> Tensor:
        """Parts (…, own) beside their places."""
        return torch.cat([part, place.expand(*part.shape[:-1], -1)], -1)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.given = nn.Linear(ABOUT, 3 * width)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        nn.init.zeros_(self.given.weight)
        nn.init.zeros_(self.given.bias)

    def forward(self, x: Tensor, about: Tensor) -> Tensor:
        scale, shift, gate = self.given(about).chunk(3, 1)
        y: Tensor = x + gate * self.layers(self.norm(x) * (1 + scale) + shift)
        return y


class FrameDrift(Drift):
    """Of z (F, D) in frames, F·D numbers flat; each frame knows its place."""

    def __init__(self, frames: int, size: int, given: int, width: int, blocks: int) -> None:
        super().__init__()
        self.frames = frames
        self.enter = nn.Conv1d(size, width, 3, padding=1)
        self.place = nn.Parameter(0.1 * torch.randn(width, frames))
        self.about = nn.Sequential(nn.Linear(2 * PERIODS + given * (1 + 2 * FINE), ABOUT), nn.SiLU(), nn.Linear(ABOUT, ABOUT))
        self.of_all = nn.Linear(ABOUT, width)
        self.blocks = nn.ModuleList(_FrameBlock(width, min(1 << i % 4, FARTHEST)) for i in range(blocks))
        self.leave = nn.Conv1d(width, size, 1)
        nn.init.zeros_(self.leave.weight)
        self.frequencies = nn.Buffer(torch.logspace(0, 3, PERIODS), persistent=False)

    def forward(self, x: Tensor, t: Tensor, h: Tensor) -> Tensor:
        angle = t * self.frequencies
        about = F.silu(self.about(torch.cat([angle.sin(), angle.cos(), finer(h, FINE)], 1)))
        hidden = self.enter(x.view(x.shape[0], self.frames, -1).mT) + self.place + self.of_all(about)[..., None]
        for block in self.blocks:
            hidden = block(hidden, about)
        drift: Tensor = self.leave(F.silu(hidden)).mT.flatten(1)
        return drift


class _FrameBlock(nn.Module):
    def __init__(self, width: int, apart: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width, affine=False)
        self.given = nn.Linear(ABOUT, 3 * width)
        self.layers = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=apart, dilation=apart), nn.SiLU(), nn.Conv1d(width, width, 1)
        )
        nn.init.zeros_(self.given.weight)
        nn.init.zeros_(self.given.bias)

    def forward(self, x: Tensor, about: Tensor) -> Tensor:
        scale, shift, gate = self.given(about)[..., None].chunk(3, 1)
        y: Tensor = x + gate * self.layers(self.norm(x) * (1 + scale) + shift)
        return y
