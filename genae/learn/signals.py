"""Signals that ask a training to stop: Ctrl-C, a polite kill, a terminal that closes, a batch system whose time runs out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

POLITE = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")  # those that this system has


@contextmanager
def heard(stop: Callable[[bool], None]) -> Iterator[None]:
    """Within the block every one of them calls `stop`, with whether a person presses: Ctrl-C or kill.

    What is ignored stays so, as SIGHUP under nohup. Only the main thread may handle signals; in others nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop(number in (signal.SIGINT, signal.SIGTERM))

    there = [signal.Signals[name] for name in POLITE if name in signal.Signals.__members__]
    before = {s: signal.signal(s, handle) for s in there if signal.getsignal(s) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
