"""The IDX reader: http://yann.lecun.com/exdb/mnist, "the IDX file format"."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genae.data.examples import File
from genae.errors import GenaeError
from genae_datasets.idxfile import LARGEST, read_images, read_labels

TWO = bytes.fromhex("00000803 00000002 00000002 00000003") + bytes(range(12))  # two images, 2 high and 3 wide


def in_memory(content: bytes) -> File:
    return File(Path("x-idx3-ubyte"), content=content)


def test_the_format_by_hand() -> None:
    images = read_images(in_memory(TWO))
    assert images.dtype == np.uint8
    assert images.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert read_labels(in_memory(bytes.fromhex("00000801 00000003 070009"))).tolist() == [7, 0, 9]


def test_arrays_can_be_written_to() -> None:  # torch.from_numpy warns of those that cannot
    assert read_images(in_memory(TWO)).flags.writeable


@pytest.mark.parametrize("packed", [False, True])
def test_from_disk_and_from_a_zip(tmp_path: Path, packed: bool) -> None:
    plain = tmp_path / "x-idx3-ubyte"
    plain.write_bytes(gzip.compress(TWO, mtime=0) if packed else TWO)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "inside/x-idx3-ubyte")
    for file in (File(plain), File(tmp_path / "x.zip", "inside/x-idx3-ubyte")):
        assert read_images(file).sum() == 66


@given(
    shape=st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 99),
    packed=st.booleans(),
)
def test_round_trip(shape: tuple[int, int, int], seed: int, packed: bool) -> None:
    images = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    content = struct.pack(">4I", 0x803, *shape) + images.tobytes()
    assert np.array_equal(read_images(in_memory(gzip.compress(content, mtime=0) if packed else content)), images)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "it is empty"),
        (b"\0\0", "it starts with 0x0000, not 0x00000803"),
        (TWO.replace(b"\x08\x03", b"\x08\x01", 1), r"it starts with 0x00000801 \(labels\), not 0x00000803"),
        (TWO[:14], "ends within the IDX header, after 14 of 16 bytes"),
        (TWO[:-1], "cut short: the header promises 2 x 2 x 3 = 12 bytes, 11 are there"),
        (TWO + b"\0", "too long: the header promises 2 x 2 x 3 = 12 bytes, more are there"),
        (gzip.compress(TWO, mtime=0)[:-12], "the gzip is cut short"),
        (gzip.compress(TWO, mtime=0)[:-8] + bytes(8), "the gzip is damaged"),
        (gzip.compress(TWO[:-1], mtime=0), "11 are there"),
        (gzip.compress(TWO + b"\0", mtime=0), "too long"),
        (struct.pack(">4I", 0x803, 0, 2**32 - 1, 2**32 - 1), f"more than the {LARGEST} that are taken"),
        (struct.pack(">4I", 0x803, 3, 0, 28), "its images are 0x28 pixels"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(GenaeError, match=message) as caught:
        read_images(in_memory(content))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("x-idx3-ubyte: ")


def test_a_lying_header_takes_no_memory() -> None:
    content = struct.pack(">4I", 0x803, 2**20, 32, 32) + bytes(100)  # promises a gigabyte
    for lie in (content, gzip.compress(content, mtime=0)):
        tracemalloc.start()
        with pytest.raises(GenaeError, match="100 are there"):
            read_images(in_memory(lie))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 << 20


def test_a_gzip_bomb_is_read_no_further_than_its_header_says() -> None:
    bomb = gzip.compress(TWO + bytes(64 << 20), mtime=0)
    tracemalloc.start()
    with pytest.raises(GenaeError, match="too long"):
        read_images(in_memory(bomb))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_missing_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(GenaeError, match="no such file"):
        read_images(File(tmp_path / "none-idx3-ubyte"))
    with pytest.raises(GenaeError, match="cannot be read"):
        read_images(File(tmp_path))


@given(
    start=st.sampled_from(
        [b"", TWO[:4], TWO[:16], b"\0\0\x08\x01", gzip.compress(TWO, mtime=0), gzip.compress(TWO, mtime=0)[:20]]
    ),
    rest=st.binary(max_size=60),
)
def test_any_bytes_are_read_or_refused_with_a_line(start: bytes, rest: bytes) -> None:
    for read, dims in ((read_images, 3), (read_labels, 1)):
        told = ""
        try:
            assert read(in_memory(start + rest)).ndim == dims
        except GenaeError as error:
            told = str(error)
        assert "\n" not in told
