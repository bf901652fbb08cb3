r"""What a run of bands is worth: notes of held-out bars that come back, and new bars and songs beside those that need no model.

    python bench/multitrack.py RUN [--limit 1000] [--bars 8] [--songs 48] [--seed 0] [--picture bands.png]

Onset F1 of reconstructions, in all and by track, and the share of right programs, at temperature 0 and as people are given
them. Figures of 256 bars and of songs from the run's sampler are those of genae_music/multitrack_metrics.py: `mixed` are
held-out bars whose tracks come from different songs. The picture has the rolls of held-out bars, of what comes back of them,
and of the first songs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

import genae
from genae.data.domain import Figures
from genae.learn.scoring import choose
from genae.use import output, pictures
from genae.use.run import Run
from genae_music import multitrack_metrics
from genae_music.multitrack_domain import PARTS, Multitrack

BARS, SHOWN = 256, 4


def reconstructed(run: Run, limit: int, seed: int) -> tuple[list[str], Tensor, Tensor]:
    """A line a temperature; held-out bars and what comes back of them."""
    examples, lines = choose(run.held_out()[1], limit, seed), []
    x = run.domain.prepare(examples.x, "show")
    for name, temperature in (("likelier", 0.0), ("as given", None)):
        made = run.reconstruct(examples, seed=seed, temperature=temperature)[1]
        tracks = {PARTS[track]: value for track, value in multitrack_metrics.track_f1(x, made).items()}
        each = "  ".join(f"{part} {value:.3f}" for part, value in tracks.items())
        right = multitrack_metrics.players_f1(x, made)
        lines.append(f"{name:10} onset F1 {multitrack_metrics.onset_f1(x, made):.3f}  {each}  players {right:.3f}")
    return lines, x, made


def table(title: str, figures: Figures) -> list[str]:
    """Markdown: a row a figure."""
    ways = list(next(iter(figures.values())))
    lines = [f"| {title} | {' | '.join(ways)} |", f"|---{'|---' * len(ways)}|"]
    return lines + [f"| {name} | {' | '.join(f'{of[way]:.3f}' for way in ways)} |" for name, of in figures.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--songs", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--picture", type=Path, default=Path("bands.png"))
    asked = parser.parse_args()
    run = genae.load(asked.run)
    domain, heat = run.domain, asked.temperature
    assert isinstance(domain, Multitrack)
    lines, x, made = reconstructed(run, asked.limit, asked.seed)
    held = run.held_out()[1]
    torch.manual_seed(asked.seed)
    heat = domain.defaults.temperature if heat is None else heat
    bars = run.sample(BARS, heat, asked.seed)
    print(*lines, "", *table(f"{BARS} bars", domain.judge(bars, held, run.training)), "", sep="\n")
    began = time.perf_counter()
    songs = run.sample(asked.songs, heat, asked.seed, length=asked.bars)
    took = time.perf_counter() - began
    print(*table(f"{asked.songs} songs of {asked.bars} bars ({took:.1f} s)", domain.judge(songs, held, run.training)), sep="\n")
    rows = [part[: asked.bars].flatten(0, 1) for part in (x, made)]
    pictures.save(
        pictures.grid([domain.picture(row) for row in rows] + output.drawn(domain, songs[:SHOWN]), columns=2), asked.picture
    )


if __name__ == "__main__":
    main()
