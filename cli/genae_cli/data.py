"""genae data: what there is to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genae.errors import GenaeError, unknown
from genae_cli.common import HELP, Verbs, as_json, emit, on_terminal, settings, verb
from genae_cli.open import Open

if TYPE_CHECKING:
    from genae.data.inspecting import Inspected

FEW = 4  # numbers of a field, whose least and most are told
SHOWN = 20  # classes, and skipped files, told one by one


class OfTheDomain(Open):
    """A verb of a preset, any other option of which is one of its domain."""

    into, prefix = "--set", "domain."


@click.group(
    name="data",
    cls=Verbs,
    short_help="List, download and inspect data sets.",
    context_settings=HELP,
)
def command() -> None:
    """Data sets by name, and your own files."""


@command.add_command
@verb(name="list", short_help="Every data set and where it is.")
@as_json
def listed(as_json: bool) -> None:
    """List the data sets that --data takes by name.

    \b
    Example:
      genae data list
    """
    from genae.data.inspecting import catalogue

    found = catalogue()
    emit({"datasets": found}, as_json, lambda: [f"{d['name']:16} {d['domain']:8} {d['state']:12} {d['about']}" for d in found])


@command.add_command
@verb(name="get", short_help="Download a data set.")
@click.argument("name")
@as_json
def get(name: str, as_json: bool) -> None:
    """Download the data set NAME from its own home into the user's cache, checked by its published checksum.

    A broken download goes on where it stopped when the command is run again.

    \b
    Example:
      genae data get mnist
    """
    from tqdm import tqdm

    from genae.data.opening import open_data
    from genae.recipe import registry
    from genae_datasets import download

    if name not in registry.names("dataset"):
        raise unknown("data set", name, registry.names("dataset"))
    with tqdm(unit="B", unit_scale=True, disable=not on_terminal(), leave=False) as bar:

        def report(file: str, done: int, total: int | None) -> None:
            bar.set_description_str(file, refresh=False)
            bar.total, bar.n = total, done
            bar.refresh()

        files = download.get(open_data(name), report)
    emit({"name": name, "files": files}, as_json, lambda: [f"{file}" for file in files])


@command.add_command
@verb(name="inspect", short_help="What a data set or your own files hold.")
@click.argument("data", metavar="NAME|PATH")
@click.option("--preset", default=None, help="Read as this preset would.  [default: one of the data set's domain]")
@settings
@as_json
def inspect(data: str, preset: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Inspect NAME or PATH: how many examples each split has, of which classes, and which files cannot be used and why.

    Where the domain can, it tells of each file what is used and what is not, and sums it up at the end.

    \b
    Example:
      genae data inspect glyphs
    """
    from genae.data.inspecting import inspect as look
    from genae.use.progress import counting

    if settings and preset is None:
        raise GenaeError("--set changes a preset's recipe: give its name with --preset")
    found = look(data, preset, settings, counting("file", "reading"))
    emit(found, as_json, lambda: _report(found))


@command.add_command
@verb(name="tokens", cls=OfTheDomain, short_help="Every example of your own files, as numbers.")
@click.argument("data", type=click.Path(path_type=Path, exists=True), metavar="FILE|FOLDER|ZIP")
@click.option("--preset", required=True, help="Read as this preset would.")
@settings
@as_json
def tokens(data: Path, preset: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Print every example that a preset finds in FILE, FOLDER or ZIP, sorted, by the file's path inside.

    For people who train elsewhere. With --json it is one object, {path inside: [[number, …], …]}, nested as examples are;
    an unusable file has none. --KEY VALUE changes an option of the preset's domain, as --set domain.KEY=VALUE does.

    \b
    Example:
      genae data tokens files.zip --preset mnist --json > examples.json
    """
    from genae.data.inspecting import stored
    from genae.use.progress import counting

    found = stored(data, preset, settings, counting("file", "reading"))
    emit(found, as_json, lambda: [f"{name}\t{json.dumps(example)}" for name, examples in found.items() for example in examples])


def _classes(counts: dict[str, int]) -> str:
    if len(counts) <= SHOWN:
        return ", ".join(f"{name} {n}" for name, n in counts.items())
    return f"{len(counts)} classes of {min(counts.values())} to {max(counts.values())} examples"


def _field(name: str, ends: list[list[float]] | None) -> str:
    """`hour 0 to 23`."""
    if ends is None:
        return f"{name} not known"
    if len(ends[0]) > FEW:
        return f"{name}, {len(ends[0])} numbers each"
    low, high = (" ".join(f"{number:g}" for number in end) for end in ends)
    return f"{name} {low} to {high}"


def _report(found: Inspected) -> list[str]:
    lines = [f"{found['data']}: read as {found['domain']}, examples of shape {tuple(found['event'])}"]
    for split, facts in found["splits"].items():
        first, *why = facts["sum"]
        lines += [f"  {split:6} {first}", *(f"       {line}" for line in why)]
        if facts["classes"]:
            lines.append(f"         {_classes(facts['classes'])}")
        if facts["fields"]:
            lines.append(f"         {', '.join(_field(name, ends) for name, ends in facts['fields'].items())}")
        if facts["unlabelled"]:
            lines.append(f"         {facts['unlabelled']} without a class")
    told = set(found["files"])
    lines += [f"  skipped {line}" for line in found["skipped"] if line not in told][:SHOWN]
    if found["skipped"]:
        lines.append(f"  skipped {len(found['skipped'])} files in all")
    return [*found["files"], *lines, *(f"  {line}" for line in found["count"])]
