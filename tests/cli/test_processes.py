"""Processes of their own: what they leave when their streams are closed or full, or when they are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import genae

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="streams and signals of a POSIX system")]
GENAE = f"{sys.executable} -m genae_cli"
SMALL = "--steps 3 --set network.hidden=[8] --set latent=2"
SECONDS = 120

POOL = """
import sys, time
from pathlib import Path
from genae.data import pool
from genae.data.examples import File
from genae.data.domain import Reading
from genae_image.domain import Image

def slow(file, domain):
    print("reading", flush=True)
    time.sleep(3600)

if __name__ == "__main__":
    pool.MANY = 1
    domain = Image()
    object.__setattr__(domain, "reading", Reading(cached=True))
    list(pool.each([File(Path(f"{i}.png")) for i in range(8)], domain, slow))
"""


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_end_up_in_files(bars: Path, tmp_path: Path, closed: str) -> None:
    done = shell(f"{GENAE} train mnist-mlp --data {bars} {SMALL} --out {tmp_path / 'run'} {closed}")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert genae.load(tmp_path / "run", "cpu").step == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_standard_output_is_one_line(bars: Path, tmp_path: Path) -> None:
    done = shell(f"{GENAE} train mnist-mlp --data {bars} {SMALL} --out {tmp_path / 'run'} --json >/dev/full")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "genae: it is done, but cannot be printed: No space left on device"
    assert genae.load(tmp_path / "run", "cpu").step == 3


def test_a_reader_that_leaves_ends_a_training_which_saves(bars: Path, tmp_path: Path) -> None:
    """`genae train … 2>&1 | head -1`, with steps enough for a line of numbers to come."""
    words = f"train mnist-mlp --data {bars} --epochs 100000 --set network.hidden=[8] --out {tmp_path / 'run'}"
    done = shell(f"{GENAE} {words} 2>&1 | head -1; echo ${{PIPESTATUS[0]}}")
    first, status = done.stdout.splitlines()
    assert "examples" in first
    assert status == "141"
    assert "Traceback" not in done.stderr
    assert genae.load(tmp_path / "run", "cpu").step > 0


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """They inherit its standard output: that ends when the last of them has."""
    (tmp_path / "parent.py").write_text(POOL)
    with subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "reading\n"  # a worker is at work
        parent.send_signal(signal.SIGKILL)
        rest, _ = parent.communicate(timeout=30)
    assert set(rest.split()) <= {"reading"}


def test_a_killed_generation_is_swept_by_the_next(bars: Path, tmp_path: Path) -> None:
    run, code = tmp_path / "run", "import os, signal, sys; from genae_image.domain import Image; " \
        "Image.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL); from genae_cli.main import main; main()"  # fmt: skip
    genae.train("mnist-mlp", data=str(bars), steps=1, out=run, settings=["network.hidden=[8]"], device="cpu", progress=False)
    words = ["sample", str(run), "-n", "1", "--out", str(tmp_path / "out")]
    assert subprocess.run([sys.executable, "-c", code, *words], timeout=SECONDS, check=False).returncode == -signal.SIGKILL
    left = [path for path in tmp_path.iterdir() if path != run]
    assert [path.name[:11] for path in left] == [".out.genae-"]
    os.utime(left[0], (0, 0))
    done = shell(f"{GENAE} {' '.join(words)} --json")
    assert json.loads(done.stdout)["n"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]
