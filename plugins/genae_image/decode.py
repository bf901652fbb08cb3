"""Any file that Pillow reads to pixels, or Rejected with the reason in one line.

Left out are the formats that start other programs (EPS by Ghostscript) or hold no pictures of their own (PDF, MPEG, HDF5).
A picture's size is in its header, and bounded before it is decoded; of large ones one is decoded at a time and made smaller
at once, so that reading needs less than a GiB whatever a file says.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from genae.data.examples import Array, File
from genae.errors import Rejected

FORMATS: Mapping[str, str] = {  # suffix to Pillow's name for the format
    ".png": "PNG", ".apng": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".mpo": "JPEG",
    ".gif": "GIF", ".webp": "WEBP", ".avif": "AVIF", ".bmp": "BMP", ".dib": "DIB", ".tif": "TIFF", ".tiff": "TIFF",
    ".jp2": "JPEG2000", ".j2k": "JPEG2000", ".jpx": "JPEG2000", ".pbm": "PPM", ".pgm": "PPM", ".ppm": "PPM", ".pnm": "PPM",
    ".pfm": "PPM", ".tga": "TGA", ".ico": "ICO", ".cur": "CUR", ".pcx": "PCX", ".psd": "PSD", ".qoi": "QOI", ".dds": "DDS",
    ".sgi": "SGI", ".ras": "SUN", ".icns": "ICNS", ".xbm": "XBM", ".xpm": "XPM",
}  # fmt: skip
PIXELS = 3 << 24  # decoded, 4 bytes each: a larger picture is taken for a decompression bomb; a page of A4 at 600 dpi has 35M
PHOTOGRAPH = 1 << 28  # of a JPEG that need not be decoded at its full size; cameras end below
LARGE = 1 << 22  # pixels
DEEP = ("PNG", "PPM")  # formats whose greys of 16 bits some versions of Pillow give as ones of 32

logging.getLogger("PIL").addHandler(logging.NullHandler())  # or its errors would be printed beside our one line

_lock = threading.Lock()
_one = threading.Lock()  # large picture at a time
_silence = ExitStack()
_inside = 0


def decode(file: File, least: int = 0) -> Array:
    """One file to (H, W), or (H, W, C) with C 3 or 4, uint8, uint16 or float32; of an animation the first frame.

    A large picture is given at a fraction of its size, no side of it shorter than 2·`least` pixels; 0 for its full size.
    """
    content = file.read()
    if not content:
        raise Rejected(f"{file.name}: is empty (0 bytes)")
    try:
        with _quiet(), Image.open(BytesIO(content), formats=_readable()) as image:
            _require_bounded(image, least)
            with _one if image.width * image.height > LARGE else nullcontext():
                return _pixels(_smaller(ImageOps.exif_transpose(image), least), image.format in DEEP)
    except UnidentifiedImageError as error:
        raise Rejected(f"{file.name}: not an image that Pillow can read") from error
    except Image.DecompressionBombError as error:
        raise Rejected(f"{file.name}: too large, taken for a decompression bomb (more than {PIXELS} pixels)") from error
    except Exception as error:  # what a decoder raises on damaged bytes is of any kind: IndexError, struct.error, …
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Rejected(f"{file.name}: damaged or not supported ({reason})") from error


@cache
def _readable() -> list[str]:
    """The formats above that this Pillow was built with."""
    Image.init()
    return sorted({name for name in FORMATS.values() if name in Image.OPEN})


def _require_bounded(image: Image.Image, least: int) -> None:
    """DecompressionBombError for too many pixels; a JPEG is set to be decoded at up to an eighth of its size.

    The coefficients of a progressive one are held whole in any case.
    """
    if least and not image.info.get("progressive") and image.width * image.height <= PHOTOGRAPH:
        image.draft(None, (2 * least, 2 * least))  # up to 8 times as fast
    if image.width * image.height > PIXELS:
        raise Image.DecompressionBombError


def _smaller(image: Image.Image, least: int) -> Image.Image:
    """A large picture at a whole fraction of its size, means of blocks; any other as it is."""
    factor = min(image.size) // (2 * least) if least and image.width * image.height > LARGE else 1
    if factor < 2:
        return image
    wide = "I" if image.mode.startswith("I;16") else image.mode if image.mode in ("I", "F") else _mode(image)
    return image.convert(wide).reduce(factor)


def _pixels(image: Image.Image, deep: bool) -> Array:
    """Any mode to grey, colour, colour with alpha, or the deep greys of 16 bits and more."""
    if image.mode.startswith("I;16") or image.mode == "F":
        return np.array(image)
    if image.mode == "I":  # 32 bits wide, but mostly holding greys of 8 or 16
        values = np.array(image).clip(0)
        most = values.max(initial=0)
        return (values if most < 1 << 16 else values >> 15).astype(np.uint16 if deep or most > 255 else np.uint8)
    return np.array(image.convert(_mode(image)))


def _mode(image: Image.Image) -> str:
    """Of 8 bits a channel: RGBA, L or RGB."""
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings while any thread is inside: `catch_warnings` on its own loses its place between threads."""
    global _inside
    with _lock:
        if not _inside:
            _silence.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _silence.close()
