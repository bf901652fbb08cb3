r"""The multi-scale STFT distance, and the pseudo-likelihood made of it.

    S_n(x)² = |STFT of n samples, hop n/4, Hann|² + F² Σ window²        n = 2048, 1024, 512, 256, 128; F = -80 dB
    d(x, y) = Σ_n ‖S_n(x) − S_n(y)‖₂ / ‖S_n(x)‖₂ + mean |ln S_n(x) − ln S_n(y)|

It is blind to phase, as the ear nearly is, and is what RAVE trains with (https://arxiv.org/abs/2111.05011, with the ratio of
norms; its code squares it). d is 0 for equal signals; its first term measures the loud parts and is relative to x, the second
is symmetric and measures every bin alike. F puts the same faint white noise under both: RAVE's ln(S + 1e-7) begins at -170 dB,
so that digital silence, a quarter of a set of synthesised notes, would count for more than all that is heard.

    ln p(x | z) = −w N d(x, y) + const, y the decoder's waveform of N samples

This is a pseudo-likelihood: the constant is unknown, so "distortion", "elbo" and "nll" of such a model are comparable only
with those of the same w. The default w = 1/10 is the weight that nats suggest. A Laplace of scale 1 (8.7 dB) on each of N/2
independent log-magnitudes, phases unheard, gives N/2 times their mean difference; the five sizes are five views of the same
N/2, so each counts a fifth. RAVE's own balance of distance and KL is β = 10 here (its KL is doubled, a mean over frames of
2048 samples, weighted .05, against two such distances), but that model is meant to drop all that its critic can make up.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genae.domain import Shape
from genae.errors import GenaeError

SIZES = (2048, 1024, 512, 256, 128)
FLOOR = 1e-4  # root mean square of what lies under both, full scale 1


def magnitudes(x: Tensor, size: int) -> Tensor:
    """x (R, N) to S_n (R, size/2 + 1, 4N/size + 1), the ends reflected."""
    window = torch.hann_window(size, device=x.device)
    spectrum: Tensor = torch.stft(x, size, size // 4, window=window, return_complex=True)
    floor = FLOOR**2 * 3 / 8 * size  # Σ window² = 3n/8
    found: Tensor = (spectrum.real.square() + spectrum.imag.square() + floor).sqrt()
    return found


def relative(x: Tensor, y: Tensor) -> Tensor:
    """‖x − y‖₂ / ‖x‖₂ of magnitudes (R, …) to (R,)."""
    apart: Tensor = torch.linalg.vector_norm((x - y).flatten(1), dim=1)
    length: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1)
    return apart / length


def logarithmic(x: Tensor, y: Tensor) -> Tensor:
    """mean |ln x − ln y| of magnitudes (R, …) to (R,), nepers."""
    return (x.log() - y.log()).abs().flatten(1).mean(1)


def distance(x: Tensor, y: Tensor) -> Tensor:
    """x, y (B, C, N) to d(x, y) (B,), the mean over channels; a size that N is shorter than is left out."""
    rows_x, rows_y = (w.float().flatten(0, 1) for w in (x, y))
    samples = rows_x.shape[1]
    sizes = [size for size in SIZES if size <= samples]
    if not sizes:
        raise GenaeError(f"an STFT distance needs {SIZES[-1]} samples or more, not {samples}")
    total = rows_y.new_zeros(len(rows_y))
    with torch.autocast(x.device.type, enabled=False):
        for size in sizes:
            a, b = magnitudes(rows_x, size), magnitudes(rows_y, size)
            total = total + relative(a, b) + logarithmic(a, b)
    return total.view(x.shape[:2]).mean(1)


class SpectralEvent:
    """A waveform y (B, 1, N) and the pseudo-likelihood around it, which cannot be drawn from: all samples are y."""

    def __init__(self, mean: Tensor, weight: float) -> None:
        self.mean, self.weight = mean, weight

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, 1, N) to −w N d(x, y) (B,), nats up to a constant that is not known."""
        return -self.weight * x.shape[-1] * distance(x, self.mean)

    def sample(self, temperature: float = 1.0) -> Tensor:
        return self.mean


class Spectral(nn.Module):
    """Waveforms by their multi-scale STFT distance: a pseudo-likelihood, not normalised; `weight` is w above."""

    def __init__(self, weight: float = 0.1) -> None:
        super().__init__()
        if not weight > 0:
            raise GenaeError(f"likelihood.weight must be above 0, not {weight}")
        self.weight = weight

    def features(self, event: Shape) -> Shape:
        return event

    def forward(self, h: Tensor) -> SpectralEvent:
        return SpectralEvent(h.float(), self.weight)
