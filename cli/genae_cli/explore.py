"""genae explore: wander through a run's latent space on a page of its own."""

from __future__ import annotations

from pathlib import Path

import click

from genae.errors import GenaeError
from genae_cli.common import device, run_argument, say, verb


@verb(name="explore", short_help="Wander through a run's latent space in the browser.")
@run_argument
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of this computer.  [default: one that is free]")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@click.option("--data", metavar="NAME|PATH", help="Examples on the map.  [default: the run's own held-out ones]")
@click.option("--examples", type=click.IntRange(2, 20_000), default=3000, show_default=True, help="On the map, at most.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("explored"), show_default=True, help="What is saved.")
@click.option(
    "--static", metavar="FOLDER", type=click.Path(path_type=Path), help="A new folder for the page; nothing is served."
)
@click.option("--places", type=click.IntRange(2, 10_000), help="With --static, decoded beforehand.  [default: none, else 225]")
@click.option(
    "--runtime",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="With --static, of onnxruntime-web.  [default: fetched]",
)
@device
def command(
    run: Path, port: int, no_browser: bool, data: str | None, examples: int, out: Path, static: Path | None,
    places: int | None, runtime: Path | None, device: str,
) -> None:  # fmt: skip
    """Open a page for a RUN: a map of its examples, to be dragged along, mixed, drawn across, heard and saved.

    The page is served to this computer alone, at an address that holds a token; it asks no other host for anything.

    With --static it is written into a folder instead, to be put on any web host: the decoder runs in the page, by
    onnxruntime-web, which is fetched once. Where what is shown takes more than a decoder, places of the map are decoded
    beforehand, and the nearest one is shown.

    \b
    Example:
      genae explore runs/first
    """
    if static is None and (places or runtime):
        raise GenaeError(f"{'--places' if places else '--runtime'} is of --static")
    if static is None:
        _serve(run, port, no_browser, data, examples, out, device)
    else:
        _write(run, static, data, examples, places, runtime, device)


def _serve(run: Path, port: int, no_browser: bool, data: str | None, examples: int, out: Path, device: str) -> None:
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


def _write(
    run: Path, out: Path, data: str | None, examples: int, places: int | None, runtime: Path | None, device: str
) -> None:
    from genae import load
    from genae.explore import static
    from genae.explore.explorer import Explorer
    from genae.use.progress import counting

    loaded = load(run, device)
    explorer = Explorer(loaded, min(examples, static.most(loaded)), data)
    made = static.write(explorer, out, runtime, places, counting("part", "writing"))
    if made.why:
        say(f"{made.places} places are decoded beforehand: {made.why}")
    say(f"wrote {out}, {made.bytes / 1e6:.1f} MB; see it with: python -m http.server -d {out}")
