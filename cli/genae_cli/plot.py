"""genae plot: pictures of a run."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import as_json, device, emit, run_argument, seed, verb, wrote


@verb(name="plot", short_help="Draw a run's latent space, curves or reconstructions.")
@run_argument
@click.option(
    "--kind",
    type=click.Choice(["manifold", "styles", "clusters", "traversal", "directions", "curves", "reconstructions"]),
    required=True,
    help="What to draw.",
)
@click.option("--data", metavar="NAME|PATH", help="Instead of the run's own data set.")
@seed
@device
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .png, .pdf or .svg file.")
@as_json
def command(run: Path, kind: str, data: str | None, seed: int, device: str, out: Path, as_json: bool) -> None:
    """Plot a RUN.

    \b
    manifold         the decoder over the latent plane
    styles           a few z by the classes of a run with a condition
    clusters         test examples in the latent plane, coloured by label
    traversal        what the most active latent dimensions change
    directions       what the principal components of the latent space change
    curves           ELBO, distortion and rate over training
    reconstructions  test examples above what comes back of them

    \b
    Example:
      genae plot runs/first --kind manifold --out manifold.png
    """
    from genae import load
    from genae.use.plots import draw

    files = [draw(load(run, device), kind, out, data=data, seed=seed)]
    emit({"run": str(run), "kind": kind, "seed": seed, "files": files}, as_json, lambda: wrote(files))
