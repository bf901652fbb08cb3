"""genae reconstruct: examples through the model and back."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import Clips, emit, making, run_argument, verb, wrote


@verb(name="reconstruct", short_help="Send examples through the model and back.")
@run_argument
@click.argument("items", nargs=-1, required=True, metavar="FILE|ITEM…")
@making
def command(
    run: Path,
    items: tuple[str, ...],
    temperature: float | None,
    clips: Clips,
    condition: str | None,
    seed: int,
    device: str,
    out: Path,
    as_json: bool,
) -> None:
    """Reconstruct files, or items such as mnist:test:7, with a RUN: inputs above outputs, and every output.

    Music keeps the tempo, program and velocity of its file. A run with another task shows its own: a denoiser is given
    the noisy input, drawn with --seed.

    \b
    Example:
      genae reconstruct runs/first glyphs:test:3 glyphs:test:8 --out there-and-back
    """
    from genae import load
    from genae.files import require_empty
    from genae.use.output import write_pairs

    require_empty(out)
    loaded = load(run, device)
    seen = loaded.seen(list(items))
    domains = [clips.domain(loaded, item) for item in items]
    inputs, outputs = loaded.reconstruct(seen, condition, seed, temperature, clips.length(loaded))
    files = write_pairs(domains, inputs, outputs, out)
    numbers = {name: float(metric(seen.events, outputs)) for name, metric in loaded.domain.defaults.metrics.items()}
    result = {"run": str(run), "items": items, "seed": seed, **numbers, "files": files}
    emit(result, as_json, lambda: [*wrote(files), *(f"{name} {value:.4g}" for name, value in numbers.items())])
