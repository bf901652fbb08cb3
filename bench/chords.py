"""Whether melodies keep to the chords that were asked for: the share of their sounding time that is on chord tones.

    python bench/chords.py RUN [--sampler NAME] [--windows 512] [--clips 64] [--bars 8] [--seed 0]

Of held-out windows, whose chords are asked for: the windows themselves, new ones of a model that is told chords and key, chords
alone, the key alone, and nothing. Likewise of clips of held-out songs, where the run has a sampler of windows in a row. What
being told is worth is how far it goes from untold to held-out; half of the way is asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

import genae
from genae.data.examples import Known
from genae.data.pieces import read_pieces
from genae.errors import GenaeError
from genae.latent.samplers import Sequential
from genae.use.run import Run
from genae_music import chords, kept

TOLD: Mapping[str, tuple[str, ...]] = {
    "chords and key": (chords.FIELD, "key"), "chords": (chords.FIELD,), "key": ("key",), "nothing": (),
}  # fmt: skip
ENOUGH = 0.5


def on_chord(tokens: Tensor, asked: Tensor) -> float:
    """The mean share of tokens (N, T) under chords (N, T)."""
    return float(kept.kept(tokens[:, None], {chords.FIELD: asked})[chords.FIELD].nanmean())


def conditions(run: Run, fields: Mapping[str, Tensor], told: tuple[str, ...]) -> Tensor:
    """What a run is told of examples when it is told these fields alone, (N, C)."""
    n = len(fields[chords.FIELD])
    given = run.built.condition(Known(fields={name: fields[name] for name in told}), torch.zeros(n, *run.vae.event))
    assert given is not None
    return given


def windows(run: Run, n: int, seed: int) -> dict[str, float]:
    """The share of so many held-out windows, and of new ones told of them."""
    _, held = run.held_out()
    known = held.fields[chords.FIELD].isfinite().all(1).nonzero()[:, 0]
    some = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))[:n]]
    fields = {name: value[some] for name, value in held.fields.items()}
    asked = fields[chords.FIELD]
    shares = {"held-out": on_chord(held.x[some], asked)}
    for name, told in TOLD.items():
        made = run.sample(len(some), seed=seed, condition=conditions(run, fields, told))
        shares[name] = on_chord(made, asked)
    return shares


def clips(run: Run, sampler: str | None, n: int, length: int, seed: int) -> dict[str, float]:
    """The share of the beginnings of so many held-out songs, and of new clips told of them."""
    voices = read_pieces(run.dataset(), "test", run.domain).voices
    whole = [voice for voice in voices if voice.seamless and len(voice.x) >= length][:n]
    if not whole:
        raise GenaeError(f"no held-out song has {length} windows in a row")
    fields = {name: torch.cat([voice.known.fields[name][:length] for voice in whole]) for name in (chords.FIELD, "key")}
    asked = fields[chords.FIELD].view(len(whole), -1)
    real = torch.stack([voice.x[:length].flatten() for voice in whole])
    shares = {"held-out": on_chord(real, asked)}
    for name, told in TOLD.items():
        given = conditions(run, fields, told).view(len(whole), length, -1)
        made = run.sample(len(whole), seed=seed, length=length, condition=given, sampler=sampler)
        shares[name] = on_chord(made, asked)
    return shares


def table(title: str, shares: Mapping[str, float]) -> str:
    """Markdown, with how far each goes from untold to held-out."""
    span = shares["held-out"] - shares["nothing"]
    rows = [f"| {title} | on a chord tone | of the way |", "|---|---|---|"]
    rows += [f"| {name} | {share:.3f} | {(share - shares['nothing']) / span:.0%} |" for name, share in shares.items()]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sampler", help="of windows in a row")
    for name, default in {"--windows": 512, "--clips": 64, "--bars": 8, "--seed": 0}.items():
        parser.add_argument(name, type=int, default=default)
    asked = parser.parse_args()
    run = genae.load(asked.run)
    if chords.FIELD not in run.built.condition.parts:
        raise GenaeError(f"{asked.run} is not told chords; train melody-2bar-chords")
    found = {f"{asked.windows} windows": windows(run, asked.windows, asked.seed)}
    if isinstance(run.sampler(asked.sampler), Sequential):
        length = asked.bars // int(next(iter(run.domain.units.values())))
        found[f"{asked.clips} clips of {asked.bars} bars"] = clips(run, asked.sampler, asked.clips, length, asked.seed)
    print("\n\n".join(table(title, shares) for title, shares in found.items()))
    way = [(s["chords"] - s["nothing"]) / (s["held-out"] - s["nothing"]) for s in found.values()]
    return int(min(way) < ENOUGH)


if __name__ == "__main__":
    raise SystemExit(main())
