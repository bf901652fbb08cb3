"""Models ready to use: runs that distributions bring, taken by their names wherever a run is taken.

A distribution names a package of them in its metadata, and each folder in it with a recipe is a model of the folder's name:

    [project.entry-points."genae.models"]
    mine = "genae_mine"                       genae_mine/voices/recipe.json, weights.safetensors, README.md …

Looking for them imports nothing. A path that exists is never taken for a name, and what is installed is never written to.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple, TypedDict

from genae.errors import GenaeError, unknown
from genae.recipe import hub
from genae.recipe.entries import module, owner, version
from genae.recipe.jsonfile import read_json

GROUP = "genae.models"
RECIPE, CARD = "recipe.json", "README.md"  # what makes a folder a run, and what it says of itself
GET = "get some with: pip install genae-models, or in a clone of genae: pip install ./models"


class Model(NamedTuple):
    """One that is installed."""

    name: str
    folder: Path
    source: str  # distribution and version


def installed() -> dict[str, Model]:
    """Every model by its name, in their order; of two of one name the first."""
    return {name: models[0] for name, models in sorted(_found().items())}


def _found() -> dict[str, list[Model]]:
    """The models of each name, an editable install beside a wheel counted once."""
    found: dict[str, dict[Path, Model]] = {}
    for model in _each():
        found.setdefault(model.name, {})[model.folder] = model
    return {name: list(models.values()) for name, models in found.items()}


def _each() -> Iterator[Model]:
    for entry in entry_points(group=GROUP):
        for package in _folders(module(entry)):
            recipes = sorted(package.glob(f"*/{RECIPE}"))
            yield from (Model(path.parent.name, path.parent, f"{owner(entry)} {version(entry)}") for path in recipes)


def _folders(package: str) -> list[Path]:
    """Where a package lies, which is not imported; nowhere if it is not there."""
    top, *inside = package.split(".")
    spec = importlib.util.find_spec(top)
    return [Path(place, *inside).resolve() for place in (spec.submodule_search_locations if spec else None) or []]


def get(name: str) -> Model:
    """The model of that name, or of the hub. GenaeError if there is none, or there are two."""
    if hub.is_name(name):
        return Model(name, folder := hub.folder_of(name), f"the hub, revision {folder.name[:12]}")
    found = _found()
    if name not in found:
        raise unknown("model", name, found, "" if found else f": none is installed; {GET}")
    if len(models := found[name]) > 1:
        raise GenaeError(f"model '{name}' is of {' and of '.join(m.source for m in models)}; uninstall one, or give its folder")
    return models[0]


def folder_of(run: str | Path) -> Path:
    """The folder of a run, which is given by its path, or is a model's name or one of the hub. GenaeError for what is none."""
    path = Path(run)
    if path.exists():
        _require_no_name(path)
        return path
    if hub.is_name(run):
        return hub.folder_of(path.as_posix())
    known = installed()
    if str(run) in known:
        return get(str(run)).folder
    near = difflib.get_close_matches(str(run), known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    names = f"{', '.join(known)}{hint}" if known else f"none is installed; {GET}"
    raise GenaeError(
        f"{run} is not a run: there is no such folder; a run is a folder that `genae train` wrote, or a model's name: {names}"
    )


def named(run: str) -> str:
    """A model's name; of a folder its own name alone, without where it lies."""
    return run if run in installed() or hub.is_name(run) else Path(run).name


def _require_no_name(path: Path) -> None:
    """GenaeError for a path that is no run, but a model's name: what was meant is not clear."""
    if not (path / RECIPE).is_file() and str(path) in (known := installed()):
        raise GenaeError(
            f"{path} is not a run: here is something of that name without {RECIPE}, which goes before the model '{path}'; "
            f"rename it, or give {known[str(path)].folder}"
        )


def require_own(folder: Path, verb: str) -> None:
    """GenaeError for a folder that is an installed model: it stays as it came."""
    if name := hub.name_of(folder):
        raise GenaeError(
            f"{name} stays as the hub has it, and {verb} cannot write there; take a copy: genae models copy {name} --out runs/x"
        )
    for model in installed().values():
        if folder.resolve() == model.folder:
            raise GenaeError(
                f"model '{model.name}' of {model.source} is installed and stays as it is, so {verb} cannot write there; "
                f"take a copy: genae models copy {model.name} --out runs/{model.name}"
            )


# -- what a model says of itself --------------------------------------------------------------------------------------


class Facts(TypedDict):
    """What is told of a model."""

    name: str
    domain: str
    data: str
    licence: str
    summary: str
    bytes: int
    source: str
    folder: str


def facts(model: Model) -> Facts:
    """From its recipe and its card, unchecked: a broken one is found when it is loaded."""
    recipe, front = _recipe(model), front_of(card(model))
    domain = recipe.get("domain")
    return {
        "name": model.name, "domain": str(domain.get("name", "")) if isinstance(domain, Mapping) else "",
        "data": str(recipe.get("data", "")), "licence": str(front.get("license", "")),
        "summary": str(front.get("summary", "")),
        "bytes": sum(path.stat().st_size for path in model.folder.rglob("*") if path.is_file()),
        "source": model.source, "folder": str(model.folder),
    }  # fmt: skip


def _recipe(model: Model) -> Mapping[str, object]:
    try:
        recipe = read_json(model.folder / RECIPE)
    except (OSError, ValueError, GenaeError):
        return {}
    return recipe if isinstance(recipe, Mapping) else {}


def card(model: Model) -> str:
    """Its README.md, "" if it has none."""
    path = model.folder / CARD
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def front_of(text: str) -> dict[str, object]:
    """What stands between a card's first two lines of ---, where it is `key: JSON`; other values as text."""
    parts = text.split("---\n", 2)
    lines = [line.partition(": ") for line in parts[1].splitlines()] if len(parts) == 3 and not parts[0] else []
    return {key: _value(value) for key, colon, value in lines if colon}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
