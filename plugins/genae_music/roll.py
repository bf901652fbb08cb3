from __future__ import annotations

import numpy as np

from genae_music import drums, melody, trio


def picture(tokens, kind, steps_per_bar):
    steps = tokens.shape[1] if kind == "trio" else len(tokens)
    image = np.full((88 + 27, steps, 3), 20, np.uint8)
    image[:, ::steps_per_bar] = 60
    if kind == "drums":
        labels = tokens if tokens.ndim == 1 else tokens[:, :9] @ (1 << np.arange(9))
        parts = [("d", drums.notes(labels))]
    elif kind == "trio":
        parts = list(zip("mbd", trio.notes(tokens), strict=True))
    else:
        parts = [("m", melody.notes(tokens))]
    colours = {"m": (255, 200, 80), "b": (90, 170, 255), "d": (250, 90, 90)}
    for name, (on, off, pitch) in parts:
        for a, b, p in zip(on, off, pitch, strict=True):
            row = 88 + 3 * list(drums.REDUCED).index(next(k for k in drums.REDUCED if k[0] == p)) if name == "d" else 108 - p
            image[row : row + (3 if name == "d" else 1), a:b] = colours[name]
    return image.repeat(3, 0).repeat(6, 1)
