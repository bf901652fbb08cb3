"""genae plugins: what is installed, whether it keeps its contract, and a new one."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genae.errors import GenaeError
from genae_cli.common import HELP, Verbs, as_json, emit, verb
from genae_cli.presets import lines
from genae_cli.table import defaults, meaning, paragraph, table

if TYPE_CHECKING:
    from genae.recipe.describe import Described
    from genae.testing import Outcome

FAILED = 1  # status of a check that found something; 2 is a mistake in the call


@click.group(name="plugins", cls=Verbs, short_help="See, write and check plugins.", context_settings=HELP)
def command() -> None:
    """Domains, presets, data sets and other plugins."""


@command.add_command
@verb(name="list", short_help="Every plugin, and what is wrong with a broken one.")
@as_json
def listed(as_json: bool) -> None:
    """List every plugin: kind, name, distribution, version and, for a broken one, its error.

    \b
    Example:
      genae plugins list
    """
    from genae.recipe import quarantine

    found = quarantine.listing()
    emit({"plugins": [dataclasses.asdict(p) for p in found]}, as_json, lambda: _table(found))


def _table(found: Sequence[object]) -> list[str]:
    rows = [[str(getattr(p, key)) for key in ("kind", "name", "distribution", "version", "error")] for p in found]
    head = ["kind", "name", "distribution", "version", ""]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]
    return [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4] and f"BROKEN: {row[4]}"]).rstrip()
        for row in [head, *rows]
    ]


@command.add_command
@verb(name="show", short_help="A part's options and what they mean.")
@click.argument("words", metavar="[KIND] NAME", nargs=-1, required=True)
@as_json
def show(words: tuple[str, ...], as_json: bool) -> None:
    """Show a part, a domain or a data set: every option with its default, kind, bounds and meaning.

    \b
    Example:
      genae plugins show flow
      genae plugins show likelihood gaussian
    """
    from genae.recipe import describe

    if len(words) > 2:
        raise click.UsageError(f"show takes [KIND] NAME, not {' '.join(words)}")
    kind = words[0] if len(words) == 2 else _only(words[0], describe.kinds_of(words[0]))
    if kind == "preset":
        preset = describe.preset(words[-1])
        emit(preset, as_json, lambda: lines(preset))
        return
    found = describe.described(kind, words[-1])
    emit(dataclasses.asdict(found), as_json, lambda: _part(found))


def _only(name: str, kinds: Sequence[str]) -> str:
    if len(kinds) > 1:
        ways = " or ".join(f"genae plugins show {kind} {name}" for kind in kinds)
        raise GenaeError(f"'{name}' is a {' and a '.join(kinds)}; say which: {ways}")
    return kinds[0]


def _part(found: Described) -> list[str]:
    rows = [[o["name"], defaults(o), meaning(o)] for o in found.options]
    return [
        f"{found.kind} {found.name} ({found.source})",
        *paragraph(found.about),
        *(f"  its own {what}: {', '.join(names)}" for what, names in found.brings.items() if names),
        "",
        *(table(("option", "default", "meaning"), rows) if rows else ["  no options"]),
    ]


@command.add_command
@verb(name="new", short_help="Write a plugin to begin with.")
@click.argument("name")
@click.option(
    "--kind",
    default="domain",
    show_default=True,
    metavar="KIND",
    help="domain, prior, objective, likelihood, network, sampler.",
)
@click.option("--out", type=click.Path(path_type=Path), help="A new or empty folder.  [default: genae-NAME]")
@as_json
def new(name: str, kind: str, out: Path | None, as_json: bool) -> None:
    """Write an installable plugin called NAME: a project with its tests, of a domain with a data set and a preset too.

    \b
    Example:
      genae plugins new sensor
      pip install -e 'genae-sensor[test]'
      genae plugins check genae-sensor
      genae train sensor
    """
    from genae.testing.scaffold import trying, write_plugin

    files = write_plugin(name, out, kind)
    folder = files[0].parent
    emit({"name": name, "kind": kind, "files": files}, as_json, lambda: [
        *(f"wrote {path}" for path in files),
        f"next: pip install -e '{folder}[test]'; genae plugins check {folder}; {trying(name, kind)}",
    ])  # fmt: skip


@command.add_command
@verb(name="check", short_help="Run the contract over a plugin.")
@click.argument("target", metavar="NAME|PATH")
@click.option("--data", metavar="NAME|PATH", help="Real examples; else the plugin's data sets, or ones that it makes itself.")
@as_json
def check(target: str, data: str | None, as_json: bool) -> None:
    """Check a plugin, a distribution, a project's folder or a module with domains, and report like a test run.

    Files there and back, shapes, gradients, repeatability, saving and loading, sampling, interpolation, numbers, errors. The
    same checks are `genae.testing` for pytest. The status is 1 when a check fails.

    \b
    Example:
      genae plugins check glyphs
    """
    from genae.testing import checks, run

    found: list[Outcome] = []
    for outcome in run(checks(target, data)):
        if not as_json:
            _tell(outcome, found)
        found.append(outcome)
    counts = Counter(outcome.status for outcome in found)
    seconds = sum(outcome.seconds for outcome in found)
    result = {"target": target, **{s: counts[s] for s in ("ok", "failed", "skipped")}, "seconds": round(seconds, 1),
              "checks": [dataclasses.asdict(outcome) for outcome in found]}  # fmt: skip
    last = f"{counts['ok']} ok, {counts['failed']} failed, {counts['skipped']} skipped in {seconds:.1f} s"
    emit(result, as_json, lambda: [last])
    sys.exit(FAILED if counts["failed"] else 0)


def _tell(outcome: Outcome, before: Sequence[Outcome]) -> None:
    """A line for a check, below one for what is checked."""
    subject, _, title = outcome.title.partition(": ")
    if not before or before[-1].title.partition(": ")[0] != subject:
        click.echo(subject)
    told = f": {outcome.reason}" if outcome.reason else ""
    click.echo(f"  {'FAILED' if outcome.status == 'failed' else outcome.status:<8}{title}{told}")
