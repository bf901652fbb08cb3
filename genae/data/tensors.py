"""Tensors in a safetensors file, whole at every instant; loaded, they are mapped from it: no heap until they are written to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from genae.errors import GenaeError
from genae.files import write_file
from genae.recipe.recipe import FORMAT


def save_tensors(path: Path, tensors: Mapping[str, Tensor], **facts: object) -> None:
    """Atomically; `facts` become the file's metadata."""
    apart = _apart({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    meta = {"format": str(FORMAT)} | {key: str(value) for key, value in facts.items()}
    write_file(path, lambda temporary: _save_file(apart, temporary, meta))


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without memory in common, which safetensors refuses; nothing is copied that shares none."""
    memory: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if place in memory else tensor
        memory.add(place)
    return apart


def _save_file(tensors: dict[str, Tensor], path: Path, meta: dict[str, str]) -> None:
    try:
        save_file(tensors, path, metadata=meta)
    except SafetensorError as error:  # of a full disk it tells in words: the error is given its number back
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), str(error)) from error


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata. GenaeError if the file is missing, cut short or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError as error:
        raise GenaeError(f"{path.parent} has no {path.name}: the training there was never saved, start it again") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise GenaeError(f"{path} is cut short or damaged ({error}); train again or restore the file") from error
