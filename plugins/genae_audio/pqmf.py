r"""A pseudo-QMF filter bank: a waveform as M bands, each at an M-th of its rate, and back.

    h_k[n] = 2 h[n] cos((2k + 1) π/2M (n − (L − 1)/2) + (−1)^k π/4)        0 ≤ k < M, 0 ≤ n < L
    analysis    u_k[t] = Σ_n h_k[n] x[tM + n − p]                          p = (L − M)/2
    synthesis   y[n]   = M Σ_k Σ_t h_k[n − tM + p] u_k[t]                  its transpose, so the delay is 0

The prototype h is a low pass that lets ω < π/2M through and stops ω > π/M, a sinc under a Kaiser window. The aliasing of
neighbouring bands cancels; what is left is the ripple of Σ|H_k|², which vanishes where g[2Mn] = (h ∗ h)[2Mn] is 0 for all
n ≠ 0. To move the cutoff alone, as in https://ieeexplore.ieee.org/document/681427, leaves a round trip of 58 dB; here five
cosines under the same window are added, weighted by Gauss-Newton steps towards g = 0, which leave 76 dB. Signals are taken as
silent beyond their ends, which costs the first and last 6 M samples some of that.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genae.latent.precision import full_precision

ATTENUATION = 108.0  # dB, of the window: what is added to the sinc leaves 103 of them in the stop band
CUTOFF = 0.55  # of the sinc and of the fastest cosine, in π/M
PHASES = 16  # taps of every polyphase component: L = 16 M, the least for that attenuation
Array = npt.NDArray[np.float64]


@cache
def prototype(bands: int) -> Array:
    """The low pass (16·bands,), of gain 1 at frequency 0."""
    taps = PHASES * bands
    t = np.arange(taps) - (taps - 1) / 2
    window = np.kaiser(taps, 0.1102 * (ATTENUATION - 8.7))  # Kaiser's formula of β
    cosines = window[:, None] * np.cos(np.outer(t, np.linspace(0, CUTOFF * np.pi / bands, 5)))  # (L, 5)
    h = window * np.sinc(CUTOFF * t / bands)
    h /= h.sum()
    for _ in range(6):
        error = np.append(_correlation(h, h[:, None], bands), h.sum() - 1)
        slope = np.vstack([2 * _correlation(h, cosines, bands), cosines.sum(0)])
        h = h - cosines @ np.linalg.lstsq(slope, error)[0]
    return h


def _correlation(h: Array, others: Array, bands: int) -> Array:
    """Σ_t h[t] o[t + 2Mn] for n = 1 … of symmetric h (L,) and each o of `others` (L, K)."""
    return np.stack([h[:-shift] @ others[shift:] for shift in range(2 * bands, len(h), 2 * bands)])


def bank(bands: int) -> Array:
    """The filters h_k (bands, 16·bands)."""
    h = prototype(bands)
    k = np.arange(bands)[:, None]
    t = np.arange(len(h)) - (len(h) - 1) / 2
    return 2 * h * np.cos((2 * k + 1) * np.pi / (2 * bands) * t + (-1.0) ** k * np.pi / 4)


class PQMF(nn.Module):
    """Analysis and synthesis as convolutions over blocks of M samples, the M phases as channels; always in float32."""

    def __init__(self, bands: int = 16) -> None:
        super().__init__()
        self.bands, self.pad = bands, (PHASES - 1) * bands // 2
        filters = torch.tensor(bank(bands), dtype=torch.float32)  # gain 1: a sine of amplitude A is one of A in its band
        weight = filters.view(bands, PHASES, bands).transpose(1, 2)  # (k, phase, block)
        self.weight = nn.Buffer(weight.contiguous(), persistent=False)
        self.filters = nn.Buffer(filters, persistent=False)  # h_k as they are, (bands, 16·bands)
        self.inverse = nn.Buffer(bands * weight.transpose(0, 1).flip(2).contiguous(), persistent=False)

    def analysis(self, x: Tensor) -> Tensor:
        """x (B, 1, N), N a multiple of M, to bands (B, M, N / M)."""
        with full_precision(x.device):
            blocks = F.pad(x.float(), (self.pad, self.pad)).view(x.shape[0], -1, self.bands).transpose(1, 2)
            return F.conv1d(blocks, self.weight)

    def synthesis(self, u: Tensor) -> Tensor:
        """Bands (B, M, T) to y (B, 1, M·T)."""
        with full_precision(u.device):
            blocks = F.conv1d(u.float(), self.inverse, padding=PHASES - 1)  # (B, phase, T + 15)
            return blocks.transpose(1, 2).reshape(u.shape[0], 1, -1)[..., self.pad : -self.pad]
