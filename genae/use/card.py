"""The model card and the previews of a finished run: what it is, how it was made, what it scores, how to use it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import torch

from genae.data.items import best_split
from genae.data.opening import open_data
from genae.files import write_text
from genae.learn import checkpoint
from genae.learn.metrics import read_metrics
from genae.recipe.stages import sampler_of
from genae.use import output, pictures

if TYPE_CHECKING:
    from genae.recipe.recipe import Recipe
    from genae.use.run import Run

PREVIEWS = 64  # samples, and 16 reconstructions


def write_card(run: Run, seconds: float, examples: int, split: str) -> None:
    """README.md and previews/ beside the weights."""
    shown = [_preview_samples(run), _preview_reconstructions(run)]
    records = [r for r in read_metrics(run.folder) if r["split"] == "valid"]
    write_text(
        run.folder / checkpoint.CARD,
        _text(run, seconds, examples, split, records[-1] if records else {}, [s for s in shown if s]),
    )


def _preview_samples(run: Run) -> str:
    if not (run.built.bounded or sampler_of(run.recipe.stages)):
        return ""  # a plain autoencoder has nothing to sample from
    events = run.sample(PREVIEWS, seed=0)
    pictures.save(pictures.grid(output.drawn(run.domain, events)), run.folder / "previews" / "samples.png")
    return "![samples](previews/samples.png)"


def _preview_reconstructions(run: Run) -> str:
    _, held = best_split(open_data(run.recipe.data), run.domain, ("valid", "test", "train"))
    first = held.take(torch.arange(min(16, len(held))))
    inputs, outputs = run.reconstruct(first)
    rows = output.drawn(run.domain, inputs) + output.drawn(run.domain, outputs)
    pictures.save(pictures.grid(rows, columns=len(inputs)), run.folder / "previews" / "reconstructions.png")
    return "![reconstructions](previews/reconstructions.png)"


def _parts(recipe: Recipe) -> str:
    """A row for the parts that are not genae's own, or nothing."""
    named = "; ".join(f"{part} of {origin}" for part, origin in recipe.plugins.items())
    return f"| plugins | {named} |\n" if named else ""


def _text(run: Run, seconds: float, examples: int, split: str, last: dict[str, Any], shown: list[str]) -> str:
    recipe = run.recipe
    weights = sum(p.numel() for p in run.vae.parameters())
    scores = "\n".join(
        f"| {key} | {last[key]:.2f} nats |" for key in ("elbo", "distortion", "rate") if last.get(key) is not None
    )
    return f"""# {run.folder.name}

A variational autoencoder trained with `genae train {recipe.preset}` on `{recipe.data}`.

{chr(10).join(shown)}

| | |
|---|---|
| latent | {run.vae.space} |
| weights | {weights:,} |
| likelihood, prior | {recipe.likelihood["name"]}, {recipe.prior["name"]} |
{_parts(recipe)}| training examples | {examples:,} |
| steps | {run.step:,} |
| training time | {seconds:.0f} s on {run.device.type} ({platform.machine()}), torch {torch.__version__} |
{scores}

Scores are of the last validation ({split} split). Everything else is in `recipe.json`. To use it:

    genae sample {run.folder.name} -n 64 --out samples
    genae evaluate {run.folder.name}
"""
