"""How near a reconstruction is to its target, both (B, C, H, W) in [0, 1]: means over the batch."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-7  # probabilities are kept this far from 0 and 1, as in Keras, whose numbers the autoencoder lesson gives
BEST_MSE = 1e-10  # an exact copy counts as 100 dB, not as infinity


def brightness(x: Tensor) -> Tensor:
    """Images (B, C, H, W) to the mean of their pixels (B,)."""
    return x.flatten(1).mean(1)


def mse(target: Tensor, output: Tensor) -> float:
    """Mean squared error per pixel."""
    return F.mse_loss(output.float(), target.float()).item()


def bce(target: Tensor, output: Tensor) -> float:
    """Binary cross-entropy per pixel, nats."""
    return F.binary_cross_entropy(output.float().clamp(EPSILON, 1 - EPSILON), target.float()).item()


def psnr(target: Tensor, output: Tensor) -> float:
    """Peak signal-to-noise ratio, dB: −10 log10(MSE) of each image."""
    error = (output.float() - target.float()).square().flatten(1).mean(1).clamp(min=BEST_MSE)
    return (-10 * error.log10()).mean().item()
