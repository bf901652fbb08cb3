"""Pictures side by side and one after another. A picture is uint8, (H, W) grey or (H, W, 3) colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from genae.data.curve import Picture
from genae.errors import GenaeError
from genae.files import write_file

GROUND = 64  # grey between pictures: apart from both black and white
SUFFIXES = (".png", ".gif", ".jpg", ".webp")
SHOWN = 16  # pictures in a column
LEAST = 112  # pixels, the shorter side of an animation: browsers show them as they are


def mosaic(pictures: Sequence[Picture], columns: int, gap: int = 0) -> Picture:
    """Pictures of one shape, row by row, `gap` pixels between and around them when it is not 0."""
    height, width, *colours = _same_shape(pictures)
    rows = math.ceil(len(pictures) / columns)
    whole = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, *colours), GROUND, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        whole[top : top + height, left : left + width] = picture
    return whole


def grid(pictures: Sequence[Picture], columns: int | None = None, gap: int = 2) -> Image.Image:
    """In rows of `columns`, as near to a square number of them as can be when it is None."""
    return Image.fromarray(mosaic(pictures, columns or math.ceil(math.sqrt(len(pictures))), gap))


def column(pictures: Sequence[Picture], gap: int = 2) -> Image.Image:
    """One under the other, whatever their shapes, at most SHOWN of them; narrower ones on the same ground."""
    shown = [np.repeat(p[..., None], 3, 2) if p.ndim == 2 else p for p in pictures[:SHOWN]]
    high, wide = (max(p.shape[axis] for p in shown) for axis in (0, 1))
    filled = [np.pad(p, ((0, high - p.shape[0]), (0, wide - p.shape[1]), (0, 0)), constant_values=GROUND) for p in shown]
    return grid(filled, columns=1, gap=gap)


def strip(pictures: Sequence[Picture], gap: int = 2) -> Image.Image:
    """In one row."""
    return grid(pictures, columns=len(pictures), gap=gap)


def gif(pictures: Sequence[Picture], path: Path, milliseconds: int = 80, bounce: bool = False) -> Path:
    """One after another for ever, so long each; small ones enlarged; with `bounce` there and back again."""
    height, width, *_ = _same_shape(pictures)
    times = math.ceil(LEAST / min(height, width))
    frames = [Image.fromarray(p).resize((width * times, height * times), Image.Resampling.NEAREST) for p in pictures]
    frames += frames[-2:0:-1] if bounce else []
    return write_file(
        path,
        lambda temporary: frames[0].save(
            temporary, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0
        ),
    )


def save(image: Image.Image, path: Path) -> Path:
    """Whole or not at all, in the format of its suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise GenaeError(f"a picture is written as {', '.join(SUFFIXES)}, not as '{path.name}'")
    return write_file(path, image.save)


def _same_shape(pictures: Sequence[Picture]) -> tuple[int, ...]:
    """The shape of all. GenaeError when there are none, when they differ, and for what is no picture."""
    if not pictures:
        raise GenaeError("there are no pictures to show")
    for picture in pictures:
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (3,)):
            raise GenaeError(f"a picture is uint8 (H, W) or (H, W, 3), not {picture.dtype} {picture.shape}")
    shapes: set[tuple[int, ...]] = {picture.shape for picture in pictures}
    if len(shapes) > 1:
        raise GenaeError(f"pictures shown together must have one shape, not {' and '.join(map(str, sorted(shapes)))}")
    return shapes.pop()
