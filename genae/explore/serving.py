"""An explorer's page at an address of this computer's own, until it is stopped."""

from __future__ import annotations

import os
import socket
import threading
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from genae.errors import GenaeError
from genae.explore.explorer import Explorer
from genae.explore.guard import HOSTS, new_token
from genae.explore.server import LONGEST, Server

WEBSOCKETS = "websockets-sansio"  # uvicorn's own way with that library: the other one is deprecated
PATIENCE = 2  # seconds that pages are given to end


class Served:
    """A port of 127.0.0.1, taken at once, and what answers there."""

    def __init__(self, explorer: Explorer, out: Path, port: int = 0, framed: bool = False) -> None:
        self._socket, token = taken(port), new_token()
        self.address = f"http://{HOSTS[0]}:{self._socket.getsockname()[1]}/{token}/"
        app = Server(explorer, out).app(token, framed)
        config = uvicorn.Config(
            app, log_level="error", ws_max_size=LONGEST, timeout_graceful_shutdown=PATIENCE, lifespan="off", ws=WEBSOCKETS
        )
        self._server = uvicorn.Server(config)

    def run(self, ready: Callable[[str], object]) -> None:
        """Serves in this thread until Ctrl-C, once `ready` has been given the address."""
        ready(self.address)
        self._server.run([self._socket])

    def start(self) -> Served:
        """Serves beside; ends with the process."""
        threading.Thread(target=self._server.run, args=([self._socket],), daemon=True).start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Ends what was started."""
        self._server.should_exit = True


def taken(port: int) -> socket.socket:
    """A listening socket of 127.0.0.1, at any port for 0. GenaeError for one that is in use."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # a port that was just left; elsewhere this would share one that is in use
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOSTS[0], port))
    except OSError as error:
        made.close()
        raise GenaeError(
            f"--port {port} cannot be used ({error.strerror}); leave it out for one that is free, or give another"
        ) from error
    made.listen()
    return made


def opened(address: str) -> None:
    """The address in the user's browser, where there is one."""
    webbrowser.open(address)
