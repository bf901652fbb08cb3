"""genae decode: latents to examples."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, verb, wrote
from genae_cli.making import Asked, Making, making, opened


@verb(name="decode", cls=Making, short_help="Make examples of latents.")
@run_argument
@click.argument("latents", type=click.Path(path_type=Path), metavar="LATENTS.npz")
@click.option("--window", type=click.IntRange(min=1), metavar="K", help="The z at place K alone, from 1.  [default: all]")
@making
def command(run: Path, latents: Path, window: int | None, asked: Asked) -> None:
    """Decode an .npz with `z` (N, latent), as `genae encode` writes it or of your own, with a RUN: a grid, and every example.

    The z of a whole file make a whole file again; --window K takes the one at place K of the .npz, from 1.

    \b
    Example:
      genae decode runs/first latents.npz --out decoded
    """
    from genae.use.latents import read
    from genae.use.output import write_samples

    loaded, how = opened(run, asked)
    stored = read(loaded, latents, window or 0)
    given = stored.condition if how.condition is None else how.condition
    events = loaded.decode(stored.z, given, asked.temperature, asked.seed, how.length, stored.spans if how.length == 1 else ())
    if how.length > 1:
        domains, made = [loaded.styled(**how.options)] * len(events), list(loaded.shortened(events, how.cut))
    else:
        domains, made = map(list, zip(*loaded.joined(stored.spans, events, **how.options), strict=True))
    files = write_samples(domains, made, asked.out, "decoded")
    result = {"run": str(run), "latents": latents, "n": len(made), "temperature": asked.temperature,
              "condition": how.condition, "seed": asked.seed, "files": files}  # fmt: skip
    emit(result, asked.as_json, lambda: wrote(files))
