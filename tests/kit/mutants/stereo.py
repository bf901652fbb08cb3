"""A domain that says all that one can say, its networks, tasks and data set."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, doc
from torch import nn

from genae import CHOICE, WRITTEN, Defaults, Domain, Features, Found, Reading, Rejected, Split
from genae.model.networks import Conditioned, Networks, ending

LENGTH = 8


def net(event, space, posterior, likelihood, condition=0, *, width: Annotated[int, Ge(1), doc("of the layers")] = 12):
    q, p = posterior.features(space), likelihood.features(event)
    inputs, outputs = event[0] * event[1], p[0] * p[1]
    encoder = Conditioned(nn.Linear(inputs + condition, width), nn.Tanh(), nn.Linear(width, q[0]), *ending(q, posterior))
    decoder = Conditioned(
        nn.Linear(space.size + condition, width), nn.Tanh(), nn.Linear(width, outputs), nn.Unflatten(1, p), likelihood
    )
    return Networks(encoder, decoder, space)


class Hide:
    """Some places are hidden."""

    def __init__(self, share: Annotated[float, Ge(0), doc("of the places")] = 0.3):
        self.share = share

    def __call__(self, target):
        hidden = torch.rand(len(target), 1, LENGTH) < self.share
        return torch.where(hidden, 0.0, target)


def balance(x):
    return x[:, 0].mean(1) - x[:, 1].mean(1)


def mse(target, output):
    return (target - output).square().mean().item()


@dataclass(frozen=True)
class Stereo(Domain):
    """Windows of two channels."""

    gain: Annotated[float, Gt(0), doc("of what is read")] = 2.0
    louder: Annotated[float, CHOICE, Ge(1), doc("in training, so many times")] = 1.0
    digits: Annotated[int, WRITTEN, Ge(4), doc("behind the point")] = 6

    suffixes = (".txt",)
    event = (2, LENGTH)
    fields: ClassVar = {"loudness": 1}
    units: ClassVar = {"windows": 1}
    reading = Reading(distinct=True)
    defaults = Defaults(
        network="net",
        networks={"net": net},
        tasks={"hide": Hide},
        attributes={"balance": balance},
        metrics={"mse": mse},
        judged=20,
    )

    def read(self, file):
        try:
            rows = [[float(word) for word in line.split()] for line in file.read().decode().splitlines()]
        except ValueError as error:
            raise Rejected(f"{file.name}: not numbers ({error})", "not numbers") from error
        if any(len(row) != 2 for row in rows):
            raise Rejected(f"{file.name}: not two numbers a line", "not two columns")
        count, left = divmod(len(rows), LENGTH)
        if not count:
            raise Rejected(f"{file.name}: shorter than a window", "too short")
        x = torch.tensor(rows[: count * LENGTH]).view(count, LENGTH, 2).mT.contiguous()
        return Found(x, {"lines after the last window": left} if left else {}, {"loudness": x.square().mean((1, 2))})

    def prepare(self, stored, stage):
        x = stored * self.gain
        if stage == "train":
            x = x + 0.01 * torch.randn_like(x)
            x = x * self.louder
        return x

    def write(self, example, path):
        np.savetxt(path, (example / self.gain).mT.numpy(), f"%.{self.digits}f")

    def join(self, examples):
        return torch.cat(list(examples), 1)

    def picture(self, example):
        whole = np.zeros((2 * LENGTH, LENGTH), np.uint8)
        whole[:, ::2] = 255 * (float(example.mean()) > 0)
        return whole

    def extras(self, example, path):
        beside = path.with_suffix(".sum")
        beside.write_text(f"{example.sum().item():.3f}")
        return [beside]

    def style(self, file):
        return {"digits": 6}

    def scorer(self, train):
        return {"mean": self.prepare(train.x, "show").mean(0)}

    def score(self, events, scorer):
        return -(events - scorer["mean"]).square().mean((1, 2))

    def baselines(self, train, held, levels):
        apart = (held - train.mean(0)).square().flatten(1) / 2 + 0.9189
        return {"unit": apart.sum(1)}

    def features(self, train):
        return [Features("channels", lambda events: events.square().mean(2))]

    def judge(self, samples, held, train):
        each = {"samples": samples, "held-out": self.prepare(held.x, "show"), "training": self.prepare(train().x, "show")}
        loud = {whose: x.square().mean().item() for whose, x in each.items()}
        return {"loud": loud, "first": dict.fromkeys(each)}


class Waves:
    """Sines of two channels."""

    name, domain, about = "stereo-waves", "stereo", "sines of two channels"

    def split(self, name):
        random = np.random.default_rng(["train", "valid", "test"].index(name))
        phase, loud = random.uniform(0, 6, (60, 2, 1)), random.uniform(0.2, 1, (60, 2, 1))
        array = (loud * np.sin(phase + np.arange(LENGTH) * 0.7)).astype(np.float32)
        labels = (loud[:, 0, 0] > loud[:, 1, 0]).astype(int)
        return Split(array=array, labels=labels, classes=("right", "left"), fields={"loudness": array.mean((1, 2))})


def claim(path):
    return Waves() if path.suffix == ".waves" else None


preset = {
    "domain": {"name": "stereo", "gain": 2.0}, "data": "stereo-waves", "latent": 3, "network": {"name": "net", "width": 16},
    "likelihood": {"name": "gaussian", "sigma": 0.2}, "epochs": 5.0, "batch": 16,
    "stages": [{"players": ["vae"]}, {"start": 0.5, "freeze": ["encoder"]}, {"sampler": {"name": "gaussian"}}],
}  # fmt: skip
