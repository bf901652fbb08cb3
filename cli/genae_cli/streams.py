"""Standard streams as they come: closed, full, of a narrow encoding. And an error of any kind as one line."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from genae.errors import GenaeError

GONE = 141  # status of a program that printed to one that has ended


def ready() -> None:
    """Closed ones are opened on nothing, else the next file would get their number and what is printed would land in it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = sys.stdout or _nothing(), sys.stderr or _nothing()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the encoding lacks, and names that are no UTF-8


def deafen(*names: str) -> None:
    """What is printed from here on goes nowhere, and nothing is complained of at the end."""
    for name in names:
        setattr(sys, name, _nothing())


def _nothing() -> TextIOWrapper:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for as long as the process lives


def line_of(error: BaseException) -> str | None:
    """What a user is told of an error that is not the program's own fault, None for any that is."""
    if isinstance(error, GenaeError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else f"the system refused: {error.strerror or error}"
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "alloc" in str(error) + type(error).__name__):
        return f"there is not enough memory for this: {str(error) or 'it is used up'}"
    if isinstance(error, RuntimeError) and "out of memory" in str(error):
        return f"there is not enough memory for this: {error}"
    return None
