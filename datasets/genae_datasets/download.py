"""Files from their homes on the web: whole, checked and where they belong, or not there at all.

A transfer fills a neighbour, FILE.part, which is kept when the line breaks: the next run asks for the rest alone (HTTP Range,
https://www.rfc-editor.org/rfc/rfc9110#name-range-requests). Only when its checksum is the published one does it become FILE;
where none is published, it must be a whole zip whose members all have the CRC-32 that it holds itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from filelock import FileLock, Timeout

from genae.data.examples import UNREADABLE, Dataset, Downloaded, where
from genae.errors import GenaeError
from genae.files import disk, write_file

PATIENCE = 30.0  # seconds that a server may be silent
BLOCK = 1 << 18  # bytes

Report = Callable[[str, int, int | None], None]  # file, bytes there, bytes in all if known


def quiet(file: str, done: int, total: int | None) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class Download:
    """One file, its mirrors in order of preference, and what its home publishes about it."""

    file: str
    urls: tuple[str, ...]
    checksum: (
        str  # "md5:…", "sha256:…" or "sha512:…", hexadecimal; "" if none is published: then a zip, checked by its own CRCs
    )
    size: int | None = None  # bytes
    repack: re.Pattern[str] | None = None  # of a .tgz, the members that become a zip beside it, which is what is read


class Broken(Exception):
    """One mirror failed, with the reason; the next may do better."""


def get(dataset: Dataset, report: Report = quiet) -> list[Path]:
    """All files of a data set into the user's cache; those there already are checked and kept. GenaeError if that fails."""
    if not isinstance(dataset, Downloaded) or not dataset.downloads:
        raise GenaeError(f"data set '{dataset.name}' is made on the spot: it needs no download")
    folder = where(dataset.name)[-1]
    return [repacked(fetch(one, folder, report), one) for one in dataset.downloads if isinstance(one, Download)]


def repacked(path: Path, download: Download) -> Path:
    """A .tgz, which can only be read from its beginning, as a zip beside it of what is wanted; any other file as it is."""
    wanted, target = download.repack, path.with_suffix(".zip")
    if wanted is None or target.exists():
        return path if wanted is None else target

    def write(temporary: Path) -> None:
        with tarfile.open(path) as packed, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as made:
            for member in packed:
                content = packed.extractfile(member) if wanted.search(member.name) else None
                if content is not None:
                    made.writestr(zipfile.ZipInfo(member.name), content.read())

    return write_file(target, write)


def fetch(download: Download, folder: Path, report: Report = quiet) -> Path:
    """One file into `folder`, from the first mirror that gives what was published. GenaeError says why each did not."""
    target = folder / download.file
    if target.is_file() and not _fault(target, download):
        return target
    with disk(target):
        folder.mkdir(parents=True, exist_ok=True)
    reasons = []
    with _alone(target):
        part = target.with_name(f"{target.name}.part")
        for url in download.urls:
            try:
                _from_mirror(url, download, part, report)
                return _finish(part, target)
            except Broken as error:
                reasons.append(f"{url}: {error}")
    kept = "; run the command again to go on where it stopped" if part.exists() else ""
    raise GenaeError(f"cannot download {download.file} from {' or from '.join(reasons)}{kept}")


def _from_mirror(url: str, download: Download, part: Path, report: Report) -> None:
    """Fill `part`, unless a run killed before its last step left it full. Broken if its bytes are not the published ones."""
    resumed = part.is_file()
    if resumed and not _fault(part, download):
        return
    _transfer(url, download, part, report)
    fault = _fault(part, download)
    if not fault:
        return
    part.unlink()
    if not resumed:
        raise Broken(f"{fault}; what came is deleted")
    _from_mirror(url, download, part, report)  # perhaps it was what was held that was wrong: once more, from the beginning


def _transfer(url: str, download: Download, part: Path, report: Report) -> None:
    """Add to `part` what it lacks. Broken if the server or the line fails; what came stays."""
    held = part.stat().st_size if part.exists() else 0
    with _open(url, held) as response:
        if response.status != 206:  # the server ignores Range, or nothing was held: from the beginning
            held = 0
        length = response.headers.get("Content-Length")
        total = held + int(length) if length and length.isdigit() else download.size
        done = _append(response, part, held, lambda done: report(download.file, done, total), download.size or total)
    too_long = download.size is not None and done > download.size
    if total is not None and done < total and not too_long:
        raise Broken(f"the transfer broke after {done} of {total} bytes")


def _append(response: HTTPResponse, part: Path, held: int, report: Callable[[int], None], most: int | None) -> int:
    """Write the answer after the first `held` bytes of `part`; the bytes there then, `most` + 1 block at most."""
    try:
        with disk(part), part.open("r+b" if held else "wb") as file:
            file.seek(held)
            report(held)
            while block := _receive(response):
                file.write(block)
                held += len(block)
                report(held)
                if most is not None and held > most:
                    break  # not the published file: its checksum will say so
            file.flush()
            os.fsync(file.fileno())
    except GenaeError:
        part.unlink(missing_ok=True)  # a full disk is not made fuller
        raise
    return held


@contextmanager
def _open(url: str, held: int) -> Iterator[HTTPResponse]:
    """The server's answer to a request for all but the first `held` bytes. Broken with the reason if it refuses."""
    headers = {"User-Agent": "genae", **({"Range": f"bytes={held}-"} if held else {})}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not held:
            raise Broken(f"the server answers {error.code} {error.reason}") from error
        response = None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)  # URLError wraps the cause
        raise Broken(getattr(reason, "strerror", None) or str(reason) or type(error).__name__) from error
    if response is None:
        with _open(url, 0) as whole:  # more is held than the file has: from the beginning
            yield whole
        return
    with response:
        if response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {held}-"):
            raise Broken("the server answers with another range than the one asked for")
        yield response


def _receive(response: HTTPResponse) -> bytes:
    """The next bytes, b"" at the end. Broken if the line fails."""
    try:
        return response.read(BLOCK)
    except (OSError, HTTPException) as error:
        raise Broken(f"the transfer broke ({error or type(error).__name__})") from error


def _finish(part: Path, target: Path) -> Path:
    with disk(target):
        part.replace(target)
    return target


def _fault(path: Path, download: Download) -> str:
    """How a file differs from what is published of it; "" if it does not."""
    if not download.checksum:
        return _zip_fault(path)
    found = checksum(path, download.checksum)
    return "" if found == download.checksum else f"expected checksum {download.checksum}, received {found}"


def _zip_fault(path: Path) -> str:
    """Why a file is no whole zip; "" if it is one. Every member is unpacked and compared with its CRC-32."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except UNREADABLE as error:
        return f"expected a whole zip, received something else ({error})"
    return f"expected a whole zip, received one whose member {damaged} is damaged" if damaged else ""


def checksum(path: Path, like: str) -> str:
    """Of a file, by the algorithm of `like`: "md5:…" or "sha256:…"."""
    algorithm = like.partition(":")[0]
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """GenaeError if another process downloads the same file just now."""
    try:
        with disk(target), FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        raise GenaeError(f"{target} is being downloaded by another run; wait for it") from error
