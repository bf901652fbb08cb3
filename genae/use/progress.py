"""How far a training is, on a terminal or in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm

from genae.data.reading import Report, quiet
from genae.learn.session import Progress, Session

Show = Callable[[Progress | None], None]  # a step done, or None at the end
FIRST = {"elbo": "ELBO", "rate": "rate", "distortion": "distortion"}  # what every VAE has, and how it is called


def seen() -> bool:
    """Whether a bar would be seen."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def counting(unit: str, doing: str = "") -> Report:
    """A bar as `report(done, total)`, from the first one until all is done; nothing where it would not be seen."""
    shown: list[Any] = []

    def report(done: int, total: int) -> None:
        if not shown:
            shown.append(tqdm(total=total, unit=unit, desc=doing or None, leave=False, dynamic_ncols=True))
        shown[0].update(done - shown[0].n)
        if done >= total:
            shown.pop().close()

    return report if seen() else quiet


def steps(training: Session, wanted: bool = True) -> Show:
    """A bar of a training's steps, made at the first step done, which knows where a resumed run begins."""
    shown: list[Any] = []

    def show(progress: Progress | None) -> None:
        if not wanted:
            return
        if progress is None:
            for bar in shown:
                bar.close()
            return
        if not shown:
            shown.append(tqdm(total=training.steps, initial=progress.step - 1, unit="step", dynamic_ncols=True, smoothing=0.05))
        shown[0].update(progress.step - shown[0].n)
        if progress.numbers:
            shown[0].set_description_str(text(progress.numbers), refresh=False)
        if progress.valid:
            shown[0].write(f"step {progress.step}  {training.valid_split} {text(progress.valid)}", file=sys.stderr)

    return show


def text(numbers: Mapping[str, float]) -> str:
    """`ELBO -96.4  rate 24.9  distortion 71.5`, and behind them whatever else there is; a loss, where that is all."""
    others = {name: name for name in numbers if name not in FIRST and (name != "loss" or len(numbers) == 1)}
    return "  ".join(f"{called} {numbers[name]:.2f}" for name, called in {**FIRST, **others}.items() if name in numbers)
