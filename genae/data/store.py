"""Where examples are: in memory, or, when they are too many, in a file that is mapped to memory and ends with its tensor."""

from __future__ import annotations

import tempfile

import numpy as np
import torch
from torch import Tensor

from genae.files import cache_folder, disk

MEMORY = 2 << 30  # bytes of one set of examples on the heap; more are mapped
ROWS = 1 << 24  # bytes of examples that are looked at or moved at once


class Store:
    """Examples as they come, parts (n, *event) of one dtype."""

    def __init__(self, memory: int | None = None) -> None:
        self.memory = MEMORY if memory is None else memory  # bytes of them on the heap
        self.parts: list[Tensor] = []
        self.nbytes = 0  # of the parts
        self.spill: _Spill | None = None

    def add(self, x: Tensor) -> None:
        self.parts.append(x)
        self.nbytes += x.nbytes
        if self.nbytes > (ROWS if self.spill else self.memory):
            self._flush(self.spill or _Spill(x))

    def _flush(self, spill: _Spill) -> None:
        for part in self.parts:
            spill.add(part)
        self.parts, self.nbytes, self.spill = [], 0, spill

    def tensor(self, event: tuple[int, ...]) -> Tensor:
        """All of them (N, *event)."""
        if self.spill is not None:
            self._flush(self.spill)
            return self.spill.tensor()
        return torch.cat(self.parts) if self.parts else torch.empty(0, *event)


class _Spill:
    """Examples appended to a file in the cache and read back as one memory-mapped tensor; the file ends with it."""

    def __init__(self, like: Tensor) -> None:
        folder = cache_folder() / "examples"
        with disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as the tensor
        self.dtype, self.event, self.count = like.numpy().dtype, tuple(like.shape[1:]), 0

    def add(self, part: Tensor) -> None:
        with disk(cache_folder() / "examples"):
            self.file.write(part.contiguous().numpy().data)  # its bytes would be a second copy
        self.count += len(part)

    def tensor(self) -> Tensor:
        self.file.flush()
        mapped = np.memmap(self.file, self.dtype, "r+", shape=(self.count, *self.event))
        self.file.close()  # the mapping keeps what it needs
        return torch.from_numpy(mapped)


def chunks(x: Tensor) -> tuple[Tensor, ...]:
    """x (N, *event) in parts of ROWS bytes, views of it."""
    return torch.split(x, max(1, ROWS // max(1, x[0].nbytes))) if len(x) else ()


def gathered(x: Tensor, index: Tensor) -> Tensor:
    """The rows of x (N, *event) at `index` (B,): never more than MEMORY bytes of them on the heap."""
    index = index.to(x.device)
    if x.device.type != "cpu" or not len(index) or len(index) * x[0].nbytes <= MEMORY:
        return x[index]
    store = Store()
    for part in torch.split(index, max(1, ROWS // x[0].nbytes)):
        store.add(x[part])
    return store.tensor(tuple(x.shape[1:]))
