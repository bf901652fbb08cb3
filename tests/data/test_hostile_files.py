"""Bombs, liars and damaged files of sound and pictures: each read, or named with its reason, in bounded time and memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SECONDS, MEMORY = 10, 1 << 30
KINDS = {".flac": "waveform spectrogram", ".wav": "waveform spectrogram", ".mp3": "waveform", ".gif": "image", ".xpm": "image"}
FOLDER = Path(os.environ.get("GENAE_DATA", "none")).parent / "cases" / "hostile" / "files"
FILES = sorted(path.name for path in FOLDER.glob("*") if path.suffix in KINDS) if FOLDER.is_dir() else []

READ = """
import sys, time
from pathlib import Path
from genae.data.examples import File
from genae.data.found import read_found
from genae.errors import Rejected
from genae.recipe import registry

for name in "NAMES".split():
    domain, file = registry.get("domain", name)(), File(Path(r"PATH"))
    begun = time.process_time()
    try:
        read_found(file, domain)
        domain.inspect(file)
    except Rejected as error:
        assert str(error).startswith(file.name) and len(str(error).splitlines()) == 1
    status = Path("/proc/self/status").read_text()
    print(time.process_time() - begun, int(status.split("VmHWM:")[1].split()[0]) << 10)
"""


@pytest.mark.skipif(not FILES, reason="hostile files lie in the folder cases/hostile/files beside $GENAE_DATA")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux's /proc")
@pytest.mark.parametrize("name", FILES or ["none"])
def test_a_hostile_file_is_read_or_named(name, python):
    told = python(READ.replace("NAMES", KINDS[Path(name).suffix]).replace("PATH", str(FOLDER / name)))
    for line in told.splitlines():
        seconds, memory = map(float, line.split())
        assert seconds < SECONDS
        assert memory < MEMORY
