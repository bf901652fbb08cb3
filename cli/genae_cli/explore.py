"""genae explore: wander through a run's latent space on a page of its own."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import device, run_argument, say, verb


@verb(name="explore", short_help="Wander through a run's latent space in the browser.")
@run_argument
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of this computer.  [default: one that is free]")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@click.option("--data", metavar="NAME|PATH", help="Examples on the map.  [default: the run's own held-out ones]")
@click.option("--examples", type=click.IntRange(2, 20_000), default=3000, show_default=True, help="On the map, at most.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("explored"), show_default=True, help="What is saved.")
@device
def command(run: Path, port: int, no_browser: bool, data: str | None, examples: int, out: Path, device: str) -> None:
    """Open a page for a RUN: a map of its examples, to be dragged along, mixed, drawn across, heard and saved.

    The page is served to this computer alone, at an address that holds a token; it asks no other host for anything.

    \b
    Example:
      genae explore runs/first
    """
    from genae.explore.needed import require

    require()
    from genae import load
    from genae.explore.explorer import Explorer
    from genae.explore.serving import Served, opened

    served = Served(Explorer(load(run, device), examples, data), out, port)

    def ready(address: str) -> None:
        say(f"exploring {run} at {address}")
        say("Ctrl-C ends it")
        if not no_browser:
            opened(address)

    served.run(ready)
