r"""A distance of images that sees how much edge there is, rather than where each pixel of it lies; and its pseudo-likelihood.

    f_s(x) = pool |K * x_s|, x_s the image at 1/2^s of its size, K filters of 5 × 5 pixels, frozen as they were drawn
    d(x, y) = mean |x − y| + φ mean_s mean |f_s(x) − f_s(y)|

The filters are random, orthogonal to each other and of mean 0: they answer to edges and corners, whatever the brightness. The
sign of an answer is dropped, and means are taken over 2 × 2 pixels. A squared or absolute error is least at the mean or the
median of all that an image may have been, which is a blur: it answers less than any of them does, and that costs here.
What a random network's features know of images: https://arxiv.org/abs/1606.04801.

    ln p(x | z) = −w N d(x, y) + const, y the decoder's image of N numbers

A pseudo-likelihood: the constant is unknown, and numbers of such a model are comparable only with those of the same w and φ.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.space import Shape
from genae.model.likelihoods import Likelihood

SIDE = 5  # of a filter, pixels
SEED = 5  # of the filters: the same in every run, so that its numbers can be compared


class FeaturesEvent:
    """An image y (B, C, H, W) and the pseudo-likelihood around it, which cannot be drawn from: all samples are y."""

    unnormalised: Literal[True] = True

    def __init__(self, mean: Tensor, of: Features) -> None:
        self.mean, self.of = mean, of

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) to (B,), nats up to a constant that is not known."""
        return -self.of.weight * x[0].numel() * self.of.distance(x, self.mean)

    def sample(self, temperature: float = 1.0) -> Tensor:
        return self.mean


class Features(Likelihood):
    """Images by their pixels and by the answers of frozen random filters: a pseudo-likelihood, not normalised."""

    support = (0.0, 1.0)

    def __init__(
        self,
        weight: Annotated[float, Gt(0), doc("w, nats a number at a distance of 1")] = 10.0,
        features: Annotated[float, Ge(0), doc("φ, the weight of the features beside the pixels")] = 2.0,
        filters: Annotated[int, Ge(1), Le(SIDE * SIDE - 1), doc("of each channel")] = 16,
        levels: Annotated[int, Ge(1), doc("sizes at which they look, each half the one before, as far as there are such")] = 3,
    ) -> None:
        super().__init__()
        self.weight, self.share, self.levels = weight, features, levels
        self.filters: Tensor = nn.Buffer(drawn_filters(filters), persistent=False)

    def features(self, event: Shape) -> Shape:
        if len(event) != 3 or min(event[1:]) < SIDE + 1:
            raise GenaeError(
                f"likelihood features is for images (channels, height, width) of sides {SIDE + 1} or more, not {event}"
            )
        return event

    def forward(self, h: Tensor) -> FeaturesEvent:
        return FeaturesEvent(h.float().sigmoid(), self)

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """d of x, y (B, C, H, W), (B,)."""
        pixels, apart = (x - y).abs().flatten(1).mean(1), []
        for _ in range(self.levels):
            if min(x.shape[-2:]) < SIDE + 1:
                break
            apart.append((self.answers(x) - self.answers(y)).abs().view(len(x), -1).mean(1))
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return pixels + self.share * torch.stack(apart).mean(0)

    def answers(self, x: Tensor) -> Tensor:
        """f of x (B, C, H, W) at one size, (B·C, K, H′, W′)."""
        return F.avg_pool2d(F.conv2d(x.flatten(0, 1)[:, None], self.filters).abs(), 2)


def drawn_filters(count: int) -> Tensor:
    """Orthogonal, of mean 0 and norm 1, (count, 1, 5, 5)."""
    drawn = torch.randn(SIDE * SIDE, count, generator=torch.Generator().manual_seed(SEED))
    basis: Tensor = torch.linalg.qr(drawn - drawn.mean(0)).Q
    return basis.T.reshape(count, 1, SIDE, SIDE).contiguous()
