"""Paths: exact ends, the norm on the arc, counts, codes that change once, and never a NaN; walks of unit variance."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genae.errors import GenaeError
from genae.latent.paths import NEAR, lerp, path, slerp, switch, walk

T = torch.linspace(0, 1, 9)


def test_a_quarter_circle():
    z = slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1 / 3, 0.5, 1.0]))
    half = math.sqrt(0.5)
    expected = torch.tensor([[1, 0], [math.cos(math.pi / 6), 0.5], [half, half], [0, 1]])
    assert torch.allclose(z, expected, atol=1e-6)


@settings(max_examples=100)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 64))
def test_the_arc_keeps_the_norm(seed, size):
    a, b = torch.randn(2, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    a, b = 3 * a / a.norm(), 3 * b / b.norm()
    assert torch.allclose(slerp(a, b, T.double()).norm(dim=1), torch.full((9,), 3.0, dtype=torch.float64), rtol=1e-6)


@settings(max_examples=100)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 64))
def test_ends_are_exact(seed, size):
    a, b = torch.randn(2, size, generator=torch.Generator().manual_seed(seed))
    for between in (lerp, slerp):
        assert torch.equal(between(a, b, T)[0], a)
        assert torch.allclose(between(a, b, T)[-1], b, atol=1e-5)
    for kind in ("linear", "spherical"):
        z = path([a, b], 5, kind)
        assert torch.equal(z[0], a)
        assert torch.equal(z[-1], b)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 10_000), size=st.integers(1, 512), factor=st.sampled_from([1.0, 2.0, 0.5, 1e-3, -1.0, -2.0, -1e3, 0.0])
)
def test_parallel_opposite_and_zero_ends_are_joined_by_the_straight_line(seed, size, factor):
    a = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    b = factor * a
    for first, last in ((a, b), (b, a)):
        z = slerp(first, last, T)
        assert torch.isfinite(z).all()
        assert torch.allclose(z, lerp(first, last, T), atol=1e-3 * float(max(a.norm(), b.norm())))


def test_identical_and_zero_points_stand_still():
    a = torch.tensor([0.3, -2.0, 1.0])
    assert torch.allclose(slerp(a, a, T), a.expand(9, -1), atol=1e-6)
    assert torch.equal(slerp(torch.zeros(3), torch.zeros(3), T), torch.zeros(9, 3))


def test_nearly_opposite_ends_turn_at_an_even_pace():
    """Two ends 0.01 short of opposite: an arc whose angles are equal, though their cosine is −1 to four digits."""
    omega = math.pi - 0.01
    z = slerp(torch.tensor([1.0, 0.0]), torch.tensor([math.cos(omega), math.sin(omega)]), T)
    angles = torch.atan2(z[:, 1], z[:, 0])
    assert torch.allclose(angles.diff(), torch.full((8,), omega / 8), atol=1e-3)


@pytest.mark.parametrize("kind", ["linear", "spherical"])
@pytest.mark.parametrize("points", [2, 3, 5])
@pytest.mark.parametrize("steps", [2, 3, 9])
def test_counts(kind, points, steps):
    ends = list(torch.randn(points, 4))
    opened, looped = path(ends, steps, kind), path(ends, steps, kind, loop=True)
    assert opened.shape == ((points - 1) * (steps - 1) + 1, 4)
    assert looped.shape == (points * (steps - 1), 4)
    for i, end in enumerate(ends):
        assert torch.equal(opened[i * (steps - 1)], end)
        assert torch.equal(looped[i * (steps - 1)], end)
    assert not torch.equal(looped[-1], ends[0])  # the first is not repeated


def test_linear_by_hand():
    z = path([torch.tensor([0.0, 0.0]), torch.tensor([1.0, 2.0])], 3, "linear")
    assert z.tolist() == [[0, 0], [0.5, 1], [1, 2]]


@pytest.mark.parametrize(
    ("points", "steps", "kind", "told"),
    [
        (2, 1, "linear", "at least 2"),
        (1, 5, "linear", "two points or more, not 1"),
        (0, 5, "linear", "two points or more, not 0"),
        (2, 5, "curved", "not 'curved'"),
    ],
)
def test_impossible_paths(points, steps, kind, told):
    with pytest.raises(GenaeError, match=told):
        path(list(torch.randn(points, 2)), steps, kind)


@pytest.mark.parametrize("degrees", [30, 150, 170, 179, 179.99])
def test_the_norm_stays_between_those_of_the_ends(degrees):
    omega = math.radians(degrees)
    a, b = torch.tensor([1.0, 0.0]), 2 * torch.tensor([math.cos(omega), math.sin(omega)])
    norms = slerp(a, b, torch.linspace(0, 1, 101)).norm(dim=1)
    assert norms.min() > (0.99 if degrees < 179.99 else 0)  # so nearly opposite the path is the straight line
    assert norms.max() < 2.01


# -- codes ------------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 40), steps=st.integers(2, 60))
def test_each_code_changes_once_from_one_end_to_the_other(seed, size, steps):
    a, b = torch.randint(9, (2, size), generator=torch.Generator().manual_seed(seed))
    z = path([a, b], steps)
    assert z.dtype == torch.int64
    assert torch.equal(z[0], a)
    assert torch.equal(z[-1], b)
    assert ((z == a) | (z == b)).all()
    assert ((z[1:] != z[:-1]).sum(0) == (a != b)).all()


def test_codes_change_one_after_the_other_and_neighbours_far_apart():
    """Five places by frac((i + ½) φ) = .309, .927, .545, .163, .781."""
    z = switch(torch.zeros(5, dtype=torch.int64), torch.ones(5, dtype=torch.int64), torch.linspace(0, 1, 101).double())
    first = z.argmax(0)
    assert first.tolist() == [31, 93, 55, 17, 79]
    assert z.sum(1).diff().max() == 1


def test_a_loop_of_codes_counts_as_any_other():
    ends = [torch.tensor([0, 1, 2]), torch.tensor([3, 3, 3])]
    assert path(ends, 4, loop=True).shape == (6, 3)
    assert torch.equal(path(ends, 4, loop=True)[3], ends[1])


# -- walks ------------------------------------------------------------------------------------------------------------


def test_a_walk_is_standard_normal_at_every_step_and_near_the_one_before():
    torch.manual_seed(0)
    u = walk(500, 6, 40).double()  # 20 000 numbers a step: 4 standard errors of a variance are .04, of a correlation .0102
    assert u.shape == (500, 6, 40)
    assert u.mean((0, 2)).abs().max() < 4 / math.sqrt(20_000)
    assert (u.var((0, 2)) - 1).abs().max() < 0.04
    for apart in (1, 2, 3):
        for first in range(6 - apart):
            pair = torch.stack([u[:, first].flatten(), u[:, first + apart].flatten()])
            assert torch.corrcoef(pair)[0, 1].item() == pytest.approx(NEAR**apart, abs=0.03)
    assert NEAR == 0.8


def test_a_walk_of_one_step_is_noise():
    torch.manual_seed(0)
    u = walk(3, 1, 4)
    torch.manual_seed(0)
    assert torch.equal(u[:, 0], torch.randn(3, 4))
