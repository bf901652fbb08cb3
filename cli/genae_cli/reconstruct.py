"""genae reconstruct: examples through the model and back."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, unused, verb, wrote
from genae_cli.making import Asked, Making, making, opened


@verb(name="reconstruct", cls=Making, short_help="Send examples through the model and back.")
@run_argument
@click.argument("items", nargs=-1, required=True, metavar="FILE|FOLDER|ITEM…")
@making
def command(run: Path, items: tuple[str, ...], asked: Asked) -> None:
    """Reconstruct files, folders, or items such as mnist:test:7, with a RUN: inputs above outputs, and every output.

    An output has the style of its file, where the domain reads one. A run with another task shows its own: a denoiser is
    given the noisy input, drawn with --seed.

    \b
    Example:
      genae reconstruct runs/first glyphs:test:3 glyphs:test:8 --out there-and-back
    """
    from genae.use.output import write_pairs

    loaded, how = opened(run, asked)
    seen = loaded.seen(list(items))
    unused(seen.unused)
    domains = [loaded.styled(name, **how.options) for name in seen.names]
    inputs, outputs = loaded.reconstruct(seen, asked.condition, asked.seed, asked.temperature, how.length)
    files = write_pairs(domains, inputs, outputs, asked.out)
    numbers = {name: float(metric(seen.events, outputs)) for name, metric in loaded.domain.defaults.metrics.items()}
    result = {"run": str(run), "items": seen.names, "unused": seen.unused, "seed": asked.seed, **numbers, "files": files}
    emit(result, asked.as_json, lambda: [*wrote(files), *(f"{name} {value:.4g}" for name, value in numbers.items())])
