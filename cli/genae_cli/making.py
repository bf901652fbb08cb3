"""What the verbs share that make examples and write them: what a run offers for it, as options and in their help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genae.errors import GenaeError
from genae_cli.common import as_json, device, label, out_folder, seed, temperature
from genae_cli.open import Open, valued

if TYPE_CHECKING:
    from genae.use.run import Run
    from genae.use.seen import Seen
    from genae.use.writing import Writing

WORDS = "genae_cli.words"  # in a context's meta: the command line as it is parsed


class Making(Open):
    """A verb of a RUN, whose help says what that run offers."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; the words are kept, since help is shown before RUN is known."""
        ctx.meta[WORDS] = self.settled(ctx, args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verb's own, then the run's."""
        super().format_options(ctx, formatter)
        run = self.make_parser(ctx).parse_args(list(ctx.meta[WORDS]))[0].get("run")
        if not isinstance(run, str):
            with formatter.section("Options of a run"):
                formatter.write_text(f"What RUN itself offers is listed by: {ctx.command_path} RUN --help")
            return
        try:
            rows = _offers(Path(run))
            self.more(Path(run), formatter)
        except GenaeError as error:
            rows = [(str(error), "")]
        with formatter.section("Options of this run"):
            formatter.write_dl(rows) if rows else formatter.write_text("none")

    def more(self, run: Path, formatter: click.HelpFormatter) -> None:
        """What else the verb says of a run."""


def _offers(run: Path) -> list[tuple[str, str]]:
    """What the run offers, an option and its meaning each. GenaeError for what is no run."""
    from genae.recipe import models, recipe
    from genae.use.writing import offers

    return [(f"--with {name}", what) for name, what in offers(recipe.read(models.folder_of(run) / models.RECIPE))]


def _wishes(ctx: click.Context, parameter: click.Parameter, settings: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE … as a dictionary."""
    wishes: dict[str, str] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not key or not equals:
            raise GenaeError(f"--with takes KEY=VALUE, not '{setting}'; `{ctx.command_path} RUN --help` lists those of a run")
        if key in wishes:
            raise GenaeError(f"--{key} is given twice, {wishes[key]} and {text}; give it once")
        wishes[key] = text
    return wishes


with_ = click.option(
    "--with", "wishes", metavar="KEY=VALUE", multiple=True, callback=_wishes,
    help="How examples are written, where the run offers it; --KEY VALUE and --no-KEY will do too.",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What is asked of every verb that makes examples and writes them."""

    temperature: float | None
    wishes: dict[str, str]
    condition: str | None
    seed: int
    device: str
    out: Path
    as_json: bool


def making(command: Callable[..., object]) -> Callable[..., object]:
    """All options of the verbs that make examples and write them, given as `asked`."""

    @wraps(command)
    def called(**given: Any) -> object:  # as click parsed them
        asked = Asked(**{field.name: given.pop(field.name) for field in fields(Asked)})
        return command(asked=asked, **given)

    made: Callable[..., object] = called
    for option in (as_json, out_folder, device, seed, label, with_, temperature):
        made = option(made)
    return made


def times(how: Writing, seen: Seen) -> int:
    """How many of each example in a row. GenaeError for whole files, which are as long as they are."""
    if how.length > 1 and any(span.count > 1 for span in seen.spans):
        raise GenaeError("a whole file comes back as long as it is; give a length with --window K, or for items of a data set")
    return how.length


def opened(folder: Path, asked: Asked, begun: bool = False) -> tuple[Run, Writing]:
    """The run, and how its examples are to be written; that a length was rounded goes to standard error.

    A folder of which something was `begun` before need not be empty.
    """
    from genae import load
    from genae.files import require_empty
    from genae.use.writing import plan

    if not begun:
        require_empty(asked.out)
    run, ctx = load(folder, asked.device), click.get_current_context()
    how = plan(run.recipe, asked.wishes, [name.lstrip("-") for name in valued(ctx.command, ctx)], asked.condition)
    if how.remark:
        click.echo(how.remark, err=True)
    return run, how
