"""genae sample: new examples from the prior."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import as_json, device, emit, label, out_folder, run_argument, seed, verb, wrote


@verb(name="sample", short_help="Make new examples.")
@run_argument
@click.option("-n", "count", type=int, default=16, show_default=True, help="How many.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Below 1: more typical; above: more varied.")
@label
@seed
@device
@out_folder
@as_json
def command(
    run: Path, count: int, temperature: float, condition: str | None, seed: int, device: str, out: Path, as_json: bool
) -> None:
    """Sample a RUN: a grid picture and every example as a file.

    \b
    Example:
      genae sample runs/first -n 64 --temperature 0.8 --out samples
    """
    from genae import load
    from genae.files import require_empty
    from genae.output import write_samples

    require_empty(out)
    loaded = load(run, device)
    files = write_samples(loaded.domain, loaded.sample(count, temperature, seed, condition), out)
    emit(
        {"run": str(run), "n": count, "temperature": temperature, "condition": condition, "seed": seed, "files": files},
        as_json,
        lambda: wrote(files),
    )
