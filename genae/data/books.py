"""Files that hold several, such as a book in one text: each of what is in them is a file of its own.

A kind of such files is an entry point of `genae.books`, called as their suffix without the dot: a function of a file's content
that gives what it holds, (name, content) each, and nothing for a file that holds one thing alone. It lives in a module that is
light to import. Names tell what is in a file apart and end in the suffix: book.txt holding 3.txt lies beside it as book-3.txt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from genae.data.examples import File
from genae.data.pool import opened
from genae.errors import Rejected
from genae.recipe import registry
from genae.recipe.entries import blamed

Inside = tuple[PurePosixPath, File]  # a file with its path inside what was given


def is_book(suffix: str) -> bool:
    """Whether files of a suffix may hold several."""
    return suffix.removeprefix(".") in registry.names("book")


def unfolded(files: Iterable[Inside]) -> list[Inside]:
    """Files, and of those that hold several what is in them; one that cannot be read stays as it is."""
    files = list(files)
    books = {file.suffix for _, file in files if is_book(file.suffix)}
    if not books:
        return files
    content = opened([file for _, file in files if file.suffix in books])
    found: list[Inside] = []
    for inside, file in files:
        book = next(content) if file.suffix in books else None
        parts = [] if book is None or isinstance(book, Rejected) else _parts(book)
        found += [(inside.with_name(f"{inside.stem}-{name}"), part) for name, part in parts] or [(inside, file)]
    return found


def _parts(file: File) -> Sequence[tuple[str, File]]:
    """What a file holds, by name; nothing where it is one thing."""
    kind = file.suffix.removeprefix(".")
    split = registry.factory("book", kind)
    try:
        data = file.read()
    except Rejected:
        return []
    with blamed("book", kind):
        held = split(data)
        return [(name, _part(file, name, content)) for name, content in held] if isinstance(held, Sequence) else []


def _part(file: File, name: str, content: bytes) -> File:
    member = f"{file.member}/{name}" if file.member else name
    return File(file.path, member, file.label, file.fields, content, mark=hashlib.sha256(content).hexdigest())
