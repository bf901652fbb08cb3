"""Many voices: the piano's keys of files, and files of these; densities and figures by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from genae.data.examples import File
from genae.errors import GenaeError, Rejected
from genae.latent.posteriors import GaussianPosterior
from genae.latent.space import Space
from genae_music import midi, piano
from genae_music.beats import beats
from genae_music.keyed import LEVELS, Keyed, Loudness, level_of, velocity_of
from genae_music.melody import LOWEST
from genae_music.piano import GOES_ON, KEYS
from genae_music.piano_cells import Cells
from genae_music.piano_domain import Piano
from genae_music.piano_events import event, tokens, transposed
from genae_music.piano_judged import HELD, Judge
from genae_music.piano_metrics import onset_f1, sounding_f1, velocity_error

STEP = 120  # ticks of files of 480 a quarter
C, E, G = 60 - LOWEST, 64 - LOWEST, 67 - LOWEST


def domain(**options) -> Piano:
    return Piano(**({"audio": False} | options))


def of_bytes(raw, *tracks, name="piece.mid") -> File:
    """A file of tracks of notes (step, end, pitch)."""
    parts = [raw.notes(*((on * STEP, off * STEP, pitch) for on, off, pitch in track)) for track in tracks]
    return File(Path(name), content=raw.file(*parts))


def some(seed=0, windows=6) -> torch.Tensor:
    """Stored windows (N, 32, 88) of random notes."""
    chance = np.random.default_rng(seed)
    made = []
    for _ in range(windows):
        start, key = chance.integers(0, 31, 30), chance.integers(10, 70, 30)
        line = piano.rows(start, np.minimum(start + chance.integers(1, 9, 30), 32), key, chance.integers(1, 128, 30), 32)
        before = np.pad(line[:-1], ((1, 0), (0, 0)))
        line[(line == GOES_ON) & (before == 0)] = 0
        made.append(line)
    return torch.from_numpy(np.stack(made))


def test_what_is_read_is_what_was_played(raw):
    """A chord held over the border of two windows; its C is struck again while it sounds, and sounds as long as the longer."""
    file = of_bytes(raw, [(0, 40, 60), (0, 34, 64)], [(8, 10, 60), (63, 64, 67)])
    piece = domain().piece(file)
    first, second = piece.x
    assert first[0, [C, E]].tolist() == [80, 80]
    assert first[1:8, C].tolist() == [GOES_ON] * 7
    assert first[8, C] == 80
    assert first[9:, C].tolist() == [GOES_ON] * 23
    assert second[:9, C].tolist() == [GOES_ON] * 8 + [0]
    assert second[:3, E].tolist() == [GOES_ON] * 2 + [0]
    assert second[31, G] == 80
    assert int((first > 0).sum() + (second > 0).sum()) == 32 + 32 + 8 + 2 + 1


def test_a_song_comes_back_tick_for_tick(raw, tmp_path):
    """Twelve random tracks at two tempi are one player's: as many windows as tile them, and the bytes' own notes again."""
    chance = np.random.default_rng(1)
    tracks = []
    for _ in range(12):
        start, pitch = (np.sort(chance.choice(200, 20, replace=False)), 21 + chance.permutation(KEYS)[:20])
        tracks.append([(int(s), int(s + chance.integers(1, 20)), int(p)) for s, p in zip(start, pitch, strict=True)])
    parts = [raw.notes(*((on * STEP, off * STEP, pitch) for on, off, pitch in track)) for track in tracks]
    parts = [raw.tempo(90) + raw.tempo(140, 5000), *parts]
    piece = domain().piece(File(Path("song.mid"), content=raw.file(*parts)))
    framed = domain().framed(piece.frame)
    framed.write(framed.join(domain().prepare(piece.x, "show")), tmp_path / "song.mid")
    written = File(tmp_path / "song.mid")
    assert torch.equal(domain().piece(written).x, piece.x)
    sounds = {(step, pitch) for track in tracks for on, off, pitch in track for step in range(on, off)}
    back = midi.read(written.read())
    assert {(s, p) for on, off, p in zip(back.onset, back.offset, back.pitch, strict=True)
            for s in range(on // STEP, off // STEP)} == sounds  # fmt: skip
    assert [(t.tick, round(t.qpm)) for t in back.tempos] == [(0, 90), (5000, 140)]


def test_what_goes_on_from_nothing_is_struck_and_else_tied():
    line = np.zeros((4, KEYS), np.uint8)
    line[0, C], line[1, C], line[2, E], line[3, E] = 60, GOES_ON, GOES_ON, GOES_ON
    of = piano.notes(line)
    assert list(zip(*(column.tolist() for column in of), strict=True)) == [(0, 2, 60, 60), (2, 4, 64, 60)]


def test_windows_alone_come_back(tmp_path):
    own = domain(tempo=93.0, program=6)
    for window in event(some()):
        own.write(window, tmp_path / "a.mid")
        again = own.prepare(own.piece(File(tmp_path / "a.mid")).x, "show")[0]
        assert onset_f1(again[None], window[None]) == 1
        assert sounding_f1(again[None], window[None]) == 1
        assert velocity_error(again[None], window[None]) == 0
    assert own.style(File(tmp_path / "a.mid")) == {"tempo": pytest.approx(93, abs=0.01), "program": 6}


def test_what_a_piano_does_not_have_is_told(raw):
    """A note below its keys, a unison of two tracks, the pedal, and many players; drums alone, and nothing, are refused."""
    pedal = b"\x00\xb0\x40\x7f"
    parts = [raw.notes((0, 960, 60)), raw.notes((0, 480, 60), (480, 960, 12))] + [
        raw.notes((0, 3840, 40 + i)) for i in range(15)
    ]
    file = File(Path("band.mid"), content=raw.file(pedal + parts[0], *parts[1:]))
    found = domain().read(file)
    assert found.lost == {"notes out of range": 1, "notes that another voice strikes at the same step": 1}
    told = "\n".join(domain().inspect(file))
    for line in ("its 17 instruments are played as one piano", "1 pedal message", "1 note out of range"):
        assert line in told
    beat = File(Path("beat.mid"), content=raw.file(raw.notes((0, 480, 36), channel=9)))
    with pytest.raises(Rejected, match=r"beat\.mid: has drums alone"):
        domain().piece(beat)
    assert len(domain().read(beat).x) == 0
    with pytest.raises(Rejected, match=r"none\.mid: has no notes"):
        domain().piece(File(Path("none.mid"), content=raw.file(b"")))


def test_tracks_are_chosen_by_their_names(raw):
    named = [b"\x00\xff\x03" + bytes([len(n)]) + n + raw.notes((0, 3840, p)) for n, p in ((b"Left hand", 60), (b"Flute", 64))]
    file = File(Path("two.mid"), content=raw.file(*named))
    assert domain(tracks="hand").read(file).lost == {"notes of other tracks": 1}
    assert piano.notes(domain(tracks="hand").piece(file).x[0].numpy()).pitch.tolist() == [60]


def test_transposing_moves_all_keys_together_and_none_off_the_piano():
    x = some(windows=64)
    x[0, 0, 0] = 80  # the lowest key
    x[1, 0, KEYS - 1] = 80
    torch.manual_seed(0)
    moved, by = transposed(x, 6)
    assert by[0] >= 0
    assert by[1] <= 0
    assert {*by[2:].tolist()} == set(range(-6, 7))
    for one, other, shift in zip(x, moved, by.long().tolist(), strict=True):
        assert torch.equal(one.roll(shift, 1), other)


def test_stored_rolls_and_events_are_the_same():
    x = some()
    assert all((tokens(one) == stored.numpy()).all() for one, stored in zip(event(x), x, strict=True))


# -- p(x | z) ---------------------------------------------------------------------------------------------------------


def keyed(seed=0) -> Keyed:
    torch.manual_seed(seed)
    made = Keyed(hidden=8)
    for p in made.parameters():
        p.data += 0.3 * torch.randn_like(p)
    return made


def test_a_step_by_hand():
    """Without a hidden layer's say: two keys, of which the upper one is likelier by w nats where the lower one is struck."""
    made = Keyed(hidden=1)
    for p in made.parameters():
        p.data.zero_()
    made.keys.bias.data[:] = -40.0
    made.keys.bias.data[:2] = torch.tensor([0.0, -1.0])  # logits of being struck
    made.below.data[1, 0] = 3.0
    p = made(torch.zeros(1, 1, 1))
    loud = Loudness(torch.tensor([0.6]), torch.tensor([-2.5])).log_prob(torch.tensor([20.0])).item()
    x = torch.zeros(1, 1, KEYS)
    x[0, 0, :2] = velocity_of(torch.tensor(20.0))
    own = math.log(0.5) - math.log1p(math.exp(-2.0)) + 2 * loud
    assert p.log_prob(x).item() == pytest.approx(own, abs=1e-4)
    x[0, 0, 1] = 0
    assert p.log_prob(x).item() == pytest.approx(math.log(0.5) - math.log1p(math.exp(2.0)) + loud, abs=1e-4)


def test_iterated_samples_are_those_of_keys_in_a_row():
    """The same noise, key by key: what a step is given by those below, one after the other."""
    made, h = keyed(), torch.randn(5, 3, 8)
    torch.manual_seed(1)
    x = made(h).sample(1.0)
    torch.manual_seed(1)
    noise = torch.rand(5, 3, 3 * KEYS).clamp(1e-7, 1 - 1e-7).logit()
    before = torch.zeros(5, 2 * KEYS)
    for t in range(3):
        hidden = torch.nn.functional.gelu(h[:, t] + made.before(before))
        logits, state = made.keys(hidden) + noise[:, t, : 2 * KEYS], torch.zeros(5, 2 * KEYS)
        free = torch.ones(5, KEYS) if t == 0 else before[:, :KEYS] + before[:, KEYS:]
        for k in range(KEYS):
            a, b = (logits[:, i] + state @ (made.below * made.lower)[i] for i in (k, KEYS + k))
            state[:, k] = (a > 0).float()
            state[:, KEYS + k] = ((b > 0) & (free[:, k] > 0) & (a <= 0)).float()
        assert torch.equal((x[:, t] > 0).float(), state[:, :KEYS])
        assert torch.equal((x[:, t] < 0).float(), state[:, KEYS:])
        before = state


def test_nothing_goes_on_that_did_not_sound():
    x = keyed()(torch.randn(40, 6, 8)).sample(1.0)
    assert bool((x[:, :1] < 0).any())
    assert not bool(((x[:, 1:] < 0) & (x[:, :-1] == 0)).any())


def test_loudness_is_a_distribution_of_levels():
    of = Loudness(torch.tensor([0.1, 0.5, 1.3]), torch.tensor([-6.0, -2.0, 1.0]))
    each = [
        Loudness(*(column.repeat(LEVELS) for column in (a, b)))
        for a, b in zip(of.location[:, None], of.log_scale[:, None], strict=True)
    ]
    for one in each:
        assert one.log_prob(torch.arange(float(LEVELS))).exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(level_of(velocity_of(torch.arange(float(LEVELS)))), torch.arange(float(LEVELS)))


def test_beats_are_alike_at_first_and_refuse_what_they_cannot_divide():
    torch.manual_seed(0)
    posterior = GaussianPosterior()
    made = beats((32, KEYS), Space((16,)), posterior, keyed(), width=16, inner=8, mixed=8, shared=4)
    x = event(some(windows=2))
    x = torch.cat([x, x[:, torch.arange(32).roll(4)]])  # the same, a beat later
    mean = made.encoder(x).mean
    assert torch.allclose(mean[2:].view(2, 8, 2), mean[:2].view(2, 8, 2).roll(1, 1), atol=1e-5)
    assert made.decoder(mean).log_prob(x).shape == (4,)
    with pytest.raises(GenaeError, match="z in equal parts"):
        beats((32, KEYS), Space((12,)), posterior, keyed())


# -- how near, and how good -------------------------------------------------------------------------------------------


def test_how_near_two_rolls_are():
    x = torch.zeros(1, 4, KEYS)
    x[0, 0, [C, E]], x[0, 1, C] = 0.5, -1.0
    y = x.clone()
    y[0, 0, E], y[0, 0, C] = 0, 0.5 + 10 / 127
    assert onset_f1(x, y) == pytest.approx(2 / 3)
    assert sounding_f1(x, y) == pytest.approx(4 / 5)
    assert velocity_error(x, y) == pytest.approx(10)
    silence = torch.zeros(1, 4, KEYS)
    assert (onset_f1(silence, silence), velocity_error(silence, silence)) == (1.0, 0.0)


def test_cells_are_counted():
    """One key struck in one of two windows at the first step, and held for one step of three."""
    x = torch.zeros(2, 4, KEYS)
    x[0, 0, C], x[0, 1, C] = 0.5, -1.0
    made = Cells.of(x)
    assert made.struck[0, C].item() == pytest.approx((1 + 0.5 / (2 * 4 * KEYS)) / 2.5)
    assert made.going[1, C].item() == pytest.approx(1.5 / 2)
    assert made.loud[level_of(torch.tensor(0.5)).long()].item() == pytest.approx(2 / (LEVELS + 1))
    torch.manual_seed(0)
    drawn = made.sample(2000)
    assert (drawn[:, 0, C] > 0).float().mean().item() == pytest.approx(made.struck[0, C].item(), abs=0.04)
    assert made.nats(x).shape == (2,)
    assert made.nats(x[:1]) > made.nats(x[1:])


def test_figures_by_hand():
    """A C major triad of which the C is struck twice, beside a held-out set of the same and of a cluster."""
    triad = torch.zeros(1, 32, KEYS, dtype=torch.uint8)
    triad[0, 0, [C, E, G]], triad[0, 1:4, [C]] = 80, GOES_ON
    triad[0, 4, C] = 80
    cluster = torch.zeros_like(triad)
    cluster[0, 0, [C, C + 1]] = 80
    judge = Judge(torch.cat([triad, triad]), torch.cat([triad, cluster]))
    made = judge(event(triad))
    assert made["notes"] == 4
    assert made["in_scale"] == 1
    assert made["clashes"] == 0
    assert made["copies"] == 1
    assert made["intervals"] == pytest.approx(1 / 3)  # a third and a minor third; beside them a semitone in held-out ones
    assert made["lengths"] == pytest.approx(abs(1 / 4 - 1 / 6))  # one of four notes lasts four steps, one of six there
    assert judge(event(cluster))["clashes"] == 1
    assert set(judge.baselines(1)) == {HELD, "cells", "training"}
