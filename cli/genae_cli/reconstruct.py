"""genae reconstruct: examples through the model and back."""

from __future__ import annotations

from pathlib import Path

import click

from genae_cli.common import emit, run_argument, unused, verb, window, wrote
from genae_cli.making import Asked, Making, making, opened, times


@verb(name="reconstruct", cls=Making, short_help="Send examples through the model and back.")
@run_argument
@click.argument("items", nargs=-1, required=True, metavar="FILE|FOLDER|ITEM…")
@click.option("--as-input", is_flag=True, help="They are what the run's task makes already: noisy, or small.")
@window
@making
def command(run: Path, items: tuple[str, ...], as_input: bool, window: int | None, asked: Asked) -> None:
    """Reconstruct files, folders, or items such as mnist:test:7, with a RUN: inputs above outputs, and every output.

    A file comes back whole, as long as it is, where the domain can join its windows.

    An output has the style of its file, where the domain reads one. A run with another task shows its own: a denoiser is
    given the noisy input, drawn with --seed; with --as-input the file is that input.

    \b
    Example:
      genae reconstruct runs/first glyphs:test:3 glyphs:test:8 --out there-and-back
    """
    from genae.use.evaluate import means
    from genae.use.output import write_pairs

    loaded, how = opened(run, asked)
    seen = loaded.seen(list(items), window or 0, as_input)
    unused(seen.unused)
    inputs, outputs = loaded.reconstruct(seen, how.condition, asked.seed, asked.temperature, times(how, seen), as_input)
    outputs = loaded.shortened(outputs, how.cut)
    numbers = {} if as_input else means(loaded.domain.defaults.metrics, seen.events, outputs)  # else there is no target
    before = loaded.joined(seen.spans, inputs, **how.options)
    after = [event for _, event in loaded.joined(seen.spans, outputs, **how.options)] if how.length == 1 else list(outputs)
    files = write_pairs([domain for domain, _ in before], [event for _, event in before], after, asked.out)
    result = {
        "run": str(run),
        "items": [span.name for span in seen.spans],
        "unused": seen.unused,
        "seed": asked.seed,
        **numbers,
        "files": files,
    }
    emit(result, asked.as_json, lambda: [*wrote(files), *(f"{name} {value:.4g}" for name, value in numbers.items())])
