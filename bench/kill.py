"""Trainings killed at random moments, again and again, against one that never was: the weights must be equal to the bit.

    python bench/kill.py [--count 200] [--seed 0]

A tiny training saves after every step and fits a sampler at its end. Each time it is killed (SIGKILL, or its like on Windows)
after a random part of the time that it takes undisturbed, and gone on with, one to four times in a row; then it ends in peace.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

import genae
from genae.data.tensors import load_tensors
from genae.learn.checkpoint import RECIPE, TRAINING, WEIGHTS
from genae.learn.saved import step_of

FILES = (TRAINING, WEIGHTS, "samplers/gaussian.safetensors")
SETTINGS = ("network.hidden=[8]", "latent=2", "batch=16", "ema=0.9", 'stages=[{"sampler": {"name": "gaussian"}}]')
STEPS, MOST = 16, 4  # of a training; kills in a row
HOW = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")  # a fork starts without importing torch


def train(out: Path) -> None:
    """From the start, or going on, as a person would after a kill."""
    torch.set_num_threads(1)
    pictures = torch.rand(200, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    options = {"resume": out} if (out / RECIPE).exists() else {"out": out, "steps": STEPS, "settings": SETTINGS}
    preset = None if "resume" in options else "mnist-mlp"
    for _ in genae.Training(preset, data=pictures, device="cpu", save_seconds=0, **options):
        pass


def begun(out: Path) -> BaseProcess:
    process = HOW.Process(target=train, args=(out,))
    process.start()
    return process


def ended(out: Path) -> float:
    """Trained to the end; in how many seconds."""
    mark, process = time.perf_counter(), begun(out)
    process.join()
    if process.exitcode:
        raise SystemExit(f"the training in {out} ended with status {process.exitcode}")
    return time.perf_counter() - mark


def killed(out: Path, seconds: float) -> bool:
    """Whether a training was, after so many seconds: it may have ended before."""
    process = begun(out)
    process.join(seconds)
    process.kill()
    process.join()
    if process.exitcode and process.exitcode > 0:
        raise SystemExit(f"the training in {out} ended with status {process.exitcode}")
    return bool(process.exitcode)


def content(out: Path) -> dict[str, bytes]:
    """Every tensor of a run as its bytes; the metadata hold the training time, which differs."""
    return {f"{file} {name}": t.numpy().tobytes() for file in FILES for name, t in load_tensors(out / file)[0].items()}


def survive(count: int, folder: Path, seed: int = 0) -> dict[str, object]:
    """`count` kills of as many trainings as that takes: where they fell, and how many ended in the same bytes."""
    chance, at, runs, same = random.Random(seed), Counter[str](), 0, 0
    train(folder / "here")  # what it imports, a fork need not
    seconds, wanted = ended(folder / "whole"), content(folder / "whole")
    assert content(folder / "here") == wanted
    while at.total() < count:
        out = folder / str(runs)
        for _ in range(chance.randint(1, min(MOST, count - at.total()))):
            if killed(out, chance.uniform(0, seconds)):
                step = step_of(out)
                at["before the first saving" if step is None else f"{step:02}"] += 1
            else:
                seconds *= 0.9  # it was quicker than before
        ended(out)
        runs, same = runs + 1, same + (content(out) == wanted)
    return {
        "kills": at.total(),
        "runs": runs,
        "identical": same,
        "step on disk": dict(sorted(at.items())),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(survive(asked.count, Path(folder), asked.seed)))


if __name__ == "__main__":
    main()
