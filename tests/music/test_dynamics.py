"""Velocities and timing of a song, in what comes back of it and in what goes on from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genae.data.examples import File
from genae.data.pieces import read_piece
from genae_music import midi
from genae_music.domain import Music
from genae_music.score import Instrument, Meter, Score, Tempo

LOUD = [40, 100, 64, 90, 30, 127, 55, 72]


def song(kind: str, bars: int = 4) -> bytes:
    """Quarters of changing loudness at two tempi; drums are up to 30 of 120 ticks late or early, melodies in time."""
    steps = np.arange(0, 16 * bars, 4)
    late = np.where(steps > 0, (steps * 7) % 61 - 30, 0) * (kind == "drums")
    velocity = np.resize(LOUD, len(steps))
    pitch = np.where(steps % 8, 38, 36) if kind == "drums" else 60 + steps % 7
    onset = steps * 120 + late
    who, of = (Instrument(11 * (kind != "drums"), kind == "drums"),), np.zeros_like(onset)
    tempos, meters = (Tempo(0, 90), Tempo(1920, 150)), (Meter(0, 4, 4),)
    return midi.write(Score(480, who, of, onset, onset + 240, pitch, velocity, tempos, meters, 1920 * bars))


def back(tmp_path, kind: str, change=lambda x: x, more: int = 0, **options) -> Score:
    """The song through windows, changed, and back, with so many windows more."""
    domain = Music(kind=kind, audio=False)
    piece = read_piece(File(tmp_path / "a.mid", content=song(kind)), domain)
    events = change(piece.x.float())
    events = torch.cat([events, *[events[-1:]] * more])
    frame = {key: value for key, value in piece.frame.items() if key not in options}
    made = Music(kind=kind, audio=False, **options).framed(frame)
    made.write(made.join(events), tmp_path / "b.mid")
    return midi.read((tmp_path / "b.mid").read_bytes())


@pytest.mark.parametrize("kind", ["melody", "drums"])
def test_what_comes_back_is_as_loud_and_as_late(tmp_path, kind):
    before, after = midi.read(song(kind)), back(tmp_path, kind)
    for name in ("onset", "velocity", "pitch"):
        assert np.array_equal(getattr(after, name), getattr(before, name)), name
    assert [(t.tick, round(t.qpm)) for t in after.tempos] == [(0, 90), (1920, 150)]


def test_a_note_between_two_is_as_loud_as_they_say(tmp_path):
    """A new one half way between a velocity of 40 and one of 100 has 70."""

    def add(x: torch.Tensor) -> torch.Tensor:
        x[0, 2] = 50.0
        return x

    after = back(tmp_path, "melody", add)
    assert after.velocity[:3].tolist() == [40, 70, 100]


def test_another_loudness_moves_all_of_it(tmp_path):
    """The median is 68: asked for 78, every note is louder by 10, as far as MIDI goes."""
    after = back(tmp_path, "melody", velocity=78)
    assert after.velocity.tolist() == [min(127, v + 10) for v in LOUD * 2]


def test_what_goes_on_has_the_last_two_bars_dynamics(tmp_path):
    after = back(tmp_path, "melody", more=1)
    assert after.velocity.tolist() == LOUD * 3


def test_of_drums_so_much_as_is_wanted(tmp_path):
    """Half of the amount is half of the deviations; the median of the velocities is 68."""
    half = back(tmp_path, "drums", amount=0.5)
    whole = midi.read(song("drums"))
    assert half.velocity.tolist() == pytest.approx([68 + (v - 68) / 2 for v in whole.velocity.tolist()], abs=0.5)
    grid = np.arange(0, 64, 4) * 120
    assert (half.onset - grid).tolist() == pytest.approx(((whole.onset - grid) / 2).tolist(), abs=0.5)
