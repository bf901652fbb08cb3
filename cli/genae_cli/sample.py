"""genae sample: new examples from the prior, or from a sampler that was fitted."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, verb, wrote
from genae_cli.making import Making, making, written


class Sampling(Making):
    """Its help lists the samplers of the RUN."""

    def offers(self, run: Path) -> list[tuple[str, str]]:
        """What the run offers, its samplers last."""
        from genae import load

        names = ", ".join(load(run, "cpu").samplers) or "none yet"
        return [*super().offers(run), ("--sampler NAME", f"{names}; more are fitted by: genae fit {run} SAMPLER")]


@verb(name="sample", cls=Sampling, short_help="Make new examples.")
@run_argument
@click.option("-n", "count", type=int, default=16, show_default=True, help="How many.")
@click.option("--sampler", metavar="NAME", help="The prior, or one fitted by `genae fit`.  [default: the recipe's]")
@making
def command(
    run: Path,
    count: int,
    sampler: str | None,
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
    files = write_samples(domain, loaded.sample(count, temperature, seed, condition, how.length, sampler), out)
    result = {"run": str(run), "n": count, "sampler": sampler, "temperature": temperature, "condition": condition, "seed": seed,
              "files": files}  # fmt: skip
    emit(result, as_json, lambda: wrote(files))
