r"""Tokens as models see them, whole numbers in floats: transposed while training, and joined to longer ones.

A window knows nothing of what was before it, so that a 0 at its beginning is silence; inside a longer line a 0 goes on with the
note before. Where windows are joined, what still sounds at a border therefore ends there: the 0 becomes a note-off.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genae_music import melody


def transposed(x: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Tokens (B, …) with each example's notes shifted by so many (B,), uniform within ±`most` and the piano's keys."""
    notes = x >= melody.FIRST
    rest = tuple(range(1, x.ndim))
    low = torch.where(notes, x, melody.CLASSES - 1).amin(rest)
    high = torch.where(notes, x, melody.FIRST).amax(rest)
    by = shift(low, high, (melody.FIRST, melody.CLASSES - 1), most)
    return torch.where(notes, x + by.view(-1, *[1] * len(rest)), x), by


def shift(low: Tensor, high: Tensor, within: tuple[int, int], most: int) -> Tensor:
    """How far (B,) what lies from low to high (B,) is moved: uniform within ±`most` and what keeps it `within` both."""
    least, largest = (within[0] - low).clamp(min=-most), (within[1] - high).clamp(max=most)
    return least + (torch.rand_like(least) * (largest - least + 1)).floor()


def in_a_row(melodies: Tensor) -> Tensor:
    """Windows of melodies (N, …, T) one after the other, (…, N·T); a note ends at the border of its window."""
    step = torch.arange(melodies.shape[-1], device=melodies.device)
    latest = torch.where(melodies > 0, step, 0).amax(-1, keepdim=True)  # event
    sounds = melodies.gather(-1, latest)[..., 0] >= melody.FIRST  # (N, …), at the window's end
    first = melodies[1:, ..., 0]
    ended = melodies.clone()
    ended[1:, ..., 0] = torch.where(sounds[:-1] & (first == 0), float(melody.OFF), first)
    return torch.cat(list(ended), -1)


def begun(melodies: Tensor) -> Tensor:
    """Windows of melodies (…, T) without the note-offs before their first onset."""
    silent = (melodies >= melody.FIRST).cumsum(-1) == 0
    return torch.where(silent, torch.zeros_like(melodies), melodies)
