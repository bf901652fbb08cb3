r"""What new sounds are beside held-out ones: each figure is the median over sounds x of N samples.

level_db       20 log10 of the root mean square, full scale 1
start          the largest of the first 8 samples against the largest of all: a click where it is near 1
centroid_hz    Σ f |X(f)|² / Σ |X(f)|²
bright_db      10 log10 of the share of the power above 4 kHz; of sound without such frequencies above half of them
pitched        the share of sounds that have a pitch: genae_audio/pitch.py
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genae.data.domain import Figures
from genae_audio.pitch import pitches

JUDGED = 32  # sounds of each kind
START = 8  # samples
BRIGHT = 4000.0  # Hz
LEAST = 1e-10  # of a power: −100 dB


def figures(sounds: Mapping[str, Tensor], rate: int) -> Figures:
    """Of sounds (n, N) by whose they are."""
    each = {whose: _figures(x.detach().float().cpu(), rate) for whose, x in sounds.items()}
    return {name: {whose: found[name] for whose, found in each.items()} for name in next(iter(each.values()))}


def _figures(x: Tensor, rate: int) -> dict[str, float]:
    power = torch.fft.rfft(x).abs().square()  # (n, N / 2 + 1)
    f = torch.fft.rfftfreq(x.shape[1], 1 / rate)
    total = power.sum(1).clamp(min=LEAST)
    bright = power[:, f >= (BRIGHT if rate > 2 * BRIGHT else rate / 4)].sum(1)
    every = {
        "level_db": 10 * x.square().mean(1).clamp(min=LEAST).log10(),
        "start": x[:, :START].abs().amax(1) / x.abs().amax(1).clamp(min=LEAST),
        "centroid_hz": (power * f).sum(1) / total,
        "bright_db": 10 * (bright / total).clamp(min=LEAST).log10(),
    }
    return {name: of.median().item() for name, of in every.items()} | {
        "pitched": pitches(x, rate).isfinite().double().mean().item()
    }
