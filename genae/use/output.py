"""What generation leaves behind: every event as a file of its domain, and pictures that show them together.

A folder appears whole or not at all (genae/files.py), and nothing in an old one is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import Domain
from genae.data.examples import Array
from genae.errors import GenaeError
from genae.files import MADE, new_folder, require_regular, write_file
from genae.use import pictures

PICTURES = (".png", ".jpg", ".gif", ".webp")  # files that are pictures already


def write_events(domains: Domain | Sequence[Domain], events: Tensor | Sequence[Tensor], folder: Path, stem: str) -> list[str]:
    """Each event (N, *event) as stem-1.png, stem-2.png, … by its domain, with its companions; the names written."""
    each = [domains] * len(events) if isinstance(domains, Domain) else domains
    digits = len(str(len(events)))
    written: list[Path] = []
    for i, (domain, event) in enumerate(zip(each, events, strict=True), 1):
        written += write_event(domain, event, folder / f"{stem}-{i:0{digits}}{domain.suffixes[0]}")
    return [path.name for path in written]


def write_event(domain: Domain, event: Tensor, path: Path) -> list[Path]:
    """One event to its file, its picture beside it unless it is one, and whatever else its domain adds."""
    domain.write(event, path)
    seen = (
        []
        if path.suffix in PICTURES
        else [pictures.save(pictures.grid([domain.picture(event)], gap=0), path.with_suffix(".png"))]
    )
    return [path, *seen, *domain.extras(event, path)]


def drawn(domains: Domain | Sequence[Domain], events: Tensor | Sequence[Tensor]) -> list[Picture]:
    """The picture of each event."""
    each = [domains] * len(events) if isinstance(domains, Domain) else domains
    return [domain.picture(event) for domain, event in zip(each, events, strict=True)]


@contextmanager
def marked_folder(out: Path) -> Iterator[Path]:
    """A folder that appears whole, and that no later training takes for a user's own files."""
    with new_folder(out) as folder:
        (folder / MADE).touch()
        yield folder


def write_samples(
    domains: Domain | Sequence[Domain], events: Tensor | Sequence[Tensor], out: Path, stem: str = "sample"
) -> list[Path]:
    """A grid and each event."""
    with marked_folder(out) as folder:
        pictures.save(pictures.together(drawn(domains, events)), folder / "grid.png")
        names = ["grid.png", *write_events(domains, events, folder, stem)]
    return [out / name for name in names]


def write_path(domain: Domain, events: Tensor, out: Path, loop: bool) -> list[Path]:
    """A strip, an animation (there and back again, unless the path is a loop), each step, and all in a row if they can be."""
    with marked_folder(out) as folder:
        seen = drawn(domain, events)
        pictures.save(pictures.strip(seen), folder / "strip.png")
        pictures.gif(seen, folder / "morph.gif", bounce=not loop)
        names = ["strip.png", "morph.gif", *write_events(domain, events, folder, "step")]
        whole = domain.join(events)
        if whole is not None:
            names += [path.name for path in write_event(domain, whole, folder / f"morph{domain.suffixes[0]}")]
    return [out / name for name in names]


def write_morph(domain: Domain, steps: Tensor, whole: Tensor, out: Path, loop: bool) -> list[Path]:
    """Steps from file to file, which are whole ones: a picture, an animation, each of them, and one that goes all the way."""
    with marked_folder(out) as folder:
        seen = drawn(domain, steps)
        pictures.save(pictures.column(seen), folder / "strip.png")
        pictures.gif(seen, folder / "morph.gif", bounce=not loop)
        names = ["strip.png", "morph.gif", *write_events(domain, steps, folder, "step")]
        names += [path.name for path in write_event(domain, whole, folder / f"morph{domain.suffixes[0]}")]
    return [out / name for name in names]


def write_pairs(
    domains: Sequence[Domain],
    inputs: Sequence[Tensor] | Tensor,
    outputs: Sequence[Tensor] | Tensor,
    out: Path,
    stem: str = "reconstruction",
) -> list[Path]:
    """Inputs above what came back of them, each by its domain, and each of the latter."""
    with marked_folder(out) as folder:
        above, below = drawn(domains, inputs), drawn(domains, outputs)
        if len({seen.shape for seen in (*above, *below)}) == 1:
            whole = pictures.grid([*above, *below], columns=len(inputs))
        else:
            whole = pictures.column([seen for pair in zip(above, below, strict=True) for seen in pair])
        pictures.save(whole, folder / f"{stem}s.png")
        names = [f"{stem}s.png", *write_events(domains, outputs, folder, stem)]
    return [out / name for name in names]


def write_arrays(path: Path, arrays: Mapping[str, Tensor | Sequence[str] | str | None]) -> Path:
    """Numbers and texts as an .npz, without those that are None."""
    made = {
        key: value.numpy() if isinstance(value, Tensor) else np.array(value)
        for key, value in arrays.items()
        if value is not None
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **made)

    return write_file(path, write)


def read_arrays(path: Path) -> dict[str, Array]:
    """An .npz. GenaeError for anything else, and for one that holds objects, which could run code."""
    try:
        require_regular(path, "give an .npz")
        with path.open("rb") as stream, np.load(stream) as file:  # np.load alone leaves a damaged file open
            return {key: file[key] for key in file.files}
    except FileNotFoundError as error:
        raise GenaeError(f"no such file: {path}") from error
    except (OSError, ValueError, EOFError, AttributeError, BadZipFile) as error:
        raise GenaeError(f"{path} is no .npz of numbers and names: {error}") from error
