"""genae models: which are ready to use, and a run made one of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genae_cli.common import COUNT, HELP, Verbs, as_json, device, emit, run_argument, verb, wrote
from genae_cli.table import table

if TYPE_CHECKING:
    from genae.use.packing import Packed

MEGA = 1_000_000  # bytes
TELLING = (
    click.option("--licence", default="", help="Of the model, as SPDX has it: mit, cc-by-4.0.  [default: its data set's]"),
    click.option("--credit", default="", metavar="TEXT", help="Whose the data are.  [default: as its data set says]"),
    click.option(
        "--summary", default="", metavar="TEXT", help="What it is, in a line.  [default: the preset and its data set]"
    ),
    click.option(
        "--sampler", default="", metavar="NAME", help="The one that new examples come from, alone.  [default: as in the run]"
    ),
    click.option("--limit", type=COUNT, default=500, show_default=True, help="Held-out examples that it is measured on."),
)


def telling(command: Callable[..., object]) -> Callable[..., object]:
    """With the options that say of a model what no file of its run does."""
    return reduce(lambda made, option: option(made), reversed(TELLING), command)


@click.group(name="models", cls=Verbs, short_help="See models that are ready to use.", context_settings=HELP)
def command() -> None:
    """Models that distributions or the Hugging Face hub bring. Wherever a RUN is taken, NAME or hf:OWNER/NAME is, too."""


@command.add_command
@verb(name="list", short_help="Every installed model.")
@as_json
def listed(as_json: bool) -> None:
    """List the models that are installed: domain, size, licence and what they are.

    \b
    Example:
      genae models list
    """
    from genae.recipe import models

    found = [models.facts(model) for model in models.installed().values()]
    keys = ("name", "domain", "size", "licence", "summary")
    rows = [[m["name"], m["domain"], f"{m['bytes'] / MEGA:.1f} MB", m["licence"], m["summary"]] for m in found]
    lines = table(keys, rows, indent=0) if found else [f"none is installed; {models.GET}"]
    emit({"models": found}, as_json, lambda: lines)


@command.add_command
@verb(name="show", short_help="A model's card.")
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show a model's card: what it is, how it was made, what it scores, whose its data are.

    \b
    Example:
      genae models show mnist
    """
    from genae.recipe import models

    model = models.get(name)
    facts, text = models.facts(model), models.card(model)
    body = text.split("---\n", 2)[-1].strip().splitlines()
    emit({**facts, "card": text}, as_json, lambda: [*body, "", f"{facts['source']}: {facts['folder']}"])


@command.add_command
@verb(name="where", short_help="A model's folder.")
@click.argument("name")
@as_json
def where(name: str, as_json: bool) -> None:
    """Print the folder of the model NAME.

    \b
    Example:
      genae models where mnist
    """
    from genae.recipe import models

    model = models.get(name)
    emit({"name": name, "folder": str(model.folder)}, as_json, lambda: [str(model.folder)])


@command.add_command
@verb(name="copy", short_help="A model as a run of your own.")
@click.argument("name")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new or empty folder.")
@as_json
def copy(name: str, out: Path, as_json: bool) -> None:
    """Copy the model NAME to a folder of your own, where samplers can be fitted to it.

    \b
    Example:
      genae models copy mnist --out runs/mine
    """
    from genae.files import new_folder
    from genae.recipe import models

    model = models.get(name)
    with new_folder(out) as folder:
        shutil.copytree(model.folder, folder, dirs_exist_ok=True)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    emit({"name": name, "run": str(out), "files": files}, as_json, lambda: wrote(files))


@command.add_command
@verb(name="pack", short_help="A run as a model to be given away.")
@run_argument
@click.option("--name", required=True, help="The model's: small letters, digits and hyphens.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The package of a distribution, where a folder NAME is made."
)
@telling
@device
@as_json
def pack(
    run: Path,
    name: str,
    out: Path,
    licence: str,
    credit: str,
    summary: str,
    sampler: str,
    limit: int,
    device: str,
    as_json: bool,
) -> None:
    """Pack a RUN as the folder NAME of a package of models: no training state, a card, and numbers of 16 bits where that costs
    nothing that is measured.

    A distribution brings a package by an entry point of the group genae.models; each folder in it is a model.

    \b
    Example:
      genae models pack runs/first --name glyphs --licence mit --out my-models/my_models
    """
    from genae import load
    from genae.use.model_card import Told
    from genae.use.packing import pack as packed

    made = packed(load(run, device), name, out, Told(licence, credit, summary), limit, sampler)
    files = sorted(path for path in made.folder.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    result = {"run": str(run), "name": name, "bytes": size, **_result(made), "files": files}
    emit(result, as_json, lambda: [*wrote(files), f"{size / MEGA:.1f} MB, {_how(made)}"])


@command.add_command
@verb(name="push", short_help="A run to the Hugging Face hub.")
@run_argument
@click.argument("address", metavar="hf:OWNER/NAME[@BRANCH]")
@telling
@device
@as_json
def push(
    run: Path, address: str, licence: str, credit: str, summary: str, sampler: str, limit: int, device: str, as_json: bool
) -> None:
    """Pack a RUN, as `genae models pack` does, and upload it: its card, tensors and JSON.

    Where a RUN is taken, hf:OWNER/NAME then is one, on any machine. HF_TOKEN, or `hf auth login`, says who you are.

    \b
    Example:
      genae models push runs/first hf:me/glyphs --licence mit
    """
    from genae import load
    from genae.use.model_card import Told
    from genae.use.packing import push as pushed

    made, url = pushed(load(run, device), address, Told(licence, credit, summary), limit, sampler)
    result = {"run": str(run), "name": address, "url": url, **_result(made)}
    told = [f"pushed {address}, {_how(made)}: {url}", f"next: genae sample {address} -n 4 --out samples"]
    emit(result, as_json, lambda: told)


def _result(made: Packed) -> Mapping[str, object]:
    return {"halved": made.halved, "cost": made.cost, "numbers": made.numbers}


def _how(made: Packed) -> str:
    """`numbers of 16 bits, which cost 1.2e-05 at most`."""
    worst = f"{max(made.cost.values()):.1e}"
    return f"numbers of 16 bits, which cost {worst} at most" if made.halved else f"numbers of 32 bits: 16 would cost {worst}"
