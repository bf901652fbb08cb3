"""Bytes and what kind they are, as browsers know them: https://www.iana.org/assignments/media-types."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from mimetypes import MimeTypes
from pathlib import Path

from PIL import Image

from genae.data.curve import Picture

UNKNOWN = "application/octet-stream"
_TYPES = MimeTypes()  # those that Python brings: a system's own differ from one to the next


def media_type(name: str) -> str:
    """Of a file, by its name."""
    return _TYPES.guess_type(name, strict=False)[0] or UNKNOWN


PNG = media_type("a.png")


def png(picture: Picture) -> bytes:
    """(H, W) or (H, W, 3) uint8, packed quickly rather than well."""
    stream = BytesIO()
    Image.fromarray(picture).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def contents(files: Iterable[Path]) -> dict[str, bytes]:
    """Files by their media type; of one type the last."""
    return {media_type(path.name): path.read_bytes() for path in files}
