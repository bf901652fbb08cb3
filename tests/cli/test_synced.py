"""What a command says that it wrote is on the disk: every file was synced, and the folder that has its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[..., dict[str, Any]]
STAGES = 'stages=[{"sampler": {"name": "gaussian"}}]'
VERBS = {
    "sample": ["sample", "RUN", "-n", "3", "--out", "OUT"],
    "interpolate": ["interpolate", "RUN", "BARS:test:0", "BARS:test:1", "--steps", "3", "--out", "OUT"],
    "reconstruct": ["reconstruct", "RUN", "BARS:test:0", "--out", "OUT"],
    "encode": ["encode", "RUN", "BARS:test:0", "--out", "OUT.npz"],
    "plot": ["plot", "RUN", "--kind", "curves", "--out", "OUT.png"],
    "train": ["train", "mnist-mlp", "--data", "BARS", "--steps", "3", "--set", STAGES, "--out", "OUT"],
    "plugins new": ["plugins", "new", "mine", "--out", "OUT"],
}


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """The size at which each file, by its number, was synced last."""
    sizes: dict[int, int] = {}
    real = os.fsync

    def fsync(handle: int) -> None:
        facts = os.fstat(handle)
        sizes[facts.st_ino] = facts.st_size
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return sizes


@pytest.mark.skipif(os.name != "posix", reason="files have no such numbers, and folders cannot be synced")
@pytest.mark.parametrize("verb", VERBS)
def test_all_of_it_was_synced(
    answer: Answer, trained: Path, bars: Path, tmp_path: Path, synced: dict[int, int], verb: str
) -> None:
    names = {"RUN": trained, "BARS": bars, "OUT": tmp_path / "out"}
    words = [next((w.replace(n, str(path), 1) for n, path in names.items() if w.startswith(n)), w) for w in VERBS[verb]]
    answer(*words)
    written = [path for path in tmp_path.rglob("*") if path.name != ".lock" and "cache" not in path.parts]
    assert any(path.is_file() for path in written)
    for path in written:
        assert path.stat().st_ino in synced, path
        assert path.is_dir() or synced[path.stat().st_ino] == path.stat().st_size, path
    assert tmp_path.stat().st_ino in synced
