r"""The pitch of a sound, by YIN (https://doi.org/10.1121/1.1458024, its steps 1 to 5), as the median over its sounding frames.

    d(τ)  = Σ_j (x_j − x_{j+τ})², j < W           d'(τ) = d(τ) τ / Σ_{s ≤ τ} d(s)
    f0    = rate / τ, τ the first dip of d' below SURE, else its least, by a parabola through it and its neighbours

A frame sounds where its power is within SOUNDING of the loudest's; one whose d' is nowhere below UNSURE has no pitch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LOWEST, HIGHEST = 50.0, 2000.0  # Hz
WINDOW = 0.064  # seconds that are compared with as many later ones
SOUNDING = 1e-2  # of the loudest frame's power: 20 dB
SURE, UNSURE = 0.15, 0.5  # of d', 0 for a sound that repeats exactly
A4 = 69.0  # MIDI's, 440 Hz


def pitches(sound: Tensor, rate: int) -> Tensor:
    """Sounds (B, N) to MIDI pitches (B,), whole numbers being semitones; NaN for one that has none."""
    return torch.stack([_pitch(one, rate) for one in sound])


def _pitch(sound: Tensor, rate: int) -> Tensor:
    frames, lags = round(WINDOW * rate), round(rate / LOWEST)
    sound = F.pad(sound.double(), (0, max(0, frames + lags - len(sound))))
    x = sound.unfold(0, frames + lags, frames // 4)  # (T, frames + lags)
    power = x[:, :frames].square().mean(1)
    sounding = power >= SOUNDING * power.max().clamp(min=1e-10)
    f0 = frequencies(x[sounding], frames, rate) if bool(sounding.any()) else x.new_empty(0)
    return A4 + 12 * (f0.nanmedian() / 440).log2() if len(f0) else x.new_tensor(torch.nan)


def frequencies(x: Tensor, window: int, rate: int) -> Tensor:
    """Frames (T, window + lags) to f0 (T,), Hz; NaN where there is none."""
    dips = _dips(x, window)
    first = max(2, int(rate / HIGHEST))
    seen = dips[:, first:-1]
    low = (seen < SURE) & (seen <= dips[:, first + 1 :]) & (seen <= dips[:, first - 1 : -2])
    at = torch.where(low.any(1), low.int().argmax(1), seen.argmin(1)) + first
    before, here, after = (dips.gather(1, (at + step)[:, None])[:, 0] for step in (-1, 0, 1))
    bend = (before - 2 * here + after).clamp(min=1e-12)
    lag = at + (0.5 * (before - after) / bend).clamp(-1, 1)
    return (rate / lag).masked_fill(here > UNSURE, torch.nan)


def _dips(x: Tensor, window: int) -> Tensor:
    """d' of frames (T, window + lags), (T, lags + 1)."""
    size, lags = x.shape[1], x.shape[1] - window
    spectrum = torch.fft.rfft(x, 2 * size)
    own = torch.fft.rfft(x[:, :window], 2 * size)
    product = torch.fft.irfft(own.conj() * spectrum, 2 * size)[:, : lags + 1]  # Σ_j x_j x_{j+τ}
    total = F.pad(x.square().cumsum(1), (1, 0))
    energy = total[:, window:] - total[:, : lags + 1]
    d = (energy[:, :1] + energy - 2 * product).clamp(min=0)
    tau = torch.arange(1, lags + 1, device=x.device)
    return F.pad(d[:, 1:] * tau / d[:, 1:].cumsum(1).clamp(min=1e-12), (1, 0), value=1.0)
