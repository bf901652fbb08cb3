"""Training from Python: the session of genae/learn/session.py, with the run that it makes and its card.

    for progress in genae.Training("mnist", out="runs/mnist"):
        print(progress.step, progress.numbers)

`genae.train` is the same loop with nothing in its body.

    run = genae.train("mnist", data=torch.rand(500, 1, 28, 28), settings={"objective": {"beta": 4}})
    run = genae.train({"parent": "mnist", "network": (encoder, decoder)}, data=dataset)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genae.data.opening import Data
from genae.data.reading import Report, quiet
from genae.learn.session import SAVE_SECONDS, Session
from genae.recipe.settings import Settings
from genae.use import progress as bars
from genae.use.card import write_card
from genae.use.named import named
from genae.use.run import Run, load

Preset = str | Mapping[str, Any]  # its name, or itself: its parent's name and what is different, parts as objects too


class Training(Session):
    """Iterate to train; `run()` afterwards, or at any time, is the run so far."""

    def __init__(
        self,
        preset: Preset | None = None,
        *,
        data: Data | None = None,
        out: str | Path | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        settings: Settings = (),
        seed: int | None = None,
        device: str = "auto",
        resume: str | Path | None = None,
        save_seconds: float = SAVE_SECONDS,
        report: Report = quiet,
        fit_report: Report = quiet,
    ) -> None:
        """As `Session`, and with parts that are Python objects: see genae/use/named.py."""
        super().__init__(
            named(preset) if isinstance(preset, Mapping) else preset, data=data, out=out, epochs=epochs, steps=steps,
            settings=named(settings) if isinstance(settings, Mapping) else settings, seed=seed, device=device, resume=resume,
            save_seconds=save_seconds, report=report, fit_report=fit_report,
        )  # fmt: skip

    def finish(self) -> None:
        write_card(self.run(), self.seconds, len(self.examples), self.valid_split)

    def run(self) -> Run:
        """The run as it is now, saved and loaded from its folder."""
        self.save()
        return load(self.folder, self.device.type, self.dataset)


def train(
    preset: Preset | None = None,
    *,
    data: Data | None = None,
    out: str | Path | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    settings: Settings = (),
    seed: int | None = None,
    device: str = "auto",
    resume: str | Path | None = None,
    progress: bool = True,
) -> Run:
    """Train to the end and give the run. `progress` is shown where there is a terminal or a notebook.

    A `preset` by its name, or itself: {"parent": "mnist", "latent": 8}. `data` by name or path, or a tensor or array
    (N, *event), `genae.Examples`, a torch `Dataset` or a data set object. `settings` as --set has them, or a dictionary.
    """
    training = Training(
        preset, data=data, out=out, epochs=epochs, steps=steps, settings=settings, seed=seed, device=device, resume=resume,
        report=bars.counting("file", "reading") if progress else quiet,
        fit_report=bars.counting("turn", "fitting") if progress else quiet,
    )  # fmt: skip
    show = bars.steps(training, progress and bars.seen())
    try:
        for step in training:
            show(step)
    finally:
        show(None)
    return training.run()
