"""genae sample: new examples from the prior, or from a sampler that was fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genae_cli.common import COUNT, emit, run_argument, sampler, verb, wrote
from genae_cli.making import Asked, Making, making, opened

if TYPE_CHECKING:
    from torch import Tensor

    from genae.data.domain import Domain


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
@click.option(
    "--shard",
    type=COUNT,
    metavar="SIZE",
    help="Folders of so many each, and none in memory but one; made again, what is there is kept.",
)
@making
def command(
    run: Path,
    count: int,
    sampler: str | None,
    best_of: int,
    form: str,
    like: str | None,
    distance: float,
    shard: int | None,
    asked: Asked,
) -> None:
    """Sample a RUN: a grid picture, and every example as a file with its picture and whatever else its domain writes.

    \b
    Example:
      genae sample runs/first -n 64 --temperature 0.8 --out samples
      genae sample runs/first -n 1000000 --shard 1000 --out many
    """
    from genae.use.output import write_samples

    loaded, how = opened(run, asked, begun=shard is not None)
    domain = loaded.styled(**how.options)

    def make(first: int, n: int) -> Tensor:
        made = loaded.sample(
            n, asked.temperature, asked.seed, how.condition, how.length, sampler, best_of, form, like, distance, first
        )
        return loaded.shortened(made, how.cut)

    result = {"run": str(run), "n": count, "sampler": sampler, "temperature": asked.temperature, "condition": how.condition,
              "seed": asked.seed, "best_of": best_of, "form": form, "like": like}  # fmt: skip
    if shard is not None:
        said = {**result, "distance": distance, "with": asked.wishes, "step": loaded.step}
        _many(make, domain, count, shard, said, asked)
        return
    files = write_samples(domain, make(0, count), asked.out)
    result["files"] = files
    chosen = [f"each is the best of {best_of} by its domain's score"] if best_of > 1 else []
    emit(result, asked.as_json, lambda: [*chosen, *wrote(files)])


def _many(
    make: Callable[[int, int], Tensor], domain: Domain, count: int, shard: int, said: Mapping[str, object], asked: Asked
) -> None:
    """Shard by shard; what is there already is kept."""
    from genae.use.progress import counting
    from genae.use.shards import write_shards

    report, made, kept, of = counting("shard", "sampling"), list[str](), 0, -(-count // shard)
    for done, (folder, there) in enumerate(write_shards(make, domain, count, shard, asked.out, said), 1):
        report(done, of)
        made, kept = [*made, str(folder)], kept + there
    had = f", of which {kept} were there" if kept else ""
    emit({**said, "shards": made, "kept": kept}, asked.as_json, lambda: [f"wrote {of} shards of {shard} to {asked.out}{had}"])
