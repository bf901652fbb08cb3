"""Attributes of melodies and drums, counted by hand."""

import pytest
import torch

from genae_music.attributes import attributes
from genae_music.melody import FIRST


def _window(*notes, steps=32):
    """Tokens of notes (step, semitones above the piano's lowest); each is held until the next."""
    x = torch.zeros(1, steps)
    for step, pitch in notes:
        x[0, step] = FIRST + pitch
    return x


@pytest.fixture
def of():
    return attributes("melody", 16)


@pytest.mark.parametrize(
    "notes, density, interval, syncopation",
    [
        (((0, 10), (8, 12), (16, 17), (24, 15)), 2.0, 3.0, 0.0),
        (((2, 10), (4, 10)), 1.0, 0.0, 0.5),
        (((7, 30),), 0.5, 0.0, 1.0),
        ((), 0.0, 0.0, 0.0),
    ],
)
def test_notes_are_counted(of, notes, density, interval, syncopation):
    x = _window(*notes)
    assert [of[name](x).item() for name in ("density", "interval", "syncopation")] == [density, interval, syncopation]


def test_a_scale_and_what_is_beside_it(of):
    scale = [(4 * i, pitch) for i, pitch in enumerate((0, 2, 4, 5, 7, 9, 11, 12))]
    assert of["in_scale"](_window(*scale)).item() == 1
    assert of["in_scale"](_window()).item() == 1
    chromatic = [(2 * i, i) for i in range(12)]  # two steps each, the last ten: seven of them lie on a scale, the last too
    assert of["in_scale"](_window(*chromatic)).item() == pytest.approx((6 * 2 + 10) / 32)


def test_drums_are_counted_once_a_step():
    density = attributes("drums", 16)["density"]
    assert density(torch.tensor([[1.0, 0, 5, 0] * 8])).item() == 8.0
    full = torch.zeros(1, 32, 61)
    full[0, 3, [2, 7]] = 1
    assert density(full).item() == 0.5
    assert attributes("trio", 16) == {}
