r"""A plain convolutional network for pictures (C, H, W) of any two sides, as textbooks have it.

    x → (3x3 → ReLU → largest of 2x2)… → the smallest map → q(z | x)
    z → the smallest map → (3x3 → ReLU → twice the sides)… → 3x3 → p(x | z)

Odd sides are rounded up: 28, 14, 7, 4. A z of as many numbers as the smallest map is that map; else there is a linear layer
between them. https://blog.keras.io/building-autoencoders-in-keras.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Annotated

from annotated_types import MinLen, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Likelihood
from genae.model.networks import Conditioned, Networks, Sizes, ending


class Encoder(nn.Module):
    """A picture through convolutions; then flat, with the condition beside it, to q(z | x)."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, C, H, W)."""
        return self.head(self.body(x), condition)


def convolutional(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    *,
    widths: Annotated[Sizes, MinLen(1), doc("channels of the encoder's layers; the decoder has them in reverse")] = (16, 8, 8),
) -> Networks:
    """Convolutions, each with half the sides of the one before, for events (channels, height, width)."""
    if len(event) != 3:
        raise GenaeError(f"network convolutional is for events (channels, height, width), not {event}")
    q, p, z = posterior.features(space), likelihood.features(event), prod(posterior.embedded(space))
    sides = _halved(event[1:], len(widths))
    places = prod(sides[-1])
    code = space.size == z == widths[-1] * places and not condition  # the smallest map itself
    down = _down([event[0], *widths[:-1], prod(q) // places if code else widths[-1]])
    ends = [] if code else [nn.Linear(widths[-1] * places + condition, prod(q))]
    starts = [] if code else [nn.Linear(z + condition, widths[-1] * places), nn.ReLU()]
    encoder = Encoder(nn.Sequential(*down, *([] if code else [nn.ReLU()])), Conditioned(*ends, *ending(q, posterior)))
    unflat = nn.Unflatten(1, (widths[-1], *sides[-1]))
    decoder = Conditioned(*starts, unflat, *_up(widths, sides), nn.Conv2d(widths[0], p[0], 3, padding=1), likelihood)
    return Networks(encoder, decoder, space)


def _halved(sides: Shape, times: int) -> list[Shape]:
    """Height and width of every level, the whole first."""
    levels = [sides]
    for _ in range(times):
        levels.append(tuple(-(-side // 2) for side in levels[-1]))
    return levels


def _down(channels: Sequence[int]) -> list[nn.Module]:
    """A picture (B, channels[0], H, W) to the smallest map, without the last ReLU."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.ReLU()] if layers else []
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(2, ceil_mode=True)]
    return layers


def _up(widths: Sequence[int], sides: Sequence[Shape]) -> list[nn.Module]:
    """The smallest map to one as large as the picture (B, widths[0], H, W)."""
    layers: list[nn.Module] = []
    for (before, after), larger in zip(pairwise([widths[-1], *reversed(widths)]), reversed(sides[:-1]), strict=True):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Upsample(larger)]
    return layers
