r"""A residual network of convolutions whose z is a grid: every place stands for a part of the event, as a VQ-VAE's 7×7 codes.

    x → 2x − 1 → patches to channels → 3x3 → (residual blocks → 2x2, stride 2)… → 3x3 → q(z | x) of h·w places
    z → 3x3 → (residual blocks → 1x1 → channels to 2x2 cells)… → 3x3 → channels to patches → p(x | z)

The levels are those of genae/model/residual.py; the condition is the same at every place. https://arxiv.org/abs/1711.00937
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Likelihood
from genae.model.networks import Networks
from genae.model.residual import Act, Blocks, ChannelsLast, Encoder, Patch, Widths, down, smallest, up


class Places(nn.Module):
    """Layers of a map (B, C, h, w) that have the condition (B, C′), at every place, beside it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        if condition is not None:
            x = torch.cat([x, condition.to(x.dtype)[..., None, None].expand(-1, -1, *x.shape[2:])], 1)
        return self.layers(x)


class Decoder(nn.Module):
    """z (B, h, w, D) to p(x | z)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, z: Tensor, condition: Tensor | None = None) -> object:
        return self.body(z.movedim(-1, 1), condition)


class LastAxis(nn.Module):
    """Channels (B, C, h, w) as the last axis, where distributions have their features."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


def grid(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    widths: Widths = (32, 64),
    blocks: Blocks = (1, 2),
    patch: Patch = 2,
    activation: Act = "relu",
) -> Networks:
    """Encoder and decoder for events (channels, height, width), with z at each place of the smallest level."""
    small = smallest(event, widths, blocks, patch, "grid")
    q, v, p = posterior.features(space), posterior.embedded(space), likelihood.features(event)
    if q[:-1] != small or v[:-1] != small:
        raise _other(space, small)
    leave = nn.Conv2d(widths[-1] + condition, q[-1], 3, padding=1)
    enter = nn.Conv2d(v[-1] + condition, widths[-1], 3, padding=1)
    body = nn.Sequential(nn.PixelUnshuffle(patch), ChannelsLast(), *down(event[0] * patch**2, widths, blocks, activation))
    levels = up(p[0] * patch**2, widths, blocks, activation)
    decoder = Decoder(Places(enter, ChannelsLast(), *levels, nn.PixelShuffle(patch), likelihood))
    return Networks(Encoder(body, Places(leave, LastAxis(), posterior)), decoder, space)


def _other(space: Space, small: Sequence[int]) -> GenaeError:
    codes, numbers = f'{{"shape": [{small[0]}, {small[1]}]}}', f'{{"shape": [{small[0]}, {small[1]}, 4]}}'
    return GenaeError(
        f"network grid gives {small[0]} × {small[1]} places here: latent is {codes} of a posterior of codes, "
        f"or {numbers} of 4 numbers at each, not {space}"
    )
