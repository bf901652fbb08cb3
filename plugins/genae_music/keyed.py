r"""p(x | z) of the piano's keys: which are struck or go on, low ones first, each given those below and the step before.

    p(x) = Π_t Π_k Bernoulli(struck; a_tk) · Bernoulli(goes on; b_tk)^[not struck, sounding before] · q(velocity; t, k)^[struck]
    a, b = V g(f_t + B x_{t−1}) + U x_{t,<k}        f_t given by the network, g = GELU, U strictly triangular
    q(v)   a logistic on 32 levels of loudness, its location and log scale Σ_j c_j(f_t, x_{t−1}) e_j(k)

In the first step any key may go on. For U, and how a step is drawn, see `genae_music.triangular`.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.space import Shape
from genae_music.piano import KEYS
from genae_music.score import LOUDEST
from genae_music.steps import logistic
from genae_music.triangular import in_a_row, lower

WIDE = 4  # velocities of a level of loudness
LEVELS = (LOUDEST + 1) // WIDE
BASIS = 6  # functions of the key that loudness is made of
LOG_SCALE = (-6.0, 2.0)
FIRST, FIRST_LEVEL, FIRST_SCALE = -4.0, 0.6, -2.5  # logits of keys, and loudness, where training begins


class Keyed(nn.Module):
    """What every step of (T, 88) is, as `genae_music.piano_domain` has events: struck above 0, going on below."""

    inputs = 3 * KEYS

    def __init__(self, hidden: Annotated[int, Ge(1), doc("units between what a network gives and the keys")] = 256) -> None:
        super().__init__()
        self.hidden = hidden
        self.before = nn.Linear(2 * KEYS, hidden, bias=False)
        self.keys = nn.Linear(hidden, 2 * KEYS)
        self.below = nn.Parameter(torch.zeros(2 * KEYS, 2 * KEYS))
        self.loud = nn.Linear(hidden, 2 * BASIS)
        self.basis = nn.Parameter(torch.randn(BASIS, KEYS) / math.sqrt(BASIS))
        nn.init.constant_(self.keys.bias, FIRST)
        self.lower = nn.Buffer(lower(2, 2), persistent=False)

    def features(self, event: Shape) -> Shape:
        """(T, hidden)."""
        if len(event) != 2 or event[1] != KEYS:
            raise GenaeError(f"likelihood keys is of events (T, {KEYS}), not {event}; set domain=piano")
        return (event[0], self.hidden)

    def forward(self, h: Tensor) -> KeyedEvent:
        return KeyedEvent(self, h)

    def shown(self, x: Tensor) -> Tensor:
        """Events (B, T, 88) as an encoder takes them (B, T, 264): struck, going on, and how loud above the middle."""
        struck = (x > 0).float()
        return torch.cat([struck, (x < 0).float(), struck * (x - 0.5)], -1)


class KeyedEvent:
    """Of features (B, T, hidden)."""

    def __init__(self, of: Keyed, h: Tensor) -> None:
        self.of, self.h = of, h

    @property
    def mean(self) -> Tensor:
        """The likelier of each, low keys first, (B, T, 88): a roll has no mean."""
        return self.sample(0.0)

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, T, 88) to (B,), nats."""
        states = torch.cat([x > 0, x < 0], -1).float()  # (B, T, 2·88): struck, going on
        h = self._hidden(self.h, F.pad(states, (0, 0, 1, -1)))
        logits = self.of.keys(h).float() + F.linear(states, self.of.below * self.of.lower).float()
        free = F.pad((x != 0).float()[:, :-1], (0, 0, 1, 0), value=1.0)  # to go on
        counted = torch.cat([torch.ones_like(free), free * (x <= 0)], -1)
        each = F.binary_cross_entropy_with_logits(logits, states, counted, reduction="none")
        loud = torch.where(x > 0, self._loudness(h).log_prob(level_of(x)), 0.0)
        return loud.sum((1, 2)) - each.sum((1, 2))

    @torch.no_grad()
    def sample(self, temperature: float = 1.0) -> Tensor:
        """(B, T, 88), step by step."""
        n, steps = self.h.shape[:2]
        noise = logistic(torch.rand(n, steps, 3 * KEYS, device=self.h.device)) * temperature
        of_state, of_level = torch.split(noise, [2 * KEYS, KEYS], -1)
        state, made = noise.new_zeros(n, 1, 2 * KEYS), list[Tensor]()
        for t in range(steps):
            h = self._hidden(self.h[:, t : t + 1], state)
            free = state[..., :KEYS] + state[..., KEYS:] > 0 if t else torch.ones_like(state[..., KEYS:], dtype=torch.bool)
            state = self._step(self.of.keys(h).float() + of_state[:, t : t + 1], free)
            made.append(self._struck(h, state, of_level[:, t : t + 1]))
        return torch.cat(made, 1)

    def _hidden(self, h: Tensor, before: Tensor) -> Tensor:
        """Features (B, T, hidden) and the states of the steps before (B, T, 2·88) to what keys and loudness are made of."""
        hidden: Tensor = F.gelu(h + self.of.before(before))
        return hidden

    def _loudness(self, h: Tensor) -> Loudness:
        """Of every key at every step, struck or not."""
        made = self.of.loud(h).float().unflatten(-1, (2, BASIS)) @ self.of.basis
        location, log_scale = made.unbind(-2)
        return Loudness(location + FIRST_LEVEL, (log_scale + FIRST_SCALE).clamp(*LOG_SCALE))

    def _step(self, noisy: Tensor, free: Tensor) -> Tensor:
        """Noisy logits (B, 1, 2·88) to the states of a step, given those of lower keys."""

        def chosen(logits: Tensor) -> Tensor:
            struck, going = torch.split(logits > 0, KEYS, -1)
            return torch.cat([struck, going & free & ~struck], -1).to(noisy.dtype)

        return in_a_row(noisy, (self.of.below * self.of.lower).float(), chosen)

    def _struck(self, h: Tensor, state: Tensor, noise: Tensor) -> Tensor:
        """States of a step (B, 1, 2·88) as events, each note as loud as is drawn by noise (B, 1, 88)."""
        struck, going = torch.split(state, KEYS, -1)
        return torch.where(struck > 0, velocity_of(self._loudness(h).drawn(noise)), -going)


class Loudness(NamedTuple):
    """Logistics (B, T, 88) on [0, 1), which LEVELS values cut into equal parts, the outer ones open."""

    location: Tensor
    log_scale: Tensor

    def log_prob(self, level: Tensor) -> Tensor:
        """Whole numbers (B, T, 88) to nats."""
        per_scale = (-self.log_scale).exp()
        below, above = (((level + i) / LEVELS - self.location) * per_scale for i in (0, 1))
        # F(above) − F(below) = σ(above) σ(−below) (1 − e^(below − above)): exact, and stable in both tails
        inner = F.logsigmoid(above) + F.logsigmoid(-below) + torch.log(-torch.expm1(below - above))
        outer = torch.where(level < 1, F.logsigmoid(above), F.logsigmoid(-below))
        return torch.where((level < 1) | (level >= LEVELS - 1), outer, inner)

    def drawn(self, noise: Tensor) -> Tensor:
        """Logistic noise (B, T, 88), of any scale, to levels."""
        return ((self.location + self.log_scale.exp() * noise) * LEVELS).floor().clamp(0, LEVELS - 1)


def level_of(x: Tensor) -> Tensor:
    """Velocities / 127 to levels, 0 … 31; of what is not struck, anything."""
    return (x * LOUDEST).round().div(WIDE, rounding_mode="floor")


def velocity_of(level: Tensor) -> Tensor:
    """And back, the middle of each."""
    return (WIDE * level + WIDE // 2) / LOUDEST
