"""Inputs of the tasks of images, and pictures of one's own that are inputs already."""

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from genae.errors import GenaeError
from genae.latent.draws import Draws
from genae.model.tasks import InputForm, Masking, task_of
from genae_image.domain import Image
from genae_image.tasks import Colourise, Inpaint

GREY, COLOUR = Image(size=8), Image(size=8, channels=3)


def hidden(n=64, size=8, **options):
    torch.manual_seed(0)
    task = task_of({"name": "inpaint", "fill": 0.25, **options}, Image(size=size))
    target = torch.ones(n, 1, size, size)
    made = task(target)
    assert {*made.unique().tolist()} <= {0.25, 1.0}
    return made == 0.25


def test_a_box_is_of_its_side_and_everywhere():
    boxes = hidden(500, kind="box", side=3)
    assert (boxes.flatten(1).sum(1) == 9).all()
    assert (boxes.any(3).sum(2) == 3).all(), "three rows"
    assert boxes.any(0).all(), "corners too"
    assert hidden(kind="box", side=8).all()


def test_a_half_is_one_of_four():
    halves = hidden(kind="half", side=1)
    assert (halves.flatten(1).sum(1) == 32).all()
    assert len(halves.flatten(1).unique(dim=0)) == 4


def test_single_pixels_are_a_share_and_any_is_all_three():
    assert hidden(500, kind="random", side=1, share=0.2).float().mean().item() == pytest.approx(0.2, abs=0.02)
    counts = hidden(600, kind="any", side=2, share=0.1).flatten(1).sum(1)
    boxes, halves = (counts == 4).float().mean().item(), (counts == 32).float().mean().item()
    assert halves == pytest.approx(1 / 3, abs=0.06)
    assert boxes > 1 / 3 - 0.06
    assert boxes + halves < 0.85


def test_what_is_hidden_is_each_examples_own():
    task, x = Inpaint(side=3), torch.rand(3, 1, 8, 8)
    with Draws([5, 6, 7]):
        together = task(x)
    with Draws([6]):
        assert torch.equal(task(x[1:2]), together[1:2])


def test_colour_is_made_grey_as_a_file_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Pillow.fromarray(pixels).save(tmp_path / "colour.png")
    Pillow.fromarray(pixels).convert("L").save(tmp_path / "grey.png")
    task = task_of({"name": "colourise"}, COLOUR)
    target = COLOUR.prepare(torch.from_numpy(pixels).movedim(2, 0)[None], "show")
    made = task(target)
    assert made.shape == target.shape
    assert torch.equal(made[:, 0], made[:, 2])
    assert isinstance(task, InputForm)
    reader = task.reader(COLOUR)
    assert reader.event == (1, 8, 8)
    own = task.as_input(reader.prepare(reader.adapt(np.asarray(Pillow.open(tmp_path / "grey.png"))[None]), "show"))
    assert (own - made).abs().max() <= 0.5 / 255 + 1e-6
    torch.testing.assert_close(Colourise()(torch.full((1, 3, 2, 2), 0.4)), torch.full((1, 3, 2, 2), 0.4))


def test_a_mask_is_white_where_it_hides(tmp_path):
    levels = np.zeros((8, 8), np.uint8)
    levels[2:4, 5] = 255
    Pillow.fromarray(levels).save(tmp_path / "mask.png")
    task = task_of({"name": "inpaint", "side": 2}, COLOUR)
    assert isinstance(task, Masking)
    mask = task.mask(tmp_path / "mask.png", COLOUR, ["set:test:1"])
    assert mask.nonzero().tolist() == [[0, 0, 2, 5], [0, 0, 3, 5]]
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal((task.masked(x, mask) != x).nonzero()[:, 2:].unique(dim=0), torch.tensor([[2, 5], [3, 5]]))


def test_a_mask_is_fitted_as_the_picture_it_is_of(tmp_path):
    wide = np.zeros((16, 32), np.uint8)
    wide[:, 8:16] = 255  # of the middle square the left half
    Pillow.fromarray(wide).save(tmp_path / "mask.png")
    Pillow.fromarray(wide).save(tmp_path / "picture.png")
    mask = Inpaint(side=2).mask(tmp_path / "mask.png", GREY, [str(tmp_path / "picture.png")])
    assert torch.equal(mask[0, 0], torch.arange(8).expand(8, 8) < 4)


@pytest.mark.parametrize(
    "task, domain, line",
    [
        ({"name": "inpaint", "side": 9}, GREY, "task.side 9 is larger than the image, 8x8 pixels"),
        ({"name": "inpaint", "share": 1.0}, GREY, "task.share must be above 0 and below 1, not 1.0"),
        ({"name": "inpaint", "kind": "hole"}, GREY, "task.kind must be one of any, box, half, random, not 'hole'"),
        ({"name": "colourise"}, GREY, "this domain's images are grey: set domain.channels=3"),
        ({"name": "super-resolve", "factor": 3}, GREY, "task.factor 3 does not divide the size 8; possible: 2, 4, 8"),
    ],
)
def test_what_does_not_suit_the_images_is_refused_before_the_first_step(task, domain, line):
    with pytest.raises(GenaeError) as error:
        task_of(task, domain)
    assert line in str(error.value)
