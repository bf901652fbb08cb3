"""What all verbs share: errors as one line and status 2, `--json`, the options that mean the same everywhere."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TextIO

import click

from genae.errors import GenaeError, Remark
from genae.names import shown
from genae_cli.streams import line_of

HELP = {"help_option_names": ["-h", "--help"]}  # context settings of every command
SHOWN = 5  # lines of what was not used
MOST = (1 << 63) - 1  # a seed fits in 64 bits
LINE_SECONDS = 10.0  # between plain lines, where there is no terminal
COUNT = click.IntRange(max=1_000_000)  # of what is made at once: each takes memory
LONGEST = 2000  # characters of an error's line
JSON = "genae_cli.json"  # in a context's meta: whether --json is given
DEVICES = ("auto", "cpu", "cuda", "mps")

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object (files, numbers, seed) and nothing else.")
seed = click.option("--seed", type=click.IntRange(0, MOST), default=0, show_default=True, help="Of the random numbers.")
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
sampler = click.option("--sampler", metavar="NAME", help="The prior, or one fitted by `genae fit`.  [default: the recipe's]")
window = click.option(
    "--window",
    type=click.IntRange(min=1),
    metavar="K",
    help="Of every file its window K alone, from 1.  [default: the whole file]",
)
run_argument = click.argument("run", type=click.Path(path_type=Path))


class Mistake(click.ClickException):
    """A user's mistake: one line on standard error, status 2."""

    exit_code = 2

    def show(self, file: IO[str] | None = None) -> None:
        say(f"genae: {short(self.message)}")


class Stopped(Mistake):
    """A training that was asked to stop."""

    exit_code = 130


def short(message: str) -> str:
    """One line, of a length that a person reads."""
    line = " ".join(message.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


@contextmanager
def remarks() -> Iterator[None]:
    """What the engine remarks goes to standard error, each line once."""
    told = set[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("always", Remark)
        others = warnings.showwarning

        def show(
            message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
            line: str | None = None,
        ) -> None:  # fmt: skip
            if not issubclass(category, Remark):
                others(message, category, filename, lineno, file, line)
            elif str(message) not in told:
                told.add(str(message))
                say(f"genae: {message}")

        warnings.showwarning = show
        yield


class Verbs(click.Group):
    """A group whose verbs turn errors into one line each, and into one JSON object with --json."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[JSON] = "--json" in args
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise self._mistake(ctx, used_wrong(error)) from error

    def invoke(self, ctx: click.Context) -> object:
        try:
            _require_here()
            with remarks():
                return super().invoke(ctx)
        except click.UsageError as error:
            raise self._mistake(ctx, used_wrong(error)) from error
        except click.ClickException as error:
            self._tell(ctx, error.format_message())
            raise
        except BrokenPipeError:
            raise  # nobody listens: click ends quietly
        except Exception as error:
            if (line := line_of(error)) is None:
                raise
            raise self._mistake(ctx, line) from error

    def _mistake(self, ctx: click.Context, line: str) -> Mistake:
        self._tell(ctx, line)
        return Mistake(line)

    def _tell(self, ctx: click.Context, line: str) -> None:
        """Once: a group within another leaves it to that."""
        if ctx.meta[JSON] and ctx.parent is None:
            with suppress(OSError):
                click.echo(json.dumps({"error": short(line)}))


def used_wrong(error: click.UsageError) -> str:
    """What is wrong with how a command is used, and what says how it is."""
    how = f" See: {error.ctx.command_path} --help" if error.ctx is not None else ""
    return short(error.format_message()) + how


def _require_here() -> None:
    """GenaeError where the current folder was removed: no path that is not absolute leads anywhere then."""
    try:
        Path.cwd()
    except OSError as error:
        raise GenaeError("the folder in which this was started is gone; go to another one") from error


def _plugins(context: click.Context, option: click.Parameter, files: tuple[str, ...]) -> None:
    if files and not context.resilient_parsing:
        from genae import plugin  # here: what finds plugins takes a third of the time that help does

        for file in files:
            plugin(file)


PLUGIN = click.Option(
    ["--plugin"], metavar="FILE.py", multiple=True, expose_value=False, is_eager=True, callback=_plugins,
    help="A module that registers parts of its own: genae.register(KIND, NAME, OBJECT).",
)  # fmt: skip


def verb(
    name: str, short_help: str, cls: type[click.Command] = click.Command
) -> Callable[[Callable[..., object]], click.Command]:
    """A command that takes plugins from files and whose help keeps its example as it is written."""
    command = click.command(name, cls, context_settings=HELP, short_help=short_help)

    def made(call: Callable[..., object]) -> click.Command:
        whole = command(call)
        whole.params.append(PLUGIN)
        return whole

    return made


def emit(result: Mapping[str, object], as_json: bool, lines: Callable[[], list[str]]) -> None:
    """The result: as one JSON object, or as lines for people. GenaeError where it cannot be printed."""
    told = [json.dumps(result, default=str)] if as_json else [shown(line) for line in lines()]
    try:
        for line in told:
            click.echo(line)
    except BrokenPipeError:
        raise  # nobody listens
    except OSError as error:
        raise GenaeError(f"it is done, but cannot be printed: {error.strerror}") from error


def say(line: str) -> None:
    """A line beside the result, on standard error; names in it are escaped where they must be."""
    click.echo(shown(line), err=True)


def on_terminal() -> bool:
    """Whether a progress bar would be seen."""
    return sys.stderr.isatty()


class Clock:
    """Of a count that began at a time with so many done: how many seconds are left, every LINE_SECONDS."""

    def __init__(self, began: float, done: int) -> None:
        self.began = self.last = began
        self.first = done

    def left(self, done: int, total: int) -> float | None:
        """Seconds; None where it is too early to say it again."""
        now = time.monotonic()
        if now - self.last <= LINE_SECONDS:
            return None
        self.last = now
        return (now - self.began) / max(1, done - self.first) * (total - done)


def counted(unit: str, doing: str) -> Callable[[int, int], object]:
    """`report(done, total)`: a bar on a terminal, else a line every ten seconds that says how many seconds are left."""
    from genae.use.progress import counting, seen

    clocks: list[Clock] = []  # one, from the first report on

    def report(done: int, total: int) -> None:
        if not clocks:
            clocks.append(Clock(time.monotonic(), done))
        elif done < total and (left := clocks[0].left(done, total)) is not None:
            say(f"{doing}: {unit} {done}/{total}  {left:.0f} s left")

    return counting(unit, doing) if seen() else report


def unused(lines: Sequence[str]) -> None:
    """Files of folders that gave no example, on standard error: the first ones, and how many."""
    for line in lines[:SHOWN]:
        click.echo(f"not used: {line}", err=True)
    if len(lines) > SHOWN:
        click.echo(f"not used: {len(lines) - SHOWN} more files", err=True)


def wrote(files: list[Path]) -> list[str]:
    """`wrote DIR/grid.png and 64 more files`."""
    more = f" and {len(files) - 1} more in {files[0].parent}" if len(files) > 1 else ""
    return [f"wrote {files[0]}{more}"]
