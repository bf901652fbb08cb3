"""Signals that ask a training to stop: it saves, and what it says is what lies on the disk."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import genae
from genae.learn.checkpoint import TRAINING
from genae.learn.saved import load, step_of
from genae.learn.signals import POLITE
from genae_cli.main import cli

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of a POSIX system")
SETTINGS = ("network.hidden=[8]", "latent=2")
STEPS = 20_000  # more than are ever done


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """SIGINT is, though a shell has what runs in its background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", [name for name in POLITE if name != "SIGBREAK"])
def test_each_saves_and_stops(bars: Path, tmp_path: Path, name: str) -> None:
    done = list[int]()

    def train() -> None:
        for progress in genae.Training("mnist-mlp", data=str(bars), steps=STEPS, out=tmp_path / "run", settings=SETTINGS):
            done.append(progress.step)
            if progress.step == 3:
                os.kill(os.getpid(), signal.Signals[name])

    with pytest.raises(KeyboardInterrupt):
        train()
    assert done == [1, 2, 3, 4]  # the step that it was in is the last
    assert load(tmp_path / "run" / TRAINING).step == genae.load(tmp_path / "run", "cpu").step == 4


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.09])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_second_one_at_once_tells_what_is_on_the_disk(bars: Path, tmp_path: Path, name: str, pause: float) -> None:
    run, over = tmp_path / "run", threading.Event()
    before = signal.signal(signal.Signals[name], lambda number, frame: None)  # a late one comes when the training is over

    def twice() -> None:
        while step_of(run) is None and not over.is_set():  # the first saving, before any step
            time.sleep(0.002)
        for _ in range(2):
            os.kill(os.getpid(), signal.Signals[name])
            time.sleep(pause)

    words = ["train", "mnist-mlp", "--data", str(bars), "--steps", str(STEPS), "--out", str(run)]
    other = threading.Thread(target=twice)
    other.start()
    try:
        result = CliRunner().invoke(cli, [*words, *(word for setting in SETTINGS for word in ("--set", setting))])
    finally:
        over.set()
        other.join()
        signal.signal(signal.Signals[name], before)
    assert result.exit_code == 130, result.output
    said = re.search(r"stopped and saved at step (\d+); go on with: genae train --resume", result.stderr)
    assert said is not None, result.stderr
    assert int(said[1]) == step_of(run) == load(run / TRAINING).step > 0
