"""Training from Python: the session of genae/learn/session.py, with the run that it makes and its card.

for progress in genae.Training("mnist", out="runs/mnist"):
    print(progress.step, progress.numbers)

`genae.train` is the same loop with nothing in its body.
"""

from __future__ import annotations

from typing import Any

from genae.learn.session import Session
from genae.use.card import write_card
from genae.use.run import Run, load


class Training(Session):
    """Iterate to train; `run()` afterwards, or at any time, is the run so far."""

    def finish(self) -> None:
        write_card(self.run(), self.seconds, len(self.examples), self.valid_split)

    def run(self) -> Run:
        """The run as it is now, saved and loaded from its folder."""
        self.save()
        return load(self.folder, self.device.type)


def train(preset: str, **options: Any) -> Run:
    """Train to the end and give the run; options as those of `Training`, which the command `genae train` has too."""
    training = Training(preset, **options)
    for _ in training:
        pass
    return training.run()
