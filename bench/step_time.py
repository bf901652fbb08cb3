"""A training step of `mnist-mlp` against a bare hand-written loop of the same network, interleaved in one run.

    python bench/step_time.py [OBJECTIVE … | all] [--rounds 20] [--steps 100]

A line for each objective, the ELBO if none is named, with the median of the rounds' ratios. The loops by hand are in
bench/bare.py; both gather from the same uint8 tensor, binarise, use the same precision and fused Adam.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator

import bare
import torch

from genae.data.examples import Examples
from genae.learn import device, trainer
from genae.learn.build import build
from genae.learn.state import start
from genae.learn.watch import Watch
from genae.recipe import recipe


def ours(x: torch.Tensor, plan: recipe.Recipe) -> Iterator[None]:
    """The trainer, with what a session does at every step."""
    here = torch.device("cpu")
    built = build(plan)
    watch = Watch()
    fabric = device.fabric(here, plan.precision)
    for step in trainer.fit(built, Examples(x), plan, start(built, plan, here), fabric):
        watch.see(step)
        yield


def seconds(loop: Iterator[None], steps: int) -> float:
    """For so many steps."""
    began = time.perf_counter()
    for _ in range(steps):
        next(loop)
    return time.perf_counter() - began


def measured(objective: str, rounds: int, steps: int) -> dict[str, object]:
    """Milliseconds a step of both, and the median of the rounds' ratios."""
    x = torch.randint(0, 256, (bare.EXAMPLES, 1, 28, 28), dtype=torch.uint8)
    plan = recipe.compose("mnist-mlp", (f"objective={objective}",), steps=(rounds + 2) * steps, epochs=0.0)
    low = device.precision(plan.precision, torch.device("cpu")) == "bf16"
    loops = {"bare": bare.loop(objective, x, low), "genae": ours(x, plan)}
    times: dict[str, list[float]] = {"bare": [], "genae": []}
    for round_number in range(rounds + 1):
        for name, loop in loops.items():
            spent = seconds(loop, steps)
            if round_number:  # the first warms up
                times[name].append(spent / steps * 1000)
    ratios = [g / b for g, b in zip(times["genae"], times["bare"], strict=True)]
    medians = {name: round(statistics.median(values), 3) for name, values in times.items()}
    ratio = round(statistics.median(ratios), 3)
    return {"objective": objective, "ms_per_step": medians, "ratio": ratio, "precision": "bf16" if low else "32"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("objectives", nargs="*", choices=[*bare.STEPS, "all"], metavar="OBJECTIVE")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    asked = parser.parse_args()
    for objective in bare.STEPS if "all" in asked.objectives else asked.objectives or ["elbo"]:
        print(json.dumps(measured(objective, asked.rounds, asked.steps)), flush=True)


if __name__ == "__main__":
    main()
