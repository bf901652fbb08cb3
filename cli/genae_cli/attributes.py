"""genae attributes and genae edit: directions of the latent space that say something, and files that go along them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genae.errors import GenaeError
from genae_cli.common import HELP, Verbs, as_json, device, emit, run_argument, unused, verb, window, wrote
from genae_cli.making import Asked, Making, making, opened
from genae_cli.table import table

if TYPE_CHECKING:
    from genae.use.attributes import Attributes

PICTURE = "attributes.png"  # in the run's previews


@click.group("attributes", cls=Verbs, context_settings=HELP, short_help="Directions of the latent space that say something.")
def command() -> None:
    """What a domain can measure of an example, and classes, as directions of a run's latent space.

    \b
    Example:
      genae attributes fit runs/first
    """


@verb(name="fit", short_help="Fit them, and measure what they do.")
@run_argument
@click.option("--data", metavar="NAME|PATH", help="Instead of the run's own data set.")
@device
@as_json
def fit(run: Path, data: str | None, device: str, as_json: bool) -> None:
    """Fit the attributes of a RUN on its training examples, and keep them in it, for `genae edit` and `genae explore`.

    What is got where 1 standard deviation is asked for is measured on 256 held-out examples: a row for each attribute asked
    for, a column for each that is measured. It is drawn in the run's previews too.

    \b
    Example:
      genae attributes fit runs/first
    """
    from genae import load
    from genae.use import attributes
    from genae.use.plots import effects, save

    loaded = load(run, device)
    made = attributes.fit(loaded, data)
    picture = loaded.folder / "previews" / PICTURE
    files = [save(effects(made.effects, made.measured), picture)] if made.measured else []
    result = {"run": str(run), "attributes": made.names, "measured": made.measured, "effects": made.effects.tolist(),
              "files": files}  # fmt: skip
    emit(result, as_json, lambda: [*_lines(made), *(wrote(files) if files else [])])


def _lines(made: Attributes) -> list[str]:
    """What is got of each where one is asked for."""
    rows = [[name, *(f"{got:+.2f}" for got in row)] for name, row in zip(made.measured, made.effects.tolist(), strict=True)]
    return [
        *(table(["asked +1 sd of", *made.measured], rows) if rows else []),
        *([f"classes: {', '.join(made.classes)}"] if made.classes else []),
    ]


command.add_command(fit)


def _wishes(ctx: click.Context, parameter: click.Parameter, settings: tuple[str, ...]) -> dict[str, float]:
    """NAME=+1 … as a dictionary."""
    wishes = dict[str, float]()
    for setting in settings:
        name, equals, amount = setting.rpartition("=")
        try:
            wishes[name] = wishes.get(name, 0.0) + float(amount)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise GenaeError(f"--attribute takes NAME=AMOUNT, in standard deviations, such as NAME=+1, not '{setting}'")
    return wishes


@verb(name="edit", cls=Making, short_help="Give examples more or less of an attribute.")
@run_argument
@click.argument("items", nargs=-1, required=True, metavar="FILE|FOLDER|ITEM…")
@click.option(
    "--attribute", "wishes_of", metavar="NAME=AMOUNT", multiple=True, required=True, callback=_wishes,
    help="How many standard deviations more, or, below 0, less; of a class, 1 is all the way.",
)  # fmt: skip
@window
@making
def edit(run: Path, items: tuple[str, ...], wishes_of: dict[str, float], window: int | None, asked: Asked) -> None:
    """Give files, folders, or items more or less of what `genae attributes fit RUN` fitted: before above after, and each after.

    A file comes back whole, as long as it is, in its own style, where the domain can join its windows.

    \b
    Example:
      genae edit runs/first glyphs:test:3 --attribute brightness=+1 --out edited
    """
    from genae.use.attributes import edited
    from genae.use.output import write_pairs

    loaded, how = opened(run, asked)
    seen = loaded.seen(list(items), window or 0)
    unused(seen.unused)
    if how.length > 1:
        raise GenaeError("an example that is edited stays as long as it is; leave the length out")
    outputs = edited(loaded, seen, wishes_of, how.condition, asked.temperature, asked.seed)
    before, after = (loaded.joined(seen.spans, events, **how.options) for events in (seen.events, outputs))
    domains = [domain for domain, _ in before]
    files = write_pairs(domains, [event for _, event in before], [event for _, event in after], asked.out, "edit")
    result = {"run": str(run), "items": [span.name for span in seen.spans], "attributes": wishes_of, "seed": asked.seed,
              "unused": seen.unused, "files": files}  # fmt: skip
    emit(result, asked.as_json, lambda: wrote(files))
