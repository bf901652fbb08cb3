r"""Sound to spectrograms on the mel scale and back.

    |X|  magnitudes of the short-time Fourier transform (Hann window), times 4 / window: a sine at full scale gives 1
    M    = F |X|, triangular filters of height 1, evenly spaced on the mel scale 2595 log10(1 + f / 700)
    x    = 1 + 20 log10(max(M, FLOOR)) / RANGE: 0 is silence, RANGE dB below full scale, and 1 a full-scale sine

Back: |X| of least norm with F |X| = M, negative parts cut off (InverseMelScale), and phases that suit it by 32 turns of fast
Griffin-Lim, from zero, so that equal spectrograms give equal sounds. https://doi.org/10.1109/WASPAA.2013.6701851
Before its first frame a sound is silent, and the frames there that would hear its beginning are quieter by the share of
Hann² that does: without them a sine that starts at 0 began at -.59. The whole is given the power that its frames have.

A model's spectrogram is a mean of levels, so in each band the geometric mean of what it might have been: where that spreads by
s dB, its power is s² ln(10) / 20 dB too low (2.9 for s = 5), and of what is hardly known, as in a sample of the prior, tens of
dB. With `loudness` the last band's row holds the power of each frame instead, √Σ|X|²: a sum spreads far less than what
it is a sum of. Frames are scaled to it, by up to 24 dB.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from genae.errors import GenaeError
from genae_audio.torchaudio_cpu import torchaudio

RANGE = 80.0  # dB
FLOOR = 10 ** (-RANGE / 20)
LIFT = 10 ** (24 / 20)  # the most that a frame, or a sound, is made louder
FADE = 0.001  # seconds
Transform = Callable[[Tensor], Tensor]

TURNS, MOMENTUM = 32, 0.99  # of Griffin-Lim; twice the turns brought the mel of digits .02 of .37 dB nearer


@dataclass(frozen=True)
class MelScale:
    """`mels` bands up to half the `rate` (Hz), in windows of so many samples, one every `hop` samples."""

    rate: int
    mels: int
    window: int
    hop: int
    loudness: bool = False  # in place of the last band

    def __post_init__(self) -> None:
        narrowest = hertz(2 * mel(self.rate / 2) / (self.mels + 1))
        if narrowest < self.rate / self.window:
            raise GenaeError(
                f"domain.mels={self.mels} are too many for domain.window={self.window}: at {self.rate} Hz the lowest band "
                f"would be {narrowest:.1f} Hz wide and lie between two frequencies; set fewer, or a longer window"
            )

    def spectrogram(self, sound: Tensor) -> Tensor:
        """Samples (B, N), N a multiple of `hop`, to x (B, mels, N / hop)."""
        magnitude = self._magnitudes(sound)
        bands = _transforms(self).bands(magnitude)
        if self.loudness:
            bands = torch.cat([bands[:, :-1], _power(magnitude)], 1)
        levels: Tensor = 1 + 20 * bands.clamp(min=FLOOR).log10() / RANGE
        return levels

    def sound(self, x: Tensor) -> Tensor:
        """x (B, mels, T) to samples (B, T · hop), at most 1."""
        level = 10 ** ((x.float().cpu().clamp(0, 1.5) - 1) * RANGE / 20) - FLOOR
        bands = torch.cat([level[:, :-1], torch.zeros_like(level[:, :1])], 1) if self.loudness else level
        magnitude = _transforms(self).invert(bands)
        if self.loudness:
            magnitude = magnitude * (level[:, -1:] / _power(magnitude).clamp(min=FLOOR)).clamp(max=LIFT)
        y = self._phased(magnitude)
        wanted, got = (
            torch.linalg.vector_norm(power, dim=(1, 2)) for power in (_power(magnitude), _power(self._magnitudes(y)))
        )
        y = y * (wanted / got.clamp(min=FLOOR)).clamp(max=LIFT)[:, None] * self._fades(y.shape[-1])
        whole: Tensor = y / y.abs().amax(-1, keepdim=True).clamp(min=1)
        return whole

    def _magnitudes(self, sound: Tensor) -> Tensor:
        """(B, N) to |X| (B, window / 2 + 1, N / hop)."""
        magnitude: Tensor = _transforms(self).analyse(sound)[..., :-1] * (4 / self.window)
        return magnitude

    def _phased(self, magnitude: Tensor) -> Tensor:
        """|X| (B, bins, T) to samples (B, T · hop), silent before and going on after."""
        heard = torch.hann_window(self.window)[self.window // 2 :].square()
        shares = [heard[i:].sum() / heard.sum() for i in range(self.window, 0, -self.hop)]
        before = magnitude[..., :1] * torch.stack(shares).sqrt()
        whole = F.pad(torch.cat([before, magnitude], -1), (0, 1), mode="replicate") * (self.window / 4)
        first, samples = self.hop * len(shares), self.hop * magnitude.shape[-1]
        return _transforms(self).rebuild(whole, first + samples)[:, first:]

    def _fades(self, samples: int) -> Tensor:
        """From 0 to 1 and back, (samples,)."""
        up = (torch.arange(samples) / (FADE * self.rate)).clamp(max=1)
        return up * up.flip(0)


def _power(magnitude: Tensor) -> Tensor:
    """|X| (B, bins, T) to the root of its power in each frame (B, 1, T)."""
    root: Tensor = torch.linalg.vector_norm(magnitude, dim=1, keepdim=True)
    return root


def mel(f: float) -> float:
    """Hz to mel."""
    return 2595 * math.log10(1 + f / 700)


def hertz(m: float) -> float:
    """Mel to Hz."""
    return 700 * (10 ** (m / 2595) - 1)


class Transforms(NamedTuple):
    """Sound to |X|, that to M and back, |X| and a length to sound."""

    analyse: Transform
    bands: Transform
    invert: Transform
    rebuild: Callable[[Tensor, int], Tensor]


@cache
def _transforms(of: MelScale) -> Transforms:
    t, bins = torchaudio().transforms, of.window // 2 + 1
    analyse = t.Spectrogram(of.window, hop_length=of.hop, power=1.0, pad_mode="constant")
    bands = t.MelScale(of.mels, of.rate, n_stft=bins)
    invert = t.InverseMelScale(bins, of.mels, of.rate)

    def rebuild(magnitude: Tensor, length: int) -> Tensor:
        window = torch.hann_window(of.window)
        sizes = {"n_fft": of.window, "hop_length": of.hop, "win_length": of.window, "power": 1.0}
        settings = {"n_iter": TURNS, "momentum": MOMENTUM, "length": length, "rand_init": False}
        made: Tensor = torchaudio().functional.griffinlim(magnitude, window, **sizes, **settings)
        return made

    return Transforms(analyse, bands, invert, rebuild)
