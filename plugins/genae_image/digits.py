r"""Named features of 28 × 28 grey images: the last hidden layer of a small classifier of MNIST's digits.

    x (N, 1, 28, 28) → two convolutions with pooling → 64 numbers, `digits-64` → logits of ten digits

On them samples are compared with held-out images. They are no Inception features: distances on them are not comparable with
any FID or KID of the literature, nor with those on other features. `python bench/digits.py` remakes the weights.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from genae.data.domain import Features
from genae.latent.space import Shape

EVENT: Shape = (1, 28, 28)
WEIGHTS = Path(__file__).parent / "digits.safetensors"
WIDTH, CLASSES, CHUNK = 64, 10, 1000


class Digits(nn.Module):
    """The classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 7 * 7, WIDTH), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, 28, 28) in [0, 1] to logits (N, 10)."""
        logits: Tensor = self.head(self.features(x))
        return logits


@cache
def _trained() -> Digits:
    made = Digits()
    made.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return made.eval()


@torch.no_grad()
def features(x: Tensor) -> Tensor:
    """Images (N, 1, 28, 28) in [0, 1] to (N, 64), on the CPU."""
    return torch.cat([_trained().features(part.float().cpu()) for part in torch.split(x, CHUNK)])


DIGITS = Features("digits-64", features)
