"""Rolls of the piano's keys as models see them: 0, velocity / 127 where a key is struck, −1 where it goes on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from genae_music.events import shift
from genae_music.piano import GOES_ON, KEYS
from genae_music.score import LOUDEST
from genae_music.smf import Array


def tokens(example: Tensor) -> Array:
    """An event (T, 88) as it is stored."""
    x = example.detach().cpu()
    velocity = (x * LOUDEST).round().clamp(1, LOUDEST)
    return np.asarray(torch.where(x > 0, velocity, torch.where(x < 0, float(GOES_ON), 0.0)).to(torch.uint8).numpy())


def event(stored: Tensor) -> Tensor:
    """Stored (B, T, 88) to floats."""
    x = stored.float()
    return torch.where(stored == GOES_ON, -1.0, x / LOUDEST)


def transposed(x: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Rolls (B, T, 88), each moved by so many keys (B,), uniform within ±`most` and the piano's."""
    key, there = torch.arange(KEYS, device=x.device), x.amax(1) > 0
    low, high = torch.where(there, key, KEYS - 1).amin(1), torch.where(there, key, 0).amax(1)
    by = shift(low.float(), high.float(), (0, KEYS - 1), most)
    source = key - by[:, None].long()
    inside = (source >= 0) & (source < KEYS)
    moved = x.gather(2, source.clamp(0, KEYS - 1)[:, None].expand_as(x)) * inside[:, None]
    return moved, by
