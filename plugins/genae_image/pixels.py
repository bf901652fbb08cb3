"""Pixels of any depth, channels and size to those of a model: uint8, grey or colour, square."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import ImageColor
from torch import Tensor

from genae.data.examples import Array
from genae.errors import GenaeError

Colour = tuple[int, int, int]
Fit = Literal["crop", "pad", "stretch", "refuse"]
LUMA = (19595, 38470, 7471)  # of red, green, blue in 2^16: ITU-R 601, rounded as Pillow does


def to_bytes(values: Array) -> npt.NDArray[np.uint8]:
    """Whole numbers to 255, 16-bit ones, or fractions from 0 to 1, to uint8. GenaeError for a NaN or any other range."""
    if values.dtype == np.uint8 or not values.size:
        return values.astype(np.uint8, copy=False)
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind not in "uif":
        raise GenaeError(f"pixels are numbers, not {values.dtype}")
    low, high = float(values.min()), float(values.max())  # NaN if there is one
    if not np.isfinite([low, high]).all():
        raise GenaeError("holds NaN or infinite pixels")
    fractions, deep = values.dtype.kind == "f" and high <= 1, values.dtype == np.uint16 or high > 255
    if low < 0 or high > 65535:
        raise GenaeError(f"holds values from {low:g} to {high:g}; pixels are 0 to 255, 0 to 65535 or fractions 0 to 1")
    scale = 255.0 if fractions else 1 / 257 if deep else 1.0
    scaled: npt.NDArray[np.uint8] = np.rint(values.astype(np.float32) * np.float32(scale)).astype(np.uint8)
    return scaled


def colour_of(text: str) -> Colour:
    """`white`, `#ff8800`, `rgb(255, 136, 0)` or a grey from 0 to 255, to red, green and blue. ValueError for anything else."""
    if text.isdecimal() and int(text) <= 255:
        return (int(text),) * 3
    red, green, blue, *_ = ImageColor.getrgb(text)
    return red, green, blue


def to_channels(x: Tensor, wanted: int, background: Colour) -> Tensor:
    """x (N, C, H, W) uint8 to (N, wanted, H, W); with C 2 or 4 the last is alpha, composited on the background."""
    if x.shape[1] in (2, 4):
        if x.shape[1] == 2:
            x = torch.cat([x[:, :1].expand(-1, 3, -1, -1), x[:, 1:]], 1)
        alpha, ground = x[:, 3:].int(), torch.tensor(background, dtype=torch.int32)[:, None, None]
        x = ((x[:, :3].int() * alpha + ground * (255 - alpha) + 127) // 255).to(torch.uint8)
    if x.shape[1] == wanted:
        return x
    if wanted == 3:
        return x.expand(-1, 3, -1, -1)
    red, green, blue = x.int().unbind(1)
    grey = (red * LUMA[0] + green * LUMA[1] + blue * LUMA[2] + (1 << 15)) >> 16
    return grey.to(torch.uint8)[:, None]


def require_size(x: Tensor, size: int) -> None:
    """GenaeError unless x (N, C, H, W) is `size` pixels a side."""
    height, width = x.shape[2:]
    if (height, width) != (size, size):
        raise GenaeError(f"is {width}x{height} pixels, this model's images are {size}x{size}")


def to_size(x: Tensor, size: int, fit: Fit) -> Tensor:
    """x (N, C, H, W) uint8 to (N, C, size, size), anti-aliased."""
    height, width = x.shape[2:]
    if height == width == size:
        return x
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        x = x[:, :, top : top + side, left : left + side]
    longer = max(height, width)
    inner = [max(1, round(size * side / longer)) for side in (height, width)] if fit == "pad" else [size, size]
    x = F.interpolate(x.contiguous(), size=inner, mode="bicubic", antialias=True)
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    return F.pad(x, (left, size - inner[1] - left, top, size - inner[0] - top))
