"""Places of the map that are decoded beforehand, for a page that cannot decode them itself."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from genae.data.reading import Report
from genae.explore.explorer import Explorer, Look

TURNS = 24  # of the search for a spacing
LARGE, SMALL = "wav", "ogg"  # how a type ends that is written as another, a tenth as large
BLOCK = 1 << 15  # frames that are packed at once


def places(plane: Tensor, count: int) -> Tensor:
    """At most `count` places (K, 2 or 1), evenly spaced, where examples (N, 2 or 1) lie."""
    low, high = plane.quantile(0.01, dim=0), plane.quantile(0.99, dim=0)
    least, most = 0.0, float((high - low).max().clamp(min=1e-6))
    for _ in range(TURNS):
        middle = (least + most) / 2
        least, most = (middle, most) if len(_grid(plane, low, high, middle)) > count else (least, middle)
    return _grid(plane, low, high, most)


def _grid(plane: Tensor, low: Tensor, high: Tensor, spacing: float) -> Tensor:
    """Those of a grid of that spacing with an example no farther away than it."""
    if spacing < 1e-9 or bool(((high - low) / spacing > len(plane) + 1).any()):
        return plane.new_empty(len(plane) ** 2, 0)  # too many to be looked at
    lines = [torch.arange(a, b + spacing / 2, spacing) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    grid = torch.cartesian_prod(*lines).view(-1, plane.shape[1])
    near = torch.cat([torch.cdist(part, plane).amin(1) for part in torch.split(grid, 256)])
    return grid[near <= spacing]


def write(explorer: Explorer, there: Tensor, folder: Path, report: Report) -> list[list[dict[str, str]]]:
    """What is shown of each place (K, 2 or 1), as files in a folder: of each its files, by type."""
    folder.mkdir()
    made = list[list[dict[str, str]]]()
    for i, place in enumerate(there.tolist()):
        (media,) = explorer.media([explorer.over(place)], Look())
        small = [smaller(*one) for one in media.items()]
        made.append([{"type": kind, "file": f"{folder.name}/{i}.{_suffix(kind)}"} for kind, _ in small])
        for said, (_, blob) in zip(made[-1], small, strict=True):
            (folder.parent / said["file"]).write_bytes(blob)
        report(i + 1, len(there))
    return made


def _suffix(kind: str) -> str:
    return kind.rpartition("/")[2].removeprefix("x-")


def smaller(kind: str, blob: bytes) -> tuple[str, bytes]:
    """Bytes of a media type, packed well where they were not packed at all."""
    if not kind.endswith(LARGE):
        return kind, blob
    import soundfile  # here: of use to few

    x, rate = soundfile.read(BytesIO(blob), dtype="float32", always_2d=True)
    stream = BytesIO()
    with soundfile.SoundFile(stream, "w", rate, x.shape[1], format="OGG", subtype="VORBIS") as file:
        for part in _blocks(len(x)):
            file.write(x[part])
    return f"{kind.partition('/')[0]}/{SMALL}", stream.getvalue()


def _blocks(n: int) -> Sequence[slice]:
    return [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]
