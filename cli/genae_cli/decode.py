"""genae decode: latents to examples."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, verb, wrote
from genae_cli.making import Asked, Making, making, opened


@verb(name="decode", cls=Making, short_help="Make examples of latents.")
@run_argument
@click.argument("latents", type=click.Path(path_type=Path), metavar="LATENTS.npz")
@making
def command(run: Path, latents: Path, asked: Asked) -> None:
    """Decode an .npz with `z` (N, latent), as `genae encode` writes it or of your own, with a RUN: a grid, and every example.

    \b
    Example:
      genae decode runs/first latents.npz --out decoded
    """
    from genae.use.latents import read
    from genae.use.output import write_samples

    loaded, how = opened(run, asked)
    stored = read(loaded, latents)
    given = stored.condition if asked.condition is None else asked.condition
    events = loaded.decode(stored.z, given, asked.temperature, asked.seed, how.length)
    files = write_samples(loaded.styled(**how.options), events, asked.out, "decoded")
    result = {"run": str(run), "latents": latents, "n": len(events), "temperature": asked.temperature,
              "condition": asked.condition, "seed": asked.seed, "files": files}  # fmt: skip
    emit(result, asked.as_json, lambda: wrote(files))
