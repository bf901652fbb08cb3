r"""MS-SSIM: how alike two images are in their structure, at several sizes; and the pseudo-likelihood made of it.

    cs(x, y) = (2 σ_xy + C2) / (σ_x² + σ_y² + C2),  l(x, y) = (2 μ_x μ_y + C1) / (μ_x² + μ_y² + C1)
    MS-SSIM  = mean(l cs)^w_M Π_j<M mean(cs_j)^w_j, j at 1/2^j of the size                  Wang, Simoncelli and Bovik, 2003

Means and variances are under a Gaussian window of σ 1.5 pixels, C1 = .01², C2 = .03²; w = .0448, .2856, .3001, .2363, .1333, of
which those of the sizes that there are are made to add up to 1: the window must fit the smallest.

    ln p(x | z) = −w N [α (1 − MS-SSIM) + (1 − α) mean |x − y|] + const, y the decoder's image of N numbers

A pseudo-likelihood: the constant is unknown, so numbers of such a model are comparable only with those of the same w and α. The
structure alone is nearly blind to brightness and colour, for which the second term is; α = .84 is of
https://arxiv.org/abs/1511.08861. Edges count for more than in a squared error, and where they are is what must be known.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.precision import full_precision
from genae.latent.space import Shape
from genae.model.likelihoods import Likelihood

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = 0.01**2, 0.03**2
SPREAD = 1.5  # σ of the window, pixels
LEAST = 1e-4  # of a factor, so that its power has a slope


def sizes(side: int, window: int) -> int:
    """At how many sizes images of that side can be compared: 0 if at none."""
    count = 0
    while count < len(WEIGHTS) and side >> count >= window:
        count += 1
    return count


def ms_ssim(x: Tensor, y: Tensor, window: int = 11) -> Tensor:
    """x, y (B, C, H, W) in [0, 1] to MS-SSIM (B,), 1 where they are equal."""
    count = sizes(min(x.shape[-2:]), window)
    weights = torch.tensor(WEIGHTS[:count], device=x.device)
    factors = []
    with full_precision(x.device):
        x, y = x.float(), y.float()
        for left in reversed(range(count)):
            brightness, structure = _alike(x, y, window)
            factors.append(((structure if left else brightness * structure).flatten(1).mean(1)).clamp(min=LEAST))
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return torch.stack(factors, 1).pow(weights / weights.sum()).prod(1)


def _alike(x: Tensor, y: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """l and cs of every place where the window fits."""
    x2, y2, xy, mean_x, mean_y = _blurred(torch.stack([x * x, y * y, x * y, x, y]).flatten(0, 1), window).chunk(5)
    spread = x2 - mean_x.square() + y2 - mean_y.square()
    brightness = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    return brightness, (2 * (xy - mean_x * mean_y) + C2) / (spread + C2)


def _blurred(x: Tensor, window: int) -> Tensor:
    """x (B, C, H, W) under the Gaussian window, where it fits."""
    at = torch.arange(window, device=x.device) - (window - 1) / 2
    gauss = torch.exp(-at.square() / (2 * SPREAD**2))
    gauss, rows = gauss / gauss.sum(), x.flatten(0, 1)[:, None]
    rows = F.conv2d(F.conv2d(rows, gauss.view(1, 1, -1, 1)), gauss.view(1, 1, 1, -1))
    return rows.view(*x.shape[:2], *rows.shape[-2:])


class SimilarEvent:
    """An image y (B, C, H, W) and the pseudo-likelihood around it, which cannot be drawn from: all samples are y."""

    unnormalised: Literal[True] = True

    def __init__(self, mean: Tensor, weight: float, structure: float, window: int) -> None:
        self.mean, self.weight, self.structure, self.window = mean, weight, structure, window

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) to (B,), nats up to a constant that is not known."""
        apart = (x - self.mean).abs().flatten(1).mean(1)
        unlike = self.structure * (1 - ms_ssim(x, self.mean, self.window)) + (1 - self.structure) * apart
        return -self.weight * x[0].numel() * unlike

    def sample(self, temperature: float = 1.0) -> Tensor:
        return self.mean


class MSSSIM(Likelihood):
    """Images by how alike they are at several sizes: a pseudo-likelihood, not normalised."""

    support = (0.0, 1.0)

    def __init__(
        self,
        weight: Annotated[float, Gt(0), doc("w, nats a number at a distance of 1")] = 1.0,
        structure: Annotated[float, Ge(0), Le(1), doc("α, the share of MS-SSIM; the rest is of the absolute error")] = 0.84,
        window: Annotated[int, Ge(3), doc("side of the window, pixels, odd")] = 11,
    ) -> None:
        super().__init__()
        if window % 2 == 0:
            raise GenaeError(f"likelihood.window must be odd, not {window}: a pixel is in its middle")
        self.weight, self.structure, self.window = weight, structure, window

    def features(self, event: Shape) -> Shape:
        if len(event) != 3 or not sizes(min(event[1:]), self.window):
            raise GenaeError(
                f"likelihood ms-ssim is for images (channels, height, width) of sides {self.window} or more, its window, "
                f"not for {event}; likelihood.window makes it smaller"
            )
        return event

    def forward(self, h: Tensor) -> SimilarEvent:
        return SimilarEvent(h.float().sigmoid(), self.weight, self.structure, self.window)
