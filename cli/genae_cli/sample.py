"""genae sample: new examples from the prior, or from a sampler that was fitted."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import COUNT, emit, run_argument, sampler, verb, wrote
from genae_cli.making import Asked, Making, making, opened


class Sampling(Making):
    """Its help lists the samplers of the RUN."""

    def more(self, run: Path, formatter: click.HelpFormatter) -> None:
        """The prior, and those that were fitted."""
        from genae.use.run import samplers

        with formatter.section("Samplers of this run"):
            names = ", ".join(samplers(run)) or "none yet"
            formatter.write_text(f"{names}; more are fitted by: genae fit {run} SAMPLER")


@verb(name="sample", cls=Sampling, short_help="Make new examples.")
@run_argument
@click.option("-n", "count", type=COUNT, default=16, show_default=True, help="How many.")
@sampler
@click.option(
    "--best-of", type=COUNT, default=1, show_default=True, help="Keep the best of so many each, where the domain scores."
)
@click.option("--form", default="", metavar="LETTERS", help="Equal parts, those of one letter equal: AABA.")
@click.option("--like", metavar="FILE|ITEM", help="Near this one, in the latent space.")
@click.option(
    "--distance", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="How far from it: 0 itself, 1 anywhere."
)
@making
def command(
    run: Path, count: int, sampler: str | None, best_of: int, form: str, like: str | None, distance: float, asked: Asked
) -> None:
    """Sample a RUN: a grid picture, and every example as a file with its picture and whatever else its domain writes.

    \b
    Example:
      genae sample runs/first -n 64 --temperature 0.8 --out samples
    """
    from genae.use.output import write_samples

    loaded, how = opened(run, asked)
    domain = loaded.styled(**how.options)
    made = loaded.sample(
        count, asked.temperature, asked.seed, how.condition, how.length, sampler, best_of, form, like, distance
    )
    made = loaded.shortened(made, how.cut)
    files = write_samples(domain, made, asked.out)
    result = {"run": str(run), "n": count, "sampler": sampler, "temperature": asked.temperature, "condition": how.condition,
              "seed": asked.seed, "best_of": best_of, "form": form, "like": like, "files": files}  # fmt: skip
    chosen = [f"each is the best of {best_of} by its domain's score"] if best_of > 1 else []
    emit(result, asked.as_json, lambda: [*chosen, *wrote(files)])
