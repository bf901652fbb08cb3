"""The pages of the site that are made when it is built, as hooks of MkDocs: `make docs`.

README, CHANGELOG and the like are pages as they stand in the repository; the reference of presets, parts, verbs and Python's
names is made from the code, so that it is never older than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import genae
from genae.recipe import describe, registry
from genae.recipe.describe import Line
from genae.recipe.entries import KINDS
from genae_cli.main import cli
from genae_cli.table import defaults, meaning, shown

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
COPIED = {"index.md": "README.md", "architecture.md": "ARCHITECTURE.md", "changelog.md": "CHANGELOG.md",
          "contributing.md": "CONTRIBUTING.md", "measurements.md": "bench/README.md"}  # fmt: skip
PARTS = [kind for kind in KINDS if kind not in ("preset", "upgrade", "claim", "book")]  # what has options that people set


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def pages() -> dict[str, str]:
    """Each page that no file in docs/ is, by its path."""
    own = {page: linked((ROOT / source).read_text("utf-8")) for page, source in COPIED.items()}
    made = {"presets": presets(), "parts": parts(), "verbs": verbs(), "python": python()}
    return own | {f"reference/{name}.md": "\n".join(lines) + "\n" for name, lines in made.items()}


def linked(text: str) -> str:
    """What is written for the root of the repository, with the links of a page that lies in docs/."""
    text = re.sub(r"\]\(docs/", "](", text)
    for page, source in COPIED.items():
        text = text.replace(f"]({source})", f"]({page})")
    return text


# -- the reference ----------------------------------------------------------------------------------------------------


def presets() -> Iterator[str]:
    """Every preset: what it is of, what it sets otherwise than its parents, and what it leaves."""
    yield "# Presets\n\nWhat `genae train NAME` takes. `--set` changes any option, `genae presets show NAME` prints all."
    for row in describe.presets():
        whole = describe.preset(row["name"])
        parents = f", from {', '.join(f'`{parent}`' for parent in whole['parents'])}" if whole["parents"] else ""
        yield f"\n## {row['name']}\n\nDomain `{row['domain']}`, data `{row['data'] or 'your own'}`{parents}.\n"
        options = [(option["name"], option) for option in whole["keys"]]
        for section, part in whole["sections"].items():
            yield f"- {section}: **{part['name']}**. {part['about']}."
            options += [(f"{section}.{option['name']}", option) for option in part["options"]]
        yield from table(
            ("option", "value", "set by"), [(n, shown(o["value"]), o["set_by"]) for n, o in options if o.get("set_by")]
        )


def parts() -> Iterator[str]:
    """Every part by its kind, with its options."""
    yield "# Parts\n\nWhat a recipe is made of. `--set prior=flow --set prior.hidden=64` takes one and sets an option of it."
    for kind in PARTS:
        yield f"\n## {kind.capitalize()}"
        for name in registry.own(kind):
            part = describe.described(kind, name)
            yield f"\n### {name} {{ #{kind}-{name} }}\n\n{part.about}.\n"
            yield from _options(part.options)


def _options(options: Sequence[Line]) -> Iterator[str]:
    yield from table(("option", "default", "meaning"), [(o["name"], defaults(o), meaning(o)) for o in options])


def verbs() -> Iterator[str]:
    """Every verb of the command line, as its --help has it."""
    yield "# Verbs\n\nEvery one takes `--help`, and `--json` for one JSON object instead of text."
    yield from _verb(cli, click.Context(cli, info_name="genae"))


def _verb(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _verb(child, click.Context(child, info_name=name, parent=context))
        return
    about, _, example = (command.help or "").partition("\b")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n## {context.command_path}\n\n{about.strip()}\n\n```sh\n{context.command_path} {usage}\n```\n"
    if example:
        first, *more = example.strip().partition("\n\n")
        lines = [line.strip() for line in first.splitlines() if line.strip() not in ("Example:", "Examples:")]
        yield "\n".join(["```sh", *lines, "```\n", *more]).rstrip() + "\n"
    given = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    yield from table(("option", "meaning"), [(", ".join(option.opts), option.help or "") for option in given])


def python() -> Iterator[str]:
    """Every public name, by mkdocstrings."""
    yield "# Python\n\nWhat `import genae` gives."
    for name, home in sorted(homes().items()):
        yield f"\n## {name} {{ #{name} }}\n\n::: {home}.{name}\n    options:\n      heading_level: 3\n"


def homes() -> dict[str, str]:
    """Public names of genae, each with the module that it is defined in."""
    return {name: genae._HOMES[name] for name in genae.__all__ if name in genae._HOMES}


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Markdown, nothing for no rows."""
    if rows:
        yield ""
    for row in [head, ["---"] * len(head), *rows] if rows else []:
        cells = [" ".join(str(cell).split()).replace("|", r"\|").replace("<", "&lt;") for cell in row]
        yield f"| {' | '.join(cells)} |"
