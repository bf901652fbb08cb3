r"""What a run of grooves is worth on held-out windows, task by task, against answers that need no model.

    python bench/groove.py RUN [--limit 1000] [--seed 0] [--json]

    even        every hit as loud as all are in the mean, and on the grid
    by place    as loud and as early as its drum is in the mean at that step of the bar; where hits are asked for, those that
                more than half of the training bars have there, given that something is struck
    means       the model at temperature 0
    model       the model as people are given it

Of the drums that the task asks for: `hits` is F1, 2 TP / (hits of one + hits of the other). Over the hits that both have,
`velocity` is mean |Δ| of 1 … 127 and `timing` mean |Δ| in milliseconds at the window's tempo. `spread` is the standard
deviation of each drum's velocities, and of its offsets, over the drummers', the mean over drums by their hits.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

import genae
from genae.learn.device import seeded
from genae.learn.scoring import choose
from genae.use.run import Run
from genae_music.groove import KINDS
from genae_music.groove_tasks import HIHAT
from genae_music.score import LOUDEST

TASKS = ("humanize", "tap", "add-hihat", "reconstruct")
STEP = 15_000.0  # milliseconds of a step at one quarter per minute
Row = dict[str, float]


class Groove(NamedTuple):
    """Of windows (N, T, 27)."""

    hit: Tensor  # (N, T, 9), bool
    velocity: Tensor  # 0 … 127
    offset: Tensor  # half steps

    @classmethod
    def of(cls, x: Tensor) -> Groove:
        hit, velocity, offset = x.split(KINDS, -1)
        return cls(hit > 0.5, velocity * LOUDEST, offset)


class Places(NamedTuple):
    """Means of training windows by step of the bar and drum (bar, 9)."""

    struck: Tensor  # share of the steps with any hit that have this one
    velocity: Tensor
    offset: Tensor


def places(train: Groove, bar: int) -> Places:
    """By place; what training never struck there has its drum's mean anywhere."""
    hit = train.hit.float().unflatten(1, (-1, bar))
    any_hit = hit.amax(-1, keepdim=True)
    count = hit.sum((0, 1))
    means = []
    for values in (train.velocity, train.offset):
        total = (values.unflatten(1, (-1, bar)) * hit).sum((0, 1))
        anywhere = total.sum(0) / count.sum(0).clamp(min=1)
        means.append(torch.where(count > 0, total / count.clamp(min=1), anywhere))
    return Places(count / any_hit.sum((0, 1)).clamp(min=1), *means)


def trivial(known: Places, held: Groove, asked: Tensor, given_hits: bool, train: Groove) -> dict[str, Groove]:
    """`even` and `by place` of held-out windows, which keep what is not asked for (9,) bool."""
    bars = held.hit.shape[1] // len(known.struck)
    placed = Places(*(mean.repeat(bars, 1).expand_as(held.velocity) for mean in known))
    likely = (placed.struck > 0.5) & held.hit.any(-1, keepdim=True)
    hit = held.hit if given_hits else torch.where(asked, likely, held.hit)
    loud = torch.full_like(held.velocity, train.velocity[train.hit].mean().item())
    return {
        "even": Groove(hit, loud, torch.zeros_like(held.offset)),
        "by place": Groove(hit, placed.velocity, placed.offset),
    }


def measured(made: Groove, held: Groove, asked: Tensor, step: Tensor) -> Row:
    """Against the drummers', of the drums asked for (9,) bool; milliseconds of a step (N,)."""
    mine, theirs = made.hit & asked, held.hit & asked
    both = mine & theirs
    late = (made.offset - held.offset).abs() / 2 * step[:, None, None]
    return {
        "hits": 2 * both.sum().item() / max(1, (mine.sum() + theirs.sum()).item()),
        "velocity": (made.velocity - held.velocity).abs()[both].mean().item(),
        "timing": late[both].mean().item(),
        "spread velocity": spread(made.velocity, mine) / spread(held.velocity, theirs),
        "spread timing": spread(made.offset, mine) / spread(held.offset, theirs),
    }


def spread(values: Tensor, hit: Tensor) -> float:
    """The standard deviation of each drum's values, the mean over drums by their hits."""
    each = [(values[..., k][hit[..., k]], int(hit[..., k].sum())) for k in range(KINDS)]
    total = sum(n for of, n in each if n > 1)
    return sum(n * of.std().item() for of, n in each if n > 1) / max(1, total)


def rows(run: Run, task: str, limit: int, seed: int) -> Mapping[str, Row]:
    """All ways of one task."""
    examples = choose(run.held_out()[1], limit, seed)
    held, train = (Groove.of(run.domain.prepare(of.x, "show")) for of in (examples, run.training()))
    asked = torch.arange(KINDS) == HIHAT if task == "add-hihat" else torch.ones(KINDS, dtype=torch.bool)
    kept = task in ("humanize", "reconstruct")
    ways = trivial(places(train, 16), held, asked, kept, train)
    for name, temperature in (("means", 0.0), ("model", None)):
        with seeded(seed):
            made = run.reconstruct(examples, seed=None, temperature=temperature, task=task)[1]
        ways[name] = Groove.of(made)
    step = STEP / examples.fields["tempo"][:, 0]
    return {name: measured(made, held, asked, step) for name, made in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    run = genae.load(asked.run)
    result = {task: rows(run, task, asked.limit, asked.seed) for task in TASKS}
    if asked.json:
        print(json.dumps(result))
        return
    for task, ways in result.items():
        print(f"\n{task:12}" + "".join(f"{name:>16}" for name in next(iter(ways.values()))))
        for way, row in ways.items():
            print(f"{way:12}" + "".join(f"{value:16.3f}" for value in row.values()))


if __name__ == "__main__":
    main()
