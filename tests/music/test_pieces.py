"""Whole songs: the windows that tile them, and the way back to their own ticks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genae.data.examples import File
from genae.data.pieces import read_piece
from genae.errors import Rejected
from genae_music import melody, midi
from genae_music.domain import Music
from genae_music.score import Instrument, Meter, Score, Tempo

BAR = 4 * 480  # ticks
PIANO = Instrument()


def song(*notes, meters=((0, 4, 4),), tempos=((0, 120.0),), players=(PIANO,), length=0):
    """Notes (instrument, onset, end, pitch) in sixteenths of a file with 480 ticks a quarter, as its bytes."""
    who, onset, end, pitch = np.array(sorted(notes)).T
    made = Score(
        480, players, who, onset * 120, end * 120, pitch, np.full(len(who), 70), tuple(Tempo(*t) for t in tempos),
        tuple(Meter(*m) for m in meters), length,
    )  # fmt: skip
    return File(Path("song.mid"), content=midi.write(made))


def there_and_back(domain, file, tmp_path):
    """The piece of a file, and the score of what is written of it."""
    piece = read_piece(file, domain)
    framed, path = domain.framed(piece.frame), tmp_path / "back.mid"
    framed.write(framed.join(domain.prepare(piece.x, "show")), path)
    return piece, midi.read(path.read_bytes())


def test_a_song_comes_back_with_its_place_rests_and_tempi(tmp_path):
    """An onset in bar 3, 4 silent bars, a last note in bar 9: windows of two bars from bar 3 on, two of them rests."""
    file = song(
        (0, 36, 40, 60), (0, 128, 130, 64), (0, 131, 137, 67),
        tempos=((0, 90.0), (5 * BAR, 60.0)), players=(Instrument(40),), length=12 * BAR,
    )  # fmt: skip
    piece, back = there_and_back(Music(audio=False), file, tmp_path)
    assert piece.x.shape == (4, 32)
    assert piece.rests.tolist() == [False, True, True, False]
    assert piece.frame["take"] == [32, 32, 32, 9]
    assert (back.onset // 120).tolist() == [36, 128, 131]
    assert (back.offset // 120).tolist() == [40, 130, 137]
    assert back.length == 12 * BAR
    assert [(t.tick, round(t.qpm)) for t in back.tempos] == [(0, 90), (5 * BAR, 60)]
    assert back.instruments[0].program == 40
    assert set(back.velocity.tolist()) == {70}


def test_a_note_held_over_the_border_of_windows_is_as_long_as_it_was(tmp_path):
    file = song((0, 0, 4, 60), (0, 30, 35, 62), (0, 40, 41, 64), (0, 60, 100, 65), (0, 100, 104, 67))
    piece, back = there_and_back(Music(audio=False), file, tmp_path)
    assert piece.frame["hold"] == [[0, 3, 32, 4]]
    assert (back.onset // 120).tolist() == [0, 30, 40, 60, 100]
    assert (back.offset // 120).tolist() == [4, 35, 41, 100, 104]


def test_windows_begin_on_the_bar_lines_of_their_own_meter(tmp_path):
    """Four bars of 3/4, then two of 4/4: windows of 24 steps of the first, though 32 are seen, and one of 32."""
    notes = [(0, s, s + 2, 60 + s % 7) for s in range(0, 80, 4)]
    file = song(*notes, meters=((0, 3, 4), (4 * 3 * 480, 4, 4)))
    piece, back = there_and_back(Music(audio=False), file, tmp_path)
    assert piece.frame["take"] == [24, 24, 30]
    assert piece.x[0, 24] == 60 + 24 % 7 - melody.LOWEST + melody.FIRST  # the next window's first note, as in training
    assert not piece.x[1, 24:].any()  # none of another meter
    assert (back.onset // 120).tolist() == [s for _, s, _, _ in notes]


def test_the_melody_is_the_track_of_that_name_or_no_bass():
    busy = [(0, s, s + 1, 72) for s in range(0, 128, 2)]
    calm = [(1, s, s + 4, 60) for s in range(0, 64, 8)]
    named = song(*busy, *calm, players=(Instrument(0, False, "Piano"), Instrument(0, False, "MELODY")))
    assert read_piece(named, Music()).x.max() == 60 - melody.LOWEST + melody.FIRST
    bass = song(*busy, *calm, players=(Instrument(33), Instrument(0)))
    assert read_piece(bass, Music()).x.max() == 60 - melody.LOWEST + melody.FIRST
    piece = read_piece(song(*busy, *calm, players=(Instrument(), Instrument(1))), Music())
    assert piece.x.max() == 72 - melody.LOWEST + melody.FIRST
    assert piece.lost == {"notes of other tracks": 8}


@pytest.mark.parametrize("kind", ["drums", "trio"])
def test_other_kinds_come_back(tmp_path, kind):
    players = (Instrument(0), Instrument(33), Instrument(0, True))
    notes = [(0, s, s + 3, 60 + s % 5) for s in range(0, 100, 4)] + [(1, s, s + 8, 40) for s in range(0, 96, 8)]
    notes += [(2, s, s + 1, 36 if s % 8 else 38) for s in range(0, 104, 2)]
    domain = Music(kind=kind, bars=4, audio=False)
    piece, back = there_and_back(domain, song(*notes, players=players), tmp_path)
    assert len(piece) == 2
    there = [(p, s * 120) for i, s, _, p in notes if kind == "trio" or i == 2]
    assert sorted(zip(back.pitch.tolist(), back.onset.tolist(), strict=True)) == sorted(there)


def test_a_tempo_that_is_asked_for_stands_before_the_songs(tmp_path):
    piece = read_piece(song((0, 0, 4, 60)), Music())
    frame = {key: value for key, value in piece.frame.items() if key != "tempo"}
    path = tmp_path / "a.mid"
    Music(tempo=90.0, audio=False).framed(frame).write(piece.x[0].float(), path)
    assert round(midi.read(path.read_bytes()).tempo(0)) == 90


def test_what_is_longer_than_the_song_goes_on_at_a_bar_line(tmp_path):
    """A song of 5 steps has its first bar whole before a window more is played."""
    domain = Music(audio=False)
    piece = read_piece(song((0, 0, 5, 60)), domain)
    framed = domain.framed(piece.frame)
    assert len(framed.join(piece.x.float())) == 5
    assert len(framed.join(piece.x.float().repeat(2, 1))) == 16 + 32


def test_a_song_of_silence_is_refused_in_a_line():
    with pytest.raises(Rejected, match=r"^song\.mid: has no notes that this model reads"):
        read_piece(song((0, 0, 4, 60), players=(Instrument(0, True),)), Music())


def test_part_takes_apart_what_join_made():
    for domain in (Music(kind="drums"), Music(kind="drums", kit="full")):
        x = torch.randint(0, 2, (3, *domain.event)).float()
        assert domain.part(domain.join(x)).equal(x)
        assert domain.part(domain.join(x)[:33]).shape[0] == 2
    trio = Music(kind="trio", bars=2)
    x = torch.zeros(3, *trio.event)
    x[:, :, 0] = 50.0
    assert trio.part(trio.join(x)).equal(x)


def test_real_songs_come_back_step_by_step(real, tmp_path):
    """Written and read again every window is the same, in its place."""
    domain = Music(audio=False)
    for name, content in real("pop909.zip", every=200):
        file = File(Path(name), content=content)
        piece, back = there_and_back(domain, file, tmp_path)
        again = read_piece(File(tmp_path / "back.mid"), domain)
        assert again.x.equal(piece.x)
        assert again.frame["take"] == piece.frame["take"]
        assert again.frame["hold"] == piece.frame["hold"]
        own = midi.read(content)
        assert abs(back.seconds(np.array([back.length])) - own.seconds(np.array([own.length]))) < 0.01
