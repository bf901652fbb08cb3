"""A training step of `mnist-mlp` against a bare hand-written loop of the same network, interleaved in one run.

    python bench/step_time.py [--rounds 20] [--steps 100]

Both gather from the same uint8 tensor, binarise, use the same precision and fused Adam.
Prints the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

from genae.data.examples import Examples
from genae.learn import device, trainer
from genae.learn.build import build
from genae.learn.state import start
from genae.learn.watch import Watch
from genae.recipe import recipe

HIDDEN, LATENT, BATCH = 400, 40, 100


def bare(x: torch.Tensor, low: bool) -> Iterator[None]:
    """784-400-z40 by hand."""
    encoder = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))
    decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    while True:
        for rows in torch.randperm(len(x))[: len(x) // BATCH * BATCH].view(-1, BATCH):
            target = torch.bernoulli(x[rows].float() / 255).flatten(1)
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                mean, log_sigma = encoder(target).float().chunk(2, 1)
                logits = decoder(mean + log_sigma.exp() * torch.randn_like(mean)).float()
            distortion = F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1)
            rate = (0.5 * (mean.square() + (2 * log_sigma).exp() - 1) - log_sigma).sum(1)
            loss = (distortion + rate).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            yield


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    asked = parser.parse_args()
    x = torch.randint(0, 256, (60_000, 1, 28, 28), dtype=torch.uint8)
    plan = recipe.compose("mnist-mlp", steps=(asked.rounds + 2) * asked.steps, epochs=0.0)
    low = device.precision(plan.precision, torch.device("cpu")) == "bf16"
    loops = {"bare": bare(x, low), "genae": ours(x, plan)}
    times: dict[str, list[float]] = {"bare": [], "genae": []}
    for round_number in range(asked.rounds + 1):
        for name, loop in loops.items():
            spent = seconds(loop, asked.steps)
            if round_number:  # the first warms up
                times[name].append(spent / asked.steps * 1000)
    ratios = [g / b for g, b in zip(times["genae"], times["bare"], strict=True)]
    medians = {name: round(statistics.median(values), 3) for name, values in times.items()}
    print(
        json.dumps({"ms_per_step": medians, "ratio": round(statistics.median(ratios), 3), "precision": "bf16" if low else "32"})
    )


if __name__ == "__main__":
    main()
