"""The embedded data set: balanced, repeatable, legible."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from genae.data.examples import Split
from genae.errors import GenaeError
from genae.files import cache_folder
from genae_datasets import glyphs as module
from genae_datasets.glyphs import BITS, CLASSES, FONTS, REACH, SIZES, Glyphs, distances, glyphs, signed_distance

TEXEL = 1 << BITS


@cache
def made(name: str) -> Split:
    return glyphs.split(name)


def arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    split = made(name)
    assert split.array is not None
    assert split.labels is not None
    return split.array, split.labels


@pytest.mark.parametrize("name, n", SIZES.items())
def test_sizes_and_balance(name: str, n: int) -> None:
    images, labels = arrays(name)
    assert images.shape == (n, 28, 28)
    assert images.dtype == np.uint8
    counts = np.bincount(labels)
    assert len(counts) == 62
    assert counts.max() - counts.min() <= 1
    assert made(name).classes == CLASSES


def test_no_image_is_in_two_splits_or_twice() -> None:
    seen = [image.tobytes() for name in SIZES for image in arrays(name)[0]]
    assert len(set(seen)) == len(seen) == 23_000


def test_the_same_in_another_process_and_by_seed() -> None:
    code = "import sys; from genae_datasets.glyphs import glyphs; sys.stdout.buffer.write(glyphs.split('valid').array)"
    environment = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
    assert done.stdout == arrays("valid")[0].tobytes()
    other = Glyphs(seed=1).split("valid").array
    assert other is not None
    assert not np.array_equal(other, arrays("valid")[0])


def test_white_on_black_in_the_middle_as_in_mnist() -> None:
    images, _ = arrays("test")
    assert 0.1 < images.mean() / 255 < 0.2  # MNIST: 0.13
    assert (images.max((1, 2)) > 160).all()  # none fades away
    columns, rows = (images > 127).any(1), (images > 127).any(2)
    width, height = columns.sum(1), rows.sum(1)
    assert 17 < np.median(np.maximum(width, height)) < 22
    for inked in (columns, rows):
        middle = (inked.argmax(1) + 27 - inked[:, ::-1].argmax(1)) / 2
        assert abs(middle.mean() - 13.5) < 0.3
    edge = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
    assert (edge > 127).any(1).mean() < 0.03  # few are cut by the border
    grey = (images > 0) & (images < 255)
    assert 0.3 < grey.sum() / (images > 0).sum() < 0.8  # edges are anti-aliased


def test_a_class_can_be_told_by_a_simple_rule() -> None:
    """The nearest mean of the training images: far above 1/62, and below what would need no model."""
    images, labels = arrays("train")
    means = np.stack([images[labels == c].mean(0).ravel() for c in range(62)])
    tests, truth = arrays("test")
    x = tests.reshape(len(tests), -1).astype(np.float64)
    nearest = ((means**2).sum(1) - 2 * x @ means.T).argmin(1)
    assert 0.4 < (nearest == truth).mean() < 0.9


def test_every_font_has_every_character() -> None:
    fields = distances()
    assert fields.shape == (len(FONTS) * len(CLASSES), 112, 112)
    assert fields.dtype == np.int16
    first = fields.reshape(len(FONTS), len(CLASSES), -1)
    for font in first:  # no box for a missing character: all differ
        assert len({character.tobytes() for character in font}) == len(CLASSES)
    assert (fields > 0).any((1, 2)).all()


def test_outlines_are_kept_for_the_next_start(monkeypatch) -> None:
    distances.cache_clear()
    made, fonts = distances().copy(), module._fonts
    monkeypatch.setattr(module, "_fonts", lambda: pytest.fail("drawn again"))
    distances.cache_clear()
    assert np.array_equal(distances(), made)
    distances.cache_clear()
    (kept,) = (cache_folder() / "read").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])  # damaged: made again
    monkeypatch.setattr(module, "_fonts", fonts)
    assert np.array_equal(distances(), made)


def test_signed_distance_by_hand() -> None:
    inside = np.zeros((1, 20, 20), bool)
    inside[0, 10, 10] = True
    field = signed_distance(inside)[0]
    assert field[10, 10] == TEXEL // 2  # to the next centre 1, to the outline 1/2
    assert field[10, 11] == -TEXEL // 2
    assert field[13, 14] == -round((5 - 0.5) * TEXEL)  # 3-4-5
    assert field[0, 0] == -round((REACH - 0.5) * TEXEL)  # further than is looked


def test_signed_distance_against_the_definition() -> None:
    rng = np.random.default_rng(0)
    inside = rng.random((3, 15, 17)) < 0.1
    places = np.stack(np.meshgrid(np.arange(15), np.arange(17), indexing="ij"), -1).reshape(-1, 2)
    for mask, field in zip(inside, signed_distance(inside), strict=True):
        for here, value in zip(places, field.ravel(), strict=True):
            other = places[mask.ravel() != mask[tuple(here)]]
            far = min(np.sqrt(((other - here) ** 2).sum(1).min()), REACH) - 0.5
            assert value == round(far * TEXEL) * (1 if mask[tuple(here)] else -1)


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(GenaeError, match="no split 'training'; known: test, train, valid"):
        glyphs.split("training")
