"""genae encode: examples to latents."""

from __future__ import annotations

from pathlib import Path

import click

from genae.errors import GenaeError
from genae_cli.common import as_json, device, emit, label, run_argument, seed, verb, wrote


@verb(name="encode", short_help="Write the latents of examples.")
@run_argument
@click.argument("items", nargs=-1, required=True, metavar="FILE|ITEM…")
@label
@seed
@device
@click.option("--out", required=True, type=click.Path(path_type=Path), help="An .npz file.")
@as_json
def command(run: Path, items: tuple[str, ...], condition: str | None, seed: int, device: str, out: Path, as_json: bool) -> None:
    """Encode files, or items such as mnist:test:7, with a RUN: posterior means `z` (N, latent) and `names` in an .npz.

    \b
    Example:
      genae encode runs/first glyphs:test:3 glyphs:test:8 --out latents.npz
    """
    if out.suffix != ".npz":
        raise GenaeError(f"--out {out}: latents are written as .npz, for example {out.with_suffix('.npz')}")
    from genae import load
    from genae.use.output import write_latents

    loaded = load(run, device)
    z = loaded.encode(list(items), condition)
    files = [write_latents(out, z, items)]
    emit({"run": str(run), "items": items, "latent": z.shape[1], "seed": seed, "files": files}, as_json, lambda: wrote(files))
