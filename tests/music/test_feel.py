"""Drums whose velocities and timing nobody said, as drummers have them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genae.data.examples import File
from genae_music import feel, groove, midi
from genae_music.domain import Music
from genae_music.groove_domain import Groove

BACKBEAT = torch.zeros(32)
BACKBEAT[::2] = 4.0  # hi-hats, with a kick or a snare on the beats
BACKBEAT[::8] = 5.0
BACKBEAT[4::8] = 6.0


def written(path, tokens, **options) -> groove.Hits:
    Music(kind="drums", audio=False, **options).write(tokens, path)
    own = Groove(audio=False)
    return groove.hits(own.prepare(own.piece(File(path)).x, "show").flatten(0, 1).numpy())


def test_drums_are_not_all_as_loud_nor_on_the_grid(tmp_path):
    hits = written(tmp_path / "a.mid", BACKBEAT)
    again = written(tmp_path / "b.mid", BACKBEAT)
    assert len(hits.step) == 24, "every hit is read at its own step"
    assert len(set(hits.velocity.tolist())) > 12
    assert np.count_nonzero(hits.early) > 12
    assert all(np.array_equal(a, b) for a, b in zip(hits, again, strict=True)), "the same music is played the same"
    plain = written(tmp_path / "c.mid", BACKBEAT, amount=0.0, velocity=90)
    assert set(plain.velocity.tolist()) == {90}
    assert not plain.early.any()


def test_they_vary_as_drummers_do(tmp_path):
    """Over 60 clips hi-hats on the beat are louder than off it, by 10 as in the table, and spread as their two deviations."""
    generator = torch.Generator().manual_seed(0)
    velocities, late = [], []
    for i in range(60):
        tokens = torch.where(torch.arange(32) % 2 == 0, 4.0, 0.0) + torch.randint(0, 2, (32,), generator=generator)
        hits = written(tmp_path / f"{i}.mid", tokens)
        mine = hits.kind == 2
        velocities.append(hits.velocity[mine].reshape(8, 2))
        late.append(-60 * hits.early[mine])
    velocity = np.stack(velocities)  # (60, 8, 2): on a beat, off it
    table = np.array(feel.VELOCITY)[2].reshape(4, 4)
    expected = table[:, 0].mean() - table[:, 2].mean()
    assert velocity[..., 0].mean() - velocity[..., 1].mean() == pytest.approx(expected, abs=4)  # a standard error is 1.6
    assert np.stack(late).std() == pytest.approx(np.hypot(feel.BETWEEN[1, 2], feel.WITHIN[1, 2]), rel=0.2)


def test_amount_goes_from_a_machine_to_a_drummer(tmp_path):
    half, whole = (written(tmp_path / f"{a}.mid", BACKBEAT, amount=a, velocity=64) for a in (0.5, 1.0))
    away = 2 * np.abs(half.velocity - 64) - np.abs(whole.velocity - 64)
    inside = (whole.velocity > 1) & (whole.velocity < 127)
    assert np.abs(away[inside]).max() <= 2  # both are rounded


def test_only_drums_are_played_so(tmp_path):
    """A trio's melody and bass stay as they were, its drums do not."""
    band = torch.zeros(3, 64)
    band[0, ::4], band[1, ::8], band[2] = 45.0, 20.0, BACKBEAT.repeat(2)
    Music(kind="trio", bars=4, audio=False).write(band, tmp_path / "a.mid")
    score = midi.read((tmp_path / "a.mid").read_bytes())
    drum = score.drums()
    assert set(score.velocity[~drum].tolist()) == {80}
    assert not (score.onset[~drum] % 120).any()
    assert len(set(score.velocity[drum].tolist())) > 12
