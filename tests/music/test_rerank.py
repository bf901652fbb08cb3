"""Scores of new music, by hand and of what is scored in a run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genae.errors import GenaeError
from genae_music.ngram import NGram
from genae_music.rerank import in_key, learned, profiles, score


def test_an_n_gram_comes_back_from_its_tensors() -> None:
    torch.manual_seed(0)
    x = torch.randint(0, 9, (50, 32))
    model = NGram.of(x, 16, 90)
    again = NGram.restored(model.tensors())
    assert (again.nll(x) == model.nll(x)).all()
    with pytest.raises(GenaeError, match="three numbers, not pair, count, numbers"):
        NGram.restored({name: t for name, t in model.tensors().items() if name != "tokens"})


def test_rare_n_grams_of_many_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three windows of one token and one of another: only what was counted four times or more is kept."""
    kit = torch.zeros(4, 32)
    kit[3] = 1
    whole = learned(kit, "drums", 16)
    monkeypatch.setattr("genae_music.rerank.MANY", 0)
    kept = learned(kit, "drums", 16)
    assert set(whole["drums/count"].tolist()) == {1, 2, 3, 6}
    assert set(kept["drums/count"].tolist()) == {6}
    assert score(kit[:1], "drums", kept).isfinite().all()


def test_scores_by_hand() -> None:
    """Four struck classes in three steps: the n-gram's log-probability over 5."""
    kit = torch.zeros(6, 32)
    kit[:, [0, 8]] = 1
    kit[:, 16] = 2 + 4
    tensors = learned(kit, "drums", 16)
    nll = NGram.restored({name.removeprefix("drums/"): tensor for name, tensor in tensors.items()}).nll(kit)
    assert score(kit, "drums", tensors).numpy() == pytest.approx(-nll / 5)


def test_keys_by_hand() -> None:
    """Training's one window has c e g c in C major: with one more of each semitone c is 3 of 16, e and g 2, any other 1."""
    triad = np.zeros((1, 32), np.int64)
    triad[0, ::8] = [41, 45, 48, 53]  # c e g c
    major, minor = profiles(triad)
    assert np.exp(major) * 16 == pytest.approx([3, 1, 1, 1, 2, 1, 1, 2, 1, 1, 1, 1])
    assert np.exp(minor) == pytest.approx([1 / 12] * 12)
    moved = triad + 7 * (triad > 0)
    moved[0, 24:] = 0  # g b d in G major
    assert np.exp(in_key(moved, profiles(triad))) == pytest.approx(3 * 2 * 2 / 16**3)


def test_a_clip_that_leaves_its_key_scores_lower() -> None:
    """The same scale twice, and the second time a tritone higher: each window is as training has them."""
    torch.manual_seed(0)
    up = torch.zeros(32)
    up[::4] = torch.tensor([41.0, 43, 45, 46, 48, 50, 52, 53])
    tensors = learned(up.repeat(20, 1), "melody", 16)
    stays, leaves = torch.cat([up, up]), torch.cat([up, up + 6 * (up > 0)])
    scores = score(torch.stack([stays, leaves]), "melody", tensors)
    assert scores[0] > scores[1]


def test_what_training_has_scores_higher_than_what_it_has_not() -> None:
    """A scale up in any key, and one with its notes in another order; in a trio all streams count."""
    torch.manual_seed(0)
    up = torch.zeros(32)
    up[::4] = torch.tensor([41.0, 43, 45, 46, 48, 50, 52, 53])
    mixed = up.clone()
    mixed[::4] = up[::4][torch.tensor([3, 6, 0, 5, 1, 7, 2, 4])]
    scores = score(torch.stack([up + 2 * (up > 0), mixed]), "melody", learned(up.repeat(20, 1), "melody", 16))
    assert scores[0] > scores[1] + 1
    bass, kit = up - 20 * (up > 0), (torch.arange(32) % 8 == 0).float()
    trios = torch.stack([torch.stack([up, bass, kit]), torch.stack([up, bass, kit.roll(1)])])
    scores = score(trios, "trio", learned(trios[:1].repeat(20, 1, 1), "trio", 16))
    assert scores[0] > scores[1] + 1


def test_longer_clips_are_scored_whole() -> None:
    up = torch.zeros(20, 32)
    up[:, ::4] = torch.tensor([41.0, 43, 45, 46, 48, 50, 52, 53])
    tensors = learned(up, "melody", 16)
    assert score(torch.cat([up, up], 1)[:3], "melody", tensors).shape == (3,)
