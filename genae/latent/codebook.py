r"""A codebook e_1 … e_K that follows what it stands for, without a gradient. https://arxiv.org/abs/1711.00937, appendix A.1

    k(h) = argmin_k ‖h − e_k‖²                                            the code of h
    n_k ← γ n_k + (1 − γ) |{h : k(h) = k}|        m_k ← γ m_k + (1 − γ) Σ_{k(h) = k} h
    e_k = m_k / ñ_k                               ñ_k = (n_k + ε) N / (N + K ε), N = Σ n_k; ñ is not stored back

A code that is used less than a share of an even use is dead: it is put where an example of the batch is, as all codes are at
the first step. Counts begin as if all codes had been used alike, so a code has some hundred steps before it can be dead.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, Lt, doc
from torch import Tensor, nn

from genae.latent.precision import full_precision

DECAY = 0.99  # γ of counts
EPSILON = 1e-5  # ε
RARE = 0.01  # of an even use: a code that is used less is said to be unused

Codes = Annotated[int, Ge(2), Le(1 << 20), doc("how many codes there are")]
Width = Annotated[int, Ge(1), Le(4096), doc("numbers of each code's vector")]
Decay = Annotated[float, Ge(0), Lt(1), doc("γ, by which a code remembers what it stood for")]
Revive = Annotated[float, Ge(0), Lt(1), doc("of an even use: a code that is used less is put where an example is; 0 for never")]


class Chosen(NamedTuple):
    """The codes of vectors h (N, D)."""

    which: Tensor  # (N,)
    vectors: Tensor  # (N, D)


class Use(nn.Module):
    """How often each of so many codes is used: an average of its count over the last batches."""

    def __init__(self, codes: int, decay: float = DECAY) -> None:
        super().__init__()
        self.decay = decay
        self.count = nn.Buffer(torch.zeros(codes))

    def see(self, counts: Tensor) -> None:
        """How often each code is in a batch (K,)."""
        before = torch.where(self.count.sum() > 0, self.count, counts.mean())
        self.count.copy_(before.lerp(counts, 1 - self.decay))

    def below(self, share: float) -> Tensor:
        """Which codes (K,) are used less than that share of an even use."""
        return self.count <= share * self.count.mean()

    @property
    def unused(self) -> Tensor:
        """How many codes () are hardly used, once any were."""
        return (self.below(RARE) & (self.count.sum() > 0)).sum().float()


class Codebook(Use):
    """K vectors of D numbers."""

    def __init__(self, codes: int, width: int, decay: float, revive: float) -> None:
        super().__init__(codes, decay)
        self.revive = revive
        self.vectors = nn.Buffer(0.1 * torch.randn(codes, width))  # until the first batch
        self.total = nn.Buffer(torch.zeros(codes, width))

    @torch.no_grad()
    def choose(self, h: Tensor) -> Chosen:
        """h (N, D), which the codebook learns from while it is training."""
        with full_precision(h.device):
            if self.training:
                self._revive(h)
            index = (self.vectors.square().sum(1) - 2 * h @ self.vectors.mT).argmin(1)
            chosen = Chosen(index, self.vectors[index])
            if self.training:
                self._follow(h, index)
        return chosen

    def _revive(self, h: Tensor) -> None:
        """Dead codes to examples drawn at random, with an even use; at first all are dead."""
        even, dead = len(h) / len(self.vectors), self.below(self.revive)
        drawn = h[torch.randint(len(h), (len(self.vectors),), device=h.device)]
        self.vectors.copy_(torch.where(dead[:, None], drawn, self.vectors))
        self.total.copy_(torch.where(dead[:, None], even * drawn, self.total))
        self.count.copy_(torch.where(dead, even, self.count))

    def _follow(self, h: Tensor, index: Tensor) -> None:
        chosen = F.one_hot(index, len(self.vectors)).to(h)  # a product: sums by index are in no fixed order on a GPU
        self.see(chosen.sum(0))
        self.total.lerp_(chosen.mT @ h, 1 - self.decay)
        n, codes = self.count.sum(), len(self.vectors)
        self.vectors.copy_(self.total / ((self.count + EPSILON) * n / (n + codes * EPSILON))[:, None])
