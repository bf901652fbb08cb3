"""Where a run's numbers go beside metrics.jsonl: tools that draw them, each an extra, imported when it is asked for.

tensorboard    event files in the run's folder: tensorboard --logdir runs
trackio        its own store, one project for all runs: trackio show
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from genae.errors import GenaeError, unknown

PROJECT, EVENTS = "genae", "tensorboard"
PLACE = ("step", "epoch", "seconds", "split")  # of a record; all else are its numbers
Record = Mapping[str, object]  # a line of metrics.jsonl


class Logger(Protocol):
    """One such tool, for one run."""

    def log(self, record: Record) -> None:
        """A line of metrics."""

    def close(self) -> None:
        """After the last."""


class TensorBoard:
    """https://www.tensorflow.org/tensorboard"""

    def __init__(self, folder: Path, step: int, recipe: Record) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder / EVENTS), purge_step=step + 1 if step else None)

    def log(self, record: Record) -> None:
        for name, value in named(record).items():
            self.writer.add_scalar(name, value, step_of(record))

    def close(self) -> None:
        self.writer.close()


class Trackio:
    """https://github.com/gradio-app/trackio"""

    def __init__(self, folder: Path, step: int, recipe: Record) -> None:
        import trackio

        self.tool = trackio
        trackio.init(project=PROJECT, name=folder.name, config=dict(recipe), resume="allow")

    def log(self, record: Record) -> None:
        self.tool.log(named(record), step=step_of(record))

    def close(self) -> None:
        self.tool.finish()


LOGGERS: Mapping[str, Callable[[Path, int, Record], Logger]] = {"tensorboard": TensorBoard, "trackio": Trackio}


def require(names: Iterable[str]) -> None:
    """GenaeError for a logger that there is not, or that is not installed."""
    for name in names:
        if name not in LOGGERS:
            raise unknown("logger", name, LOGGERS)
        if find_spec(name) is None:
            raise GenaeError(f"--log {name}: {name} is not installed; pip install 'genae[{name}]', or leave out --log")


def opened(names: Iterable[str], folder: Path, step: int, recipe: Record, stack: ExitStack) -> list[Logger]:
    """Loggers of a run that stands at a step, closed with the stack."""
    made = [LOGGERS[name](folder, step, recipe) for name in names]
    for logger in made:
        stack.callback(logger.close)
    return made


def named(record: Record) -> dict[str, float]:
    """`valid/elbo`: the numbers of a record."""
    return {f"{record['split']}/{k}": float(v) for k, v in record.items() if k not in PLACE and isinstance(v, int | float)}


def step_of(record: Record) -> int:
    """That of a record."""
    step = record["step"]
    assert isinstance(step, int)
    return step
