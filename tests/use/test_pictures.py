"""Grids, strips, animations and curves, by their pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from genae.data.curve import CURVE, curve
from genae.errors import GenaeError
from genae.use import pictures


def flat(*greys: int, shape=(4, 6)) -> list[np.ndarray]:
    return [np.full(shape, grey, np.uint8) for grey in greys]


def test_grid_places_pictures_row_by_row():
    whole = np.asarray(pictures.grid(flat(10, 20, 30), columns=2, gap=1))
    assert whole.shape == (2 * 4 + 3, 2 * 6 + 3)
    assert (whole[1:5, 1:7] == 10).all()
    assert (whole[1:5, 8:14] == 20).all()
    assert (whole[6:10, 1:7] == 30).all()
    assert (whole[6:10, 8:14] == pictures.GROUND).all()
    assert (whole[0] == pictures.GROUND).all()


@pytest.mark.parametrize("n, columns, rows", [(1, 1, 1), (2, 2, 1), (9, 3, 3), (10, 4, 3)])
def test_grid_is_near_a_square_by_itself(n, columns, rows):
    assert pictures.grid(flat(*range(n)), gap=0).size == (6 * columns, 4 * rows)


def test_strip_is_one_row_of_grey_or_colour():
    assert pictures.strip(flat(1, 2, 3), gap=0).size == (18, 4)
    colour = pictures.strip(flat(1, 2, shape=(4, 6, 3)))
    assert colour.mode == "RGB"
    assert colour.size == (2 * 6 + 3 * 2, 4 + 2 * 2)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(GenaeError, match="one shape"):
        pictures.grid([*flat(1), *flat(1, shape=(5, 5))])
    with pytest.raises(GenaeError, match="one shape"):
        pictures.grid([*flat(1), *flat(1, shape=(4, 6, 3))])
    with pytest.raises(GenaeError, match="no pictures"):
        pictures.strip([])
    with pytest.raises(GenaeError, match="float64"):
        pictures.grid([np.zeros((4, 6))])
    with pytest.raises(GenaeError, match="uint8"):
        pictures.grid([np.zeros((4, 6, 4), np.uint8)])


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3)])
@pytest.mark.parametrize("bounce, expected", [(False, [0, 90, 180]), (True, [0, 90, 180, 90])])
def test_gif_holds_every_step_enlarged(tmp_path, shape, bounce, expected):
    path = pictures.gif(flat(0, 90, 180, shape=shape), tmp_path / "morph.gif", milliseconds=50, bounce=bounce)
    with Image.open(path) as image:
        assert image.size == (112, 112)
        assert image.info["loop"] == 0
        seen = []
        for frame in range(image.n_frames):
            image.seek(frame)
            assert image.info["duration"] == 50
            seen.append(image.convert("L").getpixel((50, 50)))
    assert seen == expected


def test_gif_of_one_picture(tmp_path):
    with Image.open(pictures.gif(flat(7), tmp_path / "still.gif", bounce=True)) as image:
        assert image.n_frames == 1


def test_save_is_a_round_trip_and_whole(tmp_path):
    image = pictures.grid(flat(10, 200))
    path = pictures.save(image, tmp_path / "new" / "grid.png")
    with Image.open(path) as again:
        assert (np.asarray(again) == np.asarray(image)).all()
    assert [p.name for p in path.parent.iterdir()] == ["grid.png"]
    with pytest.raises(GenaeError, match=r"\.png"):
        pictures.save(image, tmp_path / "grid.xyz")


def test_curve_rises_with_the_series():
    picture = curve(torch.linspace(0, 1, 50))
    assert picture.dtype == np.uint8
    assert picture.shape == CURVE
    heights = picture.argmax(0)[2:-2]  # the row of the line in every column
    assert heights[0] > 55 > 8 > heights[-1]
    assert (np.diff(heights) <= 0).all()


@pytest.mark.parametrize(
    "example", [torch.zeros(2), torch.ones(1), torch.tensor(3.0), torch.randn(3, 40), torch.randn(2, 3, 9)]
)
def test_curve_of_any_numbers(example):
    picture = curve(example)
    assert picture.shape == CURVE
    assert picture.max() > 90


def test_curve_bears_what_is_not_finite():
    assert curve(torch.tensor([0.0, float("nan"), 1.0])).shape == CURVE
    assert curve(torch.tensor([0.0, float("inf"), 1.0])).shape == CURVE
