"""What runs with a task are worth against doing nothing: how far held-out targets are from what is made of their inputs.

    python bench/tasks.py RUN … [--limit 1000] [--train 5000] [--seed 0]

    nothing    the input as it is
    mean       the mean of the training targets
    linear     ridge regression from inputs to targets, of so many training examples
    again      of tokens, the part that is given once more, instead of both
    model      what the run shows

Numbers are means over the values that the task changed: squares, or of tokens the share that is wrong.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

import torch
from torch import Tensor

import genae
from genae.learn.device import seeded
from genae.learn.scoring import choose
from genae.use.run import Run

RIDGE = 1e-2  # of the mean variance of an input's values


def linear(inputs: Tensor, targets: Tensor, held: Tensor) -> Tensor:
    """(N, …), (N, …) and held-out inputs (M, …) to their targets (M, …)."""
    x, y = inputs.flatten(1).double(), targets.flatten(1).double()
    centre, mean = x.mean(0), y.mean(0)
    x = x - centre
    covariance = x.T @ x / len(x)
    covariance += RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
    weights = torch.linalg.solve(covariance, x.T @ (y - mean) / len(x))
    return (mean + (held.flatten(1).double() - centre) @ weights).float().view(len(held), *targets.shape[1:])


def again(inputs: Tensor) -> Tensor:
    """Of windows (N, T) whose second half is hidden, the first twice."""
    given = inputs[:, : inputs.shape[1] // 2]
    return torch.cat([given, given], 1)


def measured(run: Run, limit: int, train: int, seed: int) -> dict[str, float]:
    """The numbers of a run."""
    held, known = choose(run.held_out()[1], limit, seed), choose(run.training(), train, seed)
    targets, shown = (run.domain.prepare(of.x, "show") for of in (held, known))
    with seeded(seed):
        inputs, outputs = run.reconstruct(held, seed=None)
        before = run.built.task(shown)
    tokens = run.domain.defaults.shows == "sample"
    others: Mapping[str, Tensor] = (
        {"again": again(inputs)}
        if tokens
        else {"mean": shown.mean(0).expand_as(targets), "linear": linear(before, shown, inputs)}
    )
    changed = inputs != targets
    apart = (lambda x: (x != targets).float()) if tokens else (lambda x: (x - targets).square())
    every = {"nothing": inputs, **others, "model": outputs}
    return {name: round(apart(made)[changed].mean().item(), 5) for name, made in every.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--train", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for folder in args.runs:
        run = genae.load(folder)
        numbers = measured(run, args.limit, args.train, args.seed)
        print(json.dumps({"run": folder, "task": run.recipe.task, "step": run.step, **numbers}), flush=True)


if __name__ == "__main__":
    main()
