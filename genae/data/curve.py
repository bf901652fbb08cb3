"""Plain numbers as a picture: what a domain without pictures of its own shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from torch import Tensor

CURVE = (64, 128)  # height and width, pixels
Picture = npt.NDArray[np.uint8]  # (H, W), or (H, W, 3)

FINE = 4  # a curve is drawn so many times as large and scaled down, which makes it smooth


def curve(example: Tensor) -> Picture:
    """A series (T,), or several (C, T), to light lines on black (64, 128), from its least value to its largest."""
    values = example.detach().double().cpu().nan_to_num().numpy()
    series = values.reshape(-1, values.shape[-1] if values.ndim else 1)  # (C, T)
    if series.shape[1] == 1:
        series = np.repeat(series, 2, axis=1)  # a single value is a level line
    height, width = (side * FINE for side in CURVE)
    low, high = series.min(), series.max()
    unit = (series - low) / (high - low) if high > low else np.full_like(series, 0.5)
    at = np.linspace(FINE, width - 1 - FINE, series.shape[1])
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(unit):
        heights = (1 - line) * (height - 1 - 4 * FINE) + 2 * FINE  # high values at the top
        light = 255 - 155 * number // len(unit)
        draw.line(list(zip(at.tolist(), heights.tolist(), strict=True)), fill=light, width=FINE + FINE // 2, joint="curve")
    return np.asarray(image.reduce(FINE)).copy()
