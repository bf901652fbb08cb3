"""MNIST and the sets that come in its format, from their homes.

Of the 60 000 training images the first 58 000 are train and the last 2 000 valid; the 10 000 of t10k are test. A user's own
IDX files are taken too: see `genae_datasets.idxfolder`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genae.data.examples import Split, where
from genae.errors import GenaeError
from genae_datasets.download import Download
from genae_datasets.idxfolder import find, part_of, split_of

FILES = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


@dataclass(frozen=True)
class Official:
    """A data set of four IDX files with a home on the web, looked for in each folder of `genae.data.examples.where(name)`."""

    name: str
    about: str
    home: str
    licence: str
    classes: tuple[str, ...]
    downloads: tuple[Download, ...]
    domain: str = "image"

    def split(self, name: str) -> Split:
        """`array` (N, 28, 28) uint8, white on black, and `labels` (N,). GenaeError if the files are absent or damaged."""
        wanted = part_of(name), "images"
        for folder in where(self.name):
            parts = find(folder) if folder.is_dir() else {}
            if wanted in parts:
                return split_of(parts, name, self.classes, str(folder))
        looked = " or ".join(str(folder) for folder in where(self.name))
        raise GenaeError(f"data set '{self.name}' is not in {looked}; get it with: genae data get {self.name}")


def _downloads(mirrors: Iterable[str], md5: Iterable[str], sizes: Iterable[int]) -> tuple[Download, ...]:
    return tuple(
        Download(file, tuple(mirror + file for mirror in mirrors), f"md5:{digest}", size)
        for file, digest, size in zip(FILES, md5, sizes, strict=True)
    )


mnist = Official(
    name="mnist",
    about="handwritten digits: 70000 images 28x28 grey, 10 classes",
    home="http://yann.lecun.com/exdb/mnist",
    licence="CC BY-SA 3.0",
    classes=tuple("0123456789"),
    downloads=_downloads(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",  # as in torchvision/datasets/mnist.py; the set's home publishes none
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        (9_912_422, 28_881, 1_648_877, 4_542),
    ),
)

fashion_mnist = Official(
    name="fashion-mnist",
    about="clothes and shoes: 70000 images 28x28 grey, 10 classes",
    home="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    classes=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    downloads=_downloads(
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",  # as its home publishes them
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        (26_421_880, 29_515, 4_422_102, 5_148),
    ),
)  # fmt: skip

kmnist = Official(
    name="kmnist",
    about="cursive Japanese characters: 70000 images 28x28 grey, 10 classes",
    home="http://codh.rois.ac.jp/kmnist",
    licence="CC BY-SA 4.0; KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by NIJL and others)",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    downloads=_downloads(
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            "bdb82020997e1d708af4cf47b453dcf7",  # as in torchvision/datasets/mnist.py; the set's home publishes none
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
        (18_165_135, 29_497, 3_041_136, 5_120),
    ),
)
