"""Digests of tensors: every small damage changes them, and those of files of before are checked as they were made."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor

from genae.data.tensors import COLUMNS, CONTENT, DIGEST, ROWS, SUMS, digest, load_tensors, same, save_tensors
from genae.errors import GenaeError

N = 2 * ROWS * COLUMNS + 700  # whole numbers of 64 bits: two blocks, a row more, and what is left over


@pytest.fixture
def x() -> Tensor:
    return torch.randint(-(2**62), 2**62, (N,), generator=torch.Generator().manual_seed(0))


def test_by_hand() -> None:
    """A row of 512 numbers 0 … 511: its sum is 130816, each of its columns is itself; then three bytes that are left over."""
    numbers = torch.arange(COLUMNS)
    content = torch.cat([numbers.view(torch.uint8), torch.tensor([1, 2, 3], dtype=torch.uint8)])
    made = hashlib.sha256(b"x\0torch.uint8\0(4099,)\0")
    made.update((130816).to_bytes(8, "little") + numbers.numpy().tobytes() + bytes([1, 2, 3]))
    assert digest({"x": content}) == SUMS + made.hexdigest()


@pytest.mark.parametrize("at", [0, 1, COLUMNS, ROWS * COLUMNS - 1, ROWS * COLUMNS, 2 * ROWS * COLUMNS + 1, N - 1])
def test_any_number_counts_and_any_place(x: Tensor, at: int) -> None:
    before = digest({"x": x})
    for other in (at - 1, (at + COLUMNS) % N, (at + ROWS * COLUMNS) % N):  # beside it, below it, in another block
        swapped = x.clone()
        swapped[[at, other]] = x[[other, at]]
        assert digest({"x": swapped}) != before
        moved = x.clone()
        moved[at] += 1
        moved[other] -= 1  # the sum of all is the same
        assert digest({"x": moved}) != before
    for bit in (0, 31, 62):
        flipped = x.clone()
        flipped[at] ^= 1 << bit
        assert digest({"x": flipped}) != before


def test_zeros_in_place_of_a_block(x: Tensor) -> None:
    before = digest({"x": x})
    for first in range(0, N - 64, 997):
        zeroed = x.clone()
        zeroed[first : first + 64] = 0  # a sector of 512 bytes
        assert digest({"x": zeroed}) != before


@pytest.mark.parametrize("whole", [True, False])
def test_names_types_and_shapes_count(x: Tensor, whole: bool) -> None:
    x = x[: 2 * COLUMNS]
    others = [{"y": x}, {"x": x.view(2, -1)}, {"x": x.view(torch.float64)}, {"x": x, "y": x[:0]}]
    assert len({digest({"x": x}, whole), *(digest(other, whole) for other in others)}) == 5


def test_where_it_lies_does_not(x: Tensor) -> None:
    content = torch.cat([torch.zeros(3, dtype=torch.uint8), x.view(torch.uint8)])[3:]  # from an odd byte on
    assert digest({"x": content}) == digest({"x": content.clone()}) == digest({"x": x.view(torch.uint8)})
    assert digest({"x": x.view(-1, 4).T.contiguous().T}) == digest({"x": x.view(-1, 4)})


def test_a_file_of_before_is_checked_as_it_was_made(x: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genae.data import tensors

    with monkeypatch.context() as patch:
        patch.setattr(tensors, "digest", lambda given: digest(given, whole=True))
        save_tensors(tmp_path / "x.safetensors", {"x": x})
    loaded, facts = load_tensors(tmp_path / "x.safetensors")
    assert torch.equal(loaded["x"], x)
    assert facts[CONTENT] == digest({"x": x}, whole=True)
    assert len(facts[CONTENT]) == len(facts[DIGEST]) == 64
    assert same({"x": x}, facts[CONTENT])
    assert not same({"x": x + 1}, facts[CONTENT])
    content = bytearray((tmp_path / "x.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(GenaeError, match="its tensors are not those that were written"):
        load_tensors(tmp_path / "x.safetensors")
