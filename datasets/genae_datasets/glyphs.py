r"""Digits and letters of 21 typefaces, 28 × 28 and grey, drawn on the spot: data for a first run without any download.

Every character is kept as a signed distance d from its outline, positive inside, which bears being moved and made bolder:

    ink(p) = clip(1/2 + (s d(A p + t) + w) / r, 0, 1)

A rotates, shears and scales by s = |det A|^(-1/2); w is how far the outline moves outwards, r how wide the edge is, in pixels.
So one look-up draws an anti-aliased glyph of any slant, size and weight. https://dl.acm.org/doi/10.1145/1281500.1281665
All of the drawing is in integers: a seed gives the same bits with every processor and number of threads, as long as FreeType
gives the same outlines.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from genae.data.examples import Split
from genae.data.kept import code_of, once
from genae.errors import GenaeError, unknown

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

CLASSES = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)
SIZES = {"train": 20_000, "valid": 1_000, "test": 2_000}
FONTS = (  # of those that matplotlib ships; its display, size and symbol fonts lack characters
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10"),
)
SIDE = 28  # pixels
BOX = 20  # pixels, the longer side of a character, as in MNIST
SMALL = frozenset("cosuvwxz")  # alike in both cases: drawn at 3/4, as they stand in text, or none could tell o from O
FINE = 4  # texels per pixel of the distance field
REACH = 8  # texels to which distances are known: two pixels, more than any weight or softness asks for
BITS = 6  # after the binary point of a distance or a position, in texels
CHUNK = 256  # images drawn at a time, so that the work stays in the processor's cache

Array = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Glyphs:
    """The data set. Another seed gives other drawings of the same characters."""

    seed: int = 0
    name: str = "glyphs"
    domain: str = "image"
    about: str = f"{sum(SIZES.values())} digits and letters of {len(FONTS)} typefaces, 28x28 grey, {len(CLASSES)} classes"
    home: str = "https://matplotlib.org"
    licence: str = "of the fonts, as they ship with matplotlib: DejaVu (Bitstream Vera), STIX, BaKoMa (Computer Modern)"

    def split(self, name: str) -> Split:
        """`array` (N, 28, 28) uint8, white on black; `labels` (N,), whose classes differ in number by one at most."""
        if name not in SIZES:
            raise unknown("split", name, SIZES)
        rng = np.random.default_rng((self.seed, list(SIZES).index(name)))
        labels = rng.permutation(np.arange(SIZES[name]) % len(CLASSES))
        return Split(array=draw(labels, rng), labels=labels, classes=CLASSES)


glyphs = Glyphs()


# -- drawing ----------------------------------------------------------------------------------------------------------


class Hand(NamedTuple):
    """How each of n characters is drawn, in fixed point."""

    matrix: Array  # (n, 2, 2) int32, half pixels to texels, 16 bits after the point
    shift: Array  # (n, 2) int32, texels, likewise
    gain: Array  # (n,) int32, texels to ink, 8 bits after the point
    bias: Array  # (n,) int32, ink, 8 + 2 BITS bits after the point


def draw(labels: Array, rng: np.random.Generator) -> Array:
    """Characters, as indices (N,) into CLASSES, to images (N, 28, 28) uint8, each in a font and a hand of its own."""
    fields = distances()
    which = rng.integers(len(FONTS), size=len(labels)) * len(CLASSES) + labels
    hand = hands(rng, len(labels))
    images = np.empty((len(labels), SIDE, SIDE), np.uint8)
    for start in range(0, len(labels), CHUNK):
        part = slice(start, start + CHUNK)
        images[part] = _ink(fields, which[part], Hand(*(values[part] for values in hand)))
    return images


def hands(rng: np.random.Generator, n: int) -> Hand:
    """n random hands: slant, size, place and weight."""
    angle, shear = rng.uniform(-0.2, 0.2, n), rng.uniform(-0.25, 0.25, n)  # radians, about 11 degrees
    width, height = np.exp(rng.uniform(-0.13, 0.13, (2, n)))  # 0.88 to 1.14 of BOX
    place = rng.uniform(-1.25, 1.25, (n, 2))  # pixels
    weight, edge = rng.uniform(-0.15, 0.6, n), rng.uniform(1.0, 1.6, n)  # w and r, pixels
    cos, sin = np.cos(angle), np.sin(angle)
    rows = (cos - shear * sin) / width, (sin + shear * cos) / width, -sin / height, cos / height
    matrix = np.stack(rows, -1).reshape(n, 2, 2)  # A
    shift = (SIDE * FINE - 1) / 2 - FINE * (matrix * place[:, None]).sum(-1)  # t
    gain = 255 * np.sqrt(width * height) / (FINE * edge)
    bias = 255 * (0.5 + weight / edge) + 0.5  # the last half rounds
    fixed = matrix * FINE / 2 * 2**16, shift * 2**16, gain * 2**8, bias * 2 ** (8 + 2 * BITS)
    return Hand(*(np.rint(values).astype(np.int32) for values in fixed))


def _ink(fields: Array, which: Array, hand: Hand) -> Array:
    """Characters (n,) of the fields in their hands to images (n, 28, 28) uint8."""
    at = 2 * np.arange(SIDE, dtype=np.int32) - (SIDE - 1)  # half pixels from the centre
    x, y = (
        ((m[:, 0, None] * at)[:, None, :] + ((m[:, 1, None] * at) + t[:, None])[:, :, None]) >> (16 - BITS)
        for m, t in zip(hand.matrix.swapaxes(0, 1), hand.shift.T, strict=True)
    )  # (n, 28, 28), texels with BITS bits
    distance = _between(fields, which, x, y)  # texels with 2 BITS bits
    ink = (distance * hand.gain[:, None, None] + hand.bias[:, None, None]) >> (8 + 2 * BITS)
    return ink.clip(0, 255).astype(np.uint8)


def _between(fields: Array, which: Array, x: Array, y: Array) -> Array:
    """Bilinear look-up at (x, y), each (n, 28, 28); beyond the border the border goes on."""
    size, one = fields.shape[-1], 1 << BITS
    x, y = (v.clip(0, ((size - 1) << BITS) - 1) for v in (x, y))
    first = (which.astype(np.int32)[:, None, None] * size + (y >> BITS)) * size + (x >> BITS)
    flat, across, down = fields.reshape(-1), x & (one - 1), y & (one - 1)
    upper, lower = (flat.take(first + row) * (one - across) + flat.take(first + row + 1) * across for row in (0, size))
    between: Array = (upper * (one - down) + lower * down) >> BITS
    return between


# -- characters -------------------------------------------------------------------------------------------------------


@cache
def distances() -> Array:
    """Signed distances (fonts × classes, 112, 112) int16 from the outlines, positive inside, in texels with BITS bits."""
    key = "-".join(["glyphs", code_of(Glyphs), *(version(name) for name in ("matplotlib", "pillow"))])
    return once(key, lambda: torch.from_numpy(_distances())).numpy()


def _distances() -> Array:
    return np.concatenate([signed_distance(np.stack([_mask(font, c) for c in CLASSES])) for font in _fonts()])


def _fonts() -> list[FreeTypeFont]:
    import matplotlib
    from PIL import ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    try:  # the basic layout is there in every Pillow and does the same in each
        return [ImageFont.truetype(str(folder / f"{f}.ttf"), 8 * BOX, layout_engine=ImageFont.Layout.BASIC) for f in FONTS]
    except OSError as error:
        raise GenaeError(f"glyphs needs the fonts in {folder}, which ship with matplotlib ({error}); reinstall it") from error


def _mask(font: FreeTypeFont, character: str) -> Mask:
    """One character, centred and BOX pixels along its longer side, as (112, 112) at FINE texels per pixel."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = map(int, font.getbbox(character))
    drawn = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(drawn).text((-left, -top), character, fill=255, font=font)
    longer = BOX * FINE * (3 if character in SMALL else 4) / 4 / max(drawn.size)
    width, height = (max(1, round(side * longer)) for side in drawn.size)
    canvas = Image.new("L", (SIDE * FINE, SIDE * FINE))
    corner = (canvas.width - width) // 2, (canvas.height - height) // 2
    canvas.paste(drawn.resize((width, height), Image.Resampling.BOX), corner)
    return np.asarray(canvas, np.uint8) > 127


def signed_distance(inside: Mask) -> Array:
    """Masks (n, H, W) to distances from the outline, int16 with BITS bits, positive inside, at most REACH."""
    root = np.rint((np.sqrt(np.arange(REACH**2 + 1)) - 0.5) * 2**BITS).astype(np.int16)  # the outline runs between centres
    signed: Array = np.where(inside, root[_squared(~inside)], -root[_squared(inside)])
    return signed


def _squared(target: Mask) -> Array:
    """Squared distance (n, H, W) uint8 of every texel to the nearest one of `target`, capped at REACH²: exact, by axes."""
    near = np.where(target, 0, REACH**2).astype(np.uint8)
    for axis in (1, 2):
        before = near.swapaxes(axis, 1)
        after = before.copy()
        for step in range(1, REACH):
            np.minimum(after[:, step:], before[:, :-step] + step**2, out=after[:, step:])
            np.minimum(after[:, :-step], before[:, step:] + step**2, out=after[:, :-step])
        near = after.swapaxes(axis, 1)
    return near
