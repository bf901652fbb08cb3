r"""An LSTM of a decoder one step at a time, for sampling: only what depends on the step before is computed at a step.

The context's share of the first layer, W_c c + b, is computed once a segment, and that of what is said of steps too. The step
before is a row of a table. The input and the state of an upper layer are one product. As tanh(x) = 2 σ(2x) − 1, one sigmoid
takes all four gates:

    (i, f, s, o) = σ(a_i, a_f, 2 a_g, a_o), a = W [x, h] + b        c ← f c + i (2s − 1)        h = o (2 σ(2c) − 1)

Under autocast the products are in its precision, the states in float32: faster than bf16 ones, and they do not round.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genae_music.steps import Head

Product = Callable[[Tensor], Tensor]


class Cell:
    """What `Core` computes, step by step; its weights are read once, when it is made."""

    def __init__(self, core: Any, head: Head, dtype: torch.dtype) -> None:
        self.core, self.dtype, lstm = core, dtype, core.lstm
        bias = [getattr(lstm, f"bias_ih_l{i}") + getattr(lstm, f"bias_hh_l{i}") for i in range(core.layers)]
        sizes = [core.inputs, lstm.input_size - core.inputs - core.clock - core.along, core.clock, core.along]
        before, context, self.places, self.said = lstm.weight_ih_l0.detach().split(sizes, 1)
        self.look, self.give = head.lookup(before.T.contiguous()), partial(F.linear, weight=context, bias=bias[0])
        both = [
            torch.cat([getattr(lstm, f"weight_ih_l{i}"), getattr(lstm, f"weight_hh_l{i}")], 1) for i in range(1, core.layers)
        ]
        self.first = product(lstm.weight_hh_l0.to(dtype))
        self.upper = [product(w.to(dtype), b.to(dtype)) for w, b in zip(both, bias[1:], strict=True)]
        self.out = partial(F.linear, weight=core.out.weight.to(dtype), bias=core.out.bias.to(dtype))

    def begin(self, context: Tensor, along: Tensor) -> None:
        """The states at the start of a segment, and what its context (B, C) and what is said along it (B, T, K) add."""
        h, c = self.core.states(context)
        self.h, self.c = list(h.to(self.dtype)), list(c)
        self.given = self.give(context)  # (B, 4·width)
        self.heard = along.to(self.said.dtype) @ self.said.T if self.core.along else None  # (B, T, 4·width)

    def step(self, before: Tensor | None, place: int) -> Tensor:
        """The step before (B, S), None at first, to features (B, F) of the step at that place of the segment."""
        gates = self.first(self.h[0]).float().add_(self.given)
        if self.places.shape[1]:
            gates.add_(self.places[:, place])
        if self.heard is not None:
            gates.add_(self.heard[:, place])
        x = self._advance(0, gates if before is None else gates.add_(self.look(before)))
        for i, upper in enumerate(self.upper, 1):
            x = self._advance(i, upper(torch.cat([x, self.h[i]], 1)).float())
        return self.out(x)

    def _advance(self, layer: int, gates: Tensor) -> Tensor:
        """A layer's gates before their sigmoid (B, 4·width), in nn.LSTM's order, to its new h (B, width)."""
        enter, forget, new, leave = gates.chunk(4, 1)
        new.mul_(2)
        gates.sigmoid_()
        c: Tensor = self.c[layer].mul_(forget).addcmul_(enter, new, value=2).sub_(enter)
        self.h[layer] = h = c.mul(2).sigmoid_().mul_(2).sub_(1).mul_(leave).to(self.dtype)
        return h


def product(weight: Tensor, bias: Tensor | None = None) -> Product:
    """x to x Wᵀ + b, by oneDNN with W packed once where torch has that: a fifth faster than MKL's product in float32."""
    plain = partial(F.linear, weight=weight.detach(), bias=bias)
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
        fast: Product = lambda x: torch.ops.mkldnn._linear_pointwise.default(x, packed, bias, "none", [], "")  # noqa: E731
        fast(weight.new_zeros(1, weight.shape[1]))  # some processors have no bf16 there
    except (AttributeError, RuntimeError):
        return plain
    return fast
