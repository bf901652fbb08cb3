"""Every file that a user gives, in a folder or a zip: to be read, or left out with a reason, and none of them forgotten.

A file that holds several is all of these (`genae.data.books`).

Links are followed, to files and to folders, wherever they lead. Left out are a link that leads nowhere or to a folder around
it, what is no regular file, hidden files (.name, and all in a folder .name), what systems leave (__MACOSX, Thumbs.db), and what
genae wrote itself: a run (a folder with recipe.json and weights or training state) and the folder of an `--out`, by its mark.

A zip's names may have backslashes between folders, as Windows may write them. Names that lead out of the folder
(/etc/a, ../a, C:/a) refuse it whole.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from genae.data.books import unfolded
from genae.data.examples import SPECIAL, UNREADABLE, File
from genae.errors import GenaeError, Rejected
from genae.files import MADE, odd
from genae.names import composed

OFTEN = 64  # times that one folder is read through different links
SYSTEMS = {
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "$recycle.bin",
    "system volume information",
    "@eadir",
}
RUN = "recipe.json", {"weights.safetensors", "training.safetensors"}  # beside each other: a folder that `genae train` wrote
DRIVE = re.compile("[A-Za-z]:/")

HIDDEN = "hidden files"
SYSTEM = "files that systems leave (__MACOSX, Thumbs.db, …)"
OWN = "files that genae wrote itself"
NOWHERE = "links that lead nowhere"
AROUND = "links to a folder around them"
AGAIN = f"links to a folder that was read {OFTEN} times"
CLOSED = "folders that cannot be opened"
TWICE = "names that come again in their zip, where the last one counts"
LINK = "links inside a zip"
NAMELESS = "without a name"

Inside = tuple[PurePosixPath, File]  # a file with its path inside what was given
Given = tuple[PurePosixPath, File, str]  # and why it is left out, if it is


@dataclass(frozen=True)
class Listing:
    """Both together are all that was given."""

    files: tuple[Inside, ...]  # to be read, sorted by path
    left: tuple[Rejected, ...]  # a line each, that begins with the name


def listing(path: Path) -> Listing:
    """Of a folder (recursively), a zip or one file. GenaeError if there is none, or a zip is damaged or would escape."""
    if path.is_dir():
        every = list(_in_folder(path))
    elif not path.exists():
        raise GenaeError(f"no such file or folder: {path}")
    elif kind := odd(path):
        raise GenaeError(f"{path} is {kind}, not a file; give a file, a folder or a zip")
    elif zipfile.is_zipfile(path):
        every = list(_in_zip(path))
    elif path.suffix.lower() == ".zip":
        raise GenaeError(f"{path} cannot be read as a zip: it is cut short, or none")
    else:
        return Listing(tuple(unfolded([(PurePosixPath(path.name), File(path))])), ())
    own = _own_folders(inside for inside, _, _ in every)
    files: list[Inside] = []
    left: list[Rejected] = []
    for inside, file, reason in sorted(every, key=_place):
        why = reason or _junk(inside, own)
        if why:
            left.append(Rejected(f"{file.name}: {why}", why))
        else:
            files.append((inside, file))
    return Listing(tuple(unfolded(files)), tuple(left))


def _place(given: Given) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """By what files are sorted, alike on every system."""
    return tuple(map(composed, given[0].parts)), given[0].parts


def _own_folders(paths: Iterable[PurePosixPath]) -> set[PurePosixPath]:
    """The folders that genae wrote; what was given is none, whatever it holds."""
    names: dict[PurePosixPath, set[str]] = {}
    for path in paths:
        if path.name == MADE or path.name == RUN[0] or path.name in RUN[1]:
            names.setdefault(path.parent, set()).add(path.name)
    own = {folder for folder, held in names.items() if MADE in held or (RUN[0] in held and held & RUN[1])}
    return own - {PurePosixPath()}


def _junk(path: PurePosixPath, own: set[PurePosixPath]) -> str:
    """Why a file is not one of the user's, or nothing."""
    if own and not own.isdisjoint(path.parents):
        return OWN
    if any(part.lower() in SYSTEMS for part in path.parts):
        return SYSTEM
    return HIDDEN if any(part.startswith(".") for part in path.parts) else ""


# -- folders ----------------------------------------------------------------------------------------------------------


def _in_folder(root: Path) -> Iterator[Given]:
    """Every file below."""
    waiting = [(PurePosixPath(), frozenset[str]())]
    visits: Counter[str] = Counter()
    while waiting:
        inside, around = waiting.pop()
        folder = root / inside
        real = os.path.realpath(folder)
        visits[real] += 1
        why = AROUND if real in around else AGAIN if visits[real] > OFTEN else ""
        try:
            entries = [] if why else list(os.scandir(folder))
        except OSError:
            entries, why = [], CLOSED
        if why:
            yield inside, File(folder), why
        for entry in entries:
            kind = _kind(entry)
            if kind == "folder":
                waiting.append((inside / entry.name, around | {real}))
            else:
                yield inside / entry.name, File(folder / entry.name), kind


def _kind(entry: os.DirEntry[str]) -> str:
    """ "folder", or why a file is left out, or nothing."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return ""
        return SPECIAL if Path(entry.path).exists() else NOWHERE
    except OSError:  # a link to itself
        return NOWHERE


# -- zips -------------------------------------------------------------------------------------------------------------


def _in_zip(path: Path) -> Iterator[Given]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except UNREADABLE as error:
        raise GenaeError(f"{path} cannot be read as a zip: {error}") from error
    names = [member.filename.replace("\\", "/") for member in members]
    escaping = [name for name in names if name.startswith("/") or DRIVE.match(name) or ".." in name.split("/")]
    if escaping:
        raise GenaeError(f"{path} holds names that escape its folder ({escaping[0]!r}); it is refused whole")
    last = {member.filename: i for i, member in enumerate(members)}
    for i, (name, member) in enumerate(zip(names, members, strict=True)):
        if not name.endswith("/"):
            inside, link = PurePosixPath(name), stat.S_ISLNK(member.external_attr >> 16)
            why = LINK if link else TWICE if last[member.filename] != i else "" if inside.parts else NAMELESS
            yield inside, File(path, member.filename), why
