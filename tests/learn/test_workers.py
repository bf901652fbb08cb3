"""Several processes train as one: the rows, the noise, the losses, and what is left when one of them is gone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

import genae
from genae.errors import GenaeError
from genae.learn.metrics import read_metrics
from genae.learn.workers import ALONE, Workers
from genae_cli.main import cli

CPU = torch.device("cpu")
SETTINGS = (
    "network.hidden=[16]",
    "latent=4",
    "batch=32",
    "condition=label",
    "condition.dropout=0.2",
    "precision=32",
    "ema=0.9",
)
DRAWS: dict[str, tuple[int, Callable[[int], Tensor]]] = {  # the axis of the examples, and what is drawn for so many
    "randn": (0, lambda n: torch.randn(n, 3)),
    "rand": (1, lambda n: torch.rand(2, n)),
    "randint": (0, lambda n: torch.randint(-5, 6, (n,))),
    "normal_": (0, lambda n: torch.empty(n, 20).normal_()),
    "randn_like": (1, lambda n: torch.randn_like(torch.zeros(5, n, 4))),
    "bernoulli": (0, lambda n: torch.bernoulli(torch.full((n, 7), 0.3))),
    "multinomial": (0, lambda n: torch.multinomial(torch.ones(n, 9), 1)),
}


@pytest.mark.parametrize("kind", DRAWS)
def test_each_draws_its_rows_of_what_one_process_draws(kind: str) -> None:
    axis, draw = DRAWS[kind]

    def drawn(workers: Workers, rows: int) -> Tensor:
        with workers.drawing(7, rows, CPU):
            draw(rows)
            return draw(rows)  # the second time, so that the order is that of one process too

    whole = drawn(ALONE, 12)
    assert torch.equal(torch.cat([drawn(Workers(rank, 3), 4) for rank in range(3)], axis), whole)


def test_what_is_of_no_example_is_the_same_for_all() -> None:
    def drawn(rank: int) -> Tensor:
        with Workers(rank, 2).drawing(7, 4, CPU):
            return torch.rand(3)

    assert torch.equal(drawn(0), drawn(1))


def test_what_draws_inside_itself_has_numbers_of_each() -> None:
    def drawn(rank: int) -> Tensor:
        with Workers(rank, 2).drawing(7, 4, CPU):
            return torch.dropout(torch.ones(100), 0.5, True)

    assert not torch.equal(drawn(0), drawn(1))


def test_rows_are_shared_out_in_order() -> None:
    assert [Workers(rank, 4).rows(torch.arange(8)).tolist() for rank in range(4)] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert ALONE.rows(torch.arange(3)).tolist() == [0, 1, 2]


def test_what_cannot_be_shared_out() -> None:
    Workers(0, 4).require(128, 1000)
    with pytest.raises(
        GenaeError, match=r"^batch=128 cannot be shared out evenly by 3 processes; set batch to a multiple of 3$"
    ):
        Workers(0, 3).require(128, 1000)
    with pytest.raises(GenaeError, match=r"^99 examples, less than a batch of 128, cannot be shared out evenly by 2 processes"):
        Workers(0, 2).require(128, 99)


@pytest.mark.parametrize("rank", [0, 1])
def test_the_first_alone_says_what_is_wrong(bars: Path, tmp_path: Path, rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": str(rank), "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(
        cli, ["train", "mnist-mlp", "--data", str(bars), "--set", "batch=128", "--out", str(tmp_path / "run")]
    )
    assert result.exit_code == 2
    line = "genae: batch=128 cannot be shared out evenly by 3 processes; set batch to a multiple of 3\n"
    assert result.output == (line if rank == 0 else "")
    assert not (tmp_path / "run").exists()


KILLED = """
import os, signal, sys, genae
training = genae.Training("mnist-mlp", data=sys.argv[1], steps=18, out=sys.argv[2], settings=sys.argv[3:], device="cpu",
                          save_seconds=0)
for progress in training:
    if progress.step == 9 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def _together(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *map(str, words)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a process is killed by a signal")
def test_two_lose_what_one_loses_and_a_killed_one_leaves_a_run(bars: Path, tmp_path: Path) -> None:
    whole, out, script = tmp_path / "whole", tmp_path / "run", tmp_path / "killed.py"
    script.write_text(KILLED)
    genae.train("mnist-mlp", data=str(bars), steps=18, out=whole, settings=SETTINGS, device="cpu", progress=False)
    told = _together(script, bars, out, *SETTINGS)
    assert told.returncode != 0
    line = re.search(
        r"another process of this training is gone \(.*\); (.*) has the checkpoint of step (8|9), go on", told.stderr
    )
    assert line, told.stderr
    assert line[1] == str(out)

    genae.train(resume=out, device="cpu", progress=False)
    _same_losses(whole, out)


@pytest.mark.slow
def test_two_go_on_with_what_one_began(bars: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "run"
    genae.train("mnist-mlp", data=str(bars), steps=18, out=whole, settings=SETTINGS, device="cpu", progress=False)
    for progress in genae.Training("mnist-mlp", data=str(bars), steps=18, out=out, settings=SETTINGS, device="cpu"):
        if progress.step == 9:
            break
    done = _together("-m", "genae_cli", "train", "--resume", out, "--device", "cpu", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"run"') == 1  # one of them talks
    _same_losses(whole, out)


JOINED = """
import atexit, os, sys, torch
def told():
    with open(os.path.join(sys.argv[1], os.environ["RANK"]), "a") as file:
        file.write(f"{torch.distributed.is_initialized()} ")
atexit.register(told)
from genae.learn import workers
workers.joined(torch.device("cpu"), "32", 2)
told()
"""


@pytest.mark.slow
def test_each_parts_from_the_others_before_it_ends(tmp_path: Path) -> None:
    """What is left to the end of the process aborted one in seven on a busy machine, after it had done all it should."""
    script = tmp_path / "joined.py"
    script.write_text(JOINED)
    done = _together(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["True False "] * 2


def _same_losses(a: Path, b: Path) -> None:
    """Of every step, and of the held-out examples at the end, but for the order of sums."""
    lines = [[line for line in read_metrics(run) if line["split"] == "train" or line["step"] == 18] for run in (a, b)]
    assert [line["split"] for line in lines[0]] == [line["split"] for line in lines[1]] == ["train"] * 18 + ["valid"]
    for one, two in zip(*lines, strict=True):
        first, second = ({key: value for key, value in line.items() if key not in ("seconds", "split")} for line in (one, two))
        assert first == pytest.approx(second, rel=1e-3), one
