"""genae interpolate: the way from one example to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genae.errors import GenaeError
from genae_cli.common import COUNT, emit, run_argument, say, unused, verb, window, wrote
from genae_cli.making import Asked, Making, making, opened, times

if TYPE_CHECKING:
    from genae.latent.paths import Between, Kind
    from genae.use.seen import Seen
    from genae.use.wholes import Fit

FITTED = {"resample": "stretched in latent time", "loop": "begun again"}


@verb(name="interpolate", cls=Making, short_help="Morph from example to example.")
@run_argument
@click.argument("points", nargs=-1, required=True, metavar="A B [C…]")
@click.option("--steps", type=COUNT, default=9, show_default=True, help="From each point to the next, both ends counted.")
@click.option("--path", "kind", type=click.Choice(["linear", "spherical"]), default="spherical", show_default=True)
@click.option("--loop", is_flag=True, help="Return to A, for an animation without an end.")
@click.option(
    "--fit",
    type=click.Choice(["resample", "loop"]),
    default="resample",
    show_default=True,
    help="How whole files of unequal length meet: the shorter stretched in latent time, or begun again.",
)
@click.option(
    "--condition-path",
    "between",
    type=click.Choice(["glide", "hold"]),
    default="glide",
    show_default=True,
    help="What is known of the points goes from each to the next, or is that of the nearer.",
)
@window
@making
def command(
    run: Path, points: tuple[str, ...], steps: int, kind: Kind, loop: bool, fit: Fit, between: Between, window: int | None,
    asked: Asked,
) -> None:  # fmt: skip
    """Interpolate between examples A, B, … in a RUN's latent space: a strip, an animation and every step.

    Where the domain can join examples, also one file of the whole morph, in the style of the first point. A point is a
    file, or an item of a data set such as mnist:test:7; a folder is all its files, in order. Whole files longer than an
    example give whole files, as long as the longest: one at each step, and `morph`, which goes from A to the last as it runs.

    \b
    Example:
      genae interpolate runs/first glyphs:test:3 glyphs:test:8 --steps 9 --out morph
    """
    if steps < 2:
        raise GenaeError(f"--steps must be at least 2 (both ends are counted), not {steps}")
    from genae.use.output import write_morph, write_path

    loaded, how = opened(run, asked)
    seen = loaded.seen(list(points), window or 0)
    unused(seen.unused)
    if len(seen.spans) < 2:
        raise GenaeError(
            f"an interpolation needs two points or more, got only {points[0]}; for example mnist:test:7 mnist:test:2"
        )
    _require_different(seen)
    if times(how, seen) == 1 and any(span.count > 1 for span in seen.spans):
        morph = loaded.morph(
            seen, steps, kind, loop, how.condition, asked.temperature, asked.seed, fit, between,
            **how.options,
        )  # fmt: skip
        made, files = morph.steps, write_morph(morph.domain, morph.steps, morph.whole, asked.out, loop)
        unequal = len({span.count // span.voices for span in seen.spans}) > 1
        say(f"genae: all are as long as {morph.framed}, the others {FITTED[fit]}") if unequal else None
    else:
        made = loaded.interpolate(
            seen, steps=steps, kind=kind, loop=loop, condition=how.condition, temperature=asked.temperature,
            seed=asked.seed, length=how.length, between=between,
        )  # fmt: skip
        made = loaded.shortened(made, how.cut)
        files = write_path(loaded.styled(seen.names[0], **how.options), made, asked.out, loop)
    result = {"run": str(run), "points": [span.name for span in seen.spans], "unused": seen.unused, "steps": len(made),
              "path": kind, "loop": loop, "seed": asked.seed, "files": files}  # fmt: skip
    emit(result, asked.as_json, lambda: wrote(files))


def _require_different(seen: Seen) -> None:
    """GenaeError for two points in a row that are one."""
    import torch

    parts = torch.split(seen.events, [span.count for span in seen.spans])
    for a, b, before, after in zip(seen.spans, seen.spans[1:], parts, parts[1:], strict=False):
        if before.equal(after):
            raise GenaeError(
                f"{a.name} and {b.name} are the same example, so every step between them would be too; give two different ones"
            )
