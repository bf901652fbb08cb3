"""Killed at random moments, twenty times over."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_weights(bars: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("kill", Path(__file__).parents[1] / "bench" / "kill.py")
    assert spec is not None
    assert spec.loader is not None
    kill = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kill)
    told = kill.survive("mnist-mlp", str(bars), 3000, 20, tmp_path)
    assert told["identical"], told
    assert told["ended"] == 0
    assert len(set(told["killed_at_steps"])) > 10
