"""Files that are whole or not there: temporary neighbour, fsync, rename. And the folders that genae looks in."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from genae.errors import GenaeError

MADE = ".genae"  # a file in the folders of an --out, so that what genae wrote is not taken for a user's own files


def cache_folder() -> Path:
    """The user's cache: $GENAE_CACHE, or the platform's own place for caches."""
    own = os.environ.get("GENAE_CACHE")
    if own:
        return Path(own)
    from platformdirs import user_cache_path

    return user_cache_path("genae", appauthor=False)


def data_folders() -> list[Path]:
    """Where a named data set is looked for, in this order: $GENAE_DATA, then the user's cache."""
    own = os.environ.get("GENAE_DATA")
    return ([Path(own)] if own else []) + [cache_folder() / "data"]


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turns what the disk refuses (full, read-only, not ours) into one clear line naming the path."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT if hasattr(errno, "EDQUOT") else -1: "the disk quota is used up",
            errno.EFBIG: "the file would be larger than is allowed",
            errno.EACCES: "permission denied",
            errno.EPERM: "permission denied",
            errno.EROFS: "the file system is read-only",
            errno.ENOTDIR: "a part of the path is a file, not a folder",
            errno.EEXIST: "a part of the path is a file, not a folder",
            errno.ENOTEMPTY: "something else was written there meanwhile",
            errno.ENAMETOOLONG: "the name is too long",
        }
        reason = reasons.get(error.errno or 0)
        if reason is None:
            raise
        raise GenaeError(f"cannot write {path}: {reason}; nothing half-written was left, choose another place") from error


def write_file(path: Path, write: Callable[[Path], object]) -> Path:
    """Atomically: `write` fills a temporary neighbour, which is synced and renamed to `path`."""
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=f".tmp{path.suffix}", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())  # mkstemp's 0600 is not what a user expects of a picture
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    return path


def write_text(path: Path, text: str) -> Path:
    """Atomically, as UTF-8; bytes of a file's name that are no UTF-8 are written as escapes."""
    return write_file(path, lambda temporary: temporary.write_bytes(text.encode(errors="backslashreplace")))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears whole: the block fills a temporary neighbour, renamed to `path` at the end.

    GenaeError when `path` holds anything already: nothing is ever overwritten.
    """
    require_empty(path)
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if path.is_dir():
                (path / MADE).unlink(missing_ok=True)
                path.rmdir()  # empty: required above
            temporary.replace(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def require_empty(path: Path) -> None:
    """GenaeError unless `path` is absent or an empty folder."""
    if path.is_file():
        raise GenaeError(f"--out {path} is a file; a new or empty folder is needed")
    with disk(path):
        held = sorted(p.name for p in path.iterdir() if p.name != MADE)[:3] if path.is_dir() else []
    if held:
        raise GenaeError(f"--out {path} is not empty (it holds {', '.join(held)}); choose a new or an empty folder")


def sweep(folder: Path) -> None:
    """Remove the temporary files that a killed process left in `folder`."""
    for left in folder.glob(".*.tmp*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder to sync it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
