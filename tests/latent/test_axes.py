"""Axes: where z lies and is moved to, what stays where it is, codes that jump to the nearest example."""

import pytest
import torch

from genae.latent.axes import AXES, Nearest, Straight, axes_of
from genae.latent.space import Space


@pytest.fixture
def cloud():
    """1000 points whose spread is 3 along the first of twelve numbers, 2 along the second, …"""
    z = torch.randn(1000, 12, generator=torch.Generator().manual_seed(0))
    return z * torch.tensor([3.0, 2.0, 1.5, *[0.5] * 9])


def test_two_numbers_are_their_own_axes():
    axes = axes_of(Space((2,)), torch.randn(5, 2) + 7)
    assert axes.names == ("z1", "z2")
    assert axes.places(torch.tensor([[0.5, -2.0]])).tolist() == [[0.5, -2.0]]
    assert axes.moved(torch.tensor([0.5, -2.0]), {1: 4.0}).tolist() == [0.5, 4.0]


def test_places_are_counted_in_spreads_from_the_mean(cloud):
    axes = axes_of(Space((12,)), cloud)
    assert axes.count == AXES == len(axes.names)
    places = axes.places(cloud)
    assert torch.allclose(places.mean(0), torch.zeros(AXES), atol=1e-4)
    assert torch.allclose(places.std(0, correction=0), torch.ones(AXES), atol=1e-4)
    share = cloud.var(0) / cloud.var(0).sum()
    assert axes.names[0] == f"axis 1, {share[0]:.0%}"


def test_a_point_goes_where_it_is_sent_and_keeps_the_rest(cloud):
    axes, z = axes_of(Space((3, 4)), cloud.view(-1, 3, 4)), cloud[0].view(3, 4)
    moved = axes.moved(z, {0: 1.25, 2: -3.0})
    before, after = axes.places(z[None])[0], axes.places(moved[None])[0]
    assert moved.shape == (3, 4)
    assert after[[0, 2]].tolist() == pytest.approx([1.25, -3.0], abs=1e-4)
    assert after[[1, 3, 4, 5, 6, 7]].tolist() == pytest.approx(before[[1, 3, 4, 5, 6, 7]].tolist(), abs=1e-3)


def test_what_leaves_a_sphere_is_brought_back(cloud):
    space = Space((12,)).curved("sphere")
    z = torch.nn.functional.normalize(cloud)
    assert axes_of(space, z).moved(z[0], {0: 2.0}).norm().item() == pytest.approx(1, abs=1e-6)


def test_an_example_that_never_varies_is_no_division_by_zero():
    axes = axes_of(Space((4,)), torch.ones(3, 4))
    assert isinstance(axes, Straight)
    assert axes.places(torch.ones(1, 4)).tolist()[0] == pytest.approx([0.0] * axes.count)


def test_codes_jump_to_the_nearest_example():
    z = torch.tensor([[0, 0, 0], [0, 0, 1], [3, 3, 3], [3, 3, 2]])
    axes = axes_of(Space((3,), codes=4), z)
    assert isinstance(axes, Nearest)
    assert axes.names == ()
    places = axes.places(z)
    assert places.shape == (4, 2)
    for one, place in zip(z, places.tolist(), strict=True):
        assert axes.moved(z[0], dict(enumerate(place))).equal(one)
    assert (places[0] - places[1]).norm() < (places[0] - places[2]).norm()
