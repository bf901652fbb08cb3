"""Trains the small classifier of digits on whose features 28 × 28 images are compared, and says how often it is right.

    python bench/digits.py [--epochs 3] [--out plugins/genae_image/digits.safetensors]

MNIST's training images, moved by up to two pixels; Adam, its rate falling to 0. The weights are kept as float16, 215 kB.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from genae.data.examples import Examples
from genae.data.opening import as_dataset
from genae.data.reading import read_split
from genae_image.digits import WEIGHTS, Digits
from genae_image.domain import Image

BATCH, MOVED = 256, 2


def moved(x: Tensor) -> Tensor:
    """A batch (B, 1, 28, 28) moved by up to two pixels, all alike."""
    across, up = torch.randint(-MOVED, MOVED + 1, (2,)).tolist()
    return torch.roll(F.pad(x, (MOVED,) * 4), (across, up), (2, 3))[..., MOVED:-MOVED, MOVED:-MOVED]


def trained(x: Tensor, labels: Tensor, epochs: int) -> Digits:
    """A classifier of images (N, 1, 28, 28) in [0, 1]."""
    torch.manual_seed(0)
    model, steps = Digits(), epochs * (len(x) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps)
    for step in range(steps):
        if step % (len(x) // BATCH) == 0:
            order = torch.randperm(len(x))
        rows = order[step % (len(x) // BATCH) * BATCH :][:BATCH]
        optimiser.zero_grad()
        F.cross_entropy(model(moved(x[rows])), labels[rows], label_smoothing=0.05).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def images(examples: Examples) -> tuple[Tensor, Tensor]:
    """In [0, 1], and their digits."""
    assert examples.labels is not None
    return examples.x.float() / 255, examples.labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    asked = parser.parse_args()
    train, test = (images(read_split(as_dataset("mnist"), split, Image())) for split in ("train", "test"))
    model = trained(*train, asked.epochs)
    save_file({name: value.half() for name, value in model.state_dict().items()}, asked.out)
    model.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    with torch.no_grad():
        right = (model(test[0]).argmax(1) == test[1]).float().mean().item()
    print(json.dumps({"accuracy": right, "bytes": asked.out.stat().st_size}))


if __name__ == "__main__":
    main()
