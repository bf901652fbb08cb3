"""Killed at random moments, ten times over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_weights() -> None:
    command = [sys.executable, str(Path(__file__).parents[1] / "bench" / "kill.py"), "--count", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == 10
    assert told["identical"] == told["runs"] >= 3
    assert len(told["step on disk"]) > 2
