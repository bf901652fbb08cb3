"""Names, paths and a user's own tensors to data sets.

mnist, glyphs            a data set of the registry
mine/, mine.zip          a user's own folder, archive or file
torch.rand(500, 2)       what Python has: see `as_dataset`

A path may be claimed by something that knows its format, by the entry-point group `genae.claims`: a function of a `Path` that
gives a data set, or None when the path is not of its kind. It lives in a module that is light to import, since it is imported
whenever a path is opened; data sets by name are imported when they are named.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils import data as torch_data

from genae.data import given
from genae.data.domain import Suffixed
from genae.data.examples import Dataset, Examples, numbers
from genae.data.local import Local, files_of
from genae.errors import GenaeError, unknown
from genae.files import require_regular
from genae.recipe import quarantine, registry
from genae.recipe.entries import blamed

Data = str | Path | Tensor | np.ndarray | Examples | torch_data.Dataset[object] | Dataset  # whatever holds or names examples


def open_data(data: str) -> Dataset:
    """A data set by its name, or a user's own file, folder or zip by its path.

    Third-party claims of a path are asked only where none of genae's claims it and no domain of genae reads most of it.
    """
    if data in registry.names("dataset"):
        return made(data, registry.get("dataset", data))
    path = Path(data)
    if not path.exists():
        raise unknown("data set or path", data, registry.names("dataset"))
    if not path.is_dir():
        require_regular(path, "give a file, a folder or a zip")
    for name, claim in quarantine.each("claim", registry.own("claim")):
        claimed = None if isinstance(claim, GenaeError) else _claimed(name, claim, path)
        if claimed is not None:
            return claimed
    others = registry.third_party("claim")
    passed: list[str] = []
    for name, claim in quarantine.each("claim", others if others and not _reads_most(path) else []):
        try:
            claimed = _claimed(name, claim, path)
        except GenaeError as error:  # a third party's refusal must not keep a path from being read otherwise
            passed.append(str(error))
            continue
        if claimed is not None:
            return claimed
    return Local(path, passed=tuple(passed))


def _claimed(name: str, claim: object, path: Path) -> Dataset | None:
    """What a claim makes of a path, None if nothing. GenaeError if it is broken, or the path."""
    if isinstance(claim, GenaeError):
        raise claim
    with blamed("claim", name):
        claimed = claim(path) if callable(claim) else claim  # what cannot be called is no data set either
        if claimed is not None and not isinstance(claimed, Dataset):
            raise GenaeError(f"claim '{name}' must give a data set, not {type(claimed).__name__}")
    return claimed


def made(name: str, found: object) -> Dataset:
    """The data set that an entry point names: an object, or a class to make one of."""
    with blamed("dataset", name):
        dataset = found() if isinstance(found, type) else found
        if not isinstance(dataset, Dataset):
            raise GenaeError(f"data set '{name}' has no name, domain, about and split: it is a {type(dataset).__name__}")
    return dataset


def _reads_most(path: Path) -> bool:
    """Whether one of genae's own domains reads most of the files of a path."""
    suffixes = Counter(file.suffix for _, file in files_of(path))
    own = [found for _, found in quarantine.each("domain", registry.own("domain")) if isinstance(found, Suffixed)]
    return any(2 * sum(suffixes[s] for s in domain.suffixes) > suffixes.total() for domain in own)


def as_dataset(data: Data) -> Dataset:
    """Whatever holds examples as a data set: a name or path, a tensor or array (N, *event), `genae.Examples`, a torch
    `Dataset` of examples or (example, label) pairs, or a data set object. GenaeError for anything else.

    Those without splits of their own are split by place: SHA-256 of its decimal number modulo 10, 0 test, 1 valid, the rest
    train, near 80/10/10, so that each stays where it is when more come behind it. Of fewer than ten all are train, and
    `best_split` takes them for the others.
    """
    if isinstance(data, str | Path):
        return open_data(str(data))
    if isinstance(data, Examples):
        return given.Given(given.labelled(data))
    if isinstance(data, Tensor | np.ndarray):
        return given.Given(given.labelled(Examples(numbers(data, "data"))))
    if isinstance(data, torch_data.Dataset):
        return given.Given(given.collected(data))
    if isinstance(data, Dataset):
        return data
    raise GenaeError(
        "data must be a name, a path, a tensor or array (N, *event), genae.Examples, a torch Dataset or a data set, "
        f"not {type(data).__name__}"
    )
