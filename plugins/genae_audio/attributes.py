r"""What people say of a sound, as numbers: conditions (`--set condition=brightness`), and directions of a run's latent space.

    waveforms   loudness 20 log10 rms, dB, from −80      brightness the spectral centroid, octaves above 55 Hz
    levels      loudness the mean level, dB, from −80    brightness the mean band, weighted by level, 0 to 1

Silence is as dark as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

RANGE = 80.0  # dB
LOWEST = 55.0  # Hz
FAINT = 1e-4  # of full scale: −80 dB
Of = Callable[[Tensor], Tensor]


def of_waves(rate: int) -> Mapping[str, Of]:
    """Name to f(events (B, 1, N)) → (B,)."""
    return {"loudness": loudness, "brightness": partial(brightness, rate=rate)}


def of_levels() -> Mapping[str, Of]:
    """Name to f(events (B, 1, mels, frames)) → (B,)."""
    return {"loudness": level, "brightness": band}


def loudness(events: Tensor) -> Tensor:
    """dB below full scale."""
    return 20 * events.float().flatten(1).square().mean(1).sqrt().clamp(min=FAINT).log10()


def brightness(events: Tensor, rate: int) -> Tensor:
    """Octaves."""
    power = torch.fft.rfft(events.float().flatten(1)).abs().square()
    f = torch.fft.rfftfreq(events[0].numel(), 1 / rate, device=events.device)
    centroid = (power @ f) / power.sum(1).clamp(min=FAINT**2)
    octaves: Tensor = (centroid / LOWEST).clamp(min=1).log2()
    return octaves


def level(events: Tensor) -> Tensor:
    """dB below full scale, the mean over bands and frames."""
    return RANGE * (events.float().clamp(0, 1).flatten(1).mean(1) - 1)


def band(events: Tensor) -> Tensor:
    """0 the lowest band, 1 the highest."""
    each = events.float().clamp(0, 1).sum((1, 3))  # (B, mels)
    place = torch.linspace(0, 1, each.shape[1], device=events.device)
    return (each @ place) / each.sum(1).clamp(min=1e-6)
