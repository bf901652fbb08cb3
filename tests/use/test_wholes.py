"""Sequences of windows: what repeats, unequal lengths, ways between whole files, forms."""

import pytest
import torch

from genae.data.items import Span
from genae.data.pieces import once
from genae.errors import GenaeError
from genae.latent.space import Space
from genae.use.wholes import Point, fitted, formed, gradual, near, rests, starts, way

ENDS = ((2, [0.0, 2.0]), (3, [4.0, 5.0, 6.0]))  # windows, and what is said of each


def _point(*rows, rest=()):
    """A point of one voice whose z are single numbers."""
    resting = torch.tensor([[i in rest for i in range(len(rows))]])
    return Point(Span(count=len(rows)), torch.tensor(rows, dtype=torch.float)[None, :, None], None, resting)


def test_what_repeats_in_its_own_span_is_worked_out_once():
    z = torch.tensor([[1.0], [2.0], [1.0], [1.0], [2.0]])
    own, place = once([z, None], [3, 2])
    assert own.tolist() == [0, 1, 3, 4]
    assert place.tolist() == [0, 1, 0, 2, 3]
    own, _ = once([z, torch.arange(5)], [5])  # of other conditions they are no repeats
    assert own.tolist() == [0, 1, 2, 3, 4]
    assert starts([Span(count=3), Span(count=2)]).tolist() == [0, 0, 0, 3, 3]


def test_the_shorter_is_stretched_or_begun_again():
    ends = [_point(0, 10, rest=(1,)), _point(1, 2, 3, 4, 5)]
    stretched, begun = fitted(ends, "resample"), fitted(ends, "loop")
    assert stretched[0].z.flatten().tolist() == [0, 2.5, 5, 7.5, 10]
    assert begun[0].z.flatten().tolist() == [0, 10, 0, 10, 0]
    assert begun[0].resting.flatten().tolist() == [False, True, False, True, False]
    assert stretched[1].z.equal(ends[1].z)


def test_a_way_rests_where_both_ends_do():
    ends = [_point(0, 0, 0, rest=(0, 1)), _point(4, 8, 12, rest=(1, 2))]
    z, condition = way(ends, 3, "linear", False)
    assert condition is None
    assert z.flatten(1).tolist() == [[0, 0, 0], [2, 4, 6], [4, 8, 12]]
    assert rests(ends, 3, False).int().flatten(1).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert rests(ends, 3, True).int().flatten(1).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 1, 0]]
    assert gradual(z).flatten().tolist() == [0, 4, 12]


def test_conditions_glide_or_are_those_of_the_nearer():
    a, b = (Point(Span(), torch.zeros(1, n, 1), torch.tensor(c)[None, :, None], torch.zeros(1, n)) for n, c in ENDS)
    glide, hold = (way(fitted([a, b], "resample", how), 3, "linear", False, how)[1] for how in ("glide", "hold"))
    assert glide is not None
    assert hold is not None
    assert glide.flatten(1).tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert hold.flatten(1).tolist() == [[0, 0, 2], [4, 5, 6], [4, 5, 6]]


def test_letters_are_equal_parts():
    assert formed("AABA", 4) == ([0, 0, 2, 0], 4)
    assert formed("AB", 1) == ([0, 1], 2)
    assert formed("ABA", 5) == ([0, 1, 2, 3, 0, 1], 6)
    with pytest.raises(GenaeError, match=r"--form is letters, .* not 'A-B'"):
        formed("A-B", 4)


def test_what_is_near_lies_between():
    z, clip = torch.randn(2, 3, 4), torch.randn(2, 4)
    assert near(Space((4,)), z, clip, 1.0).equal(z)
    assert near(Space((4,)), z, clip, 0.0)[1].equal(clip[[0, 1, 0]])
