"""genae sample: new examples from the prior."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, verb, wrote
from genae_cli.making import Making, making, written


@verb(name="sample", cls=Making, short_help="Make new examples.")
@run_argument
@click.option("-n", "count", type=int, default=16, show_default=True, help="How many.")
@making
def command(
    run: Path,
    count: int,
    temperature: float | None,
    wishes: dict[str, str],
    condition: str | None,
    seed: int,
    device: str,
    out: Path,
    as_json: bool,
) -> None:
    """Sample a RUN: a grid picture, and every example as a file with its picture and whatever else its domain writes.

    \b
    Example:
      genae sample runs/first -n 64 --temperature 0.8 --out samples
    """
    from genae import load
    from genae.files import require_empty
    from genae.use.output import write_samples

    require_empty(out)
    loaded = load(run, device)
    how = written(loaded, wishes)
    domain = loaded.styled(**how.options)
    files = write_samples(domain, loaded.sample(count, temperature, seed, condition, how.length), out)
    emit(
        {"run": str(run), "n": count, "temperature": temperature, "condition": condition, "seed": seed, "files": files},
        as_json,
        lambda: wrote(files),
    )
