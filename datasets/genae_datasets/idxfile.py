"""One IDX file, plain or gzipped, to an array: the format of MNIST. http://yann.lecun.com/exdb/mnist

    bytes 0–3    magic, big-endian: 0x00000801 labels (N,), 0x00000803 images (N, height, width); unsigned bytes both
    then         one big-endian 32-bit number per dimension
    then         the bytes, last dimension fastest

The header is never believed: memory is taken for bytes that are there, and every count must agree with them.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
import numpy.typing as npt

from genae.data.examples import File
from genae.errors import GenaeError

LABELS, IMAGES = 1, 3  # dimensions, the last byte of the magic
KINDS = {LABELS: "labels", IMAGES: "images"}
LARGEST = 1 << 31  # bytes that a file may unpack to; the largest set in use, EMNIST's, has 2^29
BLOCK = 1 << 20

Array = npt.NDArray[np.uint8]


def read_images(file: File) -> Array:
    """uint8 (N, height, width). GenaeError if it is not an IDX file of images, whole and as long as its header says."""
    images = _read(file, IMAGES)
    if 0 in images.shape[1:]:
        raise GenaeError(f"{file.name}: its images are {images.shape[1]}x{images.shape[2]} pixels")
    return images


def read_labels(file: File) -> Array:
    """uint8 (N,). GenaeError if it is not an IDX file of labels, whole and as long as its header says."""
    return _read(file, LABELS)


def _read(file: File, dims: int) -> Array:
    with _opened(file) as stream:
        _check_magic(stream.read(4), dims, file.name)
        sizes = stream.read(4 * dims)
        if len(sizes) < 4 * dims:
            raise GenaeError(f"{file.name}: ends within the IDX header, after {4 + len(sizes)} of {4 + 4 * dims} bytes")
        shape = struct.unpack(f">{dims}I", sizes)
        content = _content(stream, shape, file.name)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _check_magic(magic: bytes, dims: int, name: str) -> None:
    """GenaeError unless it is the one for so many dimensions."""
    wanted = bytes((0, 0, 8, dims))
    if magic == wanted:
        return
    known = {bytes((0, 0, 8, other)): f" ({kind})" for other, kind in KINDS.items()}
    found = f"it starts with 0x{magic.hex()}{known.get(magic, '')}, not 0x{wanted.hex()}" if magic else "it is empty"
    raise GenaeError(f"{name}: not an IDX file of {KINDS[dims]}: {found}")


def _content(stream: IO[bytes] | gzip.GzipFile, shape: tuple[int, ...], name: str) -> bytearray:
    """Exactly the bytes that the header promises, taken block by block."""
    promised, sizes = math.prod(shape), " x ".join(map(str, shape))
    if math.prod(max(1, size) for size in shape) > LARGEST:
        raise GenaeError(f"{name}: the header promises {sizes} bytes, more than the {LARGEST} that are taken")
    content = bytearray()
    while len(content) < promised and (block := stream.read(min(BLOCK, promised - len(content)))):
        content += block
    if len(content) < promised:
        raise GenaeError(f"{name}: cut short: the header promises {sizes} = {promised} bytes, {len(content)} are there")
    if stream.read(1):  # this also reads a gzip to its end, where its checksum is
        raise GenaeError(f"{name}: too long: the header promises {sizes} = {promised} bytes, more are there")
    return content


@contextmanager
def _opened(file: File) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A stream of the unpacked bytes. What the disk, the gzip or the zip refuses becomes a GenaeError, also while reading."""
    try:
        with _raw(file) as raw:
            packed = raw.read(2) == b"\x1f\x8b"  # not by name: servers and browsers unpack, and keep the name
            raw.seek(0)
            if not packed:
                yield raw
                return
            with gzip.open(raw) as unpacked:
                yield unpacked
    except EOFError as error:
        raise GenaeError(f"{file.name}: the gzip is cut short; get the file again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise GenaeError(f"{file.name}: the gzip is damaged ({error}); get the file again") from error
    except FileNotFoundError as error:
        raise GenaeError(f"{file.name}: no such file") from error
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise GenaeError(f"{file.name}: cannot be read ({error})") from error


@contextmanager
def _raw(file: File) -> Iterator[IO[bytes]]:
    if file.content is not None:
        yield io.BytesIO(file.content)
    elif file.member:
        with zipfile.ZipFile(file.path) as archive, archive.open(file.member) as member:
            yield member
    else:
        with file.open() as plain:
            yield plain
