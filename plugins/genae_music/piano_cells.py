r"""What knows no network: every key at every step by itself.

    p(x) = Π_t Π_k Bernoulli(struck; s_tk) · Bernoulli(goes on; g_t)^[not struck, sounding before] · q(velocity)^[struck]

s, g and q are shares in the training windows, with half a window more of the mean of all cells.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from genae_music.keyed import LEVELS, level_of, velocity_of


class Cells(NamedTuple):
    """Probabilities."""

    struck: Tensor  # (T, 88)
    going: Tensor  # (T, 88), of those that sounded at the step before; in the first step of any
    loud: Tensor  # (LEVELS,)

    @classmethod
    def of(cls, train: Tensor) -> Cells:
        """Events (N, T, 88)."""
        struck, going, free = _parts(train)
        levels = torch.bincount(level_of(train[train > 0]).long(), minlength=LEVELS) + 1.0
        steps = going.sum((0, 2)) + 0.5, free.sum((0, 2)) + 1.0
        return cls(
            _share(struck),
            torch.where(torch.arange(len(steps[0]))[:, None] == 0, _share(going[:, 0]), (steps[0] / steps[1])[:, None]),
            levels / levels.sum(),
        )

    def nats(self, x: Tensor) -> Tensor:
        """−log p of events (N, T, 88), (N,)."""
        struck, going, free = (part.float() for part in _parts(x))
        of_struck = F.binary_cross_entropy(self.struck.expand_as(struck), struck, reduction="none")
        of_going = F.binary_cross_entropy(self.going.expand_as(going), going, reduction="none") * free
        loud = torch.zeros_like(x)
        loud[x > 0] = -self.loud.log()[level_of(x[x > 0]).long()]
        return (of_struck + of_going + loud).sum((1, 2))

    def sample(self, n: int) -> Tensor:
        """Events (n, T, 88), step by step."""
        steps, before = list[Tensor](), torch.ones(n, self.struck.shape[1], dtype=torch.bool)
        for own, on in zip(self.struck, self.going, strict=True):
            struck, going = (torch.rand(n, len(own)) < p for p in (own, on))
            levels = torch.multinomial(self.loud, n * len(own), replacement=True).view(n, -1)
            x = torch.where(struck, velocity_of(levels), torch.where(going & before, -1.0, 0.0))
            before = x != 0
            steps.append(x)
        return torch.stack(steps, 1)


def _share(there: Tensor) -> Tensor:
    """Of windows (N, …) that have it."""
    count = there.sum(0)
    return (count + 0.5 * count.float().mean() / len(there)) / (len(there) + 0.5)


def _parts(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which keys (N, T, 88) are struck, go on, and might have gone on."""
    sounding = F.pad((x != 0)[:, :-1], (0, 0, 1, 0), value=True)
    return x > 0, x < 0, sounding & (x <= 0)
