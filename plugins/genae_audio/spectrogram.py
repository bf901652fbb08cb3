r"""Waveforms as people look at them, and the distance that goes with it.

    picture     20 log10 S of windows of 512 samples, from -80 dB (black) to full scale, low frequencies at the bottom
    log-mel     mean |10 log10 M(x) − 10 log10 M(y)|, dB, M the power in 64 mel bands of windows of about 64 ms

S is that of `genae_audio.stft`, with its faint noise under both, so that silence is a number.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genae.data.curve import Picture
from genae.latent.precision import full_precision
from genae_audio.stft import magnitudes
from genae_audio.torchaudio_cpu import torchaudio

LOOK = 512  # samples a window, a row for each frequency and a column for each quarter of it
WIDEST = 4096  # columns of a picture, and up to twice as many
RANGE = 80.0  # dB
MELS = 64
WINDOW = 0.064  # seconds


@cache
def colours() -> npt.NDArray[np.uint8]:
    """Of levels 0 to 255, (256, 3) uint8: black to light yellow."""
    from matplotlib import colormaps

    return (colormaps["magma"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def picture(x: Tensor) -> Picture:
    """x (channels, N), their mean, to (257, N/128 + 1, 3) uint8; of a long one a column looks at the first of its part."""
    x = x.detach().float().cpu().nan_to_num().mean(0, keepdim=True)
    if (part := x.shape[1] // (WIDEST * (LOOK // 4))) > 1:
        x = x[:, : x.shape[1] // (part * (LOOK // 4)) * part * (LOOK // 4)].reshape(1, -1, part, LOOK // 4)[:, :, 0].flatten(1)
    levels = 20 * (magnitudes(x, LOOK)[0] / (LOOK / 4)).log10()  # a full sine at 0 dB
    shade = ((levels / RANGE + 1) * 255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(colours()[shade.flip(0).numpy()])


@cache
def _bands(rate: int, size: int) -> Tensor:
    """Triangles (size/2 + 1, 64) on the mel scale, 0 to rate/2."""
    found: Tensor = torchaudio().functional.melscale_fbanks(size // 2 + 1, 0.0, rate / 2, MELS, rate)
    return found


def log_mel_distance(target: Tensor, output: Tensor, rate: int) -> float:
    """The mean over clips (B, 1, N) at `rate` Hz, dB."""
    size = min(2 ** round(math.log2(WINDOW * rate)), target.shape[-1])
    bands = _bands(rate, size).to(target.device)
    with full_precision(target.device):
        x, y = (10 * (magnitudes(w.float()[:, 0], size).square().mT @ bands).log10() for w in (target, output))
    return (x - y).abs().mean().item()
