"""A training killed at random moments, again and again, against one that never was: the weights must be equal to the bit.

    python bench/kill.py [--kills 20] [--data glyphs] [--preset mnist-mlp]

Each child trains until it is killed (SIGKILL, or its like on Windows); the next resumes. Prints at which steps it was killed.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from genae.data.tensors import load_tensors
from genae.learn.checkpoint import TRAINING, WEIGHTS

CHILD = """
import sys, time, genae
preset, data, steps, out, resume, pause = sys.argv[1:]
options = {"resume": out} if resume == "yes" else {"data": data, "steps": int(steps), "out": out}
training = genae.Training(None if resume == "yes" else preset, save_seconds=0.2, settings=(), device="cpu", **options)
for progress in training:
    if progress.step == 1 or pause != "0":
        print(progress.step, flush=True)
    time.sleep(float(pause))
"""


def child(preset: str, data: str, steps: int, out: Path, pause: float) -> subprocess.Popen[str]:
    """Training in a process of its own, a little slower than it could be, so that a kill falls anywhere in it."""
    resume = "yes" if (out / "recipe.json").exists() else "no"
    arguments = [preset, data, str(steps), str(out), resume, str(pause)]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)


def survive(preset: str, data: str, steps: int, kills: int, folder: Path, seed: int = 0) -> dict[str, object]:
    """Train once undisturbed and once with `kills` kills; what happened, and whether the weights are the same bytes."""
    chance = random.Random(seed)
    quiet, killed = folder / "quiet", folder / "killed"
    if _finish(child(preset, data, steps, quiet, 0)):
        raise SystemExit("the undisturbed training failed")
    at: list[int] = []
    for _ in range(kills):
        with child(preset, data, steps, killed, 0.01) as process:
            assert process.stdout is not None
            first = process.stdout.readline()  # the first step of this session is done
            if not first:
                raise SystemExit(f"a resumed run ended by itself with status {process.wait()}")
            time.sleep(chance.uniform(0, 1.5))
            process.kill()
            at.append(int((first + process.stdout.read()).split()[-1]))
    ended = _finish(child(preset, data, steps, killed, 0))
    same = all(tensors(quiet / name) == tensors(killed / name) for name in (TRAINING, WEIGHTS))
    return {"kills": len(at), "killed_at_steps": at, "steps": steps, "ended": ended, "identical": same}


def _finish(process: subprocess.Popen[str]) -> int:
    with process:
        return process.wait()


def tensors(path: Path) -> dict[str, bytes]:
    """Every tensor of a file as its bytes; the metadata hold the training time, which differs."""
    return {name: t.numpy().tobytes() for name, t in load_tensors(path)[0].items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--preset", default="mnist-mlp")
    parser.add_argument("--data", default="glyphs")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(survive(asked.preset, asked.data, asked.steps, asked.kills, Path(folder))))


if __name__ == "__main__":
    main()
