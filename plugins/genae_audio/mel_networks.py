r"""A residual network of convolutions for spectrograms (C, mels, frames), of any two sides.

    x → 2x − 1 → patches to channels → 3x3 → (residual blocks → 2x2, stride 2)… → flat → linear → residual → q(z | x)
    z → linear → residual → (residual blocks → 1x1 → channels to 2x2 cells)… → 3x3 → channels to patches → p(x | z)

Flat at the smallest level, so that bands keep their place: a formant is not the same thing an octave higher. A block is
x + conv(act(conv(act(x)))), its last convolution zero at first (https://arxiv.org/abs/1901.09321); examples do not mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from genae.domain import Shape
from genae.errors import GenaeError
from genae.networks import Conditioned, activation


class Residual(nn.Module):
    """x + f(x), the last layer of f zero at first."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        for parameter in layers[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)  # type: ignore[no-any-return]


class ChannelsLast(nn.Module):
    """The same numbers in the order (B, H, W, C), in which convolutions run faster."""

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)


class Encoder(nn.Module):
    """A spectrogram through convolutions; then flat, with the condition beside it, to q(z | x)."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Any:
        """x (B, C, mels, frames), levels in [0, 1]."""
        return self.head(self.body(2 * x - 1), condition)


def conv(
    event: Shape,
    latent: int,
    posterior: Any,
    likelihood: Any,
    condition: int = 0,
    *,
    widths: Sequence[int] = (48, 96),
    blocks: Sequence[int] = (1, 1),
    hidden: int = 256,
    patch: int = 4,
    dropout: float = 0.0,
    activation: str = "silu",
) -> tuple[nn.Module, nn.Module]:
    """`widths` and `blocks` of every level, each half as high and wide as the one before; the first sees patches as cells.

    `dropout` is the share of whole features that the encoder's flat layers do not see while training.
    """
    small = _smallest(event, widths, blocks, hidden, patch)
    if not 0 <= dropout < 1:
        raise GenaeError(f"network.dropout must be at least 0 and below 1, not {dropout}")
    (q,), p = posterior.features((latent,)), likelihood.features(event)
    flat = widths[-1] * prod(small)
    down = _down(event[0] * patch**2, widths, blocks, activation)
    up = _up(p[0] * patch**2, widths, blocks, activation)
    encoder = Encoder(
        nn.Sequential(nn.PixelUnshuffle(patch), ChannelsLast(), *down, nn.Dropout(dropout)),
        Conditioned(*_through(flat + condition, hidden, q, activation), posterior),
    )
    decoder = Conditioned(
        *_through(latent + condition, hidden, flat, activation),
        nn.Unflatten(1, (widths[-1], *small)), ChannelsLast(), *up, nn.PixelShuffle(patch), likelihood,
    )  # fmt: skip
    return encoder, decoder


def _block(width: int, act: str) -> Residual:
    layers = [nn.Conv2d(width, width, 3, padding=1) for _ in range(2)]
    return Residual(activation(act), layers[0], activation(act), layers[1])


def _down(channels: int, widths: Sequence[int], blocks: Sequence[int], act: str) -> list[nn.Module]:
    """Patches (B, channels, H, W) to the smallest level."""
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1)]
    for level, width in enumerate(widths):
        if level:
            layers.append(nn.Conv2d(widths[level - 1], width, 2, stride=2))
        layers += [_block(width, act) for _ in range(blocks[level])]
    return [*layers, activation(act)]


def _up(channels: int, widths: Sequence[int], blocks: Sequence[int], act: str) -> list[nn.Module]:
    """The smallest level to patches (B, channels, H, W)."""
    steps = [[nn.Conv2d(wide, 4 * narrow, 1), nn.PixelShuffle(2)] for narrow, wide in pairwise(widths)]
    layers: list[nn.Module] = []
    for level in reversed(range(len(widths))):
        layers += [_block(widths[level], act) for _ in range(blocks[level])]
        layers += steps[level - 1] if level else []
    return [*layers, activation(act), nn.Conv2d(widths[0], channels, 3, padding=1)]


def _through(before: int, hidden: int, after: int, act: str) -> list[nn.Module]:
    """Between the smallest level and z, either way."""
    inner = Residual(activation(act), nn.Linear(hidden, hidden), activation(act), nn.Linear(hidden, hidden))
    return [nn.Linear(before, hidden), inner, activation(act), nn.Linear(hidden, after)]


def _smallest(event: Shape, widths: Sequence[int], blocks: Sequence[int], hidden: int, patch: int) -> tuple[int, int]:
    """Height and width of the last level. GenaeError names what does not fit."""
    if len(event) != 3:
        raise GenaeError(f"network spectrogram-conv is for events (channels, mels, frames), not {event}")
    if not widths or len(blocks) != len(widths) or min(*widths, *blocks, hidden, patch) < 1:
        raise GenaeError(
            f"network.widths and network.blocks need one number of at least 1 a level, and hidden and patch too, "
            f"not {list(widths)}, {list(blocks)}, {hidden} and {patch}"
        )
    unit = patch << (len(widths) - 1)
    if event[1] % unit or event[2] % unit:
        raise GenaeError(
            f"network spectrogram-conv with patch {patch} and {len(widths)} levels needs mels and frames that {unit} divides, "
            f"not {event[1]} and {event[2]}; set domain.mels={max(unit, event[1] // unit * unit)}, or fewer levels"
        )
    return event[1] // unit, event[2] // unit
