r"""Temporary neighbours of what is written: .NAME.genae-PID-RANDOM.tmp.SUFFIX, by names that say whose they are.

What a killed process left is swept by the next that writes beside it. Dead is whose process does not run here and, where no
lock says that nobody else writes, what nothing was written to for LONG: another machine may share the disk.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONG = 3600.0  # seconds
NAME = 32  # characters of the name that is written in the end: with the rest it must not become too long

_named = re.compile(r"\.genae-(\d+)-\w*\.tmp")
_own: set[str] = set()  # names of this process's, while they are in use
_swept: set[Path] = set()  # folders


@contextmanager
def neighbour(path: Path, folder: bool = False) -> Iterator[Path]:
    """A new file or folder beside a path, in its folder; in the end it is gone, unless it was renamed."""
    if path.parent not in _swept:
        _swept.add(path.parent)
        sweep(path.parent)
    prefix = f".{path.name[:NAME]}.genae-{os.getpid()}-"
    if folder:
        made = tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=path.parent)
    else:
        handle, made = tempfile.mkstemp(prefix=prefix, suffix=f".tmp{path.suffix}", dir=path.parent)
        os.close(handle)
    temporary = Path(made)
    _own.add(temporary.name)
    try:
        yield temporary
    finally:
        try:
            _remove(temporary)
        finally:
            _own.discard(temporary.name)


def sweep(folder: Path, alone: bool = False) -> None:
    """Remove what killed processes left in a folder; `alone` where a lock says that no other process writes there."""
    for left in folder.glob(".*.tmp*"):
        with suppress(OSError):
            if _dead(left, alone):
                _remove(left)


def _remove(temporary: Path) -> None:
    if temporary.is_dir() and not temporary.is_symlink():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        temporary.unlink(missing_ok=True)


def _dead(left: Path, alone: bool) -> bool:
    named = _named.search(left.name)
    if named is None:
        return alone  # of a genae of before, or not of genae
    process = int(named[1])
    if left.name in _own if process == os.getpid() else _runs(process):
        return False
    return alone or time.time() - left.stat().st_mtime > LONG


def _runs(process: int) -> bool:
    """Whether there is a process of that number."""
    if sys.platform == "win32":  # where os.kill would end it
        from ctypes import byref, c_ulong, windll

        handle, status = windll.kernel32.OpenProcess(0x1000, False, process), c_ulong()  # PROCESS_QUERY_LIMITED_INFORMATION
        windll.kernel32.GetExitCodeProcess(handle, byref(status))
        windll.kernel32.CloseHandle(handle)
        return bool(handle) and status.value == 259  # STILL_ACTIVE
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True
