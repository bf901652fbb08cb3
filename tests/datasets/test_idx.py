"""MNIST, its kin, and a user's own IDX files."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genae.data.opening import open_data
from genae.errors import GenaeError
from genae_datasets.idx import FILES, Official, fashion_mnist, kmnist, mnist
from genae_datasets.idxfolder import claim


def images_of(n: int, value: int = 0) -> bytes:
    """n images of 2 x 2 pixels; the first pixel of the i-th is i."""
    pixels = np.full((n, 2, 2), value, np.uint8)
    pixels[:, 0, 0] = np.arange(n)
    return struct.pack(">4I", 0x803, n, 2, 2) + pixels.tobytes()


def labels_of(n: int) -> bytes:
    return struct.pack(">2I", 0x801, n) + bytes(i % 3 for i in range(n))


def fill(folder: Path, train: int = 90, test: int = 7) -> Path:
    """The four files; names and gzip as they are met."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images_of(train)))
    (folder / "train-labels.idx1-ubyte").write_bytes(labels_of(train))
    (folder / "t10k-images.idx3-ubyte").write_bytes(images_of(test))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(gzip.compress(labels_of(test)))  # unpacked by name, not in truth
    return folder


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Empty $GENAE_DATA and cache."""
    monkeypatch.setenv("GENAE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data", tmp_path / "cache" / "data"


# -- official sets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [0, 1])
def test_found_in_genae_data_and_in_the_cache(places: tuple[Path, Path], where: int) -> None:
    fill(places[where] / "mnist")
    train, valid, test = (mnist.split(name) for name in ("train", "valid", "test"))
    assert train.array is not None
    assert train.array[:, 0, 0].tolist() == list(range(87))
    assert valid.array is not None
    assert valid.array[:, 0, 0].tolist() == [87, 88, 89]  # the last thirtieth
    assert valid.labels is not None
    assert valid.labels.tolist() == [0, 1, 2]
    assert test.array is not None
    assert len(test.array) == 7
    assert train.classes == tuple("0123456789")


def test_genae_data_comes_first(places: tuple[Path, Path]) -> None:
    fill(places[0] / "kmnist", train=30)
    fill(places[1] / "kmnist", train=60)
    array = kmnist.split("train").array
    assert array is not None
    assert len(array) == 29


@pytest.mark.parametrize("dataset", [mnist, fashion_mnist, kmnist], ids=lambda d: d.name)
def test_absent_says_where_it_looked_and_how_to_get_it(places: tuple[Path, Path], dataset: Official) -> None:
    with pytest.raises(GenaeError) as caught:
        dataset.split("test")
    for part in (str(places[0] / dataset.name), str(places[1] / dataset.name), f"genae data get {dataset.name}"):
        assert part in str(caught.value)


@pytest.mark.parametrize("dataset", [mnist, fashion_mnist, kmnist], ids=lambda d: d.name)
def test_what_a_set_says_of_itself(dataset: Official) -> None:
    assert len(dataset.classes) == 10
    assert dataset.home.startswith("http")
    assert dataset.licence
    assert [d.file for d in dataset.downloads] == list(FILES)
    for download in dataset.downloads:
        assert download.checksum.startswith("md5:")
        assert len(bytes.fromhex(download.checksum[4:])) == 16
        assert all(url.endswith("/" + download.file) for url in download.urls)


def test_labels_that_do_not_fit(places: tuple[Path, Path]) -> None:
    folder = fill(places[0] / "mnist")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(labels_of(8))
    with pytest.raises(GenaeError, match="7 test images, but 8 labels"):
        mnist.split("test")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 7) + bytes([10] * 7))
    with pytest.raises(GenaeError, match="a test label is 10; the classes are 0 to 9"):
        mnist.split("test")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(GenaeError, match="its labels are missing beside it; their name is like t10k-labels-idx1-ubyte"):
        mnist.split("test")
    with pytest.raises(GenaeError, match="no split 'tset'; known: test, train, valid; did you mean 'test'"):
        mnist.split("tset")


def test_the_official_bytes_of_mnist(real: Callable[[str], Path]) -> None:
    real("mnist")
    train, valid, test = (mnist.split(name) for name in ("train", "valid", "test"))
    assert train.array is not None
    assert valid.array is not None
    assert test.array is not None
    assert (train.array.shape, valid.array.shape, test.array.shape) == ((58000, 28, 28), (2000, 28, 28), (10000, 28, 28))
    digest = hashlib.md5(struct.pack(">4I", 0x803, 60000, 28, 28))
    digest.update(train.array)
    digest.update(valid.array)
    assert digest.hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    assert train.labels is not None
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels is not None
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


# -- a user's own -----------------------------------------------------------------------------------------------------


def test_a_folder_and_a_zip_of_it_are_the_same_set(tmp_path: Path) -> None:
    folder = fill(tmp_path / "own")
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"own/{file.name}")
        archive.writestr("__MACOSX/own/._train-images-idx3-ubyte", b"\0")
    for path in (folder, tmp_path / "own.zip"):
        own = open_data(str(path))  # through the registry, as --data PATH
        assert own.domain == "image"
        for name, count in {"train": 87, "valid": 3, "test": 7}.items():
            split = own.split(name)
            assert split.array is not None
            assert split.labels is not None
            assert (len(split.array), len(split.labels), split.classes) == (count, count, ("0", "1", "2"))


@pytest.mark.parametrize("n, train, valid", [(1, 1, 0), (2, 1, 1), (59, 58, 1), (60, 58, 2)])
def test_a_single_file_has_no_labels(tmp_path: Path, n: int, train: int, valid: int) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(images_of(n))
    own = claim(tmp_path / "train-images-idx3-ubyte")
    assert own is not None
    assert own.split("train").labels is None
    assert [len(s.array) for s in map(own.split, ("train", "valid")) if s.array is not None] == [train, valid]
    assert own.split("test").array is None


def test_a_test_file_alone_leaves_the_others_empty(tmp_path: Path) -> None:
    (tmp_path / "emnist-letters-test-images-idx3-ubyte").write_bytes(images_of(4))
    (tmp_path / "emnist-letters-test-labels-idx1-ubyte").write_bytes(labels_of(4))
    own = claim(tmp_path)
    assert own is not None
    test = own.split("test")
    assert test.array is not None
    assert len(test.array) == 4
    assert own.split("train").array is None
    assert not own.split("train").files


def test_what_is_no_idx_is_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "seven.png").write_bytes(b"\x89PNG")
    (tmp_path / "train.idx").write_bytes(b"0\t0\n")  # the index of a record file
    assert claim(tmp_path) is None
    assert claim(tmp_path / "seven.png") is None


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images.idx3-ubyte.gz", "mine.idx"])
def test_a_name_that_says_idx_with_another_magic_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"GIF89a")
    with pytest.raises(GenaeError, match="it starts with 0x47494638, not 0x00000803"):
        open_data(str(tmp_path / name)).split("train")


def test_mixed_and_half_sets_are_told(tmp_path: Path) -> None:
    (tmp_path / "a-train-labels-idx1-ubyte").write_bytes(labels_of(2))
    with pytest.raises(GenaeError, match="holds IDX labels, but no IDX images"):
        claim(tmp_path)
    (tmp_path / "a-train-images-idx3-ubyte").write_bytes(images_of(2))
    (tmp_path / "a-train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images_of(2)))  # the same again: no clash
    assert claim(tmp_path) is not None
    (tmp_path / "b-train-images-idx3-ubyte").write_bytes(images_of(2))
    with pytest.raises(GenaeError, match="holds two sets, 'a-train' and 'b-train'"):
        claim(tmp_path)


def test_a_damaged_zip_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("train-images-idx3-ubyte", images_of(50, value=9))
        archive.writestr("train-labels-idx1-ubyte", labels_of(50))
    content = bytearray((tmp_path / "x.zip").read_bytes())
    content[150] ^= 1  # a pixel: the zip's own checksum fails
    (tmp_path / "x.zip").write_bytes(content)
    own = claim(tmp_path / "x.zip")
    assert own is not None
    with pytest.raises(GenaeError, match=r"x\.zip/train-images-idx3-ubyte: cannot be read"):
        own.split("train")
