"""More new examples than memory holds: folders of so many each, each whole or not there, as `genae sample` writes them.

    out/shards.json    what was asked, and of which weights
    out/00000 …        examples 0 … size − 1, and so on

The n-th example is a function of the seed and of n. So shards are the same whatever their size and whoever makes them, and a
call that is made again makes those that are not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from torch import Tensor

from genae.data.domain import Domain
from genae.errors import GenaeError
from genae.files import MADE, disk, make_folder, require_empty, write_text
from genae.recipe.jsonfile import read_json
from genae.use.output import write_samples

ASKED = "shards.json"
DIGITS = 5  # of a folder's name, at least


def write_shards(
    make: Callable[[int, int], Tensor], domain: Domain, count: int, size: int, out: Path, asked: Mapping[str, object]
) -> Iterator[tuple[Path, bool]]:
    """Folders of `size` of `count` examples, `make(first, n)` each, and whether it was there. GenaeError for another call's."""
    _begin(out, {"size": size, **asked})
    digits = max(DIGITS, len(str((count - 1) // size)))
    for number, first in enumerate(range(0, count, size)):
        folder = out / f"{number:0{digits}}"
        n, there = min(size, count - first), folder.is_dir()
        if not there:
            write_samples(domain, make(first, n), folder)
        yield folder, there


def _begin(out: Path, asked: Mapping[str, object]) -> None:
    """The folder, marked as genae's own, with what is asked in it. GenaeError where it holds what was asked otherwise."""
    if not (out / ASKED).exists():
        require_empty(out)
        with disk(out):
            make_folder(out)
            (out / MADE).touch()
        write_text(out / ASKED, json.dumps(asked, indent=2) + "\n")
        return
    try:
        before = read_json(out / ASKED)
    except (OSError, ValueError) as error:
        raise GenaeError(f"{out / ASKED} cannot be read: {error}; choose a new folder") from error
    now = json.loads(json.dumps(asked))
    other = [key for key in now if not isinstance(before, dict) or before.get(key) != now[key]]
    if other:
        was = before.get(other[0]) if isinstance(before, dict) else None
        raise GenaeError(
            f"{out} holds shards of another call ({other[0]}: {was!r}, now {now[other[0]]!r}); choose a new folder"
        )
