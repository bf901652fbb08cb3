"""Archives from the web, unpacked into one folder and nowhere else: all of it or nothing."""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from genae.errors import GenaeError
from genae.files import disk, new_folder

LARGEST = 4 << 30  # bytes that an archive may unpack to
BLOCK = 1 << 20

DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError, KeyError
)  # fmt: skip

Member = tuple[str, IO[bytes]]  # its path inside, and its bytes


def unpack(archive: Path, folder: Path, largest: int = LARGEST) -> Path:
    """A zip or tar (plain, gzip, bzip2, xz) into `folder`, which must be absent or empty and appears whole.

    GenaeError if the archive is damaged, if a member would land outside the folder (absolute, .., a drive), is a link or a
    device, or if all would unpack to more than `largest` bytes. Then nothing is left.
    """
    left = largest
    with new_folder(folder) as fresh, _members(archive) as members:
        for name, content in members:
            path = fresh / _inside(name, archive)
            if path.exists():
                raise GenaeError(f"{archive} holds {name!r} twice; it is refused")
            left -= _write(content, path, left)
            if left < 0:
                raise GenaeError(f"{archive} unpacks to more than {largest} bytes; it is refused")
    return folder


def _write(content: IO[bytes], path: Path, left: int) -> int:
    """The bytes written, `left` + 1 block at most: the sizes that an archive claims are not believed."""
    written = 0
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            while written <= left and (block := content.read(BLOCK)):
                written += file.write(block)
    return written


def _inside(name: str, archive: Path) -> Path:
    """A member's path, relative. GenaeError if it leaves the folder on any system."""
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    if windows.drive or windows.root or posix.is_absolute() or ".." in windows.parts or not posix.parts or "\0" in name:
        raise GenaeError(f"{archive} holds a name that escapes its folder ({name!r}); it is refused whole")
    return Path(*posix.parts)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[Member]]:
    """The files of an archive, one after the other. What is damaged becomes a GenaeError."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield _of_zip(opened, archive)
        else:
            with tarfile.open(archive) as packed:
                yield _of_tar(packed, archive)
    except DAMAGED as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(":")  # tarfile's go on for six lines
        raise GenaeError(f"{archive}: not a whole zip or tar archive ({reason}); get it again") from error
    except OSError as error:
        raise GenaeError(f"{archive}: cannot be unpacked ({error})") from error


def _of_zip(archive: zipfile.ZipFile, path: Path) -> Iterator[Member]:
    for member in archive.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise GenaeError(f"{path} holds a link or device ({member.filename!r}); it is refused whole")
        if not member.is_dir():
            with archive.open(member) as content:
                yield member.filename, content


def _of_tar(archive: tarfile.TarFile, path: Path) -> Iterator[Member]:
    for member in archive:
        content = archive.extractfile(member) if member.isreg() else None
        if content is not None:
            yield member.name, content
        elif not member.isdir():
            raise GenaeError(f"{path} holds a link or device ({member.name!r}); it is refused whole")
