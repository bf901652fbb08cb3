"""Many voices from the command line: a folder of pieces, a run of a few steps, whole pieces there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from genae import load
from genae.data.examples import File
from genae_cli.main import cli
from genae_music import midi, piano
from genae_music.piano_domain import Piano
from genae_music.piano_events import event

SIZES = (
    "network.width=12", "network.inner=8", "network.mixed=8", "network.shared=4", "likelihood.hidden=8", "latent=16",
    "batch=16", "ema=0", "stages=[]",
)  # fmt: skip
BARS = 6


def piece(seed: int) -> torch.Tensor:
    """Six bars (96, 88) of chords of three or four voices."""
    chance = np.random.default_rng(seed)
    start = np.repeat(np.arange(0, 16 * BARS, 4), 4)
    key = np.concatenate([20 + chance.choice(40, 4, replace=False) for _ in range(4 * BARS)])
    return event(torch.from_numpy(piano.rows(start, start + 4, key, chance.integers(20, 128, len(start)), 16 * BARS)))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pieces")
    for i in range(8):
        Piano(audio=False, tempo=87.0, program=6).write(piece(i), folder / f"{i:02}.mid")
    return folder


@pytest.fixture(scope="module")
def player(pieces, tmp_path_factory) -> Path:
    """A run of piano-2bar, a few steps."""
    run, sizes = tmp_path_factory.mktemp("runs") / "player", [word for size in SIZES for word in ("--set", size)]
    done = CliRunner().invoke(
        cli, ["train", "piano-2bar", "--data", str(pieces), "--steps", "3", "--device", "cpu", "--out", str(run), *sizes]
    )
    assert done.exit_code == 0, done.output
    return run


def test_a_whole_piece_comes_back_at_its_tempo_on_its_instrument(player, pieces, answer, tmp_path) -> None:
    made = answer("reconstruct", player, pieces / "00.mid", "--temperature", 1, "--no-audio", "--out", tmp_path / "out")
    assert 0 <= made["onset_f1"] <= 1
    score = midi.read((tmp_path / "out" / "reconstruction-1.mid").read_bytes())
    assert [round(t.qpm) for t in score.tempos] == [87]
    assert [who.program for who in score.instruments] == [6]
    assert score.length == BARS * 4 * score.resolution


def test_new_pieces_and_what_lies_between_two(player, pieces, answer, tmp_path) -> None:
    answer("sample", player, "-n", 2, "--bars", 4, "--no-audio", "--out", tmp_path / "new")
    new = Piano(audio=False).piece(File(tmp_path / "new" / "sample-1.mid"))
    assert new.x.shape[1:] == (32, piano.KEYS)
    answer("interpolate", player, pieces / "00.mid", pieces / "01.mid", "--no-audio", "--out", tmp_path / "morph")
    assert list((tmp_path / "morph").glob("*.mid"))


def test_drums_and_nothing_are_refused_in_a_line(player, refused, raw_midi, tmp_path) -> None:
    (tmp_path / "beat.mid").write_bytes(raw_midi(b"\x00\x99\x24\x50\x60\x89\x24\x00"))
    assert "beat.mid: has drums alone (channel 10)" in refused(
        "reconstruct", player, tmp_path / "beat.mid", "--out", tmp_path / "no"
    )
    (tmp_path / "none.mid").write_bytes(raw_midi(b""))
    assert "none.mid: has no notes" in refused("reconstruct", player, tmp_path / "none.mid", "--out", tmp_path / "no")


@pytest.fixture
def raw_midi():
    """Maker of the bytes of a file of one track."""
    return lambda track: b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + (len(track) + 4).to_bytes(4, "big") + track + b"\0\xff\x2f\0"


def test_evaluation_judges_new_windows(player, pieces) -> None:
    run = load(player, "cpu")
    made = run.domain.judge(run.sample(4, seed=0), run.held_out()[1], run.training)
    assert {"samples", "held-out", "cells", "training"} == set(made["polyphony"])
    assert all(0 <= value <= 1 for value in made["polyphony"].values())
