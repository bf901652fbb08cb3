r"""How far notes keep to the chords and the key that are known of them.

    chords   the share of the time in which a note sounds under a chord that it is on one of its tones
    key      likewise in the key's scale

Of an example in which nothing sounds, or of which nothing is known, there is none: NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genae_music import chords, melody


def sounding(tokens: Tensor) -> Tensor:
    """Melodies (B, …, T) to the pitch class that sounds at each step, −1 for none."""
    step = torch.arange(tokens.shape[-1], device=tokens.device)
    latest = torch.where(tokens > 0, step, 0).cummax(-1).values
    event = tokens.gather(-1, latest).long()
    return torch.where(event >= melody.FIRST, (event - melody.FIRST + melody.LOWEST) % chords.PITCHES, -1)


def kept(melodies: Tensor, fields: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of melodies (B, V, T) and what is known of them (B, K) the share of each, (B,)."""
    pitch = sounding(melodies)
    found = {}
    if chords.FIELD in fields:
        chord = fields[chords.FIELD].nan_to_num(chords.NONE).long()
        table = torch.from_numpy(chords.tones()).bool().to(chord.device)
        found[chords.FIELD] = _share(pitch, table[chord], chord > chords.NONE)
    if "key" in fields:
        scale = fields["key"][:, None, : chords.PITCHES] > 0  # False of NaN
        found["key"] = _share(pitch, scale.expand(-1, pitch.shape[2], -1), scale.any(2).expand(-1, pitch.shape[2]))
    return found


def _share(pitch: Tensor, good: Tensor, where: Tensor) -> Tensor:
    """Of pitch classes (B, V, T) the share that is among the good of each step (B, T, 12), of the steps (B, T) that count."""
    counts = (pitch >= 0) & where[:, None]
    right = good[:, None].expand(-1, pitch.shape[1], -1, -1).gather(3, pitch.clamp(min=0)[..., None])[..., 0]
    return (right & counts).sum((1, 2)) / counts.sum((1, 2))
