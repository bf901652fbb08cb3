r"""Tasks that only sound has: what lacks its high frequencies, and what has noise in it, each for both domains.

    low-pass   slope · log2(f / cutoff) dB less above the cutoff; without a change of phase
    noise      white, its power snr dB below the sound's

On mel levels both are what the bands would have heard: the noise of a band of w bins has the mean w c, c its mean magnitude a
bin, and a standard deviation of √(4/π − 1) c √(2 w / 3), triangles as filters; powers add. The power of a sound is that of the
loudness row where there is one, else Σ M² / w, which is that of noise-like sounds and less than that of tones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Self

import torch
from annotated_types import Gt, Unit, doc
from torch import Tensor

from genae.errors import GenaeError
from genae_audio.mel import RANGE, MelScale, hertz, mel

if TYPE_CHECKING:
    from genae_audio.mel_domain import Mel
    from genae_audio.wave import Wave

SPREAD = 4 / math.pi  # E[r²] / E[r]², r a magnitude of white noise
Snr = Annotated[float, Unit("dB"), doc("power of the sound above that of the noise")]


class Lowpass:
    """Input = target without its high frequencies."""

    def __init__(
        self,
        cutoff: Annotated[float, Gt(0), Unit("Hz"), doc("from where on frequencies are made quieter")] = 1000.0,
        slope: Annotated[float, Gt(0), Unit("dB"), doc("by which they are so for each octave above")] = 48.0,
    ) -> None:
        self.cutoff, self.slope = cutoff, slope

    def _loss(self, frequency: Tensor, rate: int) -> Tensor:
        """By how much a frequency (…), Hz, is quieter, dB. GenaeError where there is none above the cutoff."""
        if self.cutoff >= rate / 2:
            raise GenaeError(
                f"task.cutoff must be below {rate / 2:g} Hz, the highest frequency at {rate} Hz, not {self.cutoff:g}"
            )
        return self.slope * (frequency / self.cutoff).clamp(min=1).log2()


class WaveLowpass(Lowpass):
    """Input = target without its high frequencies."""

    def of_domain(self, domain: Wave) -> Self:
        n = domain.event[-1]
        frequency = torch.fft.rfftfreq(2 * n, 1 / domain.rate)  # zeros behind, or the end would sound in the beginning
        self.gain = 10 ** (-self._loss(frequency, domain.rate) / 20)
        return self

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, 1, N) to input (B, 1, N)."""
        n = target.shape[-1]
        passed: Tensor = torch.fft.irfft(torch.fft.rfft(target.float(), 2 * n) * self.gain.to(target.device), 2 * n)
        return passed[..., :n]


class WaveDenoise:
    """Input = target + white noise, clipped to [-1, 1]."""

    def __init__(self, snr: Snr = 10.0) -> None:
        self.snr = snr

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, 1, N) to input (B, 1, N)."""
        sigma = target.square().mean(-1, keepdim=True).sqrt() * 10 ** (-self.snr / 20)
        return (target + sigma * torch.randn_like(target)).clamp(-1, 1)


class MelLowpass(Lowpass):
    """Input = target without its high frequencies."""

    def of_domain(self, domain: Mel) -> Self:
        self.bands = Bands(domain.scale)
        self.loss = self._loss(self.bands.centres, domain.rate)
        return self

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, 1, mels, T) to input (B, 1, mels, T)."""
        passed = (target - self.loss.to(target.device)[:, None] / RANGE).clamp(min=0)
        if not self.bands.loud:
            return passed
        before, after = (self.bands.power(magnitudes(x)[..., :-1, :]).clamp(min=1e-12) for x in (target, passed))
        loudness = (target[..., -1:, :] + 10 * (after / before).log10() / RANGE).clamp(min=0)
        return torch.cat([passed[..., :-1, :], loudness], -2)


class MelDenoise:
    """Input = target + white noise, as the bands hear it."""

    def __init__(self, snr: Snr = 10.0) -> None:
        self.snr = snr

    def of_domain(self, domain: Mel) -> Self:
        self.bands = Bands(domain.scale)
        return self

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, 1, mels, T) to input (B, 1, mels, T)."""
        sound, bins = magnitudes(target), self.bands.bins.to(target.device)[:, None]
        bands = sound[..., :-1, :] if self.bands.loud else sound
        power = sound[..., -1:, :].square() if self.bands.loud else self.bands.power(bands)
        noise = power.mean(-1, keepdim=True) * 10 ** (-self.snr / 10)  # (B, 1, 1, 1), of each frame
        each = (noise / SPREAD / bins.sum()).sqrt()
        drawn = torch.randn_like(bands)
        heard = each * (bins + (SPREAD - 1) ** 0.5 * (2 * bins / 3).sqrt() * drawn).clamp(min=0)
        parts = [(bands.square() + heard.square()).sqrt()]
        if self.bands.loud:
            parts.append((sound[..., -1:, :].square() + noise).sqrt())
        return levels(torch.cat(parts, -2))


class Bands:
    """The bands of a mel scale, without the one whose row is the loudness."""

    def __init__(self, scale: MelScale) -> None:
        top, self.loud = mel(scale.rate / 2), scale.loudness
        edges = torch.tensor([hertz(top * i / (scale.mels + 1)) for i in range(scale.mels + 2)])
        self.centres = edges[1:-1]
        self.bins = ((edges[2:] - edges[:-2]) / 2 / (scale.rate / scale.window))[: scale.mels - self.loud]

    def power(self, bands: Tensor) -> Tensor:
        """Magnitudes M (B, 1, bands, T) to Σ M² / w, times what noise has more, (B, 1, 1, T)."""
        return SPREAD * (bands.square() / self.bins.to(bands.device)[:, None]).sum(-2, keepdim=True)


def magnitudes(x: Tensor) -> Tensor:
    """Levels to magnitudes, 0 for silence."""
    return (10 ** ((x - 1) * RANGE / 20)).where(x > 0, 0.0)


def levels(magnitude: Tensor) -> Tensor:
    """And back."""
    return (1 + 20 * magnitude.clamp(min=1e-12).log10() / RANGE).clamp(min=0)
