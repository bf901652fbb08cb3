"""What a run was trained on, so that it can be told whether what lies there now is the same: data.json in the run's folder.

    {"data": "mine", "path": "/home/me/mine", "train": {"files": 32, "examples": 32, "digest": "sha256:…"}, "valid": …}

`path` is absolute, and empty for a data set that has a name. A digest is of what a split gives, in its order: of files their
classes and content, not their paths, so that it is the same on another machine; of arrays their numbers and labels. A file that
is made when it is read counts by its name. Of a data set with a name the splits that training reads are pinned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genae.data.examples import SPLITS, Dataset, Examples
from genae.data.kept import contents
from genae.data.store import chunks
from genae.errors import GenaeError
from genae.files import write_text
from genae.names import encoded
from genae.recipe import registry
from genae.recipe.jsonfile import read_json

PIN = "data.json"


@dataclass(frozen=True)
class Part:
    """One split as it was."""

    files: int = 0
    examples: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Pin:
    """A data set as it was."""

    data: str = ""  # as it was given
    path: str = ""
    parts: Mapping[str, Part] = field(default_factory=dict)  # split to what it was


def pinned(data: str, place: str, dataset: Dataset, read: Mapping[str, Examples]) -> Pin:
    """A data set as it is, at its place: the splits that were `read`, and of a user's own files all."""
    path = "" if not place or place in registry.names("dataset") else str(Path(place).resolve())
    names = SPLITS if path else [name for name in SPLITS if name in read]
    return Pin(data, path, {name: _part(dataset, name, read.get(name), bool(path)) for name in names})


def _part(dataset: Dataset, name: str, examples: Examples | None, own: bool) -> Part:
    """A split as it is. What a named set draws anew whenever it is asked is digested as it was read."""
    count = 0 if examples is None else len(examples)
    if examples is not None and not examples.files and not own:
        return Part(0, count, _digest([*_bytes(examples.x), *([] if examples.labels is None else _bytes(examples.labels))]))
    split = dataset.split(name)
    rows = [] if split.array is None else [torch.from_numpy(np.require(split.array, requirements=["C", "W"]))]
    rows += [] if split.labels is None else [torch.from_numpy(np.asarray(split.labels, np.int64))]
    files = zip(split.files, contents(split.files), strict=True)
    told = (encoded(f"{file.label}\0{file.name if file.make else content}\0") for file, content in files)
    return Part(len(split.files), count, _digest([*(part for x in rows for part in _bytes(x)), *told]))


def _bytes(x: Tensor) -> Iterator[bytes]:
    """A tensor's type, shape and numbers."""
    yield f"{x.dtype}{tuple(x.shape)}".encode()
    for part in chunks(x):
        yield part.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def keep(pin: Pin, folder: Path) -> None:
    """In a run's folder."""
    written = {"data": pin.data, "path": pin.path, **{name: asdict(part) for name, part in pin.parts.items()}}
    write_text(folder / PIN, json.dumps(written, indent=2) + "\n")


def kept(folder: Path) -> Pin | None:
    """That of a run's folder; None of a run that has none. GenaeError for one that is no pin."""
    path = folder / PIN
    try:
        written = read_json(path)
        parts = {name: Part(**written[name]) for name in SPLITS if name in written}
        return Pin(str(written["data"]), str(written["path"]), parts)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GenaeError(f"{path} cannot be read ({error}); without it, what the run was trained on is not compared") from error


def place(data: str, pin: Pin | None) -> tuple[str, str]:
    """Where the data of a run are now, and a line for people if that is not where its recipe leads from here."""
    if pin is None or not pin.path or data != pin.data:
        return data, ""
    there, here = Path(pin.path), Path(data)
    if here.exists() and there.exists() and here.resolve() == there.resolve():
        return data, ""
    if there.exists():
        other = f", not the {data} in this folder" if here.exists() else ""
        return pin.path, f"{data} is {pin.path}, where it was trained{other}"
    if here.exists():
        return data, f"{data} was {pin.path} in training, which is not there any more; that of this folder is read"
    raise GenaeError(f"no data set or path '{data}': it was {pin.path} in training; put it back, or a link to it")


def differences(pin: Pin, now: Pin) -> list[str]:
    """What differs between a data set as it was and as it is: `train: 32 examples of 32 files, now 67 of 67`."""
    both = [(name, pin.parts[name], part) for name, part in now.parts.items() if name in pin.parts]
    return [f"{name}: {_differing(then, part)}" for name, then, part in both if then.digest != part.digest]


def _differing(then: Part, now: Part) -> str:
    same = then.files == now.files and (then.files or then.examples == now.examples)
    return f"{_many(then)} of other content" if same else f"{_many(then)}, now {_many(now)}"


def _many(part: Part) -> str:
    files = f"{part.files:,} files" if part.files else f"{part.examples:,} examples"
    read = f"{part.examples:,} examples of " if part.files and part.examples else ""
    return f"{read}{files}"
