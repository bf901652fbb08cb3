"""The table of what generated clips are measured by, of any run of music, as Markdown; and the rolls of the first clips.

    python bench/clips.py RUN [--sampler NAME] [--temperature T …] [--bars 8] [--best-of K] [--picture clips.png]

256 samples of the run's own length and 64 clips of `--bars`, for each temperature, beside held-out tunes and baselines, whose
figures are those of genae_music/judged.py. The NLL is that of 600 held-out windows with 50 samples; 0 leaves it out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

import genae
from genae.data.items import best_split
from genae.use import output, pictures
from genae.use.run import Run
from genae_music.domain import Music
from genae_music.judged import TRAINING, Figures, Judge

SAMPLES, CLIPS, ROLLS = 256, 64, 8
TITLES = {
    "in_scale": "notes in the window's best scale", "one_scale": "windows wholly in one scale",
    "scale_trigrams": "interval 3-grams that training has", "leaps": "leaps over 7 semitones", "notes": "notes a window",
    "lengths": "durations, total variation", "onsets": "onset positions, total variation",
    "degrees": "pitch classes above the tonic, total variation", "hits": "hits a window",
    "placement": "hit positions, total variation", "kick": "bars with a kick on 1", "bar_two": "bar 2 equal to bar 1",
    "bar_repeats": "exact bar repeats", "rhythm_repeats": "rhythm repeats",
    "border_leap": "leap over a window's border, semitones", "copies": "exact copies of training windows",
    "moved_copies": "transposed copies", "distinct": "distinct windows", "ngram_nll": "5-gram's nats a window",
}  # fmt: skip
Columns = Mapping[str, Figures]


def drawn(run: Run, judge: Judge, n: int, length: int, asked: argparse.Namespace) -> tuple[Columns, torch.Tensor]:
    """Figures of n samples of so many windows at each temperature, and the first ones of the last temperature."""
    columns: dict[str, Figures] = {}
    for t in asked.temperature or [run.domain.defaults.temperature]:
        began = time.perf_counter()
        made = run.sample(n, t, asked.seed, length=length, sampler=asked.sampler, best_of=asked.best_of)
        columns[f"T {t:g} ({time.perf_counter() - began:.1f} s)"] = judge(made)
    return columns, made[:ROLLS]


def table(title: str, columns: Columns) -> list[str]:
    """Markdown: a row a figure."""
    head = [f"| {title} | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|"]
    names = list(next(iter(columns.values())))
    return head + [f"| {_title(name)} | {' | '.join(_number(of[name]) for of in columns.values())} |" for name in names]


def _title(name: str) -> str:
    """In words; of several streams, with the stream's name."""
    figure = next((f for f in sorted(TITLES, key=len, reverse=True) if name == f or name.startswith(f"{f}_")), name)
    return " ".join([TITLES.get(figure, figure), name.removeprefix(figure).strip("_")]).strip()


def _number(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def likelihood(run: Run, samples: int) -> list[str]:
    """NLL against the n-gram's, and how much of a window z tells."""
    worth = run.evaluate(samples=samples, limit=600)
    margin = worth["own_minus_shuffled"]
    return [
        f"NLL {worth['nll']:.1f} ± {worth['nll_se']:.1f} nats a window (5-gram {worth['nll_ngram']:.1f}); "
        f"rate {worth['rate']:.1f} nats; own z − another's, sampled accuracy {margin:.3f}"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--sampler")
    parser.add_argument("--temperature", type=float, nargs="+")
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--best-of", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nll-samples", type=int, default=50)
    parser.add_argument("--picture", type=Path, default=Path("clips.png"))
    asked = parser.parse_args()
    run = genae.load(asked.run)
    domain = run.domain
    assert isinstance(domain, Music)
    length = max(1, -(-asked.bars // domain.bars))
    long = replace(domain, bars=length * domain.bars)
    train, held = run.training().x, run.held_out()[1].x
    judge, judge_long = (
        Judge(train, x, domain.kind, domain.steps_per_bar)
        for x in (held, best_split(run.dataset(), long, ("test", "valid"))[1].x)
    )
    torch.manual_seed(asked.seed)
    columns, clips = drawn(run, judge, SAMPLES, 1, asked)
    print(*table(f"{domain.bars} bars, {SAMPLES} samples", {**judge.baselines(SAMPLES), **columns}), "", sep="\n")
    if length > 1:
        columns, clips = drawn(run, judge_long, CLIPS, length, asked)
        others = judge_long.baselines(CLIPS)
        others[f"{length} random training windows"] = others.pop(TRAINING)
        print(*table(f"{long.bars} bars, {CLIPS} clips", {**others, **columns}), "", sep="\n")
    if asked.nll_samples:
        print(*likelihood(run, asked.nll_samples), sep="\n")
    pictures.save(pictures.grid(output.drawn(domain, clips), columns=1 if length > 1 else 2), asked.picture)


if __name__ == "__main__":
    main()
