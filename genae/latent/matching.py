r"""Flow matching: a drift field v(x, t, h) that carries noise to z along straight lines (https://arxiv.org/abs/2210.02747).

    x_t = (1 − t) u + t z, u ~ N(0, I)        minimise E ‖v(x_t, t, h) − (z − u)‖²        then dx = v dt from u at 0 to z at 1

It needs no invertible network, so it fits aggregate posteriors that an affine flow does not, and has no density that is cheap.
Here z is flat and standardised; h is whatever z is drawn given: a condition, or the windows before. Guided by a weight w,
what h adds to a drift that knows nothing is multiplied: v_0 + w (v_h − v_0) (https://arxiv.org/abs/2207.12598).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.latent.descent import Rate, Standardised, Steps, descended
from genae.latent.samplers import Fitting, Noise
from genae.latent.space import Space

PERIODS = 32  # sines of t that the network is given, and as many cosines
ABOUT = 128  # units that t and h are brought to once, before each block makes its scale and shift of them; h enters whole, too

Width = Annotated[int, Ge(1), Le(4096), doc("units of the drift's network")]
Blocks = Annotated[int, Ge(1), Le(32), doc("residual blocks of the drift's network")]
Turns = Annotated[int, Ge(1), Le(1000), doc("steps from noise to z, each of two evaluations")]


class Drift(nn.Module):
    """v(x, t, h): x (B, D), t (B, 1) and h (B, H) to (B, D), by residual blocks whose scale and shift are of t and h."""

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

    def loss(self, z: Tensor, h: Tensor) -> Tensor:
        """The mean square error (B,) of z (B, D) given h (B, H), at one time and noise each."""
        t, u = torch.rand(len(z), 1, device=z.device), torch.randn_like(z)
        apart: Tensor = self((1 - t) * u + t * z, t, h).float() - (z - u)
        return apart.square().mean(1)

    def carried(self, u: Tensor, h: Tensor, turns: int) -> Tensor:
        """Noise u (B, D) to z (B, D)."""
        return heun(lambda x, t: self(x, t, h), u, turns)

    def guided(self, u: Tensor, h: Tensor, nothing: Tensor, weight: float, turns: int) -> Tensor:
        """Noise u (B, D) to z (B, D), pushed away from what is drawn given `nothing` (H,)."""
        if weight == 1:
            return self.carried(u, h, turns)
        both = torch.cat([h, nothing.expand_as(h)])

        def slope(x: Tensor, t: Tensor) -> Tensor:
            given, free = self(x.repeat(2, 1), t.repeat(2, 1), both).chunk(2)
            pushed: Tensor = free + weight * (given - free)
            return pushed

        return heun(slope, u, turns)


def heun(slope: Callable[[Tensor, Tensor], Tensor], u: Tensor, turns: int) -> Tensor:
    """x (B, D) at time 1 of dx = slope(x, t) dt that is u at time 0, t (B, 1), by Heun's method."""
    x, length = u, 1 / turns
    for turn in range(turns):
        t = u.new_full((len(u), 1), turn * length)
        here = slope(x, t)
        x = x + length * (here + slope(x + length * here, t + length)) / 2
    return x


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


class FlowMatching(Noise, Standardised):
    """z of single examples, by flow matching on the latents of the training examples."""

    reduced = True

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        width: Width = 512,
        blocks: Blocks = 3,
        turns: Turns = 12,
        steps: Steps = 4000,
        batch: Annotated[int, Ge(1), doc("examples a step")] = 256,
        lr: Rate = 1e-3,
    ) -> None:
        super().__init__(space, condition)
        self.turns, self.steps, self.batch, self.lr = turns, steps, batch, lr
        self.drift = Drift(space.size, condition, width, blocks)

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """By the mean square error of the drift."""
        self.standardise(z)
        unit = self.unit(z)

        def loss() -> Tensor:
            at = torch.randint(len(unit), (self.batch,), device=unit.device)
            return self.drift.loss(unit[at], self._given(self.batch, None if condition is None else condition[at])).mean()

        yield from descended(self.drift, loss, self.steps, self.lr)

    @torch.no_grad()
    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        with torch.autocast(u.device.type, enabled=False):
            return self.shaped(self.drift.carried(u.float(), self._given(len(u), condition), self.turns))

    def _given(self, n: int, condition: Tensor | None) -> Tensor:
        """(n, C), of no width where there is no condition."""
        context = self.context(condition)
        return self.anchor.new_zeros(n, 0) if context is None else context.expand(n, -1)
