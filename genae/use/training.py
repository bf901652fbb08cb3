"""Training from Python: the session of genae/learn/session.py, with the run that it makes and its card.

    for progress in genae.Training("mnist", out="runs/mnist"):
        print(progress.step, progress.numbers)

`genae.train` is the same loop with nothing in its body.

    run = genae.train("mnist", data=torch.rand(500, 1, 28, 28), settings={"objective": {"beta": 4}})
    run = genae.train({"parent": "mnist", "network": (encoder, decoder)}, data=dataset)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genae.data.opening import Data
from genae.data.reading import quiet
from genae.learn.session import Preset, Session
from genae.recipe.settings import Settings
from genae.recipe.tuning import Tune
from genae.use import best
from genae.use import progress as showing
from genae.use.card import Made, write_card
from genae.use.run import Run, load


class Training(Session):
    """Iterate to train; `run()` afterwards, or at any time, is the run so far."""

    def finish(self) -> None:
        best.keep(self.folder, self.built.domain, self.examples)
        self.look()

    def look(self) -> None:
        made = Made(self.seconds, len(self.examples), self.steps, self.valid_split, self.first)
        write_card(self.run(), made)

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
    minutes: float | None = None,
    settings: Settings = (),
    seed: int | None = None,
    device: str = "auto",
    resume: str | Path | None = None,
    parent: str | Path | None = None,
    tune: Tune = "all",
    data_changed: bool = False,
    log: Sequence[str] = (),
    progress: bool = True,
) -> Run:
    """Train to the end and give the run. `progress` is shown where there is a terminal or a notebook.

    A `preset` by its name, or itself: {"parent": "mnist", "latent": 8}. `data` by name or path, or a tensor or array
    (N, *event), `genae.Examples`, a torch `Dataset` or a data set object. `settings` as --set has them, or a dictionary. `log`
    names tools that get the numbers too: "tensorboard", "trackio". A `parent` for a preset: a run whose weights it begins with.
    """
    training = Training(
        preset, data=data, out=out, epochs=epochs, steps=steps, minutes=minutes, settings=settings, seed=seed, device=device,
        resume=resume, parent=parent, tune=tune, data_changed=data_changed, log=log,
        report=showing.counting("file", "reading") if progress else quiet,
        fit_report=showing.counting("turn", "fitting") if progress else quiet,
    )  # fmt: skip
    show = showing.steps(training, progress and showing.seen())
    try:
        for step in training:
            show(step)
    finally:
        show(None)
    return training.run()
