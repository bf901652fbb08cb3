r"""From the channels of a sound to one: their mean (mid), one of them, or half their difference (side).

Where channels are each other's negative, as a plug of wrong polarity makes them, their mean is silence. With P the mean power
of the n channels and M that of their mean, unrelated channels have M = P / n; M below a fifth of that is told.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import doc
from torch import Tensor

from genae.errors import Rejected
from genae_audio.files import Block

Channels = Annotated[
    Literal["mid", "left", "right", "side"],
    doc("mid: the mean of all; the first, the second; side: half of the first less the second"),
]
CANCELS = 0.2


class Mix:
    """One channel of each block, and how much of the channels it keeps."""

    def __init__(self, name: str, wanted: Channels) -> None:
        self.name, self.wanted = name, wanted
        self.channels = 0
        self.before = self.after = 0.0  # energies: a channel's, the mix's
        self.loudest = 0.0  # of the mix

    def __call__(self, block: Block) -> Tensor:
        """(n, channels) to (n,). Rejected for the side of a single channel."""
        self.channels = block.shape[1]
        mono = self._mono(block)
        self.before += float(np.square(block, dtype=np.float64).sum()) / self.channels
        self.after += float(np.square(mono, dtype=np.float64).sum())
        self.loudest = max(self.loudest, float(np.abs(mono).max(initial=0.0)))
        return torch.from_numpy(np.ascontiguousarray(mono))

    def _mono(self, block: Block) -> Block:
        if self.wanted == "mid":
            mean: Block = block.mean(1)
            return mean
        if self.wanted == "side":
            if self.channels == 1:
                raise Rejected(f"{self.name}: has one channel and so no side", "one channel, which has no side")
            return (block[:, 0] - block[:, 1]) / np.float32(2)
        return block[:, 0 if self.wanted == "left" else min(1, self.channels - 1)]

    @property
    def cancels(self) -> bool:
        """Whether the mean of the channels has lost what is in them."""
        return self.wanted == "mid" and self.after * self.channels < CANCELS * self.before

    @property
    def loss(self) -> str:
        """`60.0 dB below them`, of the mean of the channels."""
        return f"{10 * math.log10(self.before / self.after):.1f} dB below them" if self.after else "silence"
