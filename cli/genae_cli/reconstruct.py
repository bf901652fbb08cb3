"""genae reconstruct: examples through the model and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genae_cli.common import COUNT, emit, run_argument, unused, verb, window, wrote
from genae_cli.making import Asked, Making, making, opened, times

if TYPE_CHECKING:
    from torch import Tensor

    from genae.use.evaluate import Metric


@verb(name="reconstruct", cls=Making, short_help="Send examples through the model and back.")
@run_argument
@click.argument("items", nargs=-1, required=True, metavar="FILE|FOLDER|ITEM…")
@click.option("--as-input", is_flag=True, help="They are what the run's task makes already: noisy, or small.")
@click.option("--task", default="", metavar="NAME", help="Which of the tasks that the run was trained with, if several.")
@click.option(
    "--mask", type=click.Path(path_type=Path), help="A file that says what the run's task hides: white, of a picture."
)
@click.option(
    "--best-of", type=COUNT, metavar="K", help="Draw so many answers to each, and give the one that they agree on most."
)
@window
@making
def command(
    run: Path,
    items: tuple[str, ...],
    as_input: bool,
    task: str,
    mask: Path | None,
    best_of: int | None,
    window: int | None,
    asked: Asked,
) -> None:
    """Reconstruct files, folders, or items such as mnist:test:7, with a RUN: inputs above outputs, and every output.

    A file comes back whole, as long as it is, where the domain can join its windows.

    An output has the style of its file, where the domain reads one. A run with another task shows its own: a denoiser is
    given the noisy input, drawn with --seed; with --as-input the file is that input. With --mask what is not hidden stays.
    Where an input is not its target, its own distance from it stands beside that of the output, and the domain may draw
    several answers, as --best-of does.

    \b
    Example:
      genae reconstruct runs/first glyphs:test:3 glyphs:test:8 --out there-and-back
    """
    from genae.use.output import write_pairs

    loaded, how = opened(run, asked)
    seen = loaded.seen(list(items), window or 0, as_input, task)
    unused(seen.unused)
    length = times(how, seen)
    inputs, outputs = loaded.reconstruct(
        seen, how.condition, asked.seed, asked.temperature, length, as_input, mask, task, best_of
    )
    outputs = loaded.shortened(outputs, how.cut)
    metrics = {} if as_input else loaded.domain.defaults.metrics  # there is no target
    numbers, before = _distances(metrics, seen.events, inputs, outputs)
    given = loaded.joined(seen.spans, inputs, **how.options)
    made = [event for _, event in loaded.joined(seen.spans, outputs, **how.options)] if how.length == 1 else list(outputs)
    files = write_pairs([domain for domain, _ in given], [event for _, event in given], made, asked.out)
    result = {
        "run": str(run),
        "items": [span.name for span in seen.spans],
        "unused": seen.unused,
        "seed": asked.seed,
        **numbers,
        "input": before,
        "files": files,
    }
    emit(result, asked.as_json, lambda: [*wrote(files), *_lines(numbers, before)])


def _distances(
    metrics: Mapping[str, Metric], target: Tensor, inputs: Tensor, outputs: Tensor
) -> tuple[dict[str, float], dict[str, float]]:
    """Of the outputs from the target, and of inputs that are not the target."""
    import torch

    from genae.use.evaluate import means

    return means(metrics, target, outputs), {} if torch.equal(inputs, target) else means(metrics, target, inputs)


def _lines(numbers: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """Each number, with that of the input, where that is another."""
    return [f"{k} {v:.4g}" + (f" (the input {before[k]:.4g})" if k in before else "") for k, v in numbers.items()]
