r"""What a run of many voices is worth on held-out music: what comes back, what is new, and how likely pieces are.

    python bench/piano.py RUN [--limit 1000] [--samples 20] [--temperature 0.5] [--pieces 0] [--seed 0] [--json]

Comes back, of held-out windows: `onsets` and `sounding` are F1 of keys struck and of keys that sound, `velocity` is mean |Δ| of
1 … 127 (genae_music.piano_metrics). `another` is what a held-out window of another place would score, `nearest` the training
window that has most onsets in common with it, of as many as --limit.

New: the figures of genae_music.piano_judged, of 256 windows from the run's sampler, and from N(0, 1); beside them held-out
windows, single keys (`cells`) and training windows.

Likely, with --pieces: nats a sixteenth of that many whole pieces of the test split (all with a negative number), each cut into
windows that tile it: −log p ≤ IWAE's bound with --samples. A window knows nothing of those before it, and the last one is
scored with the silence after the piece, so the number is above what a model of whole pieces would have. Loudness is in it:
of chorales, which are all as loud, it is next to nothing. What is told of the chorales' test split, RNN-RBM 6.27 and RNN-NADE
5.56 nats a frame (https://arxiv.org/abs/1206.6392), is of quarters, given all frames before, and of which pitches sound, not of
which are struck again: so these are no measure for it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

import torch
from torch import Tensor

import genae
from genae.data.examples import Examples
from genae.learn.device import seeded
from genae.learn.scoring import batches_of, choose, scored
from genae.use.run import Run
from genae_music.piano_cells import Cells
from genae_music.piano_judged import Judge
from genae_music.piano_metrics import METRICS

DRAWN, AT_ONCE = 256, 64
Row = Mapping[str, float]


def measured(x: Tensor, y: Tensor) -> Row:
    """How near what came back (N, T, 88) is."""
    return {name: metric(x, y) for name, metric in METRICS.items()}


def back(run: Run, held: Examples, known: Tensor) -> dict[str, Row]:
    """What comes back of held-out windows."""
    x = run.domain.prepare(held.x, "show")
    struck, theirs = ((of > 0).flatten(1).float() for of in (x, known))
    common = 2 * struck @ theirs.T / (struck.sum(1)[:, None] + theirs.sum(1)).clamp(min=1)
    ways = {"another": x.roll(len(x) // 2, 0), "nearest": known[common.argmax(1)]}
    for name, temperature in (("means", 0.0), ("samples", 1.0)):
        ways[name] = run.reconstruct(held, seed=None, temperature=temperature)[1]
    return {name: measured(x, y) for name, y in ways.items()}


def new(run: Run, temperature: float | None, seed: int) -> dict[str, Row]:
    """What new windows have in common with held-out ones."""
    judge = Judge(run.training().x, run.held_out()[1].x)
    own = run.default_sampler
    ways = {f"from {own}": judge(run.sample(DRAWN, temperature, seed, sampler=own))} if own not in (None, "prior") else {}
    with seeded(seed):
        normal = run.decode(torch.randn(DRAWN, *run.vae.space.shape), temperature=temperature, seed=seed)
    return ways | {"from N(0, 1)": judge(normal)} | judge.baselines(DRAWN)


def likely(run: Run, count: int, samples: int, seed: int) -> dict[str, Row]:
    """Nats a step of whole pieces: with loudness, and of the keys alone."""
    files = run.dataset().split("test").files
    pieces = [run.domain.piece(file) for file in (files if count < 0 else files[:count])]
    x, fields = torch.cat([p.x for p in pieces]), {k: torch.cat([p.fields[k] for p in pieces]) for k in pieces[0].fields}
    steps = sum(len(run.domain.framed(p.frame).join(run.domain.prepare(p.x, "show"))) for p in pieces)
    cells = Cells.of(run.domain.prepare(run.training().x[:8192], "show"))
    total = {"model": 0.0, "cells": 0.0, "rate": 0.0}
    with seeded(seed), torch.no_grad():
        for batch, shown in batches_of(run.built, Examples(x, fields=fields), run.device, AT_ONCE):
            of = scored(run.built, batch, samples)
            total["model"] += of["nll"].sum().item()
            total["rate"] += of["rate"].sum().item()
            total["cells"] += cells.nats(shown.cpu()).sum().item()
    return {"nats a step": {**{name: value / steps for name, value in total.items()}, "pieces": len(pieces), "steps": steps}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--pieces", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    run = genae.load(asked.run)
    held = choose(run.held_out()[1], asked.limit, asked.seed)
    known = run.domain.prepare(choose(run.training(), asked.limit, asked.seed).x, "show")
    tables = {"comes back": back(run, held, known), "new": new(run, asked.temperature, asked.seed)}
    if asked.pieces:
        tables["likely"] = likely(run, asked.pieces, asked.samples, asked.seed)
    if asked.json:
        print(json.dumps(tables))
        return
    for title, ways in tables.items():
        names = list(next(iter(ways.values())))
        print(f"\n{title:15}" + "".join(f"{way:>16}" for way in ways))
        for name in names:
            print(f"{name:15}" + "".join(f"{row[name]:16.3f}" for row in ways.values()))


if __name__ == "__main__":
    main()
