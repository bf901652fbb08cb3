"""What nats in z buy: of several runs of music, rate against likelihood, samples and morphs, in one picture.

    python bench/frontier.py RUN RUN … [--temperature 1] [--samples 50] [--limit 600] [--out frontier.png]

A point is a run, named after its folder; a dashed line is what held-out windows have, a dotted one what an n-gram has. A run's
numbers are printed as a line of JSON, and lines of before are taken for runs: python bench/frontier.py frontier.jsonl RUN
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import genae
from genae.use.plots import save

Point = dict[str, Any]  # a run's numbers, as `Run.evaluate` gives them, and its name
NUMBERS = {  # of a run, and of what has no z
    "nll": ("NLL, nats", "nll_ngram"),
    "own_minus_shuffled": ("own z − another's, sampled accuracy", None),
    "morph_cost_ratio": ("bits half-way of a morph, of its ends'", None),
}
FIGURES = {
    "in_scale": "notes in the best scale", "one_scale": "windows wholly in one scale",
    "scale_trigrams": "interval 3-grams that training has", "notes": "notes a window",
    "lengths": "durations, total variation", "placement": "hit positions, total variation", "kick": "bars with a kick on 1",
    "bar_two": "bar 2 equal to bar 1",
}  # fmt: skip


def points(source: Path, asked: argparse.Namespace) -> list[Point]:
    """Of a run's folder, measured now and printed; of a file, those that were printed into it."""
    if source.is_file():
        return [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    run = genae.load(source)
    made = {"run": source.name, **run.evaluate(samples=asked.samples, limit=asked.limit, temperature=asked.temperature)}
    print(json.dumps(made), flush=True)
    return [made]


def frontier(every: Sequence[Point]) -> Figure:
    """A panel a number, over the rate."""
    figures = [name for name in FIGURES if all(name in point["judged"]["figures"] for point in every)]
    panels = [*NUMBERS, *figures]
    rows = -(-len(panels) // 4)
    figure = Figure(figsize=(16, 3.8 * rows), layout="constrained")
    for axes, name in zip(figure.subplots(rows, 4, squeeze=False).flat, panels, strict=False):
        if name in NUMBERS:
            title, other = NUMBERS[name]
            values, level, style = [point[name] for point in every], every[0][other] if other else None, ":"
        else:
            of = [point["judged"]["figures"][name] for point in every]
            title, values, level, style = FIGURES[name], [each["samples"] for each in of], of[0]["held-out"], "--"
        _panel(axes, every, values, title)
        if level is not None:
            axes.axhline(level, color="black", lw=1, ls=style)
    for axes in figure.axes[len(panels) :]:
        axes.set_visible(False)
    return figure


def _panel(axes: Axes, every: Sequence[Point], values: Sequence[float], title: str) -> None:
    """Runs by their rate, joined in its order."""
    order = sorted(range(len(every)), key=lambda i: every[i]["rate"])
    axes.plot([every[i]["rate"] for i in order], [values[i] for i in order], marker="o", lw=1, color="C0", alpha=0.8)
    for point, value in zip(every, values, strict=True):
        axes.annotate(point["run"], (point["rate"], value), xytext=(4, 4), textcoords="offset points", fontsize=8)
    axes.set(title=title, xlabel="rate, nats")
    axes.grid(alpha=0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--out", type=Path, default=Path("frontier.png"))
    asked = parser.parse_args()
    save(frontier([point for run in asked.runs for point in points(run, asked)]), asked.out)


if __name__ == "__main__":
    main()
