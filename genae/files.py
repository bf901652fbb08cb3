"""Files that are whole or not there: temporary neighbour, fsync, rename. And the folders that genae looks in."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genae.errors import GenaeError
from genae.temporary import neighbour

MADE = ".genae"  # a file in the folders of an --out, so that what genae wrote is not taken for a user's own files


def cache_folder() -> Path:
    """The user's cache: $GENAE_CACHE, or the platform's own place for caches; of a user without a home, a temporary one."""
    own = os.environ.get("GENAE_CACHE")
    if own:
        return Path(own)
    from platformdirs import user_cache_path

    with suppress(RuntimeError):  # of newer platformdirs; older ones give a path that begins with ~
        if (usual := user_cache_path("genae", appauthor=False)).is_absolute():
            return usual
    return Path(tempfile.gettempdir(), "genae")


def data_folders() -> list[Path]:
    """Where a named data set is looked for, in this order: $GENAE_DATA, then the user's cache."""
    own = os.environ.get("GENAE_DATA")
    return ([Path(own)] if own else []) + [cache_folder() / "data"]


REASONS = {  # by the system's name for it: not every system has all of them
    "ENOSPC": "the disk is full",
    "EDQUOT": "the disk quota is used up",
    "EFBIG": "the file would be larger than is allowed",
    "EACCES": "permission denied",
    "EPERM": "permission denied",
    "EROFS": "the file system is read-only",
    "ENOTDIR": "a part of the path is a file, not a folder",
    "EEXIST": "a part of the path is a file, not a folder",
    "ENOTEMPTY": "something else was written there meanwhile",
    "ENAMETOOLONG": "the name is too long",
    "EIO": "the disk reports an error of its own",
    "ENOLCK": "the file system has no locks",
    "EISDIR": "it is a folder, not a file",
    "ELOOP": "it is a link, and only what is the run's own is written",
    "ENOENT": "the folder is gone",
    "ENXIO": "the device is gone",
}


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turns what the disk refuses (full, read-only, not ours) into one clear line naming the path."""
    try:
        yield
    except OSError as error:
        reason = REASONS.get(errno.errorcode.get(error.errno or 0, ""))
        if reason is None:
            raise
        raise GenaeError(f"cannot write {path}: {reason}; nothing half-written was left, choose another place") from error


KINDS = {stat.S_IFREG: "", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def odd(path: Path) -> str:
    """What is at a path if it is no file, links followed: such are never opened, they might never end. "" for a file."""
    return KINDS.get(stat.S_IFMT(path.stat().st_mode), "a device")


def require_regular(path: Path, advice: str = "put the file back in its place") -> None:
    """GenaeError for what is there but no file: a folder, a pipe, a device."""
    if kind := odd(path):
        raise GenaeError(f"{path} is {kind}, not a file; {advice}")


def require_utf8(path: Path) -> None:
    """GenaeError for a path whose bytes are no text: files of tensors cannot be opened there."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise GenaeError(f"{path}: its name is no UTF-8, which that of a run must be; give it another") from error


def require_own(path: Path) -> None:
    """GenaeError for a link: what is written there would land somewhere else."""
    if path.is_symlink():
        raise GenaeError(f"{path} is a link to {path.readlink()}: nothing outside the folder is written; remove the link")


def require_one_name(path: Path) -> None:
    """GenaeError for a file that has another name too: what is written in its place is written there."""
    if path.stat().st_nlink > 1:
        raise GenaeError(f"{path} is the same file as another outside, by a hard link: nothing outside is written; remove it")


def write_file(path: Path, write: Callable[[Path], object], before: Path | None = None) -> Path:
    """Atomically: `write` fills a temporary neighbour, which is synced and renamed to `path`; what was there, to `before`."""
    with disk(path):
        make_folder(path.parent)
        with neighbour(path) as temporary:
            write(temporary)
            sync(temporary)
            temporary.chmod(0o666 & ~_umask())  # mkstemp's 0600 is not what a user expects of a picture
            if before is not None and path.exists():
                path.replace(before)
            temporary.replace(path)
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
        make_folder(path.parent)
        with neighbour(path, folder=True) as temporary:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            _sync_tree(temporary)
            if path.is_dir():
                (path / MADE).unlink(missing_ok=True)
                path.rmdir()  # empty: required above
            temporary.replace(path)
        _sync_folder(path.parent)


def require_empty(path: Path, left: Callable[[str], bool] = lambda name: False) -> None:
    """GenaeError unless `path` is absent or a folder that holds nothing, but what a killed process left: `left(name)`."""
    if path.exists() and not path.is_dir():
        raise GenaeError(f"--out {path} is a file; a new or empty folder is needed")
    with disk(path):
        held = sorted(p.name for p in path.iterdir() if p.name != MADE and not left(p.name))[:3] if path.is_dir() else []
    if held:
        raise GenaeError(f"--out {path} is not empty (it holds {', '.join(held)}); choose a new or an empty folder")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def make_folder(path: Path) -> None:
    """With those around it, on the disk; one that is there stays."""
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in new:
        _sync_folder(folder.parent)


def sync(path: Path) -> None:
    """A file's content to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            _sync_folder(path)
        else:
            sync(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder to sync it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
