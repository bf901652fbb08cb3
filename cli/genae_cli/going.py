"""genae continue, genae infill: whole files that go on, or that are made anew in a part."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, sampler, verb, wrote
from genae_cli.making import Asked, Making, making, opened


@verb(name="continue", cls=Making, short_help="Go on from a file.")
@run_argument
@click.argument("item", metavar="FILE|ITEM")
@sampler
@making
def continued(run: Path, item: str, sampler: str | None, asked: Asked) -> None:
    """Write a file as it is and what comes after it, by a RUN whose sampler knows examples in a row.

    How much is said as for `genae sample`, in a unit of the RUN: see the help of a run.

    \b
    Example:
      genae continue runs/first mine.mid --with length=16 --out longer
    """
    from genae.use import going
    from genae.use.output import write_samples

    loaded, how = opened(run, asked)
    domain, made = going.extended(
        loaded, item, how.length, how.condition, asked.temperature, asked.seed, sampler, how.cut, **how.options
    )
    files = write_samples([domain], [made], asked.out, "continued")
    result = {"run": str(run), "item": item, "sampler": sampler, "temperature": asked.temperature, "seed": asked.seed,
              "files": files}  # fmt: skip
    emit(result, asked.as_json, lambda: wrote(files))


@verb(name="infill", cls=Making, short_help="Make a part of a file anew.")
@run_argument
@click.argument("item", metavar="FILE|ITEM")
@sampler
@making
def infill(run: Path, item: str, sampler: str | None, asked: Asked) -> None:
    """Write a file with a part of it made anew, which goes on from what is before it, by a RUN whose sampler knows examples
    in a row.

    The part is said in a unit of the RUN, from its first to its last: see the help of a run.

    \b
    Example:
      genae infill runs/first mine.mid --with length=5-8 --out filled
    """
    from genae import load
    from genae.files import require_empty
    from genae.use import going
    from genae.use.output import write_samples
    from genae.use.writing import extent, plan

    require_empty(asked.out)
    loaded = load(run, asked.device)
    part, wishes = extent(loaded.recipe, asked.wishes)
    how = plan(loaded.recipe, wishes, (), asked.condition)
    domain, made = going.filled(loaded, item, part, how.condition, asked.temperature, asked.seed, sampler, **how.options)
    files = write_samples([domain], [made], asked.out, "filled")
    result = {"run": str(run), "item": item, "part": list(part), "sampler": sampler, "temperature": asked.temperature,
              "seed": asked.seed, "files": files}  # fmt: skip
    emit(result, asked.as_json, lambda: wrote(files))
