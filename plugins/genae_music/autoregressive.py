r"""The autoregressive decoder p(x | z) = Π_t p(x_t | x_<t, z): parallel over time to score, a loop over steps to sample.

Sampling computes per step only what depends on the step before. The context's share of the first layer, W_c c + b, is computed
once a segment; the step before is a row of W_x looked up; an upper layer's input and state are one product; gates lie in the
order i f o g, so that one sigmoid takes three of them; noise is drawn beforehand; weights are cast and turned once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genae.domain import Shape
from genae.errors import GenaeError


def first_states(h: Tensor, layers: int) -> tuple[Tensor, Tensor]:
    """Features (B, 2·layers·width) to an LSTM's first states, (layers, B, width) each."""
    both = h.tanh().view(len(h), 2, layers, -1).permute(1, 2, 0, 3).contiguous()
    return both[0], both[1]


class Core(nn.Module):
    """The LSTM of a segment: context (B, C) and steps before (B, T, inputs) to features (B, T, F)."""

    def __init__(self, inputs: int, context: int, width: int, layers: int, features: int) -> None:
        super().__init__()
        self.inputs, self.width, self.layers, self.features = inputs, width, layers, features
        self.begin = nn.Linear(context, 2 * layers * width)
        self.lstm = nn.LSTM(inputs + context, width, layers, batch_first=True)
        self.out = nn.Linear(width, features)

    def states(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """First states h and c, (layers, B, width) each."""
        return first_states(self.begin(context), self.layers)

    def forward(self, before: Tensor, context: Tensor) -> Tensor:
        seen = torch.cat([before, context[:, None].expand(-1, before.shape[1], -1).to(before.dtype)], -1)
        return self.out(self.lstm(seen, self.states(context))[0])  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """z to p(x | z); scheduled sampling (https://arxiv.org/abs/1506.03099) is parallel (https://arxiv.org/abs/1906.04331)."""

    def __init__(
        self, head: Any, event: Shape, conductor: nn.Module | None, cores: Sequence[Core], segments: int,
        sampling: str = "none", sampling_rate: float = 1000.0, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if sampling not in ("none", "inverse-sigmoid"):
            raise GenaeError(f"network.sampling must be none or inverse-sigmoid, not '{sampling}'")
        if not sampling_rate > 0 or not 0 <= dropout < 1:
            raise GenaeError("network.sampling_rate must be above 0, network.dropout at least 0 and below 1")
        self.head, self.event, self.conductor = head, event, conductor
        self.cores, self.segments = nn.ModuleList(cores), segments
        self.sampling, self.rate, self.dropout = sampling, sampling_rate, dropout
        self.own = 0.0  # probability with which its own sample is fed back

    def at_step(self, step: int, steps: int) -> None:
        """1 − k / (k + e^(step / k))."""
        k = self.rate
        self.own = 1 - k / (k + math.exp(min(step / k, 500.0))) if self.sampling == "inverse-sigmoid" else 0.0

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Autoregressive:
        given = z if condition is None else torch.cat([z, condition.to(z.dtype)], 1)
        context = given[:, None] if self.conductor is None else self.conductor(given)  # (B, U, C)
        return Autoregressive(self, context)

    def features(self, context: Tensor, steps: Tensor) -> Tensor:
        """Contexts (B, U, C) and true steps (B, T, S) to features (B, T, F), each of the steps before it."""
        before = self.head.shown(steps)
        before = torch.cat([torch.zeros_like(before[:, :1]), before[:, :-1]], 1)
        if self.training and self.dropout:
            before = before * (torch.rand(before.shape[:2], device=before.device) >= self.dropout)[..., None]
        folded = before.reshape(-1, before.shape[1] // self.segments, before.shape[2])  # (B·U, T / U, inputs)
        each = [core(folded, context.flatten(0, 1)) for core in self.cores]
        return torch.cat(each, -1).reshape(*before.shape[:2], -1)

    def mixed(self, context: Tensor, steps: Tensor) -> Tensor:
        """True steps, each replaced by a sample of the decoder's own with the probability of the moment."""
        with torch.no_grad():
            drawn = self.head.sample(self.features(context, steps), 1.0).to(steps.dtype)
            mine = torch.rand(steps.shape[:2], device=steps.device) < self.own
        return torch.where(mine[..., None], drawn, steps)


class Autoregressive:
    """p(x | z) of a batch of contexts (B, U, C)."""

    def __init__(self, decoder: Decoder, context: Tensor) -> None:
        self.decoder, self.context = decoder, context

    @property
    def mean(self) -> Tensor:
        """The greedy sequences (B, *event): a sequence has no mean."""
        return self.sample(0.0)

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, *event) to (B,), nats; in training with scheduled sampling."""
        steps = self.decoder.head.steps(x)
        fed = self.decoder.mixed(self.context, steps) if self.decoder.training and self.decoder.own else steps
        return self.decoder.head.log_prob(self.decoder.features(self.context, fed), steps).sum(1)  # type: ignore[no-any-return]

    def predict(self, x: Tensor) -> Tensor:
        """The mode of every step given the true ones before it, (B, *event)."""
        head = self.decoder.head
        return head.events(head.sample(self.decoder.features(self.context, head.steps(x)), 0.0)).float()  # type: ignore[no-any-return]

    @torch.no_grad()
    def sample(self, temperature: float = 1.0, noise: Tensor | None = None) -> Tensor:
        """(B, *event), step by step; `noise` as the head's `noise` gives it."""
        decoder, head, context = self.decoder, self.decoder.head, self.context
        length = head.length(decoder.event)
        if temperature and noise is None:
            noise = head.noise(len(context), length, context.device)
        device = context.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else context.dtype
        steps: list[Tensor] = []
        with torch.autocast(device, enabled=False):
            cells = [Cell(core, dtype) for core in decoder.cores]
            for t in range(length):
                if t % (length // decoder.segments) == 0:
                    for cell in cells:
                        cell.begin(context[:, t // (length // decoder.segments)].float())
                h = torch.cat([cell.step(head, steps[-1] if steps else None) for cell in cells], -1)
                steps.append(head.sample(h, temperature, None if noise is None or not temperature else noise[t]))
        return head.events(torch.stack(steps, 1)).float()  # type: ignore[no-any-return]


class Cell:
    """A core one step at a time."""

    def __init__(self, core: Any, dtype: torch.dtype) -> None:
        self.core, self.dtype, width = core, dtype, core.width
        order = (
            torch.arange(4 * width, device=core.out.weight.device).view(4, width)[[0, 1, 3, 2]].flatten()
        )  # i f g o to i f o g

        def turned(weight: Tensor) -> Tensor:
            return weight.detach()[order].T.to(dtype).contiguous()

        lstm: Any = core.lstm
        self.bias = [(getattr(lstm, f"bias_ih_l{i}") + getattr(lstm, f"bias_hh_l{i}")).detach()[order].to(dtype)
                     for i in range(core.layers)]  # fmt: skip
        first = turned(lstm.weight_ih_l0)
        self.shown, self.context = first[: core.inputs], first[core.inputs :]
        self.weight = [turned(lstm.weight_hh_l0)]
        self.weight += [
            torch.cat([turned(getattr(lstm, f"weight_ih_l{i}")), turned(getattr(lstm, f"weight_hh_l{i}"))])
            for i in range(1, core.layers)
        ]
        self.out, self.out_bias = core.out.weight.detach().T.to(dtype).contiguous(), core.out.bias.detach().to(dtype)

    def begin(self, context: Tensor) -> None:
        """The states at the start of a segment, and what its context (B, C) adds to every step."""
        h, c = self.core.states(context)
        self.h, self.c = list(h.to(self.dtype)), list(c.to(self.dtype))
        self.given = torch.addmm(self.bias[0], context.to(self.dtype), self.context)

    def step(self, head: Any, before: Tensor | None) -> Tensor:
        """The step before (B, S), None at first, to features (B, F)."""
        width = self.core.width
        given = self.given if before is None else self.given + head.project(before, self.shown)
        for i in range(self.core.layers):
            gates = (
                torch.addmm(given, self.h[0], self.weight[0])
                if i == 0
                else torch.addmm(self.bias[i], torch.cat([self.h[i - 1], self.h[i]], 1), self.weight[i])
            )
            gates[:, : 3 * width].sigmoid_()
            enter, forget, leave, new = torch.split(gates, width, 1)
            self.c[i] = (self.c[i] * forget).addcmul_(enter, new.tanh())
            self.h[i] = leave * self.c[i].tanh()
        return torch.addmm(self.out_bias, self.h[-1], self.out)
