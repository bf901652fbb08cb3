"""Many files in all cores: in threads, or in processes where the domain is slow and the files are many."""

from __future__ import annotations

import multiprocessing
import os
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from genae.data.domain import Domain
from genae.data.examples import UNREADABLE, File, Found
from genae.data.found import read_found
from genae.errors import Rejected

T = TypeVar("T")

CHUNK = 256  # files in flight
MANY = 8192  # files: for fewer, starting other processes takes longer than reading does


def read_each(files: Sequence[File], domain: Domain) -> Iterator[tuple[File, Found | Rejected]]:
    """Every file with what it gives, in order."""
    return each(files, domain, read_found)


def each(files: Sequence[File], domain: Domain, read: Callable[[File, Domain], T]) -> Iterator[tuple[File, T | Rejected]]:
    """Every file with what `read` makes of it, in order."""
    attempt = partial(_attempt, domain, read)
    with ExitStack() as stack:
        archives: dict[Path, zipfile.ZipFile] = {}
        pool: Executor = stack.enter_context(ThreadPoolExecutor(max_workers=os.cpu_count()))
        if domain.reading.cached and len(files) >= MANY:
            pool = stack.enter_context(
                ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent)
            )
        for start in range(0, len(files), CHUNK):  # a bounded number in flight
            chunk = [_opened(file, archives, stack) for file in files[start : start + CHUNK]]
            try:
                found = list(pool.map(attempt, chunk, chunksize=16))
            except BrokenProcessPool:  # a script without the guard that new processes need: here, then
                pool = stack.enter_context(ThreadPoolExecutor(max_workers=os.cpu_count()))
                found = list(pool.map(attempt, chunk))
            yield from zip(files[start : start + CHUNK], found, strict=True)


def opened(files: Sequence[File]) -> Iterator[File | Rejected]:
    """Members of archives with their content, each archive opened once; other files as they are."""
    with ExitStack() as stack:
        archives: dict[Path, zipfile.ZipFile] = {}
        for file in files:
            yield _opened(file, archives, stack)


def end_with_parent() -> None:
    """In a process of the pool: it would wait for work for ever if the one that started it were killed."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _attempt(domain: Domain, read: Callable[[File, Domain], T], file: File | Rejected) -> T | Rejected:
    try:
        return file if isinstance(file, Rejected) else read(file, domain)
    except Rejected as error:
        return error


def _opened(file: File, archives: dict[Path, zipfile.ZipFile], stack: ExitStack) -> File | Rejected:
    """A member of an archive, or one that is made, with its content, so that the archive is opened once; any other as it is."""
    if file.make is not None:
        return replace(file, content=file.make(), make=None)  # in Python, where threads only stand in each other's way
    if not file.member or file.content is not None:
        return file
    try:
        if file.path not in archives:
            archives[file.path] = stack.enter_context(zipfile.ZipFile(file.path))
        return replace(file, content=file.unpack(archives[file.path]))
    except Rejected as error:
        return error
    except UNREADABLE as error:
        return Rejected(f"{file.name}: cannot be read ({error})")
