r"""Sound to spectrograms on the mel scale and back.

    |X|  magnitudes of the short-time Fourier transform (Hann window), times 4 / window: a sine at full scale gives 1
    M    = F |X|, triangular filters of height 1, evenly spaced on the mel scale 2595 log10(1 + f / 700)
    x    = 1 + 20 log10(max(M, FLOOR)) / RANGE: 0 is silence, RANGE dB below full scale, and 1 a full-scale sine

Back: |X| of least norm with F |X| = M, negative parts cut off (InverseMelScale), and phases that suit it by 32 turns of fast
Griffin-Lim, from zero, so that equal spectrograms give equal sounds. https://doi.org/10.1109/WASPAA.2013.6701851
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from genae.errors import GenaeError
from genae_audio.torchaudio_cpu import torchaudio

RANGE = 80.0  # dB
FLOOR = 10 ** (-RANGE / 20)
Transform = Callable[[Tensor], Tensor]

TURNS, MOMENTUM = 32, 0.99  # of Griffin-Lim; twice the turns brought the mel of digits .02 of .37 dB nearer


@dataclass(frozen=True)
class MelScale:
    """`mels` bands up to half the `rate` (Hz), in windows of so many samples, one every `hop` samples."""

    rate: int
    mels: int
    window: int
    hop: int

    def __post_init__(self) -> None:
        narrowest = hertz(2 * mel(self.rate / 2) / (self.mels + 1))
        if narrowest < self.rate / self.window:
            raise GenaeError(
                f"domain.mels={self.mels} are too many for domain.window={self.window}: at {self.rate} Hz the lowest band "
                f"would be {narrowest:.1f} Hz wide and lie between two frequencies; set fewer, or a longer window"
            )

    def spectrogram(self, sound: Tensor) -> Tensor:
        """Samples (B, N), N a multiple of `hop`, to x (B, mels, N / hop)."""
        magnitude = _transforms(self)[0](sound)[..., :-1] * (4 / self.window)
        levels: Tensor = 1 + 20 * magnitude.clamp(min=FLOOR).log10() / RANGE
        return levels

    def sound(self, x: Tensor) -> Tensor:
        """x (B, mels, T) to samples (B, T · hop), at most 1."""
        level = 10 ** ((x.float().cpu().clamp(0, 1.5) - 1) * RANGE / 20) - FLOOR
        _, invert, rebuild = _transforms(self)
        magnitude = invert(F.pad(level, (0, 1), mode="replicate")) * (self.window / 4)
        y = rebuild(magnitude, x.shape[-1] * self.hop)
        return y / y.abs().amax(-1, keepdim=True).clamp(min=1)


def mel(f: float) -> float:
    """Hz to mel."""
    return 2595 * math.log10(1 + f / 700)


def hertz(m: float) -> float:
    """Mel to Hz."""
    return 700 * (10 ** (m / 2595) - 1)


@cache
def _transforms(of: MelScale) -> tuple[Transform, Transform, Callable[[Tensor, int], Tensor]]:
    """Sound to M, M to |X|, |X| to sound."""
    t, bins = torchaudio().transforms, of.window // 2 + 1
    frames = {"n_fft": of.window, "hop_length": of.hop, "power": 1.0}
    analyse = t.MelSpectrogram(of.rate, n_mels=of.mels, **frames)
    invert = t.InverseMelScale(bins, of.mels, of.rate)

    def rebuild(magnitude: Tensor, length: int) -> Tensor:
        window = torch.hann_window(of.window)
        sizes = {"n_fft": of.window, "hop_length": of.hop, "win_length": of.window, "power": 1.0}
        settings = {"n_iter": TURNS, "momentum": MOMENTUM, "length": length, "rand_init": False}
        made: Tensor = torchaudio().functional.griffinlim(magnitude, window, **sizes, **settings)
        return made

    return analyse, invert, rebuild
