"""Bands: what is read of files, what comes back, and p(x | z), by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from genae.data.examples import File
from genae.errors import GenaeError, Rejected, Remark
from genae.latent.posteriors import GaussianPosterior
from genae.latent.space import Space
from genae.recipe.recipe import compose
from genae.use.writing import plan
from genae_music import midi, multitrack, multitrack_metrics
from genae_music.multitrack import BEATS, DRUMS, LEAD, LOW, NOTES
from genae_music.multitrack_domain import Multitrack
from genae_music.multitrack_head import Band, Tracks
from genae_music.multitrack_networks import multitrack as network
from genae_music.smf import number

STEP, BAR = 120, 1920  # ticks
PERCUSSION = 9  # channel


def domain(**options) -> Multitrack:
    return Multitrack(**({"audio": False} | options))


def named(name: str) -> bytes:
    return b"\0\xff\x03" + number(len(name)) + name.encode()


def player(raw, program: int, *those: tuple[int, int, int], channel: int = 0, name: str = "", velocity: int = 80) -> bytes:
    """A track of a program with notes (step, steps, pitch)."""
    spans = [(STEP * at, STEP * (at + length), pitch) for at, length, pitch in those]
    return named(name) + bytes([0, 0xC0 | channel, program]) + raw.notes(*spans, channel=channel, velocity=velocity)


def of(*tracks: bytes, raw) -> File:
    return File(Path("band.mid"), content=raw.file(*tracks))


def rows(x) -> list[list[int]]:
    """The notes of one bar."""
    return [row for row in x.long().tolist() if row[0]]


@pytest.fixture
def trio(raw) -> File:
    """A melody, a bass and drums: a bar that goes on over its end, and one of the bass alone."""
    sung = player(raw, 73, (0, 4, 72), (12, 8, 76), channel=0, name="Flute", velocity=100)
    low = player(raw, 33, (0, 16, 36), (16, 16, 43), channel=1, velocity=70)
    struck = player(raw, 0, (0, 1, 36), (4, 1, 38), channel=PERCUSSION, velocity=127)
    return of(sung, low, struck, raw=raw)


def test_a_bar_is_the_notes_of_its_tracks(trio):
    """Columns are track + 1, program, step, pitch, length and velocity over 8; tracks 0, 6 and 7 are 1, 7 and 8."""
    found = domain().read(trio)
    assert found.x.shape == (2, NOTES, 6)
    assert rows(found.x[0]) == [
        [1, 73, 0, 72, 4, 12], [1, 73, 12, 76, 8, 12], [7, 33, 0, 36, 16, 8], [8, 128, 0, 36, 1, 15], [8, 128, 4, 38, 1, 15],
    ]  # fmt: skip
    assert rows(found.x[1]) == [[7, 33, 0, 43, 16, 8]]
    assert not found.lost


def test_a_song_comes_back_with_its_names_programs_and_channels(trio, tmp_path):
    own = domain(drumkit="jazz")
    piece = own.piece(trio)
    whole = own.framed(piece.frame)
    whole.write(whole.join(own.prepare(piece.x, "show")), tmp_path / "a.mid")
    score = midi.read((tmp_path / "a.mid").read_bytes())
    assert [(i.name, i.program, i.is_drum) for i in score.instruments if not i.is_drum] == [
        ("Flute", 73, False),
        ("bass", 33, False),
    ]
    assert [i.program for i in score.instruments if i.is_drum] == [32]
    again = own.piece(File(tmp_path / "a.mid"))
    assert torch.equal(again.x, piece.x)
    flute = [i.name for i in score.instruments].index("Flute")
    mine = score.instrument == flute
    assert score.onset[mine].tolist() == [0, 12 * STEP]
    assert score.offset[mine].tolist() == [4 * STEP, 20 * STEP]  # over the bar line
    assert score.velocity[mine].tolist() == [100, 100]  # 8 · 12 + 4


def test_random_bars_come_back_from_midi_bytes(tmp_path):
    """Every track has a program of its own and sustains no pitch that it strikes again."""
    rng = np.random.default_rng(0)
    bars, struck = 4, list[list[int]]()
    for track, program in enumerate((73, 0, 24, 48, 60, 52, 33, DRUMS)):
        cells = sorted(rng.choice(bars * 16 * 40, 30, replace=False).tolist())
        pitches = [35 + cell % 40 for cell in cells]
        at = [cell // 40 for cell in cells]
        for i, (start, pitch) in enumerate(zip(at, pitches, strict=True)):
            again = [later for later, same in zip(at[i + 1 :], pitches[i + 1 :], strict=True) if same == pitch]
            longest = min(32, bars * 16 - start, (again or [10**6])[0] - start)
            length = 1 if program == DRUMS else int(rng.integers(1, longest + 1))
            struck.append([start // 16, track, program, start % 16, pitch, length, int(rng.integers(16))])
    x = multitrack.rows(multitrack.Notes(*np.array(struck).T), bars)
    own = domain(tempo=93.0)
    own.write(own.join(torch.from_numpy(x).float()), tmp_path / "a.mid")
    again = own.piece(File(tmp_path / "a.mid")).x
    order = [sorted(row[1:] for bar in part for row in bar.tolist() if row[0]) for part in (x, again.numpy())]
    assert order[0] == order[1]


def test_of_seventeen_tracks_eight_are_read_and_the_others_named(raw):
    """Track k has k + 1 notes, so that the melody, which is named, and the seven with most notes stay."""
    tracks = [
        player(raw, k, *[(2 * i, 1, 50 + k) for i in range(k + 1)], channel=k % 9, name="Melody" if k == 0 else f"T{k}")
        for k in range(17)
    ]
    file = of(*tracks, raw=raw)
    with pytest.warns(Remark, match=r"9 with fewer notes are left out: T1 \(program 1\), .*T9 \(program 9\)$"):
        piece = domain().piece(file)
    assert sorted({row[1] for bar in piece.x for row in rows(bar)}) == [0, *range(10, 17)]
    assert piece.lost["notes of tracks beyond the eight of a band"] == sum(range(2, 11))
    assert any("a band has 8 tracks, and 9 with fewer notes are left out: T1" in line for line in domain().inspect(file))


def test_the_order_of_tracks_is_by_mean_pitch_and_bass_and_drums_have_their_own(raw):
    """A higher track comes first among those that are neither the melody, the lowest of programs 32–39, nor drums."""
    file = of(
        player(raw, 0, (0, 4, 50), channel=0), player(raw, 33, (0, 4, 40), channel=1),
        player(raw, 48, (0, 4, 80), channel=2), player(raw, 24, (0, 4, 70), channel=3, name="Vocal"),
        player(raw, 0, (0, 1, 36), channel=PERCUSSION), raw=raw,
    )  # fmt: skip
    (bar,) = domain().read(file).x
    assert [(row[0] - 1, row[3]) for row in rows(bar)] == [(LEAD, 70), (1, 80), (2, 50), (LOW, 40), (BEATS, 36)]


def test_what_is_not_read_is_said(raw):
    with pytest.raises(Rejected, match="no notes that this model reads"):
        domain().read(of(player(raw, 0, (0, 4, 10)), raw=raw))
    assert "it has one track alone" in domain().inspect(of(player(raw, 0, (0, 4, 60)), raw=raw))[0]
    bent = b"\0\xe0\0\x40" + b"\0\xb0\x40\x7f"
    file = of(
        named("tempo"), player(raw, 0, (0, 4, 60)) + bent, player(raw, 33, (0, 4, 36), channel=1), named("Empty"), raw=raw
    )
    (line, *_) = domain().inspect(file)
    assert "1 pitch bends and 1 pedal messages are left out" in line
    assert "1 track without notes: Empty" in line
    assert len(domain().read(file).x) == 1


def test_a_bar_has_room_for_the_loudest_128_notes(raw):
    """Two tracks of 80 notes at ten steps: of 160 the 32 softest go."""
    many = [(i % 10, 1, 40 + i // 10) for i in range(80)]
    file = of(
        player(raw, 0, *many, channel=0, velocity=100), player(raw, 48, *many, channel=1, velocity=50), raw=raw
    )  # fmt: skip
    found = domain().read(file)
    loud = [row[5] for row in rows(found.x[0])]
    assert (loud.count(12), loud.count(6)) == (80, 48)
    assert found.lost == {"notes beyond the 128 of a bar": 32}


def test_transposition_moves_what_is_pitched_together(trio):
    torch.manual_seed(0)
    own = domain(transpose=6)
    x = own.read(trio).x[:1]
    seen = set()
    for _ in range(60):
        moved = own.prepare(x, "train")
        by = (moved - x.float())[0, :5, 3].tolist()
        assert by[0] == by[1] == by[2]
        assert by[3:] == [0, 0]
        seen.add(by[0])
    assert seen == set(range(-6, 7))


def networks():
    torch.manual_seed(0)
    made = network((NOTES, 6), Space((4,)), GaussianPosterior(), Tracks(8), sounds=8, beat_width=16, width=16, track=8, plan=4)
    return made.encoder.eval(), made.decoder.eval()


def test_log_prob_is_the_sum_of_its_parts(trio):
    """Worked out note by note from the decoder's features of the true steps before."""
    x = domain().prepare(domain().read(trio).x, "show")[1:]  # the bass alone: pitch 43 at step 0 for 16 steps, loudness 8
    _, decoder = networks()
    p = decoder(torch.randn(1, 4))
    line = torch.tensor([LOW])
    state, plan = decoder.players(p.given, line, torch.tensor([33]))
    heard = decoder.sounds(torch.tensor([22]), torch.tensor([15]), torch.tensor([8]), torch.tensor([0]), 16)[None]
    before = torch.cat([torch.zeros(1, 1, 16), torch.cat([heard, heard], 2)[:, :-1]], 1)
    h, _ = decoder.gru(torch.cat([before, plan], 2), state[None])
    features = decoder.out(torch.cat([h, plan], 2))[0]
    struck = features[:, :88].sigmoid()
    expected = (1 - struck).log().sum() - (1 - struck[0, 22]).log() + struck[0, 22].log()
    values = decoder.head.values(torch.tanh(features[0, 88:] + decoder.head.keys.weight[22]))
    expected += values[:32].log_softmax(0)[15] + values[32:].log_softmax(0)[8]
    there = p.there[0].sigmoid()
    expected += there[LOW].log() + (1 - there).log().sum() - (1 - there[LOW]).log()
    expected += decoder.who(p.given.whole[line])[0].log_softmax(0)[33]
    assert p.log_prob(x).item() == pytest.approx(expected.item(), rel=1e-5)


def test_samples_are_bars_and_each_is_as_its_place_says():
    """A likely key is struck at every step, an unlikely one nowhere: bars of 16 notes a track, in order."""
    _, decoder = networks()
    with torch.no_grad():
        decoder.out.weight.zero_()
        decoder.out.bias[:88] = -50
        decoder.out.bias[39] = 50
        decoder.there.bias[:] = torch.tensor([50.0, *[-50.0] * 5, 50.0, 50.0])
        decoder.who.weight.zero_()
        decoder.who.bias[:] = -50
        decoder.who.bias[24] = 50
    x = decoder(torch.randn(3, 4)).sample()
    for bar in x:
        assert [(row[0], row[1], row[2], row[3]) for row in rows(bar)] == [
            (track + 1, 24, step, 60) for track in (LEAD, LOW, BEATS) for step in range(16)
        ]
    assert torch.isfinite(decoder(torch.randn(3, 4)).log_prob(x)).all()
    assert torch.equal(Band.of(x).event(3), x)


def test_keys_are_drawn_given_those_below_and_drums_given_drums():
    """The same noise key by key; and the density of what is drawn is that of the keys in a row."""
    torch.manual_seed(2)
    made = Tracks(8)
    with torch.no_grad():
        made.below.normal_()
    h, uniform, drum = torch.randn(6, made.width), torch.rand(6, 88, 3), torch.tensor([False, True] * 3)
    h[:, :88] -= 2
    row, key, length, loudness = made.drawn(h, 1.0, uniform, drum)
    struck, expected = torch.zeros(6, 88), torch.zeros(6)
    for k in range(88):
        u = torch.stack([made.below[k, 88 * d : 88 * d + k] for d in drum.tolist()])
        likely = (h[:, k] + (u * struck[:, :k]).sum(1)).sigmoid()
        struck[:, k] = (uniform[:, k, 0] < likely).float()
        expected += torch.where(struck[:, k] > 0, likely, 1 - likely).log()
    assert torch.equal(torch.stack([row, key], 1), struck.nonzero())
    values = made.values(torch.tanh(h[row, 88:] + made.keys(key + 88 * drum[row]))).split([32, 16], 1)
    for logits, chosen in zip(values, (length, loudness), strict=True):
        expected = expected.index_add(0, row, logits.log_softmax(1).gather(1, chosen[:, None])[:, 0])
    first = F.pad(h[:, None], (0, 0, 0, 15))  # all else is as likely as not, with nothing struck
    notes = Band(row * 8, torch.where(drum[row], 128, 0), torch.zeros_like(row), key, length, loudness)
    assert (made.log_prob(first, notes, row) + 15 * 88 * math.log(2)).tolist() == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_bar_without_tracks_is_one_too():
    """−log p is that no track is there: Σ log(1 + e^l)."""
    encoder, decoder = networks()
    nothing = torch.zeros(2, NOTES, 6)
    p = decoder(encoder(nothing).mean)
    assert p.log_prob(nothing).tolist() == pytest.approx((-p.there.exp().log1p().sum(1)).tolist(), rel=1e-5)
    with torch.no_grad():
        decoder.there.bias[:] = -50
    assert torch.equal(decoder(torch.randn(2, 4)).sample(0.0), nothing)


def test_the_order_of_rows_says_nothing(trio):
    encoder, decoder = networks()
    x = domain().prepare(domain().read(trio).x, "show")
    other = x[:, torch.randperm(NOTES)]
    assert torch.allclose(encoder(x).mean, encoder(other).mean, atol=1e-6)
    z = torch.randn(2, 4)
    assert torch.allclose(decoder(z).log_prob(x), decoder(z).log_prob(other), atol=1e-4)


def test_the_metrics_by_hand(trio):
    """5 notes against 4, of which one has another pitch: 2 · 3 / 9. Of 3 players one has another program."""
    x = domain().read(trio).x[:1].float()
    y = x.clone()
    y[0, 4] = 0
    y[0, 1, 3] += 1
    y[0, :2, 1] = 5
    assert multitrack_metrics.onset_f1(x, y) == pytest.approx(6 / 9)
    assert multitrack_metrics.track_f1(x, y) == pytest.approx({LEAD: 1 / 2, LOW: 1.0, BEATS: 2 / 3})
    assert multitrack_metrics.players_f1(x, y) == pytest.approx(2 / 3)


@pytest.mark.parametrize("preset", ["drums-2bar-tiny", "groove-2bar", "multitrack-1bar"])
def test_kit_is_another_name_of_the_drum_kit(preset):
    """The domain `music` has an option `kit` of its own, which says what drums a model knows; a user's wish is the other."""
    recipe = compose(preset)
    assert plan(recipe, {"kit": "jazz"}).options == {"drumkit": "jazz"}
    with pytest.raises(GenaeError, match=r"--kit must be one of standard, room, .*, not 'jaz'"):
        plan(recipe, {"kit": "jaz"})


def test_mixed_bars_have_each_track_of_some_bar(trio):
    x = torch.cat([domain().read(trio).x.float()] * 4)
    torch.manual_seed(0)
    made = multitrack_metrics.mixed(x)
    count = [[int((of[..., 0] == track + 1).sum()) for track in range(8)] for of in (x, made)]
    assert count[0] == count[1] == [8, 0, 0, 0, 0, 0, 8, 8]
    assert not torch.equal(made, x)


def test_figures_of_one_chord_by_hand(raw):
    """C E G over a melody's C: 3 of the others' notes begin together, all in C major, at the melody's step."""
    file = of(
        player(raw, 0, (0, 4, 72), name="Melody"), player(raw, 48, (0, 4, 60), (0, 4, 64), (0, 4, 67), channel=1), raw=raw
    )  # fmt: skip
    x = domain().read(file).x.float()
    figures = multitrack_metrics.of(x, x)
    assert figures["tracks"] == 2
    assert figures["notes"] == 4
    assert figures["polyphony"] == 4
    assert figures["together"] == 1
    assert figures["degrees"] == 0
    assert math.isclose(figures["in_scale"], 1)


def test_a_new_song_keeps_its_instruments_and_a_read_one_its_changes():
    """Four bars of a melody, two of them by a guitar: two programs in a song that is read, one in one that is drawn."""
    x = np.zeros((4, NOTES, 6), np.int64)
    x[:, 0] = [(LEAD + 1, program, 0, 60, 4, 8) for program in (0, 27, 0, 27)]
    x[2, 1] = (LEAD + 1, 0, 8, 62, 4, 8)
    names = multitrack.Names([], [], [])
    assert {who.program for who in multitrack.score(x, 120.0, names).instruments} == {0}
    of = multitrack.notes(x)
    assert set(multitrack.settled(of, multitrack.STAYS).tolist()) == {0, 27}
    assert set(multitrack.settled(of, 1.0).tolist()) == {0}
