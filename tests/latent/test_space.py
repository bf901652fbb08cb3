"""Spaces: sizes, forms that come back, and what is no space."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genae.errors import GenaeError
from genae.latent.space import Space

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize(
    ("space", "size", "width", "words"),
    [
        (Space((40,)), 40, 40, "40"),
        (Space((32, 16), time=True), 512, 16, "32 × 16 along time"),
        (Space((8,), time=True, codes=64), 8, 1, "8 along time, codes of 64"),
        (Space((7, 7), codes=512), 49, 49, "7 × 7, codes of 512"),
        (Space.ladder([Space((3,)), Space((2, 4))]), 11, 11, "11, 2 levels"),
    ],
)
def test_sizes(space, size, width, words):
    assert (space.size, space.width, str(space)) == (size, width, words)


@given(shape=SHAPES, n=st.integers(0, 3))
def test_flat_and_back(shape, n):
    space, z = Space(shape), torch.randn(n, *shape)
    assert space.flat(z).shape == (n, space.size)
    assert torch.equal(space.shaped(space.flat(z)), z)


@given(shapes=st.lists(SHAPES, min_size=1, max_size=4))
def test_levels_apart_and_together(shapes):
    space = Space.ladder([Space(shape) for shape in shapes])
    levels = [torch.randn(2, *shape) for shape in shapes]
    z = space.join(levels)
    assert space.check(z).shape == (2, space.size)
    assert all(torch.equal(a, b) for a, b in zip(space.split(z), levels, strict=True))
    assert torch.equal(space.join(space.split(z)), z)


def test_the_top_level_is_first():
    space = Space.ladder([Space((1,)), Space((2,))])
    assert [part.tolist() for part in space.split(torch.tensor([[1.0, 2.0, 3.0]]))] == [[[1.0]], [[2.0, 3.0]]]


@pytest.mark.parametrize(
    ("space", "z", "told"),
    [
        (Space((3,)), torch.zeros(2, 4), r"z has shape \(4,\), this model's latent space is 3$"),
        (Space((3, 2), time=True), torch.zeros(2, 6), r"z has shape \(6,\), this model's latent space is 3 × 2 along time"),
        (Space((3,), codes=5), torch.zeros(2, 3), "z must hold codes from 0 to 4, whole numbers"),
        (Space((3,), codes=5), torch.tensor([[0, 1, 5]]), "codes from 0 to 4"),
        (Space((3,), codes=5), torch.tensor([[0, -1, 4]]), "codes from 0 to 4"),
    ],
)
def test_z_of_another_space(space, z, told):
    with pytest.raises(GenaeError, match=told):
        space.check(z)


def test_z_of_the_space_is_given_back():
    for space, z in ((Space((3,)), torch.zeros(2, 3)), (Space((3,), codes=5), torch.tensor([[0, 2, 4]]))):
        assert space.check(z) is z
    none = torch.zeros(0, 3, dtype=torch.int64)
    assert Space((3,), codes=5).check(none) is none


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Space(()), r"each of at least 1, not \[\]"),
        (lambda: Space((3, 0)), r"each of at least 1, not \[3, 0\]"),
        (lambda: Space((3,), codes=1), "at least 2, or 0 for continuous z, not 1"),
        (lambda: Space((3,), codes=-2), "not -2"),
        (lambda: Space((3,), levels=(Space((1,)), Space((1,)))), "have 2 numbers, not 3"),
    ],
)
def test_no_space(make, told):
    with pytest.raises(GenaeError, match=told):
        make()


@pytest.mark.parametrize(
    ("latent", "space"),
    [
        (40, Space((40,))),
        ({"shape": [32, 16], "time": True}, Space((32, 16), time=True)),
        ({"shape": [7, 7], "codes": 512}, Space((7, 7), codes=512)),
    ],
)
def test_a_recipes_latent(latent, space):
    assert Space.of(latent) == space


@pytest.mark.parametrize(
    "latent",
    [
        {"shape": 3},
        {"shape": [3.0]},
        {"shape": [True]},
        {"shape": "40"},
        {"shape": [3], "time": 1},
        {"shape": [3], "codes": 2.0},
        {"shape": [3], "levels": 2},
        {},
    ],
)
def test_a_latent_that_is_none(latent):
    with pytest.raises(GenaeError, match="latent is a whole number, or"):
        Space.of(latent)
