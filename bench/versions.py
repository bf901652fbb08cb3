"""A training step, and one sample from the command line, of this genae against another one's, interleaved in one run.

    python bench/versions.py steps /path/to/other/venv/bin/python [--presets mnist melody-2bar-tiny] [--rounds 9] [--steps 20]
    python bench/versions.py sample /path/to/other/venv/bin/python [--rounds 9]

Each side is a process of its own with its own interpreter and packages, which does steps when it is asked to and nothing
in between. Prints median milliseconds, the median of the rounds' ratios (this / other), and their spread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = {"mnist": "glyphs", "mnist-mlp": "glyphs", "melody-2bar-tiny": "tunes", "notes-wave": "notes"}
WORKER = """
import sys, time, genae
preset, data, out = sys.argv[1:]
loop = iter(genae.Training(preset, data=data, out=out, steps=100_000, save_seconds=1e9, device="cpu"))
next(loop)
for line in sys.stdin:
    began = time.perf_counter()
    for _ in range(int(line)):
        next(loop)
    print(time.perf_counter() - began, flush=True)
"""
TRAIN = "import sys, genae; genae.train('mnist-mlp', data='glyphs', steps=20, out=sys.argv[1], device='cpu')"


def worker(python: str, preset: str, folder: Path) -> subprocess.Popen[str]:
    """A training that waits to be told how many steps to make."""
    command = [python, "-P", "-c", WORKER, preset, DATA[preset], str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def asked(process: subprocess.Popen[str], steps: int) -> float:
    """Seconds of so many steps."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def compare(sides: dict[str, list[float]]) -> dict[str, object]:
    """Medians of both, and of the rounds' ratios with the middle half of them."""
    ratios = sorted(own / other for own, other in zip(sides["this"], sides["other"], strict=True))
    medians = {name: round(statistics.median(values) * 1000, 2) for name, values in sides.items()}
    quarter = len(ratios) // 4
    return {"ms": medians, "ratio": round(statistics.median(ratios), 3),
            "middle_half": [round(ratios[quarter], 3), round(ratios[-1 - quarter], 3)]}  # fmt: skip


def steps(other: str, presets: list[str], rounds: int, count: int) -> None:
    """A line for each preset."""
    for preset in presets:
        with tempfile.TemporaryDirectory() as folder:
            pythons = {"this": sys.executable, "other": other}
            sides = {name: worker(python, preset, Path(folder) / name) for name, python in pythons.items()}
            times: dict[str, list[float]] = {name: [] for name in sides}
            for number in range(rounds + 1):
                for name in sorted(sides, reverse=bool(number % 2)):
                    spent = asked(sides[name], count)
                    if number:  # the first warms up
                        times[name].append(spent / count)
            for process in sides.values():
                process.kill()
                process.wait()
        print(json.dumps({"preset": preset, **compare(times)}), flush=True)


def sample(other: str, rounds: int) -> None:
    """`genae sample RUN -n 1`, each with a run of its own making."""
    with tempfile.TemporaryDirectory() as folder:
        times: dict[str, list[float]] = {"this": [], "other": []}
        pythons = {"this": sys.executable, "other": other}
        for name, python in pythons.items():
            subprocess.run([python, "-P", "-c", TRAIN, f"{folder}/run-{name}"], check=True)
        for number in range(rounds + 1):
            for name, python in pythons.items():
                out = f"{folder}/{name}-{number}"
                began = time.perf_counter()
                subprocess.run([python, "-P", "-m", "genae_cli", "sample", f"{folder}/run-{name}", "-n", "1", "--out", out],
                               check=True, capture_output=True)  # fmt: skip
                if number:
                    times[name].append(time.perf_counter() - began)
    print(json.dumps({"command": "genae sample RUN -n 1", **compare(times)}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["steps", "sample"])
    parser.add_argument("other", help="the other genae's Python")
    parser.add_argument("--presets", nargs="*", default=[*DATA], choices=[*DATA])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20)
    wish = parser.parse_args()
    if wish.what == "sample":
        sample(wish.other, wish.rounds)
    else:
        steps(wish.other, wish.presets, wish.rounds, wish.steps)


if __name__ == "__main__":
    main()
