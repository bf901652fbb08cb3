"""Checks of what a plugin may offer beside domains: presets, data sets, and the parts that recipes compose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from genae.data.domain import Domain
from genae.data.examples import SPLITS, Examples, File, Split
from genae.errors import GenaeError, Rejected
from genae.recipe import recipe, registry
from genae.testing import models
from genae.testing.expect import expect, skip
from genae.testing.subject import Subject
from genae.testing.target import Target

SIDE = 4  # of the square events that parts are tried on


def its_name(t: Target, kind: str, name: str) -> None:
    """Names are the user's words: nobody else's, and easily typed."""
    good = name == name.lower() and not set(name) & set(" /\\:=")
    expect(good, f"{kind} '{name}': a name has lower-case letters, digits and hyphens")
    others = " and ".join(t.taken(kind, name))
    expect(not others, f"{kind} '{name}' is taken already, by {others}; choose another name")


def composing(t: Target, kind: str, name: str) -> None:
    """A preset is a recipe, whole and known."""
    made = recipe.compose(name)
    if made.data and made.data not in registry.names("dataset"):
        raise AssertionError(f"its data set '{made.data}' is not installed; known: {', '.join(registry.names('dataset'))}")


def splitting(t: Target, kind: str, name: str) -> None:
    """train, valid and test, the same at every call, of a domain that is there."""
    plugin = t.plugin(kind, name)
    dataset = plugin() if isinstance(plugin, type) else plugin
    for key in ("name", "domain", "about"):
        expect(isinstance(getattr(dataset, key, None), str), f"it lacks the text `{key}`")
    expect(dataset.name == name, f"it calls itself '{dataset.name}', its entry point '{name}'")
    known = registry.names("domain")
    expect(dataset.domain in known, f"its domain '{dataset.domain}' is not installed; known: {', '.join(known)}")
    for split in SPLITS:
        try:
            first, again = dataset.split(split), dataset.split(split)
        except GenaeError as error:
            skip(f"{error}")
        _one(first, split)
        one, two = _prints(first), _prints(again)
        expect(one == two, f"split {split} is another one at the second call")
    expect(len(_prints(dataset.split("train"))) > 0, "split train is empty")


def _one(split: Any, name: str) -> None:
    expect(isinstance(split, Split), f"split {name} is {type(split).__name__}, not genae.Split")
    expect(all(isinstance(f, File) for f in split.files), f"split {name} holds files that are no genae.File")
    expect(split.array is None or isinstance(split.array, np.ndarray), f"split {name}: array must be a numpy array")
    if split.labels is not None and split.array is not None:
        expect(len(split.labels) == len(split.array), f"split {name}: {len(split.labels)} labels, {len(split.array)} examples")
        last = int(np.max(split.labels, initial=-1))
        expect(last < len(split.classes), f"split {name}: label {last} of {len(split.classes)} classes")
    for field, value in split.fields.items():
        rows = np.shape(value)[:1]
        expect(rows == (len(split.array) if split.array is not None else 0,), f"split {name}: field {field} has shape "
               f"{np.shape(value)}; files carry their own, and an array's has a row for each example")  # fmt: skip
    for f in split.files:
        for field, value in f.fields.items():
            good = np.asarray(value).dtype.kind in "iuf" and np.ndim(value) < 2 and np.size(value) > 0
            expect(good, f"split {name}: field {field} of {f.name} is {value!r}, not a number or a few")
    unknown = {f.label for f in split.files} - {*split.classes, ""}
    expect(not unknown, f"split {name}: files of classes that it does not name: {sorted(unknown)}")


def _prints(split: Split) -> list[Any]:
    if split.array is not None:
        return [row.tobytes() for row in np.asarray(split.array)]
    return [(f.name, f.label, f.content, dict(f.fields)) for f in split.files]


def claiming_no_others(t: Target, kind: str, name: str) -> None:
    """An empty folder, and a file of nobody's format, are left to others."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "empty").mkdir()
        (Path(folder) / "of.nobody").write_bytes(bytes(range(256)))
        for path in sorted(Path(folder).iterdir()):
            claimed = t.plugin(kind, name)(path)
            expect(claimed is None, f"it claims {path.name}, which is not of any format; give None for what is not its own")


def composed_with_others(t: Target, kind: str, name: str) -> None:
    """Trains by one step in a small network on square events of one channel, unless it says that it cannot."""
    s = Parts(kind, name)
    with registry.override("domain", Squares.__name__, Squares):
        try:
            built = s.build()
        except GenaeError as error:
            skip(f"not for square events of one channel: {error}")
        models.learns(built, s)


class Squares(Domain):
    """Of numbers in [0, 1], without files."""

    suffixes = (".square",)
    event = (1, SIDE, SIDE)

    def read(self, file: File) -> torch.Tensor:
        raise Rejected(f"{file.name}: there are no such files")

    def write(self, example: torch.Tensor, path: Path) -> None:
        raise NotImplementedError


class Parts(Subject):
    """Squares in the least recipe, with one part exchanged."""

    def __init__(self, kind: str, name: str) -> None:
        least = {"domain": {"name": Squares.__name__}, "network": {"name": "mlp", "hidden": [8]}, "latent": 4}
        super().__init__(f"{kind} {name}", least | {kind: {"name": name}}, (), None)

    @cached_property
    def examples(self) -> Examples:
        """Drawn."""
        return Examples(torch.rand(4, *Squares.event, generator=torch.Generator().manual_seed(0)))


Check = Callable[[Target, str, str], None]
COMPOSED = ("network", "likelihood", "posterior", "prior", "objective", "task", "condition")
CHECKS: Mapping[str, tuple[Check, ...]] = {
    "domain": (its_name,), "preset": (its_name, composing), "dataset": (its_name, splitting),
    "claim": (its_name, claiming_no_others), "sampler": (its_name,),
    **dict.fromkeys(COMPOSED, (its_name, composed_with_others)),
}  # fmt: skip
