"""genae train: a preset, a data set, a folder."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genae.errors import GenaeError, Remark
from genae_cli.common import Clock, Stopped, as_json, counted, device, emit, on_terminal, say, settings, verb
from genae_cli.streams import GONE, deafen

if TYPE_CHECKING:
    from genae.learn.session import Progress
    from genae.use.training import Training

Show = Callable[["Progress | None"], None]  # a step done, or None at the end
LEARNS = ("all", "decoder", "personal")
LOGS = ("tensorboard", "trackio")


@verb(name="train", short_help="Train a preset's model.")
@click.argument("preset", required=False)
@click.option("--data", metavar="NAME|PATH", help="A data set, or a file, folder or archive of your own.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder, new or empty; runs/PRESET if left out.")
@click.option("--epochs", type=float, help="Passes over the training set.")
@click.option("--steps", type=int, help="Optimiser steps, instead of epochs.")
@click.option("--minutes", type=float, help="As many steps as fit into so many minutes here, timed first.")
@settings
@click.option("--seed", type=click.IntRange(min=0), help="Of weights, order and noise.  [default: the preset's]")
@device
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on where this run was stopped.")
@click.option("--from", "parent", metavar="RUN", help="Begin with this run's weights, to make it one's own by --data.")
@click.option(
    "--tune",
    "--as",
    "tune",
    type=click.Choice(LEARNS),
    default="all",
    show_default=True,
    help="What learns of --from: all weights, all but the encoder, or a small VAE of the latents alone.",
)
@click.option("--data-changed", is_flag=True, help="Resume though the data are not those that the run was trained on.")
@click.option("--log", multiple=True, type=click.Choice(LOGS), help="Give the numbers to this tool too; an extra of genae's.")
@as_json
def command(as_json: bool, **options: Any) -> None:
    """Train PRESET's model and write it as a run. A domain's name is a preset too, with a perceptron.

    \b
    Example:
      genae train mnist --data glyphs --steps 300 --out runs/first

    With --from RUN, a run's folder or a model's name, a model becomes one's own in minutes: two, unless said otherwise.

    Ctrl-C and a polite kill save and stop; --resume goes on from there, and from any kill, to the same weights.
    Several processes share its batches: torchrun --nproc-per-node 2 --no-python genae train …
    """
    from genae.learn.workers import started
    from genae.use.progress import counting
    from genae.use.training import Training

    if not started().leads:
        _follow(Training, options)
        return
    reading, fitting = counting("file", "reading"), counted("turn", "fitting")
    training = Training(options.pop("preset"), report=reading, fit_report=fitting, **options)
    for line in training.count.lines[:5]:
        say(f"skipped {line}")
    for line in [*training.begins, *training.sum, *training.count.told]:
        say(line)
    last = _train(training)
    numbers = last.valid or last.numbers or {} if last else {}
    result = {"run": str(training.folder), "preset": training.recipe.preset, "data": training.recipe.data,
              "examples": len(training.examples), "skipped": len(training.skipped), "sum": training.sum,
              "given": training.count.given, "used": training.count.used, "named": training.count.named,
              "rules": training.count.rules, "from": training.recipe.ancestor, "begins": training.begins,
              "steps": training.steps,
              "seconds": round(training.seconds, 1), "seed": training.recipe.seed,
              "valid_split": training.valid_split, **numbers,
              "files": _files(training.folder)}  # fmt: skip
    emit(result, as_json, lambda: [
        f"trained {training.folder} in {training.seconds:.0f} s; look at {training.folder / 'previews'}",
        f"next: {training.run().next()}",
    ])  # fmt: skip


def _follow(training: type[Training], options: Mapping[str, Any]) -> None:
    """The share of a process that is not the first of several: it says nothing, unless another is gone."""
    from genae.learn.workers import Lost

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        try:
            for _ in training(**options):
                pass
        except Lost:
            raise
        except GenaeError:
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(130)


def _files(folder: Path) -> list[str]:
    return sorted(str(p) for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def _train(training: Training) -> Progress | None:
    """To the end. Where it is stopped, or nobody listens any more, what is done is saved."""
    from genae.use import progress as showing

    progress, show = None, showing.steps(training) if on_terminal() else _lines(training)
    with closing(iter(training)) as steps:
        try:
            for progress in steps:
                _shown(show, progress)
        except KeyboardInterrupt:
            show(None)
            steps.close()  # saves, where it was the loop here that was interrupted
            raise Stopped(_where(training.folder)) from None
    show(None)
    return progress


def _shown(show: Show, progress: Progress) -> None:
    try:
        show(progress)
    except OSError as error:
        deafen("stdout", "stderr")
        raise SystemExit(GONE if isinstance(error, BrokenPipeError) else 2) from error


def _where(folder: Path) -> str:
    """What is on the disk."""
    from genae.learn.saved import step_of

    step = step_of(folder)
    if step is None:
        return f"stopped before anything was saved in {folder}"
    return f"stopped and saved at step {step}; go on with: genae train --resume {folder}"


def _lines(training: Training) -> Show:
    from genae.use.progress import text

    began, clocks = time.monotonic(), list[Clock]()  # one, from the first step on

    def show(progress: Progress | None) -> None:
        if progress is None:
            return
        if not clocks:
            clocks.append(Clock(began, progress.step - 1))
        if progress.valid:
            click.echo(f"step {progress.step}/{progress.steps}  {training.valid_split} {text(progress.valid)}", err=True)
        if progress.numbers and (left := clocks[0].left(progress.step, progress.steps)) is not None:
            click.echo(
                f"step {progress.step}/{progress.steps}  epoch {progress.epoch:.1f}  "
                f"{text(progress.numbers)}  {left:.0f} s left",
                err=True,
            )

    return show
