"""genae decode: latents to examples."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, verb, wrote
from genae_cli.making import Making, making, written


@verb(name="decode", cls=Making, short_help="Make examples of latents.")
@run_argument
@click.argument("latents", type=click.Path(path_type=Path), metavar="LATENTS.npz")
@making
def command(
    run: Path,
    latents: Path,
    temperature: float | None,
    wishes: dict[str, str],
    condition: str | None,
    seed: int,
    device: str,
    out: Path,
    as_json: bool,
) -> None:
    """Decode an .npz with `z` (N, latent), as `genae encode` writes it or of your own, with a RUN: a grid, and every example.

    \b
    Example:
      genae decode runs/first latents.npz --out decoded
    """
    from genae import load
    from genae.files import require_empty
    from genae.use.latents import read
    from genae.use.output import write_samples

    require_empty(out)
    loaded = load(run, device)
    how, stored = written(loaded, wishes), read(loaded, latents)
    events = loaded.decode(stored.z, stored.condition if condition is None else condition, temperature, seed, how.length)
    files = write_samples(loaded.styled(**how.options), events, out, "decoded")
    result = {"run": str(run), "latents": latents, "n": len(events), "temperature": temperature, "condition": condition,
              "seed": seed, "files": files}  # fmt: skip
    emit(result, as_json, lambda: wrote(files))
