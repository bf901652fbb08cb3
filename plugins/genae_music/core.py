"""The LSTM of a segment, which decoders are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def first_states(h: Tensor, layers: int) -> tuple[Tensor, Tensor]:
    """Features (B, 2·layers·width) to an LSTM's first states, (layers, B, width) each."""
    both = h.tanh().view(h.shape[0], 2, layers, -1).permute(1, 2, 0, 3).contiguous()
    return both[0], both[1]


class Core(nn.Module):
    """The LSTM of a segment: context (B, C) and steps before (B, T, inputs) to features (B, T, F).

    With a `clock` of so many steps, each step is given its place in the segment as well; with so many numbers `along` it, what
    is said of the step itself.
    """

    def __init__(
        self, inputs: int, context: int, width: int, layers: int, features: int, clock: int = 0, along: int = 0
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.layers, self.features, self.clock = inputs, width, layers, features, clock
        self.along = along
        self.begin = nn.Linear(context, 2 * layers * width)
        self.lstm = nn.LSTM(inputs + context + clock + along, width, layers, batch_first=True)
        self.out = nn.Linear(width, features)

    def states(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """First states h and c, (layers, B, width) each."""
        return first_states(self.begin(context), self.layers)

    def forward(self, before: Tensor, context: Tensor, along: Tensor) -> Tensor:
        """`along` (B, T, K) is said of each step."""
        seen = torch.cat([before, context[:, None].expand(-1, before.shape[1], -1).to(before.dtype)], -1)
        if self.clock:
            places = torch.eye(self.clock, dtype=seen.dtype, device=seen.device)
            seen = torch.cat([seen, places.expand(seen.shape[0], -1, -1)], -1)
        if self.along:
            seen = torch.cat([seen, along.to(seen.dtype)], -1)
        h, _ = self.lstm(seen, self.states(context))
        features: Tensor = self.out(h)
        return features
