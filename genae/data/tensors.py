"""Tensors in a safetensors file, whole at every instant; loaded, they are mapped from it: no heap until they are written to.

Among the file's facts, as its JSON has them beside the names, types and shapes of the tensors, are two digests:

    content    of the tensors: their names, types, shapes and sums of their bytes
    digest     of all the facts, `content` among them: SHA-256

Both are checked on loading. A file of before has neither and is read as it is, or a `content` of all bytes.

The sums are those of the rows and of the columns of blocks of 128 × 512 whole numbers of 64 bits, mod 2⁶⁴; what is left over
counts as it is. Any error of up to three numbers changes one of them, and so does a block that is zeroed or moved, but for
one in 2⁶⁴; they are no defence against somebody who wants two equal. SHA-256 of their values takes a fifth of the time that
it takes of all bytes, which was a third of loading.

A file may hold numbers of 16 bits, `halved`, so that it is half as large: once its digest is checked they are given as 32.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from genae.errors import GenaeError
from genae.files import require_regular, require_utf8, write_file
from genae.recipe.recipe import FORMAT

CONTENT, DIGEST = "content", "digest"
SUMS = "sums:"  # what a digest of them begins with
ROWS, COLUMNS = 128, 512  # of a block: half a megabyte, which a processor keeps at hand


class Header(NamedTuple):
    """What a file says of itself, without its tensors."""

    shapes: dict[str, tuple[int, ...]]
    facts: dict[str, str]


def save_tensors(path: Path, tensors: Mapping[str, Tensor], before: Path | None = None, /, **facts: object) -> str:
    """Atomically; `facts` become the file's metadata, what was there is kept as `before`. Gives the digest of the content."""
    apart = _apart({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    content = digest(apart)
    meta = {"format": str(FORMAT)} | {key: str(value) for key, value in facts.items()} | {CONTENT: content}
    meta[DIGEST] = _of_facts(meta)
    write_file(path, lambda temporary: _save_file(apart, temporary, meta), before)
    return content


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Numbers of 32 bits as 16, but for tensors that hold one too large for it."""
    return {name: half if (half := _half(tensor)).isfinite().all() else tensor for name, tensor in tensors.items()}


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.dtype == torch.float32 else tensor


def digest(tensors: Mapping[str, Tensor], whole: bool = False) -> str:
    """Of tensors by name: names, types, shapes and sums of bytes, or the `whole` of them as in files of before."""
    made = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        made.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        content = tensor.flatten().view(torch.uint8)
        for part in [content] if whole else _summed(content):
            made.update(part.numpy().data)
    return made.hexdigest() if whole else SUMS + made.hexdigest()


def same(tensors: Mapping[str, Tensor], wanted: str | None) -> bool:
    """Whether a digest, of now or of before, is that of tensors."""
    return wanted is not None and digest(tensors, not wanted.startswith(SUMS)) == wanted


def _summed(content: Tensor) -> Iterator[Tensor]:
    """Bytes (N,) as sums of rows and columns, block by block, and what is left over."""
    content = content.clone() if content.storage_offset() % 8 else content  # whole numbers begin at multiples of eight bytes
    end = len(content) // (8 * COLUMNS) * (8 * COLUMNS)
    for block in torch.split(content[:end].view(torch.int64).view(-1, COLUMNS), ROWS):
        yield block.sum(1)
        yield block.sum(0)
    yield content[end:]


def _of_facts(facts: Mapping[str, str]) -> str:
    told = {key: value for key, value in facts.items() if key != DIGEST}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


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


# -- loading ----------------------------------------------------------------------------------------------------------


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata. GenaeError if the file is missing, cut short or damaged."""
    with _opened(path) as file:
        tensors, facts = {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    if CONTENT in facts or DIGEST in facts:
        for what, whole in (
            ("metadata", facts.get(DIGEST) == _of_facts(facts)),
            ("tensors", same(tensors, facts.get(CONTENT))),
        ):
            if not whole:
                raise _damaged(path, f"its {what} are not those that were written: the digest differs")
    return {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in tensors.items()}, facts


def header(path: Path) -> Header:
    """Shapes and facts alone, in no time. GenaeError as `load_tensors`, for what can be seen without the tensors."""
    with _opened(path) as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        facts = dict(file.metadata() or {})
    if facts.get(DIGEST, _of_facts(facts)) != _of_facts(facts):
        raise _damaged(path, "its metadata are not those that were written: the digest differs")
    return Header(shapes, facts)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        require_regular(path)
        require_utf8(path)
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as error:
        raise GenaeError(f"{path.parent} has no {path.name}: the training there was never saved, start it again") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, how: str) -> GenaeError:
    return GenaeError(f"{path} is cut short or damaged ({how}); train again or restore the file")


def finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """GenaeError names the first tensor with a NaN or an infinity."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel() and not bool(torch.stack(tensor.aminmax()).isfinite().all()):
            raise GenaeError(f"{path} cannot be used: '{name}' holds a NaN or an infinity; restore the file or train again")
