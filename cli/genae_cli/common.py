"""What all verbs share: errors as one line and status 2, `--json`, the options that mean the same everywhere."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genae.errors import GenaeError
from genae.recipe import registry

if TYPE_CHECKING:
    from genae.use.run import Run

HELP = {"help_option_names": ["-h", "--help"]}  # context settings of every command
DEVICES = ("auto", "cpu", "cuda", "mps")

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object (files, numbers, seed) and nothing else.")
seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random numbers.")
device = click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where to compute.")
settings = click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change the recipe: latent=8, objective.beta=4, prior=normal."
)
out_folder = click.option("--out", required=True, type=click.Path(path_type=Path), help="A new or empty folder.")
label = click.option(
    "--condition", metavar="TEXT", help="What a run with a condition is told: a class, numbers, or NAME=VALUE,NAME=VALUE."
)
temperature = click.option(
    "--temperature", type=float, help="Below 1: more typical; above: more varied.  [default: the domain's]"
)
run_argument = click.argument("run", type=click.Path(path_type=Path))


class Mistake(click.ClickException):
    """A user's mistake: one line on standard error, status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"genae: {' '.join(self.message.split())}", err=True)


class Verbs(click.Group):
    """A group whose verbs turn the engine's errors into one line each."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GenaeError as error:
            raise Mistake(str(error)) from error
        except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
            raise Mistake(f"{error.filename}: {error.strerror}") from error


def _plugins(context: click.Context, option: click.Parameter, files: tuple[str, ...]) -> None:
    for file in files if not context.resilient_parsing else ():
        registry.plugin(file)


plugin = click.option(
    "--plugin", metavar="FILE.py", multiple=True, expose_value=False, is_eager=True, callback=_plugins,
    help="A module that registers parts of its own: genae.register(KIND, NAME, OBJECT).",
)  # fmt: skip


def verb(**attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command that takes plugins from files and whose help keeps its example as it is written."""
    command: Callable[[Callable[..., Any]], click.Command] = click.command(context_settings=HELP, **attributes)
    return lambda call: command(plugin(call))


def emit(result: dict[str, Any], as_json: bool, lines: Callable[[], list[str]]) -> None:
    """The result: as one JSON object, or as lines for people."""
    if as_json:
        click.echo(json.dumps(result, default=str))
        return
    for line in lines():
        click.echo(line)


def on_terminal() -> bool:
    """Whether a progress bar would be seen."""
    return sys.stderr.isatty()


@contextmanager
def reading_bar() -> Iterator[Callable[[int, int], object]]:
    """A progress bar for files that are read; nothing where there is no terminal."""
    from tqdm import tqdm

    with tqdm(unit="file", desc="reading", disable=not on_terminal(), leave=False, dynamic_ncols=True) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report


def wrote(files: list[Path]) -> list[str]:
    """`wrote DIR/grid.png and 64 more files`."""
    more = f" and {len(files) - 1} more in {files[0].parent}" if len(files) > 1 else ""
    return [f"wrote {files[0]}{more}"]


def clip_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--tempo, --program, --bars and --no-audio, given to the command as `clips`: a `Clips`."""

    @functools.wraps(command)
    def call(tempo: float | None, program: int | None, bars: int | None, no_audio: bool, **others: Any) -> Any:
        style = {"tempo": tempo, "program": program, "audio": False if no_audio else None}
        return command(clips=Clips({k: v for k, v in style.items() if v is not None}, bars), **others)

    for option in (
        click.option("--no-audio", is_flag=True, help="Music: no sound, only the notes."),
        click.option("--bars", type=click.IntRange(min=1), help="Music: how long a clip is.  [default: the model's window]"),
        click.option("--program", type=click.IntRange(0, 127), help="Music: General MIDI's number of the instrument."),
        click.option("--tempo", type=float, help="Music: quarters a minute.  [default: the file's own, or 120]"),
    ):
        call = option(call)
    return call


def making(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options of the verbs that make examples and write them."""
    for option in (as_json, out_folder, device, seed, label, clip_options, temperature):
        command = option(command)
    return command


class Clips:
    """How clips are to be written, as the user wishes."""

    def __init__(self, style: dict[str, Any], bars: int | None) -> None:
        self.style, self.bars = style, bars

    def domain(self, run: Run, item: Any = None) -> Any:
        """The run's domain as the wishes and the item, a file's own tempo say, would have it; the wishes go first."""
        return run.styled(**(run.manner(item) | self.style))

    def length(self, run: Run) -> int:
        """How many of the model's windows a clip is."""
        if self.bars is None:
            return 1
        own = getattr(run.domain, "bars", None)
        if own is None:
            raise GenaeError(f"--bars {self.bars}: domain '{run.recipe.domain['name']}' does not count in bars")
        if self.bars % own:
            raise GenaeError(f"--bars {self.bars}: this run makes {own} bars at a time; give a multiple of {own}")
        return int(self.bars // own)
