"""The transformers of a prior over windows in a row (genae/latent/sequence.py): one of what is new, one of what comes back.

Form knows nothing of what is in the windows: with it, the few hundred pieces of a training set were recognised one by one, and
new ones, which are like none, came back to nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

PLACES = 64  # places from either end that are told apart; those beyond are as far as the last
NEVER = -1e9  # a logit
FORM = 64  # units of the form's transformer


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

    def anywhere(self) -> About:
        """The same windows, of which no place is known."""
        nowhere = torch.zeros_like(self.place)
        return self._replace(place=nowhere, left=nowhere)


class Trunk(nn.Module):
    """What is known of each window to h (B, W, H), which a new one is drawn given."""

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

    def forward(self, z: Tensor, about: About) -> Tensor:
        """z (B, W, D), of which the last is not looked at."""
        count = z.shape[1]
        begin = self.begin + self.after(about.after)
        x = torch.cat([begin[:, None], self.enter(z[:, :-1])], 1) + self.varied(about.varied)[:, None]
        x = x + self.place(about.place) + self.left(about.left) + self.until(about.until) + self.condition(about.condition)
        h: Tensor = self.layers(x, _later(count, z.device))
        return h


class _Nothing(nn.Module):
    """(…, 0) to zeros (…, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:-1], self.width)


class Form(nn.Module):
    """How far each window goes back, by those before, their places and how many are left."""

    def __init__(self) -> None:
        super().__init__()
        self.back = nn.Embedding(PLACES + 2, FORM)  # 0 a new window, 1 … PLACES back to that one, BEGIN
        self.place, self.left = nn.Embedding(PLACES + 1, FORM), nn.Embedding(PLACES + 1, FORM)
        layer = nn.TransformerEncoderLayer(FORM, 4, 4 * FORM, 0.1, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, nn.LayerNorm(FORM), enable_nested_tensor=False)
        self.leave = nn.Linear(FORM, 1 + PLACES)

    def forward(self, back: Tensor, about: About) -> Tensor:
        """back (B, W), of which the last is not looked at, to logits (B, W, 1 + PLACES)."""
        count = back.shape[1]
        before = torch.cat([torch.full_like(back[:, :1], PLACES + 1), back[:, :-1].clamp(max=PLACES)], 1)
        x = self.back(before) + self.place(about.place) + self.left(about.left)
        logits: Tensor = self.leave(self.layers(x, _later(count, back.device))).float()
        return logits.masked_fill(torch.arange(1 + PLACES, device=back.device) > _places(back), NEVER)

    def nats(self, same: Tensor, about: About) -> Tensor:
        """−log p (B, W) of windows of which each is one before, same (B, W, W), or none of the last PLACES."""
        right = ways(same)
        logits = self(nearest(right), about)
        nats: Tensor = logits.logsumexp(-1) - logits.masked_fill(~right, NEVER).logsumexp(-1)
        return nats


def ways(same: Tensor) -> Tensor:
    """Whether window k is window j < k, (B, W, W), to whether it is the one so far back, (B, W, 1 + PLACES), 0 for none."""
    far = _places(same[..., 0]) - torch.arange(1, 1 + PLACES, device=same.device)  # (W, PLACES) j
    back = same.gather(2, far.clamp(min=0).expand(len(same), -1, -1)) & (far >= 0)
    return torch.cat([~back.any(-1, keepdim=True), back], -1)


def nearest(right: Tensor) -> Tensor:
    """How far back (B, W) the nearest equal window is, 0 for none, of `ways`."""
    return right.int().argmax(-1)


def unlike(condition: Tensor) -> Tensor:
    """Which windows back the last of several (B, W, C) cannot be, (B, 1 + PLACES): those of another condition."""
    differs = (condition[:, :-1] != condition[:, -1:]).any(-1).flip(1)[:, :PLACES]  # (B, W − 1), one back first
    return nn.functional.pad(differs, (1, PLACES - differs.shape[1]))


def _places(x: Tensor) -> Tensor:
    """0, 1, … (W, 1) of x (B, W)."""
    return torch.arange(x.shape[1], device=x.device)[:, None]


def _later(count: int, device: torch.device) -> Tensor:
    """Which windows come later than one, (W, W): they are hidden from it."""
    return torch.ones(count, count, dtype=torch.bool, device=device).triu(1)
