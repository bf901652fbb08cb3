"""Recipe: everything that is needed to rebuild a run, as JSON beside its weights.

A recipe names parts of the registry with their options, a section each:

    {"domain": {"name": "sensor", "size": 28}, "latent": 40, "prior": {"name": "flow", "kind": "maf"}, …}

Unknown keys fail with the known ones named; options left out are filled in from the part's own defaults when a run starts, so
that a later genae with other defaults still rebuilds the same model.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt, doc

from genae.errors import GenaeError, unknown
from genae.latent.space import Space
from genae.recipe import registry
from genae.recipe.jsonfile import read_json
from genae.recipe.options import Spec, check, filled, named
from genae.recipe.parts import SECTIONS, Bringing, completed, of_kind, part
from genae.recipe.settings import DEFAULTS, Settings, changed, merge, preset, section_of
from genae.recipe.stages import stages
from genae.recipe.upgrade import upgraded

CHEAP = ("posterior", "likelihood", "objective", "task", "condition")  # parts that are made in no time
SEEDS = 1 << 40  # a seed times a prime, and a step, are to fit in 64 bits
FORMAT = 2  # of recipe.json and the weights beside it


@dataclass(frozen=True)
class Recipe:
    """One run, whole. Sections are {"name": …, option: value}; their names are looked up in the registry."""

    preset: str
    domain: Spec
    latent: Annotated[Annotated[int, Ge(1)] | dict[str, object], doc('numbers of z, or of a frame; or {"shape": [F, D]}')]
    network: Spec
    posterior: Spec
    likelihood: Spec
    prior: Spec
    objective: Spec
    task: Spec
    condition: Spec
    optimiser: Spec
    schedule: Spec
    optimisers: Annotated[dict[str, Spec], doc("player to what its optimiser has else than `optimiser`")]
    stages: Annotated[list[Spec], doc("which players learn from when on, and the sampler fitted at the end")]
    data: Annotated[str, doc("the data set, or a path; empty where one must be given")]
    epochs: Annotated[float, Ge(0), doc("passes over the training set; 0 where `steps` says how long")]
    steps: Annotated[int, Ge(0), doc("optimiser steps; 0 where `epochs` says how long")]
    batch: Annotated[int, Ge(1), doc("examples a step")]
    ema: Annotated[float, Ge(0), Lt(1), doc("decay of the averaged weights that are evaluated and saved; 0 for none")]
    precision: Annotated[Literal["auto", "32", "bf16"], doc("auto: bf16 where the processor has it, else 32")]
    seed: Annotated[int, Ge(0), Le(SEEDS), doc("of weights, order and noise")]
    limit: Annotated[int, Ge(0), doc("train on the first so many examples; 0 for all")]
    format: int = FORMAT
    plugins: Annotated[dict[str, str], doc("where parts that are not genae's own come from")] = field(default_factory=dict)
    ancestor: Annotated[dict[str, str], doc("the run whose weights it began with, and their digest")] = field(
        default_factory=dict
    )

    def is_default(self, section: str) -> bool:
        """Whether a section names what it names where nothing was said."""
        return named(section, self.section(section)) == section_of(DEFAULTS, section)["name"]

    def section(self, name: str) -> Spec:
        """One of `genae.recipe.parts.SECTIONS`."""
        own: Spec = getattr(self, name)
        return own


def compose(of: str | Mapping[str, object], settings: Settings = (), **changes: object) -> Recipe:
    """A preset, by its name or itself, with settings and keyword changes, checked and completed."""
    return complete(merge(changed(preset(of), settings), changes))


def adjust(recipe: Recipe, settings: Settings = (), **changes: object) -> Recipe:
    """A recipe with settings and keyword changes, checked and completed."""
    return complete(merge(changed(dataclasses.asdict(recipe), settings), changes))


# -- checking ---------------------------------------------------------------------------------------------------------


def complete(settings: Mapping[str, object], written: bool = False) -> Recipe:
    """A checked recipe with every option filled in. GenaeError names an unknown or missing key and the known ones.

    Options that one `written` before lacks are what there was before them.
    """
    whole = _checked(settings)
    _require_plugins(_parts(whole), whole.get("plugins", {}))
    whole["stages"] = stages(whole["stages"])
    whole |= _sections({section: whole[section] for section in SECTIONS}, written)
    whole["optimisers"] = {
        player: completed("optimiser", section_of(merge(whole, {"optimiser": spec}), "optimiser"))
        for player, spec in whole["optimisers"].items()
    }
    return _bounded(Recipe(**whole | {"plugins": _origins(_parts(whole), whole.get("plugins", {}))}))


def _checked(settings: Mapping[str, object]) -> dict[str, Any]:
    """The settings as the annotations of `Recipe` have them, each section an object."""
    fields = {f.name: f for f in dataclasses.fields(Recipe)}
    hints = typing.get_type_hints(Recipe, include_extras=True)
    for key in settings:
        if key not in fields:
            raise unknown("recipe key", key, fields)
    missing = [n for n, f in fields.items() if n not in settings and f.default is f.default_factory is dataclasses.MISSING]
    if missing:
        raise GenaeError(f"the recipe lacks {', '.join(missing)}; a recipe has {', '.join(fields)}")
    whole = {k: v if k in SECTIONS else check(k, v, hints[k]) for k, v in settings.items()}
    for section in SECTIONS:
        if not isinstance(whole[section], Mapping):
            raise GenaeError(f"recipe section '{section}' must be an object with a name, not {whole[section]!r}")
    return whole


def _sections(specs: Mapping[str, Spec], written: bool) -> dict[str, Spec]:
    """Every section with all of its options."""
    whole: dict[str, Spec] = {}
    domain: Bringing | None = None
    for section, spec in specs.items():
        factory, name = part(section, spec, domain), spec["name"]
        name = domain.defaults.network if domain and (section, name) == ("network", "default") else name
        options = filled(section, factory, spec, written)
        whole[section] = {"name": name, **options}
        if section == "domain":
            domain = of_kind(Bringing, section, spec, factory(**options))
        elif section in CHEAP:
            factory(**options)  # its own checks of its options, before any data are read
    return whole


def _origins(parts: Sequence[tuple[str, str]], written: Mapping[str, str]) -> dict[str, str]:
    """Where parts that are not genae's own come from, {"prior mine": "distribution version"}; what was written stays."""
    origins = {f"{kind} {name}": registry.origin(kind, name) for kind, name in parts}
    return {key: written.get(key, origin) for key, origin in origins.items() if origin}


def _parts(whole: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The parts that a recipe names, in its sections and beside them, by kind and name."""
    samplers = [stage["sampler"] for stage in whole["stages"] if isinstance(stage.get("sampler"), Mapping)]
    beside = [*(("optimiser", spec) for spec in whole["optimisers"].values()), *(("sampler", spec) for spec in samplers)]
    return [(kind, str(spec.get("name"))) for kind, spec in [*((s, whole[s]) for s in SECTIONS), *beside]]


def _require_plugins(parts: Sequence[tuple[str, str]], written: Mapping[str, str]) -> None:
    """GenaeError for a part that a recipe was made with and that is not here."""
    for key, origin in written.items():
        kind, _, name = key.partition(" ")
        if (kind, name) in parts and name not in registry.names(kind):
            installed = not origin.endswith(".py") and origin != registry.DIRECTLY
            remedy = f"pip install {origin.split(' ')[0]}" if installed else "give it with --plugin FILE.py or genae.register"
            raise GenaeError(f"{kind} '{name}' is not here: the recipe was made with that of {origin}; {remedy}")


def _bounded(recipe: Recipe) -> Recipe:
    if bool(recipe.epochs) == bool(recipe.steps):
        raise GenaeError(f"a run lasts epochs or steps, one of them above 0; got epochs={recipe.epochs}, steps={recipe.steps}")
    Space.of(recipe.latent)
    return recipe


# -- files ------------------------------------------------------------------------------------------------------------


def dump(recipe: Recipe) -> str:
    """As JSON text."""
    return json.dumps(dataclasses.asdict(recipe), indent=2) + "\n"


def read(path: Path) -> Recipe:
    """From recipe.json. GenaeError if missing, not JSON, or not a recipe."""
    return complete(upgraded(_settings(path), FORMAT, path), written=True)


def digest(path: Path) -> str:
    """SHA-256 of what recipe.json says, but for where the data lie, which may move."""
    said = {key: value for key, value in _settings(path).items() if key != "data"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = read_json(path)
    except FileNotFoundError as error:
        raise GenaeError(
            f"{path.parent} is not a run: it has no {path.name}; a run is a folder that `genae train` wrote"
        ) from error
    except (OSError, ValueError) as error:
        raise GenaeError(f"{path} cannot be read as a recipe: {error}") from error
    if not isinstance(settings, dict):
        raise GenaeError(f"{path} is not a recipe: it must be a JSON object")
    return settings


def differences(a: Recipe, b: Recipe) -> list[str]:
    """What differs between two recipes, a line each: `latent: 40, then 8`."""
    left, right = dataclasses.asdict(a), dataclasses.asdict(b)
    lines = []
    for key in left:
        if key in SECTIONS:
            keys = sorted({*left[key], *right[key]})
            lines += [
                f"{key}.{k}: {left[key].get(k)!r}, then {right[key].get(k)!r}"
                for k in keys
                if left[key].get(k) != right[key].get(k)
            ]
        elif left[key] != right[key]:
            lines.append(f"{key}: {left[key]!r}, then {right[key]!r}")
    return lines
