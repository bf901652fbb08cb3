"""Recipes of strangers, a kilobyte each: merely odd ones load, others are refused in a line; never large, never long."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import genae
from genae.learn.checkpoint import RECIPE

pytestmark = pytest.mark.slow

SECONDS, MEMORY = 10, 1 << 30
FOLDER = Path(os.environ.get("GENAE_DATA", "none")).parent / "cases" / "hostile" / "recipes"
NAMES = sorted(path.name.removesuffix(".recipe.json") for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []
BESIDE = {"speech-mel": "notes", "notes-wave": "notes", "melody-2bar-tiny": "tunes"}  # presets, and embedded data; else glyphs
UNKNOWN = "mnist-mlp"  # beside whose weights a recipe lies that names none of these

SAMPLE = """
import sys, time
from pathlib import Path

sys.argv = ["genae", "sample", r"RUN", "-n", "1", "--out", r"OUT"]
from genae_cli.main import main

begun = time.process_time()
try:
    main()
finally:
    status = Path("/proc/self/status").read_text()
    print("\\nspent", time.process_time() - begun, int(status.split("VmHWM:")[1].split()[0]) << 10, file=sys.stderr)
"""


def _preset(name: str) -> str:
    """Beside whose weights it lies."""
    try:
        said = json.loads((FOLDER / f"{name}.recipe.json").read_bytes()).get("preset")
    except (ValueError, RecursionError):
        return UNKNOWN
    return said if said in (*BESIDE, "mnist") else UNKNOWN


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of one step of each preset."""
    folder = tmp_path_factory.mktemp("runs")
    presets = sorted({_preset(name) for name in NAMES})
    for preset in presets:
        data = BESIDE.get(preset, "glyphs")
        genae.train(
            preset, data=data, steps=1, settings=["batch=2", "stages=[]"], out=folder / preset, device="cpu", progress=False
        )
    return {preset: folder / preset for preset in presets}


@pytest.mark.skipif(not NAMES, reason="hostile recipes lie in the folder cases/hostile/recipes beside $GENAE_DATA")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux's /proc")
@pytest.mark.parametrize("name", NAMES or ["none"])
def test_a_hostile_recipe_loads_or_is_one_line(name: str, trained: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(trained[_preset(name)], tmp_path / "run")
    (tmp_path / "run" / RECIPE).write_bytes((FOLDER / f"{name}.recipe.json").read_bytes())
    source = SAMPLE.replace("RUN", str(tmp_path / "run")).replace("OUT", str(tmp_path / "out"))
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    status, errors = done.returncode, done.stderr
    *lines, spent = errors.strip().splitlines()
    seconds, memory = map(float, spent.split()[1:])
    assert status in (0, 2), errors
    assert len([line for line in lines if line]) <= 1, errors
    assert status == 0 or lines[0].startswith("genae: ")
    assert seconds < SECONDS
    assert memory < MEMORY
