"""Time series of one sensor for genae: CSV files, a value a line, to windows and back; plots as PNG."""

import csv
from dataclasses import dataclass
from io import StringIO

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from genae import Defaults, Domain, Found, GenaeError, Rejected


class Dropouts:
    """A task: a stretch of the input, as long as `share` of it, is missing (zero)."""

    def __init__(self, share: float = 0.25) -> None:
        if not 0 < share < 1:
            raise GenaeError(f"task.share must be above 0 and below 1, not {share}")
        self.share = share

    def __call__(self, target):
        length = max(1, round(self.share * target.shape[-1]))
        first = torch.randint(0, target.shape[-1] - length + 1, (len(target), 1), device=target.device)
        place = torch.arange(target.shape[-1], device=target.device)
        return target.where((place < first) | (place >= first + length), 0.0)


@dataclass(frozen=True)
class Sensor(Domain):
    """Windows of `window` values, which are around `centre` and about as far as `scale` from it."""

    window: int = 64
    centre: float = 0.0
    scale: float = 1.0
    suffixes = (".csv",)
    defaults = Defaults(
        tasks={"dropouts": Dropouts}, attributes={"spread": lambda x: x.std(1)},  # conditions: --set condition=spread
        metrics={"rmse": lambda target, output: (target - output).square().mean().sqrt().item()},
    )  # fmt: skip

    @property
    def event(self):
        return (self.window,)

    def read(self, file):
        try:
            rows = [row for row in csv.reader(StringIO(file.read().decode("utf-8-sig"))) if row]
            values = [float(row[-1]) for row in rows[0 if _number(rows[0][-1]) else 1 :]] if rows else []
        except (ValueError, csv.Error) as error:
            raise Rejected(f"{file.name}: not a table with numbers in its last column ({error})", "not numbers") from error
        found = torch.tensor(values[: len(values) // self.window * self.window]).view(-1, self.window)
        left = len(values) % self.window
        return Found(found, {"values after the last whole window": left} if left else {})

    def prepare(self, stored, stage):
        return (stored - self.centre) / self.scale

    def write(self, example, path):
        np.savetxt(path, example.numpy() * self.scale + self.centre, "%.6g", header="value", comments="")

    def join(self, examples):
        return examples.flatten()

    def picture(self, example):
        figure = Figure(figsize=(3, 1.5), dpi=100)
        figure.add_subplot().plot(example.numpy() * self.scale + self.centre)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _number(text):
    return text.strip().lstrip("+-")[:1].isdigit()


preset = {
    "domain": {"name": "sensor"}, "latent": 4, "likelihood": {"name": "gaussian", "sigma": 0.1}, "epochs": 60.0, "batch": 32
}  # fmt: skip
