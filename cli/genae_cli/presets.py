"""genae presets: which there are, and the whole recipe of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from genae_cli.common import HELP, Verbs, as_json, emit, verb
from genae_cli.table import brief, defaults, meaning, paragraph, shown, table

if TYPE_CHECKING:
    from genae.recipe.describe import Line, Whole


@click.group(name="presets", cls=Verbs, short_help="See recipes and all their options.", context_settings=HELP)
def command() -> None:
    """Recipes by name, to train as they are or with --set."""


@command.add_command
@verb(name="list", short_help="Every preset, its parent, domain and data set.")
@as_json
def listed(as_json: bool) -> None:
    """List every preset: its parent, domain and data set, and of a broken one its error.

    \b
    Example:
      genae presets list
    """
    from genae.recipe import describe

    found = describe.presets()
    keys = ("name", "parent", "domain", "data", "source")
    rows = [[*(p[key] for key in keys[:-1]), f"BROKEN: {p['error']}" if p["error"] else p["source"]] for p in found]
    emit({"presets": found}, as_json, lambda: table(keys, rows, indent=0))


@command.add_command
@verb(name="show", short_help="A preset's whole recipe, option by option.")
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show a preset's recipe: every option with its value, who set it, its default, kind, bounds and meaning.

    \b
    Example:
      genae presets show mnist
    """
    from genae.recipe import describe

    found = describe.preset(name)
    emit(found, as_json, lambda: lines(found))


def lines(found: Whole) -> list[str]:
    """A preset's recipe as text: its keys, then section by section."""
    parents = f", from {', '.join(found['parents'])}" if found["parents"] else ""
    made = [f"preset {found['name']} ({found['source']}){parents}", "", *_options(found["keys"])]
    for section, part in found["sections"].items():
        by = f" (set by {part['set_by']})" if part["set_by"] else ""
        made += ["", f"{section} {part['name']}{by}", *paragraph(part["about"])]
        made += _options(part["options"]) if part["options"] else []
    return made


def _options(options: Sequence[Line]) -> list[str]:
    rows = [[o["name"], brief(shown(o["value"])), o["set_by"] or "-", defaults(o), meaning(o)] for o in options]
    return table(("option", "value", "set by", "default", "meaning"), rows)
