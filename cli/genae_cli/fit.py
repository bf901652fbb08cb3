"""genae fit: a sampler on the latents of a trained run."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import as_json, counted, device, emit, run_argument, verb, wrote


@verb(name="fit", short_help="Fit a sampler on a run's latents.")
@run_argument
@click.argument("sampler")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change the sampler: components=20, steps=500.")
@click.option(
    "--data", metavar="NAME|PATH", help="Instead of the run's own data set, of which the training examples are taken."
)
@device
@as_json
def command(run: Path, sampler: str, settings: tuple[str, ...], data: str | None, device: str, as_json: bool) -> None:
    """Fit a SAMPLER on the latents of a RUN's training examples, and keep it in the run.

    gaussian, mixture, flow and flow-matching are of single examples, sequence of whole pieces.

    New examples are then made with `genae sample RUN --sampler SAMPLER`, of a plain autoencoder too. The options of one are
    shown by `genae plugins show SAMPLER`.

    \b
    Example:
      genae fit runs/first mixture --set components=20
    """
    from genae import load
    from genae.recipe.settings import options

    loaded, spec = load(run, device), {"name": sampler, **options(settings)}
    files = [loaded.fit(spec, data, counted("turn", "fitting"))]
    result = {
        "run": str(run),
        "sampler": sampler,
        "data": data or loaded.recipe.data,
        "seed": loaded.recipe.seed,
        "files": files,
    }
    emit(result, as_json, lambda: [*wrote(files), f"next: genae sample {run} -n 64 --sampler {sampler} --out samples"])
