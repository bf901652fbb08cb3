"""Grooves: hits, velocities and offsets of files, and files of these; tasks by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genae.data.examples import File
from genae.errors import Rejected
from genae.model.tasks import Keeping, task_of
from genae_music import groove, midi
from genae_music.groove import KINDS, WIDTH
from genae_music.groove_domain import Groove
from genae_music.groove_metrics import hit_f1, timing_error, velocity_error
from genae_music.played import Groove as Head
from genae_music.steps import Given

DRUMS = 9  # the channel
KICK, SNARE, HIHAT, OPEN = range(4)


def domain(**options) -> Groove:
    return Groove(**({"audio": False} | options))


def played(seed=0, steps=32):
    """A groove (T, 27) whose velocities are whole of 127 and whose offsets are whole ticks of 480 a quarter."""
    generator = torch.Generator().manual_seed(seed)
    hit = (torch.rand(steps, KINDS, generator=generator) < 0.3).float()
    hit[::16, KICK] = 1
    velocity = torch.randint(1, 128, (steps, KINDS), generator=generator) / 127
    offset = torch.randint(-59, 60, (steps, KINDS), generator=generator) / 60
    offset[0] = offset[0].clamp(max=0)  # nothing begins before the file
    return torch.cat([hit, hit * velocity, hit * offset], 1)


def of_bytes(raw, *hits: tuple[int, int, int], channel: int = DRUMS) -> File:
    """A file of hits (tick, pitch, velocity), 480 ticks a quarter."""
    track = [raw.notes((tick, tick + 10, pitch), channel=channel, velocity=velocity) for tick, pitch, velocity in hits]
    return File(Path("pattern.mid"), content=raw.file(*track))


def test_what_is_read_is_what_was_struck(raw):
    """A step is 120 ticks: what begins 10 before one is 2 · 10 / 120 early. 38 and 40 are one snare: the louder counts."""
    file = of_bytes(raw, (0, 36, 127), (470, 38, 100), (490, 40, 90), (1979, 42, 1), (3600, 46, 64))
    found = domain().read(file)
    (x,) = domain().prepare(found.x, "show")
    hits = groove.hits(x.numpy())
    assert hits.step.tolist() == [0, 4, 16, 30]
    assert hits.kind.tolist() == [KICK, SNARE, HIHAT, OPEN]
    assert hits.velocity.tolist() == [127, 100, 1, 64]
    assert hits.early.tolist() == pytest.approx([0, 10 / 60, -59 / 60, 0], abs=1e-4)
    assert found.lost == {"notes beside a louder one of the same drum": 1}


@pytest.mark.parametrize("bars", [2, 4])
def test_grooves_come_back_from_midi_bytes(tmp_path, bars):
    own = domain(bars=bars, tempo=93.0)
    x = played(steps=16 * bars)
    own.write(x, tmp_path / "a.mid")
    (again,) = own.prepare(own.piece(File(tmp_path / "a.mid")).x, "show")
    assert torch.allclose(again, x, atol=1e-4)
    assert own.style(File(tmp_path / "a.mid"))["tempo"] == pytest.approx(93, abs=0.01)


def test_a_whole_track_comes_back_tick_for_tick(raw, tmp_path):
    """Seven bars, three of them silent, at two tempi: as many windows as tile it, and the bytes' own notes again."""
    generator = np.random.default_rng(0)
    ticks = np.unique(np.concatenate([b * 1920 + generator.integers(60, 1860, 9) for b in (0, 1, 5, 6)]))
    hits = [(int(tick), 36, int(generator.integers(1, 128))) for tick in ticks[np.diff(ticks, prepend=-999) > 120]]
    track = raw.tempo(90) + raw.tempo(140, 5000)
    notes = [raw.notes((tick, tick + 10, pitch), channel=DRUMS, velocity=velocity) for tick, pitch, velocity in hits]
    file = File(Path("song.mid"), content=raw.file(track, *notes))
    piece = domain().piece(file)
    assert len(piece) == 4
    assert piece.resting.tolist() == [False, True, False, False]
    framed = domain().framed(piece.frame)
    framed.write(framed.join(domain().prepare(piece.x, "show")), tmp_path / "song.mid")
    back = midi.read((tmp_path / "song.mid").read_bytes())
    assert back.onset.tolist() == [tick for tick, _, _ in hits]
    assert back.velocity.tolist() == [velocity for _, _, velocity in hits]
    assert [(t.tick, round(t.qpm)) for t in back.tempos] == [(0, 90), (5000, 140)]


def test_no_amount_is_a_machine_and_half_of_it_half_as_human(tmp_path):
    x = played()
    for amount in (0.0, 0.5):
        domain(amount=amount, velocity=60).write(x, tmp_path / "a.mid")
        hits = groove.hits(domain().prepare(domain().piece(File(tmp_path / "a.mid")).x, "show")[0].numpy())
        assert hits.velocity.tolist() == [round(60 + amount * (v - 60)) for v in groove.hits(x.numpy()).velocity.tolist()]
        assert hits.early.tolist() == pytest.approx((amount * groove.hits(x.numpy()).early).tolist(), abs=1 / 60 + 1e-4)


def test_what_the_kit_lacks_and_what_is_pitched_is_told(raw):
    """81 is a triangle of General MIDI, 90 nothing that drums have; in Magenta's grid the kit alone is read."""
    file = of_bytes(raw, (0, 36, 80), (480, 90, 80), (960, 81, 80), (3600, 38, 80))
    assert domain().read(file).lost["notes out of range"] == 1
    assert domain(grid="magenta").read(file).lost["notes out of range"] == 2
    assert "1 note out of range" in "\n".join(domain().inspect(file))
    tune = of_bytes(raw, (0, 60, 80), (960, 64, 80), channel=0)
    assert len(domain().read(tune).x) == 0
    assert "of a pitched instrument" in "\n".join(domain().inspect(tune))
    with pytest.raises(Rejected, match=r"pattern\.mid: has no drums"):
        domain().piece(tune)


def test_tasks_by_hand():
    """A loud kick a little early, a soft late hi-hat with it, and a snare."""
    x = torch.zeros(1, 32, WIDTH)
    for step, kind, velocity, offset in ((0, KICK, 0.8, 0.25), (0, HIHAT, 0.4, -0.5), (4, SNARE, 0.6, 0.1)):
        x[0, step, [kind, KINDS + kind, 2 * KINDS + kind]] = torch.tensor([1.0, velocity, offset])
    of = {name: task_of({"name": name}, domain()) for name in ("humanize", "tap", "add-hihat")}
    bare, taps, less = (of[name](x) for name in of)
    assert torch.equal(bare[..., :KINDS], x[..., :KINDS])
    assert not bare[..., KINDS:].any()
    assert groove.hits(taps[0].numpy()).step.tolist() == [0, 4]
    assert groove.hits(taps[0].numpy()).kind.tolist() == [OPEN, OPEN]
    assert groove.hits(taps[0].numpy()).early.tolist() == pytest.approx([0.25, 0.1])  # the louder one's
    assert not taps[..., KINDS : 2 * KINDS].any()
    assert torch.equal(less, x * (torch.arange(WIDTH) % KINDS != HIHAT))
    for task in of.values():
        assert isinstance(task, Keeping)
        made = task(x)
        assert torch.equal(made.where(task.kept(made), x), x), "what is kept is the target's own"
    silent = of["tap"].kept(taps)
    assert silent[0, :, :KINDS].all(1).nonzero()[:, 0].tolist() == [step for step in range(32) if step not in (0, 4)]
    assert not silent[..., KINDS:].any()
    assert not silent[0, [0, 4]].any()
    assert not task_of({"name": "tap", "dropout": 0.5}, domain()).kept(taps).any(), "taps may be fewer than the drums"


def test_soft_hits_are_left_out_first():
    torch.manual_seed(0)
    x = torch.zeros(4000, 1, WIDTH)
    x[:, :, [KICK, SNARE]] = 1.0
    x[:, :, KINDS + KICK] = 1.0  # of velocity 1 with probability .2 u, the snare's, of velocity 0, with u; the mean of u is .4
    task = task_of({"name": "tap", "dropout": 0.8}, domain())
    thinned = task._thinned(x)
    assert thinned[..., KICK].mean().item() == pytest.approx(1 - 0.2 * 0.4, abs=0.02)
    assert thinned[..., SNARE].mean().item() == pytest.approx(1 - 0.4, abs=0.03)
    assert torch.equal(task.as_input(x)[..., OPEN], torch.ones(4000, 1)), "what people tap is all there"


def test_how_near_two_grooves_are():
    x = torch.zeros(1, 4, WIDTH)
    x[0, :2, [KICK, KINDS + KICK, 2 * KINDS + KICK]] = torch.tensor([1.0, 0.5, 0.2])
    y = x.clone()
    y[0, 1] = 0
    y[0, 0, [KINDS + KICK, 2 * KINDS + KICK]] = torch.tensor([0.5 + 10 / 127, -0.2])
    assert hit_f1(x, y) == pytest.approx(2 / 3)
    assert velocity_error(x, y) == pytest.approx(10)
    assert timing_error(x, y) == pytest.approx(0.2)  # of a step: half of .4
    silence = torch.zeros(1, 4, WIDTH)
    assert (hit_f1(silence, silence), velocity_error(x, silence)) == (1.0, 0.0)


def test_what_is_louder_is_darker_and_what_is_early_further_left():
    quiet, loud = (torch.zeros(32, WIDTH) for _ in range(2))
    for x, velocity, offset in ((quiet, 0.2, 0.0), (loud, 1.0, 1.0)):
        x[8, [SNARE, KINDS + SNARE, 2 * KINDS + SNARE]] = torch.tensor([1.0, velocity, offset])
    ground, faint, dark = (domain().picture(x).astype(int) for x in (torch.zeros(32, WIDTH), quiet, loud))
    drawn = [np.argwhere((image != ground).any(2)) for image in (faint, dark)]
    assert drawn[0][:, 1].min() - drawn[1][:, 1].min() == 3  # half a step of six pixels
    assert dark[tuple(drawn[1][0])].sum() < faint[tuple(drawn[0][0])].sum()


def test_a_tap_is_always_answered():
    """A head that finds no drum likely strikes the nearest one where it is asked for one, and none where silence is kept."""
    made = Head(mixtures=1, hidden=4)
    h = torch.full((2, KINDS + 4), -9.0)
    h[:, SNARE] = -8.0
    values, kept = torch.zeros(2, WIDTH), torch.zeros(2, WIDTH, dtype=torch.bool)
    values[0, OPEN] = 1.0
    kept[1, :KINDS] = True
    for temperature in (0.0, 1.0):
        x = made.sample(h, temperature, torch.full((2, made.numbers), 0.5), Given(values, kept))
        assert x[0, :KINDS].nonzero().tolist() == [[SNARE]]
        assert not x[1, :KINDS].any()
    h[:, KICK] = 9.0
    x = made.sample(h, 0.0, None, Given(values, kept))
    assert x[0, :KINDS].nonzero().tolist() == [[KICK]], "what is likely is enough"
