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

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from annotated_types import Gt, doc
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable

from genae.errors import GenaeError
from genae.latent.precision import full_precision
from genae.latent.space import Shape
from genae.model.likelihoods import Likelihood

SIZES = (2048, 1024, 512, 256, 128)
FLOOR = 1e-4  # root mean square of what lies under both, full scale 1


def spectrum(x: Tensor, size: int) -> Tensor:
    """x (R, N) to its complex STFT (R, 4N/size + 1, size/2 + 1), the ends reflected.

    As torch.stft, with frames before bins; written out, since the gradient of torch's framing took most of a training step.
    """
    hop, frames = size // 4, 4 * x.shape[1] // size + 1
    padded = F.pad(x[:, None], (size // 2, size // 2), mode="reflect")[:, 0, : (frames + 3) * hop]
    quarters = padded.reshape(x.shape[0], -1, hop)
    windows = torch.cat([quarters[:, i : i + frames] for i in range(4)], -1)
    found: Tensor = torch.fft.rfft(windows * torch.hann_window(size, device=x.device))
    return found


def _power(spectrum: Tensor, size: int) -> Tensor:
    """S² of a complex STFT."""
    return spectrum.real.square().add_(spectrum.imag.square()).add_(FLOOR**2 * 3 / 8 * size)  # Σ window² = 3n/8


def magnitudes(x: Tensor, size: int) -> Tensor:
    """x (R, N) to S_n (R, size/2 + 1, 4N/size + 1), the ends reflected."""
    return _power(spectrum(x, size), size).sqrt().mT


class _Apart(torch.autograd.Function):
    """One size's term of d, (R,), of the spectra of target and output, with the gradient for the output alone.

    That is known once the term is: ∂d/∂Y = Y/S ((S − T) / (‖S − T‖ ‖T‖) + sign(ln S − ln T) / (count S)), T the target's S.
    The graph that autograd would keep and go back through takes twice the time.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, target: Tensor, output: Tensor, size: int) -> Tensor:
        power_t, power_s = _power(target, size), _power(output, size)
        t, s = power_t.sqrt(), power_s.sqrt()
        length = torch.linalg.vector_norm(t, dim=(1, 2))
        apart = s - t
        norm = torch.linalg.vector_norm(apart, dim=(1, 2))
        louder = power_s.log_().sub_(power_t.log_()).mul_(0.5)
        found: Tensor = norm / length + louder.abs().mean((1, 2))
        inverse = s.reciprocal_()
        steep = apart.mul_((1 / (norm * length).clamp(min=1e-12))[:, None, None])
        steep.add_(louder.sign_().mul_(inverse).div_(louder[0].numel())).mul_(inverse)
        ctx.save_for_backward(output, steep)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[None, Tensor, None]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        output, steep = saved
        steep = steep * gradient[:, None, None]
        return None, torch.complex(output.real * steep, output.imag * steep), None


def distance(x: Tensor, y: Tensor) -> Tensor:
    """x, y (B, C, N) to d(x, y) (B,), the mean over channels, with a gradient for y alone; N leaves out longer sizes."""
    rows_x, rows_y = (w.float().flatten(0, 1) for w in (x.detach(), y))
    samples = rows_x.shape[1]
    sizes = [size for size in SIZES if size <= samples]
    if not sizes:
        raise GenaeError(f"an STFT distance needs {SIZES[-1]} samples or more, not {samples}")
    total = rows_y.new_zeros(len(rows_y))
    with full_precision(x.device):
        for size in sizes:
            total = total + _Apart.apply(spectrum(rows_x, size), spectrum(rows_y, size), size)  # type: ignore[no-untyped-call]  # of torch
    return total.view(x.shape[:2]).mean(1)


class SpectralEvent:
    """A waveform y (B, 1, N) and the pseudo-likelihood around it, which cannot be drawn from: all samples are y."""

    unnormalised: Literal[True] = True

    def __init__(self, mean: Tensor, weight: float) -> None:
        self.mean, self.weight = mean, weight

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, 1, N) to −w N d(x, y) (B,), nats up to a constant that is not known."""
        return -self.weight * x.shape[-1] * distance(x, self.mean)

    def sample(self, temperature: float = 1.0) -> Tensor:
        return self.mean


class Spectral(Likelihood):
    """Waveforms by their multi-scale STFT distance: a pseudo-likelihood, not normalised."""

    def __init__(self, weight: Annotated[float, Gt(0), doc("w, nats a sample at a distance of 1")] = 0.1) -> None:
        super().__init__()
        self.weight = weight

    def features(self, event: Shape) -> Shape:
        if len(event) != 2 or event[1] < SIZES[-1]:
            raise GenaeError(f"likelihood spectral is for waveforms (channels, {SIZES[-1]} samples or more), not for {event}")
        return event

    def forward(self, h: Tensor) -> SpectralEvent:
        return SpectralEvent(h.float(), self.weight)
