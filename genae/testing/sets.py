"""Checks of data sets: their splits, what is in them, and which paths they claim."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from genae.data.examples import SPLITS, Dataset, File, Split
from genae.errors import GenaeError
from genae.recipe import registry
from genae.testing.chance import elsewhere
from genae.testing.expect import expect, skip
from genae.testing.target import Target

COMMON = 0.1  # share of the test examples that may be in the training set by chance


def splitting(t: Target, kind: str, name: str) -> None:
    """train, valid and test, the same at every call, of a domain that is there."""
    dataset = _made(t, kind, name)
    for key in ("name", "domain", "about"):
        expect(isinstance(getattr(dataset, key, None), str), f"it lacks the text `{key}`")
    expect(dataset.name == name, f"it calls itself '{dataset.name}', its entry point '{name}'")
    known = registry.names("domain")
    expect(dataset.domain in known, f"its domain '{dataset.domain}' is not installed; known: {', '.join(known)}")
    for split in SPLITS:
        first, again = (_split(dataset, split, turn) for turn in range(2))
        _one(first, split)
        one, two = _prints(first), _prints(again)
        expect(one == two, f"split {split} is another one at the second call")
    expect(len(_prints(dataset.split("train"), False)) > 0, "split train is empty")


def _made(t: Target, kind: str, name: str) -> Any:
    plugin = t.plugin(kind, name)
    return plugin() if isinstance(plugin, type) else plugin


def _split(dataset: Dataset, name: str, turn: int = 0) -> Split:
    with elsewhere(turn):
        try:
            return dataset.split(name)
        except GenaeError as error:
            skip(f"{error}")


def apart(t: Target, kind: str, name: str) -> None:
    """valid and test hold other examples than train."""
    dataset = _made(t, kind, name)
    train = {repr(one) for one in _prints(_split(dataset, "train"), False)}
    for split in ("valid", "test"):
        held = [repr(one) for one in _prints(_split(dataset, split), False)]
        shared = sum(one in train for one in held)
        expect(shared <= COMMON * len(held), f"{shared} of the {len(held)} examples of split {split} are in split train too")


def _one(split: Any, name: str) -> None:
    expect(isinstance(split, Split), f"split {name} is {type(split).__name__}, not genae.Split")
    expect(all(isinstance(f, File) for f in split.files), f"split {name} holds files that are no genae.File")
    expect(split.array is None or isinstance(split.array, np.ndarray), f"split {name}: array must be a numpy array")
    if split.labels is not None and split.array is not None:
        expect(len(split.labels) == len(split.array), f"split {name}: {len(split.labels)} labels, {len(split.array)} examples")
        first, last = int(np.min(split.labels, initial=0)), int(np.max(split.labels, initial=-1))
        expect(
            first >= 0 and last < len(split.classes), f"split {name}: labels {first} to {last} of {len(split.classes)} classes"
        )
    if split.array is not None and split.array.dtype.kind == "f":
        expect(bool(np.isfinite(split.array).all()), f"split {name}: array holds a NaN or an infinity")
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


def _prints(split: Split, whole: bool = True) -> list[Any]:
    """Each example as what can be compared: `whole` with what is known of it."""
    if split.array is not None:
        rows = [row.tobytes() for row in np.asarray(split.array)]
        return [rows, None if split.labels is None else np.asarray(split.labels).tolist()] if whole else rows
    if whole:
        return [(f.name, f.label, f.content, f.mark, dict(f.fields)) for f in split.files]
    return [f.content or f.mark or f.name for f in split.files]


def claiming_no_others(t: Target, kind: str, name: str) -> None:
    """An empty folder, and a file of nobody's format, are left to others."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "empty").mkdir()
        (Path(folder) / "of.nobody").write_bytes(bytes(range(256)))
        for path in sorted(Path(folder).iterdir()):
            claimed = t.plugin(kind, name)(path)
            expect(claimed is None, f"it claims {path.name}, which is not of any format; give None for what is not its own")
