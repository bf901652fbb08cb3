"""PSNR of held-out pictures after so many processor-minutes: an image preset against a plain convolutional VAE.

    python bench/images.py [--preset image-64] [--data emoji] [--minutes 2 6 15] [--out images]

The plain VAE is a bare loop of torch, as tutorials have it: four convolutions of stride 2 each way, z of as many numbers, Adam
at 1e-3, float32, cross-entropy and KL summed. Both learn on the training split, one thread, and are given processor time, not
the clock's; the preset's includes the fit of its sampler. The plain one is looked at on its way, the preset trained anew for
each of the minutes, since its schedule is of the whole run. PSNR is the mean over test pictures, of posterior means.

    images/NAME-2.png    held-out pictures above what comes back, and below them new ones
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import genae
from genae.data.domain import Domain
from genae.data.examples import Examples
from genae.data.opening import open_data
from genae.data.reading import read_split
from genae.recipe import recipe
from genae.recipe.parts import instance
from genae.use import output, pictures
from genae_image.metrics import psnr

BATCH, SHOWN = 64, 16
PROBED = 12  # steps that are timed to know how many there are in a minute
SHARE = 0.95  # of the processor-minutes: the rest is reading, building and validating


class Plain(nn.Module):
    """x (B, C, H, W) to z and back, H and W multiples of 16."""

    def __init__(self, event: tuple[int, ...], latent: int) -> None:
        super().__init__()
        widths, cells = [event[0], 32, 64, 128, 256], (event[1] // 16, event[2] // 16)
        pairs = list(pairwise(widths))
        down = [m for a, b in pairs for m in (nn.Conv2d(a, b, 4, 2, 1), nn.ReLU())]
        up = [m for a, b in reversed(pairs) for m in (nn.ReLU(), nn.ConvTranspose2d(b, a, 4, 2, 1))]
        flat = 256 * cells[0] * cells[1]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, flat), nn.Unflatten(1, (256, *cells)), *up)

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        distortion = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        rate = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (distortion + rate) / len(x)

    @torch.no_grad()
    def again(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x).chunk(2, 1)[0]).sigmoid()


def plain(train: Tensor, latent: int, marks: list[float]) -> Iterator[tuple[float, int, Plain]]:
    """The plain VAE at each of the marks, processor-minutes, and how many steps it had done."""
    torch.manual_seed(0)
    model, spent, step = Plain(tuple(train.shape[1:]), latent), 0.0, 0
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for mark in sorted(marks):
        while spent < 60 * mark:
            began = time.process_time()
            loss = model.loss(train[torch.randint(len(train), (BATCH,))])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            spent, step = spent + time.process_time() - began, step + 1
        yield mark, step, model


def ours(args: argparse.Namespace, minutes: float, out: Path) -> genae.Run:
    """The preset, trained for so many processor-minutes."""
    probe = training(args, PROBED, out / "probe")
    marks = [time.process_time() for _ in probe]
    fit = time.process_time() - marks[-1]  # of the sampler, and what follows
    whole = training(args, max(1, int((60 * SHARE * minutes - fit) / median(b - a for a, b in pairwise(marks)))), out / "run")
    for _ in whole:
        pass
    return whole.run()


def training(args: argparse.Namespace, steps: int, out: Path) -> genae.Training:
    return genae.Training(args.preset, data=args.data, steps=steps, out=out, settings=args.set, save_seconds=math.inf)


def sheet(domain: Domain, rows: list[Tensor], path: Path) -> None:
    shown = [picture for row in rows for picture in output.drawn(domain, row[:SHOWN])]
    pictures.save(pictures.grid(shown, columns=SHOWN), path)


def told(name: str, minutes: float, steps: int, x: Tensor, back: Tensor) -> None:
    print(json.dumps({"model": name, "minutes": minutes, "steps": steps, "psnr": round(psnr(x, back), 2)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="image-64")
    parser.add_argument("--data", default="emoji")
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 6, 15])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as genae train has it")
    parser.add_argument("--out", type=Path, default=Path("images"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    made = recipe.compose(args.preset, args.set)
    domain = instance(Domain, "domain", made.domain)
    splits: dict[str, Examples] = {name: read_split(open_data(args.data), name, domain) for name in ("train", "test")}
    x = {name: domain.prepare(found.x, "show") for name, found in splits.items()}
    for minutes in args.minutes:
        with tempfile.TemporaryDirectory() as folder:
            run = ours(args, minutes, Path(folder))
            back = run.reconstruct(splits["test"])[1]
            told(args.preset, minutes, run.step, x["test"], back)
            new = run.sample(4 * SHOWN, seed=0)
            sheet(domain, [x["test"], back, *new.split(SHOWN)], args.out / f"{args.preset}-{minutes:g}.png")
    latent = run.vae.space.size
    for minutes, steps, model in plain(x["train"], latent, args.minutes):
        back = model.again(x["test"])
        told("plain", minutes, steps, x["test"], back)
        torch.manual_seed(0)
        new = model.decoder(torch.randn(4 * SHOWN, latent)).detach().sigmoid()
        sheet(domain, [x["test"], back, *new.split(SHOWN)], args.out / f"plain-{minutes:g}.png")


if __name__ == "__main__":
    main()
