"""genae plugins: what is installed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import click

from genae_cli.common import HELP, Verbs, as_json, emit, verb


@click.group(name="plugins", cls=Verbs, short_help="See what is installed.", context_settings=HELP)
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
    from genae import registry

    found = registry.listing()
    emit({"plugins": [dataclasses.asdict(p) for p in found]}, as_json, lambda: _table(found))


def _table(found: Sequence[object]) -> list[str]:
    rows = [[str(getattr(p, key)) for key in ("kind", "name", "distribution", "version", "error")] for p in found]
    head = ["kind", "name", "distribution", "version", ""]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]
    return [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4] and f"BROKEN: {row[4]}"]).rstrip()
        for row in [head, *rows]
    ]
