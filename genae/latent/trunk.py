"""The transformer of a prior over windows in a row: genae/latent/sequence.py."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

PLACES = 64  # places from either end that are told apart; those beyond are as far as the last
NEVER = -1e9  # a logit


class About(NamedTuple):
    """What is known of windows in a row beside those before."""

    condition: Tensor  # (B, W, C)
    place: Tensor  # (B, W), from 1; 0 unknown
    left: Tensor  # (B, W) to the piece's end, from 1; 0 unknown
    until: Tensor  # (B, W) to the window that follows them all, from 1; 0 where none is known
    after: Tensor  # (B, D) that window; zeros
    varied: Tensor  # (B,) 1 for pieces that were varied, 0 for those that are as they were

    def upto(self, count: int) -> About:
        """Of the first windows only."""
        condition, place, left, until = (column[:, :count] for column in self[:4])
        return About(condition, place, left, until, self.after, self.varied)


class Trunk(nn.Module):
    """What is known of each window to h (B, W, H), and to the logits of the pointers (B, W, 1 + W), the first of "new"."""

    def __init__(self, size: int, condition: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.enter = nn.Linear(size, width)
        self.begin = nn.Parameter(torch.zeros(width))
        self.place, self.left = nn.Embedding(PLACES + 1, width), nn.Embedding(PLACES + 1, width)
        self.after, self.until = nn.Linear(size, width), nn.Embedding(PLACES + 1, width)
        self.varied = nn.Embedding(2, width)
        self.condition = nn.Linear(condition, width, bias=False) if condition else _Nothing(width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.2, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.query, self.key = nn.Linear(width, width), nn.Linear(size, width)
        self.new, self.back = nn.Linear(width, 1), nn.Embedding(PLACES + 1, 1)

    def forward(self, z: Tensor, about: About) -> tuple[Tensor, Tensor]:
        """z (B, W, D), of which the last is not looked at."""
        count = z.shape[1]
        begin = self.begin + self.after(about.after)
        x = torch.cat([begin[:, None], self.enter(z[:, :-1])], 1) + self.varied(about.varied)[:, None]
        x = x + self.place(about.place) + self.left(about.left) + self.until(about.until) + self.condition(about.condition)
        later = torch.ones(count, count, dtype=torch.bool, device=z.device).triu(1)
        h = self.layers(x, later)
        return h, self._pointers(h, z)

    def _pointers(self, h: Tensor, z: Tensor) -> Tensor:
        steps = torch.arange(z.shape[1], device=z.device)
        apart = steps[:, None] - steps
        score = self.query(h) @ self.key(z).mT / h.shape[-1] ** 0.5 + self.back(apart.clamp(0, PLACES)).squeeze(-1)
        return torch.cat([self.new(h), score.masked_fill(apart <= 0, NEVER)], -1).float()


class _Nothing(nn.Module):
    """(…, 0) to zeros (…, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:-1], self.width)
