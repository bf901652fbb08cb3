"""Many files in all cores: in threads, or in processes where the domain is slow and the files are many.

What is in flight is bounded: so many tasks, of GROUP files each where there are processes, and BYTES of content and of results
that wait for those before them. A domain bounds what one file gives.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from genae.data.domain import Domain
from genae.data.examples import UNREADABLE, File, Found, Piece
from genae.data.found import read_found
from genae.errors import Rejected

T = TypeVar("T")
_Read = Callable[[Sequence[File | Rejected]], list[T | Rejected]]

GROUP = 16  # files that another process takes at once
BYTES = 1 << 28  # in flight
MANY = 8192  # files: for fewer, starting other processes takes longer than reading does


@dataclass
class _Task(Generic[T]):
    """Some files, with their content where they are of an archive, and what is made of them."""

    files: Sequence[File]
    opened: Sequence[File | Rejected]
    results: Future[list[T | Rejected]]

    @property
    def nbytes(self) -> int:
        """Of what is known of it: what is not done yet has no size."""
        content = sum(len(file.content or b"") for file in self.opened if isinstance(file, File))
        found = self.results.result() if self.results.done() and self.results.exception() is None else []
        return content + sum(one.x.nbytes for one in found if isinstance(one, Found | Piece))


class _Workers(Generic[T]):
    """Threads, or processes for as long as these can be started."""

    def __init__(
        self, read: Callable[[Sequence[File | Rejected]], list[T | Rejected]], processes: bool, stack: ExitStack
    ) -> None:
        cores = os.cpu_count() or 1
        self.read, self.most, self.group = read, 2 * cores, GROUP if processes else 1
        self.threads: Executor = stack.enter_context(ThreadPoolExecutor(max_workers=cores))
        self.pool = stack.enter_context(_processes()) if processes else self.threads

    def begun(self, files: Sequence[File], opened: Sequence[File | Rejected]) -> _Task[T]:
        try:
            return _Task(files, opened, self.pool.submit(self.read, opened))
        except BrokenProcessPool:  # a script without the guard that new processes need: here, then
            self.pool = self.threads
            return self.begun(files, opened)

    def ended(self, task: _Task[T]) -> Iterator[tuple[File, T | Rejected]]:
        """Each file of a task with what was made of it."""
        try:
            found = task.results.result()
        except BrokenProcessPool:
            self.pool = self.threads
            found = self.begun(task.files, task.opened).results.result()
        yield from zip(task.files, found, strict=True)


def read_each(files: Sequence[File], domain: Domain) -> Iterator[tuple[File, Found | Rejected]]:
    """Every file with what it gives, in order."""
    return each(files, domain, read_found)


def each(files: Sequence[File], domain: Domain, read: Callable[[File, Domain], T]) -> Iterator[tuple[File, T | Rejected]]:
    """Every file with what `read` makes of it, in order."""
    with ExitStack() as stack:
        archives: dict[Path, zipfile.ZipFile] = {}
        waiting: deque[_Task[T]] = deque()
        workers = _Workers(partial(_attempts, domain, read), domain.reading.cached and len(files) >= MANY, stack)
        for start in range(0, len(files), workers.group):
            group = files[start : start + workers.group]
            waiting.append(workers.begun(group, [_opened(file, archives, stack) for file in group]))
            while len(waiting) > workers.most or sum(task.nbytes for task in waiting) > BYTES:
                yield from workers.ended(waiting.popleft())
        while waiting:
            yield from workers.ended(waiting.popleft())


def _processes() -> Executor:
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent)


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


def _attempts(domain: Domain, read: Callable[[File, Domain], T], files: Sequence[File | Rejected]) -> list[T | Rejected]:
    return [_attempt(domain, read, file) for file in files]


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
