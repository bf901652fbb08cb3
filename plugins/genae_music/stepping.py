"""A decoder's step as a function of its state, for programs without loops: what `Autoregressive` and `Cell` do.

state     the contexts of all segments (B, U, C), what is said of each step (B, T, K), and for each core its LSTM's h and c
          (B, layers, width); none where nothing is said of steps
step t    begins anew where t is a multiple of T / U, then takes the step before, its segment's context, its place and what is
          said of it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from genae.latent.space import Shape
from genae.model.portable import Steps
from genae_music.core import Core
from genae_music.steps import Head


class Stepping(Steps):
    """A decoder step by step; `given` is what z and condition give segments (B, U, C) and steps (B, T, K)."""

    def __init__(
        self,
        head: Head,
        event: Shape,
        cores: Sequence[Core],
        segments: int,
        given: Callable[[Tensor, Tensor | None], tuple[Tensor, Tensor]],
    ) -> None:
        super().__init__(head.length(event), head.numbers)
        self.head, self.event, self.given = head, event, given
        self.cores, self.weights, self.segments = [*cores], nn.ModuleList(cores), segments

    def begin(self, z: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        context, along = self.given(z, condition)
        said = [along] if along.shape[2] else []
        return [context, *said, *(state for core in self.cores for state in _first(core, context[:, 0]))]

    def forward(
        self, place: Tensor, before: Tensor, uniform: Tensor, temperature: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        said = state[1 : len(state) - 2 * len(self.cores)]
        context, states = state[0], state[1 + len(said) :]
        along = said[0].index_select(1, place.reshape(1))[:, 0] if said else context[:, 0, :0]
        each = self.length // self.segments
        within, given = place % each, context.index_select(1, (place // each).reshape(1))[:, 0]
        shown = self.head.shown(before) * (place > 0)
        features, new = list[Tensor](), list[Tensor]()
        for i, core in enumerate(self.cores):
            first = _first(core, given)
            h, c = (_turned(torch.where(within == 0, first[k], states[2 * i + k])) for k in range(2))
            made, (h, c) = core.lstm(torch.cat([_seen(core, shown, given, within), along], -1)[:, None], (h, c))
            features.append(core.out(made[:, 0]))
            new += [_turned(h), _turned(c)]
        return (self.head.drawn(torch.cat(features, -1), temperature, uniform), context, *said, *new)

    def blank(self, n: int) -> Tensor:
        event = torch.zeros(n, *self.event, device=self.cores[0].out.weight.device)
        return self.head.steps(event)[:, 0]

    def events(self, steps: Tensor) -> Tensor:
        return self.head.events(steps)


def _first(core: Core, context: Tensor) -> tuple[Tensor, Tensor]:
    """An LSTM's first states, (B, layers, width) each."""
    h, c = core.states(context)
    return _turned(h), _turned(c)


def _turned(state: Tensor) -> Tensor:
    """(layers, B, width) to (B, layers, width), and back."""
    return state.transpose(0, 1).contiguous()


def _seen(core: Core, shown: Tensor, given: Tensor, within: Tensor) -> Tensor:
    """What a core takes at a step (B, inputs + C + clock)."""
    seen = torch.cat([shown, given], -1)
    if not core.clock:
        return seen
    place = torch.eye(core.clock, device=seen.device).index_select(0, within.reshape(1))
    return torch.cat([seen, place.expand(seen.shape[0], -1)], -1)
