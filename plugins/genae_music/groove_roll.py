r"""A groove as drummers read it: a lane for each drum, what is struck harder is darker, what is early is further left.

x(hit) = left + s · (step − offset / 2)        s pixels a step, as in `roll`; a hit is three quarters of a step wide
"""

from __future__ import annotations

import numpy as np

from genae.data.curve import Picture
from genae_music.groove import Hits
from genae_music.roll import COLOURS, LEFT, PAPER, ground, lanes_of, step_width
from genae_music.score import LOUDEST

KIT = "reduced"
WIDE = 0.75  # steps
FAINTEST = 0.2  # of the colour, of the softest hit


def picture(of: Hits, steps: int, steps_per_bar: int) -> Picture:
    """Hits (N,) of so many steps to their roll (H, W, 3), uint8."""
    image, lanes = ground(False, KIT, steps, steps_per_bar).copy(), lanes_of(False, KIT).names[::-1]
    wide, colour = step_width(steps), np.array(COLOURS["drums"], np.float64)
    left = np.round(wide * (of.step - of.early / 2)).astype(np.int64).clip(0, wide * steps - 1) + LEFT[True]
    share = (FAINTEST + (1 - FAINTEST) * of.velocity / LOUDEST)[:, None]
    shade = np.round(share * colour + (1 - share) * PAPER).astype(np.uint8)
    for kind, x, own in zip(of.kind.tolist(), left.tolist(), shade, strict=True):
        _, y, height = lanes[kind]
        image[y + 1 : y + height - 1, x : x + max(1, round(WIDE * wide))] = own
    return image
