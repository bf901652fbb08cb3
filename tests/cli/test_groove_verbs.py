"""Grooves from the command line: a folder of drum patterns, a run of several tasks, patterns played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from genae import load
from genae.data.examples import File
from genae_cli.main import cli
from genae_music import groove, midi
from genae_music.domain import Music
from genae_music.drums import NAMES
from genae_music.groove import KINDS, WIDTH
from genae_music.groove_domain import Groove

SIZES = (
    "network.encoder_width=12", "network.width=12", "latent=4", "batch=16", "ema=0", "prior=normal", "optimiser=adam"
)  # fmt: skip
BARS = 5


def pattern(seed: int, human: bool = True) -> torch.Tensor:
    """Five bars (80, 27) of kick, snare and hi-hat; a machine's are on the grid and equally loud."""
    generator = np.random.default_rng(seed)
    x = torch.zeros(16 * BARS, WIDTH)
    for step, kind in [*((s, 2) for s in range(0, 16 * BARS, 2)), *((s, s // 4 % 2) for s in range(0, 16 * BARS, 4))]:
        velocity = int(generator.integers(20, 128)) / 127 if human else 100 / 127
        x[step, [kind, KINDS + kind]] = torch.tensor([1.0, velocity])
        x[step, 2 * KINDS + kind] = float(generator.integers(-50, 50)) / 60 * human * (step > 0)
    return x


@pytest.fixture(scope="module")
def patterns(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("patterns")
    for i in range(12):
        Groove(audio=False, tempo=100.0).write(pattern(i), folder / f"{i:02}.mid")
    Groove(audio=False, tempo=87.0).write(pattern(0, human=False), folder.parent / "machine.mid")
    return folder


@pytest.fixture(scope="module")
def drummer(patterns, tmp_path_factory) -> Path:
    """A run of groove-2bar, a few steps."""
    run, sizes = tmp_path_factory.mktemp("runs") / "drummer", [word for size in SIZES for word in ("--set", size)]
    done = CliRunner().invoke(
        cli, ["train", "groove-2bar", "--data", str(patterns), "--steps", "3", "--device", "cpu", "--out", str(run), *sizes]
    )
    assert done.exit_code == 0, done.output
    return run


def hits_of(path: Path) -> groove.Hits:
    domain = Groove(audio=False)
    piece = domain.piece(File(path))
    return groove.hits(domain.framed(piece.frame).join(domain.prepare(piece.x, "show")).numpy())


def test_a_quantised_pattern_is_played_and_its_hits_stay(drummer, patterns, answer, tmp_path) -> None:
    machine = patterns.parent / "machine.mid"
    made = answer("reconstruct", drummer, machine, "--task", "humanize", "--no-audio", "--out", tmp_path / "out")
    before, after = hits_of(machine), hits_of(tmp_path / "out" / "reconstruction-1.mid")
    assert after.step.tolist() == before.step.tolist()
    assert after.kind.tolist() == before.kind.tolist()
    assert len(set(after.velocity.tolist())) > 5
    assert np.abs(after.early).max() > 0.1
    assert made["hit_f1"] == 1
    score = midi.read((tmp_path / "out" / "reconstruction-1.mid").read_bytes())
    assert [round(t.qpm) for t in score.tempos] == [87]


def test_how_much_of_it_is_asked_for(drummer, patterns, answer, tmp_path) -> None:
    machine = patterns.parent / "machine.mid"
    answer("reconstruct", drummer, machine, "--task", "humanize", "--amount", 0, "--no-audio", "--out", tmp_path / "none")
    none = hits_of(tmp_path / "none" / "reconstruction-1.mid")
    assert set(none.velocity.tolist()) == {100}, "as loud as the pattern"
    assert not none.early.any()


def test_hihats_are_added_and_all_else_stays(drummer, patterns, tmp_path) -> None:
    run = load(drummer, "cpu")
    inputs, outputs = run.reconstruct(patterns / "00.mid", task="add-hihat")
    hihat = torch.arange(WIDTH) % KINDS == NAMES.index("closed hi-hat")
    assert not inputs[..., hihat].any()
    assert torch.equal(outputs[..., ~hihat], inputs[..., ~hihat])
    assert torch.equal(run.reconstruct(patterns / "00.mid", task="add-hihat")[1], outputs), "the same at every time"


def test_taps_are_one_line(drummer, patterns) -> None:
    run = load(drummer, "cpu")
    inputs, outputs = run.reconstruct(patterns / "00.mid", task="tap", as_input=True)
    assert (inputs[..., :KINDS].sum(-1) <= 1).all()
    assert outputs.shape == inputs.shape


def test_a_task_that_the_run_does_not_have_is_told(drummer, patterns, refused: Callable[..., str], tmp_path) -> None:
    line = refused("reconstruct", drummer, patterns / "00.mid", "--task", "inpaint", "--out", tmp_path / "no")
    assert "no task 'inpaint' of this run; known: add-hihat, humanize, reconstruct, tap" in line
    tune = tmp_path / "tune.mid"
    Music(audio=False).write(torch.arange(2.0, 34.0), tune)
    assert "has no drums" in refused("reconstruct", drummer, tune, "--task", "humanize", "--out", tmp_path / "no")


def test_samples_have_velocities_and_timing(drummer, answer: Callable[..., dict[str, Any]], tmp_path) -> None:
    answer("sample", drummer, "-n", 2, "--bars", 4, "--no-audio", "--out", tmp_path / "new")
    hits = hits_of(tmp_path / "new" / "sample-1.mid")
    assert len(set(hits.velocity.tolist())) > 5
    assert np.abs(hits.early).max() > 0
