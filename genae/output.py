"""What generation leaves behind: every event as a file of its domain, and pictures that show them together.

A folder appears whole or not at all (genae/files.py), and nothing in an old one is overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from genae import pictures
from genae.domain import Domain
from genae.files import new_folder, write_file


def write_events(domain: Domain, events: Tensor, folder: Path, stem: str) -> list[str]:
    """Each event (N, *event) as stem-1.png, stem-2.png, …; the names written."""
    digits = len(str(len(events)))
    names = [f"{stem}-{i:0{digits}}{domain.suffixes[0]}" for i in range(1, len(events) + 1)]
    for name, event in zip(names, events, strict=True):
        domain.write(event, folder / name)
    return names


def drawn(domain: Domain, events: Tensor) -> list[np.ndarray[Any, Any]]:
    """The picture of each event."""
    return [domain.picture(event) for event in events]


def write_samples(domain: Domain, events: Tensor, out: Path) -> list[Path]:
    """A grid and each event."""
    with new_folder(out) as folder:
        pictures.save(pictures.grid(drawn(domain, events)), folder / "grid.png")
        names = ["grid.png", *write_events(domain, events, folder, "sample")]
    return [out / name for name in names]


def write_path(domain: Domain, events: Tensor, out: Path, loop: bool) -> list[Path]:
    """A strip, an animation (there and back again, unless the path is a loop) and each step."""
    with new_folder(out) as folder:
        seen = drawn(domain, events)
        pictures.save(pictures.strip(seen), folder / "strip.png")
        pictures.gif(seen, folder / "morph.gif", bounce=not loop)
        names = ["strip.png", "morph.gif", *write_events(domain, events, folder, "step")]
    return [out / name for name in names]


def write_pairs(domain: Domain, inputs: Tensor, outputs: Tensor, out: Path) -> list[Path]:
    """Inputs above what came back of them, and each of the latter."""
    with new_folder(out) as folder:
        rows = drawn(domain, inputs) + drawn(domain, outputs)
        pictures.save(pictures.grid(rows, columns=len(inputs)), folder / "reconstructions.png")
        names = ["reconstructions.png", *write_events(domain, outputs, folder, "reconstruction")]
    return [out / name for name in names]


def write_latents(path: Path, z: Tensor, names: Sequence[str]) -> Path:
    """Posterior means z (N, latent) and their names as an .npz."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, z=z.numpy(), names=np.array(names))

    return write_file(path, write)
