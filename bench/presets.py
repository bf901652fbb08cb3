"""What each preset costs: the steps that it takes, one step, and the whole training, on one core.

    python bench/presets.py [PRESET …] > presets.md

A table in Markdown. A step is the median of processor-seconds of one thread after the first, in float32 or bf16 as the
preset has it; the whole is that many of them, to which what is fitted at the end comes. Networks of over 20 million weights are
timed at a batch of 4, in proportion: at their own they do not fit every machine's memory. A preset whose data set is not there
is left out, and named.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from genae.errors import GenaeError
from genae.recipe import registry
from genae.recipe.recipe import compose
from genae.use.training import Training

WARM, TIMED, LONGEST = 1, 6, 15.0  # steps, and the seconds after which no more are timed
LARGE, BATCH = 20e6, 4
HEAD = """# Presets

What `genae train PRESET` does without another option, and how long one core works at it (`bench/presets.py`; two cores take a
little more than half of that for larger networks). Training can be stopped and sampled from at any time; large presets, which
are Magenta's, want a GPU. *Then* is what is fitted afterwards.

| preset | on | weights | batch | steps | a step, s | one core | then |
|---|---|---|---|---|---|---|---|"""


def row(preset: str, folder: Path) -> str:
    """Its line of the table."""
    plan = compose(preset)
    training = Training(preset, out=folder / preset)
    weights, steps, batch = sum(p.numel() for p in training.built.vae.parameters()), training.steps, plan.batch
    if weights > LARGE:
        batch = BATCH
        training = Training(preset, out=folder / f"{preset}-{batch}", settings=[f"batch={batch}"])
    step = statistics.median(times(training)[WARM:]) * plan.batch / batch
    data, fitted = plan.data or "files of your own", training.sampler["name"] if training.sampler else ""
    cells = (
        f"`{preset}`", data, f"{weights / 1e6:.1f} M", plan.batch, f"{steps:,}", f"{step:.3g}",
        length(steps * step), fitted,
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def length(seconds: float) -> str:
    """For people."""
    minutes = seconds / 60
    if minutes < 120:
        return f"{max(1, minutes):.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 2880 else f"{minutes / 1440:.0f} days"


def times(training: Training) -> list[float]:
    """Processor-seconds of its first steps."""
    spent: list[float] = []
    steps, began = iter(training), time.perf_counter()
    while len(spent) < WARM + TIMED and (len(spent) <= WARM or time.perf_counter() - began < LONGEST):
        before = time.process_time()
        next(steps)
        spent.append(time.process_time() - before)
    return spent


def main() -> None:
    torch.set_num_threads(1)
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or registry.names("preset"):
            try:
                print(row(name, Path(folder)), flush=True)
            except GenaeError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
