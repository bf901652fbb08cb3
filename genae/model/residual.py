r"""A residual network of convolutions for pictures (C, H, W), of whatever: any two sides and depth.

    x → 2x − 1 → patches to channels → 3x3 → (residual blocks → 2x2, stride 2)… → flat → linear → residual → q(z | x)
    z → linear → residual → (residual blocks → 1x1 → channels to 2x2 cells)… → 3x3 → channels to patches → p(x | z)

A block is x + conv(act(conv(act(x)))), its last convolution zero at first, so that the network begins shallow
(https://arxiv.org/abs/1603.05027, https://arxiv.org/abs/1901.09321); with no normalisation in it, examples do not mix. The
smallest level is flattened, so that places stay what they are: a formant is not the same thing an octave higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, Lt, MinLen, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Likelihood
from genae.model.networks import Activation, Conditioned, Networks, Sizes, activation, ending

Widths = Annotated[Sizes, MinLen(1), doc("channels of the levels, each at half the sides of the one before")]
Blocks = Annotated[Sizes, MinLen(1), doc("residual blocks of each level")]
Hidden = Annotated[int, Ge(1), doc("width between the smallest level and z")]
Patch = Annotated[int, Ge(1), doc("side of the squares of values that the first level sees as one")]
Act = Annotated[Activation, doc("before every layer of a block")]


class Residual(nn.Module):
    """x + f(x), the last layer of f zero at first."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        for parameter in layers[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.layers(x)
        return x + change


class Encoder(nn.Module):
    """A picture through convolutions, then through a head that has the condition beside it, to q(z | x)."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, C, H, W) in [0, 1]."""
        return self.head(self.body(2 * x - 1), condition)


class ChannelsLast(nn.Module):
    """The same numbers in the order (B, H, W, C), which convolutions keep up: they run faster in it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)


def block(width: int, act: Activation) -> Residual:
    """Two 3x3 convolutions."""
    conv = [nn.Conv2d(width, width, 3, padding=1) for _ in range(2)]
    return Residual(activation(act), conv[0], activation(act), conv[1])


def dense(width: int, act: Activation) -> Residual:
    """The same of two linear layers."""
    return Residual(activation(act), nn.Linear(width, width), activation(act), nn.Linear(width, width))


def residual(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    *,
    widths: Widths = (32, 64),
    blocks: Blocks = (2, 2),
    encoder_widths: Annotated[Sizes, doc("the encoder's own widths; without, those of both")] = (),
    hidden: Hidden = 256,
    patch: Patch = 2,
    dropout: Annotated[float, Ge(0), Lt(1), doc("share of features hidden from the encoder's last layers in training")] = 0.0,
    activation: Act = "relu",
) -> Networks:
    """Encoder and decoder of residual convolutions, for events (channels, height, width).

    Torch's own initial weights make q(z | x) begin near N(0, I), at a rate of a tenth of a nat. Ones that keep the signal's
    scale (variance 1 / fan-in) threw the means far out: at latent 2 they took 600 steps to where these were after 160.
    """
    narrow = encoder_widths or widths
    for levels in (widths, narrow):
        small = smallest(event, levels, blocks, patch, "residual")
    q, p = posterior.features(space), likelihood.features(event)
    shrinking = down(event[0] * patch**2, narrow, blocks, activation)
    growing = up(p[0] * patch**2, widths, blocks, activation)
    ends = through(narrow[-1] * prod(small) + condition, hidden, prod(q), activation)
    starts = through(prod(posterior.embedded(space)) + condition, hidden, widths[-1] * prod(small), activation)
    body = nn.Sequential(nn.PixelUnshuffle(patch), ChannelsLast(), *shrinking, nn.Dropout(dropout))
    unflatten = nn.Unflatten(1, (widths[-1], *small)), ChannelsLast()
    decoder = Conditioned(*starts, *unflatten, *growing, nn.PixelShuffle(patch), likelihood)
    return Networks(Encoder(body, Conditioned(*ends, *ending(q, posterior))), decoder, space)


def down(channels: int, widths: Sequence[int], blocks: Sequence[int], act: Activation) -> list[nn.Module]:
    """Patches (B, channels, H, W) to the smallest level."""
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1)]
    for level, width in enumerate(widths):
        if level:
            layers.append(nn.Conv2d(widths[level - 1], width, 2, stride=2))
        layers += [block(width, act) for _ in range(blocks[level])]
    return [*layers, activation(act)]


def up(channels: int, widths: Sequence[int], blocks: Sequence[int], act: Activation) -> list[nn.Module]:
    """The smallest level to patches (B, channels, H, W)."""
    steps = [[nn.Conv2d(wide, 4 * narrow, 1), nn.PixelShuffle(2)] for narrow, wide in pairwise(widths)]
    layers: list[nn.Module] = []
    for level in reversed(range(len(widths))):
        layers += [block(widths[level], act) for _ in range(blocks[level])]
        layers += steps[level - 1] if level else []
    return [*layers, activation(act), nn.Conv2d(widths[0], channels, 3, padding=1)]


def through(before: int, hidden: int, after: int, act: Activation) -> list[nn.Module]:
    """Between the smallest level and z, either way."""
    return [nn.Linear(before, hidden), dense(hidden, act), activation(act), nn.Linear(hidden, after)]


def smallest(event: Shape, widths: Sequence[int], blocks: Sequence[int], patch: int, name: str) -> tuple[int, int]:
    """Height and width of the last level of the network of that name. GenaeError names what does not fit."""
    if len(event) != 3:
        raise GenaeError(f"network {name} is for events (channels, height, width), not {event}")
    if len(blocks) != len(widths):
        raise GenaeError(f"network.widths and network.blocks need one number a level, not {list(widths)} and {list(blocks)}")
    unit = patch << (len(widths) - 1)
    sides = event[1:]
    if odd := [side for side in sides if side % unit]:
        near = " or ".join(str(n) for n in (odd[0] // unit * unit, odd[0] // unit * unit + unit) if n)
        raise GenaeError(
            f"network {name} with patch {patch} and {len(widths)} levels needs sides that {unit} divides, such as {near}, "
            f"and this domain's events are {sides[0]} by {sides[1]}; change the domain's size, the patch or the levels"
        )
    return sides[0] // unit, sides[1] // unit
