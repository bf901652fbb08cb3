"""genae encode: examples to latents."""

from __future__ import annotations

from pathlib import Path

import click

from genae.errors import GenaeError
from genae_cli.common import as_json, device, emit, label, run_argument, seed, unused, verb, window, wrote


@verb(name="encode", short_help="Write the latents of examples.")
@run_argument
@click.argument("items", nargs=-1, metavar="[FILE|FOLDER|ITEM…]")
@click.option("--data", metavar="NAME|PATH", help="All examples of a data set, instead of items.")
@click.option("--split", type=click.Choice(["train", "valid", "test"]), help="Which of them.  [default: test]")
@window
@label
@seed
@device
@click.option("--out", required=True, type=click.Path(path_type=Path), help="An .npz file.")
@as_json
def command(
    run: Path,
    items: tuple[str, ...],
    data: str | None,
    split: str | None,
    window: int | None,
    condition: str | None,
    seed: int,
    device: str,
    out: Path,
    as_json: bool,
) -> None:
    """Encode files, folders, items such as mnist:test:7, or a whole data set with a RUN.

    The .npz has posterior means `z` (N, latent), their standard deviations `sigma`, `names`, and `labels` and `classes` where
    they are known. A file that is longer than an example has a z for each of its windows, whose numbers are in `windows`.

    \b
    Example:
      genae encode runs/first glyphs:test:3 glyphs:test:8 --out latents.npz
      genae encode runs/first --data glyphs --split test --out latents.npz
    """
    if out.suffix != ".npz":
        raise GenaeError(f"--out {out}: latents are written as .npz, for example {out.with_suffix('.npz')}")
    _require_one(items, data, split, window)
    from genae import load
    from genae.use import latents
    from genae.use.seen import of_data

    loaded = load(run, device)
    seen = of_data(data, split or "test", loaded.domain) if data else loaded.seen(list(items), window or 0)
    unused(seen.unused)
    files = [latents.write(loaded, seen, out, condition)]
    result = {"run": str(run), "data": data, "split": (split or "test") if data else None, "examples": len(seen.events),
              "items": None if data else [span.name for span in seen.spans], "latent": loaded.vae.space.size,
              "unused": seen.unused, "seed": seed, "files": files}  # fmt: skip
    emit(result, as_json, lambda: wrote(files))


def _require_one(items: tuple[str, ...], data: str | None, split: str | None, window: int | None) -> None:
    """GenaeError for items and a data set together, for neither, and for what is of the other."""
    if bool(items) == bool(data):
        raise GenaeError("encode takes files, folders and items, or --data NAME|PATH; give one of the two")
    if split and not data:
        raise GenaeError(f"--split {split} is of a data set; give it with --data NAME|PATH")
    if window and data:
        raise GenaeError(f"--window {window} is of a file; --data takes all examples")
