"""Tables for people: aligned columns within WIDTH, the last one wrapped."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genae.recipe.describe import Line

WIDTH = 100
LONGEST = 24  # characters of a value in a table
LEAST = 30  # of the last column, however wide the others are


def table(head: Sequence[str], rows: Sequence[Sequence[str]], indent: int = 2) -> list[str]:
    """Rows of cells below a head, as lines."""
    every = [head, *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(head) - 1)]
    left = indent + sum(widths) + 2 * len(widths)
    lines = []
    for row in every:
        first, *more = textwrap.wrap(row[-1], max(LEAST, WIDTH - left)) or [""]
        cells = "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), first])
        lines += [(" " * indent + cells).rstrip(), *(" " * left + rest for rest in more)]
    return lines


def paragraph(text: str, indent: str = "  ") -> list[str]:
    """Text as lines."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def shown(value: object) -> str:
    """A value of a recipe: text as it is, anything else as JSON."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def brief(text: str) -> str:
    """A cell's text, its end left out if it is long: the whole is in `--json`."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def meaning(option: Line) -> str:
    """`weight of the rate (number, at least 0)`."""
    kind = ", ".join(filter(None, (option["type"], option["bounds"])))
    return f"{option['meaning']} ({kind})" if option["meaning"] else kind


def defaults(option: Line) -> str:
    """A default, or that there is none."""
    return shown(option["default"]) if "default" in option else "needed"
