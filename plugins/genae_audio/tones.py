r"""A short-time spectrum in and a bank of sinusoids out, beside RAVE's bands: a steady tone, which convolutions from one sample
to the next take very long to learn, is there from the first step.

    in     ln S of each frame, S of `genae_audio.stft` in windows of two hops
    out    y(t) = Σ_f w(t − f hop) Σ_k a_kf cos(2π k t / 2K + φ_k)        0 ≤ k < K, w Hann's window of two hops
           a_kf = tanh(v_kf) exp(5 tanh(g_kf / 5) − 6)                    −96 to −9 dB, of either sign

The decoder gives v and g of every frame. Sinusoids are added as in DDSP (https://arxiv.org/abs/2001.04643), but at fixed
frequencies, evenly spaced from 0 to half the rate, so that a sound need not be harmonic nor alone. Their phases φ are drawn
once, from a seed of their own: equal ones would meet in a click.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genae.latent.precision import full_precision
from genae_audio.stft import magnitudes

WIDTH = 256  # channels between z and the levels


class Unit(nn.Module):
    """x + f(x) over frames (B, width, F); normalised within each example, so that these do not mix."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(1, width), nn.Conv1d(width, width, 3, padding=1), nn.SiLU(), nn.Conv1d(width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.layers(x)
        return x + change


class Levels(nn.Module):
    """A waveform to features of its frames."""

    def __init__(self, hop: int, features: int) -> None:
        super().__init__()
        self.hop = hop
        self.layers = nn.Sequential(nn.Conv1d(hop + 1, WIDTH, 1), Unit(WIDTH), Unit(WIDTH), nn.Conv1d(WIDTH, features, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, F·hop) to (B, features, F)."""
        with full_precision(x.device):
            levels = magnitudes(x.float()[:, 0], 2 * self.hop)[..., 1::2].log()  # those around the middles of frames
        h: Tensor = self.layers((levels + 2) / 4)
        return h


class Tones(nn.Module):
    """Features of frames to a sum of `count` sinusoids."""

    def __init__(self, features: int, hop: int, count: int) -> None:
        super().__init__()
        self.hop, self.count = hop, count
        units = (Unit(WIDTH) for _ in range(3))
        self.layers = nn.Sequential(nn.Conv1d(features, WIDTH, 3, padding=1), *units, nn.GroupNorm(1, WIDTH))
        self.last = nn.Conv1d(WIDTH, 2 * count, 1)
        self.last.weight.data.normal_(std=0.02)  # begins near silence
        phase = 2 * math.pi * torch.rand(count, generator=torch.Generator().manual_seed(0))
        turn = torch.polar(torch.ones(count), phase)  # its parts apart: other runtimes have no complex constants
        self.real, self.imaginary = (nn.Buffer(part.clone(), persistent=False) for part in (turn.real, turn.imag))
        self.window = nn.Buffer(torch.hann_window(2 * hop), persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        """h (B, features, F) to y (B, 1, F·hop)."""
        h = self.layers(h)
        with full_precision(h.device):
            v, g = self.last(h.float()).transpose(1, 2).chunk(2, -1)  # (B, F, K) each
            return self.added(v.tanh() * (5 * (g / 5).tanh() - 6).exp())

    def added(self, a: Tensor) -> Tensor:
        """Amplitudes a (B, F, K) to y (B, 1, F·hop)."""
        frames, hop = a.shape[1], self.hop
        spectrum = torch.complex(*(F.pad(a * part, (0, 1)) for part in (self.real, self.imaginary)))
        period = 0.5 * torch.fft.irfft(spectrum, norm="forward")  # (B, F, 2K): all that t mod 2K can be
        t = torch.arange(frames, device=a.device)[:, None] * hop + torch.arange(2 * hop, device=a.device)
        parts = period.gather(-1, (t % period.shape[-1]).expand(a.shape[0], -1, -1)) * self.window
        first, second = parts.split(hop, -1)
        y = F.pad(first.flatten(1), (0, hop)) + F.pad(second.flatten(1), (hop, 0))
        return y[:, None, hop // 2 : hop // 2 + frames * hop]
