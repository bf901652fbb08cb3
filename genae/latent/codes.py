r"""Posteriors that give codes: whole numbers, each with a vector v that the decoder is given, chosen without chance.

    VQ          v = e_k, k the nearest of a codebook's vectors                                https://arxiv.org/abs/1711.00937
    ResidualVQ  v = Σ_q e_{k_q}, each k_q the nearest to what those before it left            https://arxiv.org/abs/2107.03312
    FSQ         v_j = round(f(h_j)) / ⌊L_j / 2⌋ of L_j levels, f(h) = r·tanh(h + tan(o/r)) − o; no codebook is learned
                r = ½ (L − 1)(1 − 10⁻³), o = ½ where L is even, else 0                        https://arxiv.org/abs/2309.15505

The gradient goes straight through, ∂v/∂h = I, of FSQ ∂v/∂h = f′(h) / ⌊L / 2⌋. Since q(z | x) is 1 at one z, the rate is
−log p(z). VQ pulls h to its vector by the commitment c·‖h − v‖². Each tells the perplexity of a batch, e^entropy of its codes,
and how many codes are hardly used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, MaxLen, MinLen, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent import codebook
from genae.latent.codebook import Codebook, Decay, Revive, Use, Width
from genae.latent.posteriors import Density, Family
from genae.latent.space import Shape, Space

Commitment = Annotated[float, Ge(0), doc("weight of ‖h − v‖², by which the encoder stays near its codes")]


class Quantised:
    """The one z (B, *shape) that an encoder gives, and its vectors (B, *embedded), with the encoder's gradient."""

    def __init__(self, mean: Tensor, vectors: Tensor, penalty: Tensor | None, terms: dict[str, Tensor]) -> None:
        self.mean, self.vectors, self._penalty, self._terms = mean, vectors, penalty, terms

    def rsample(self, samples: int | None = None) -> Tensor:
        return self.vectors if samples is None else self.vectors.expand(samples, *self.vectors.shape)

    def log_ratio(self, prior: Density, z: Tensor) -> Tensor:
        lead = z.shape[: z.ndim - self.vectors.ndim]
        return -prior.log_prob(self.mean.expand(*lead, *self.mean.shape))

    def rate(self, prior: Density, z: Tensor) -> Tensor:
        return -prior.log_prob(self.mean)

    def rate_by_dimension(self, prior: Density) -> Tensor:
        raise GenaeError("codes have no rate by dimension; set objective.free_bits=0")

    def penalty(self) -> Tensor | None:
        return self._penalty

    def terms(self) -> dict[str, Tensor]:
        return self._terms


class Coded(Family):
    """What posteriors of codes have in common."""

    kind = "codes"

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.codes = codes

    def space(self, space: Space) -> Space:
        if space.codes not in (0, self.codes):
            raise GenaeError(f"this posterior has {self.codes} codes, and latent says {space.codes}; leave that out")
        return replace(space, codes=self.codes)

    def uses(self) -> Sequence[Use]:
        """How often codes are used, of each alphabet."""
        raise NotImplementedError

    def remark(self) -> str:
        unused, every = int(self._unused()), sum(len(use.count) for use in self.uses())
        return f"{unused} of {every} codes are hardly used: a posterior with fewer would do" if unused else ""

    def _unused(self) -> Tensor:
        return torch.stack([use.unused for use in self.uses()]).sum()

    def _terms(self, indices: Sequence[Tensor]) -> dict[str, Tensor]:
        """Of a batch's codes, (N,) of each alphabet: the mean of their perplexities, and how many are hardly used."""
        shares = [F.one_hot(index, self.codes).float().mean(0) for index in indices]
        perplexity = torch.stack([torch.special.entr(share).sum().exp() for share in shares]).mean()
        return {"perplexity": perplexity, "unused": self._unused()}


class VQ(Coded):
    """The nearest of a codebook's vectors, of which each follows the mean of what it stands for."""

    def __init__(
        self,
        codes: codebook.Codes = 512,
        width: Width = 32,
        commitment: Commitment = 0.25,
        decay: Decay = codebook.DECAY,
        revive: Revive = codebook.RARE,
    ) -> None:
        super().__init__(codes)
        self.width, self.commitment = width, commitment
        self.book = Codebook(codes, width, decay, revive)

    def features(self, space: Space) -> Shape:
        return (*space.shape, self.width)

    embedded = features

    def embed(self, z: Tensor) -> Tensor:
        return self.book.vectors[z]

    def uses(self) -> Sequence[Use]:
        return [self.book]

    def forward(self, h: Tensor) -> Quantised:
        h = h.float()
        index, flat = self.book.choose(h.detach().flatten(0, -2))
        vectors = flat.view_as(h)
        penalty = self.commitment * (h - vectors).square().flatten(1).sum(1)
        return Quantised(index.view(h.shape[:-1]), h + (vectors - h).detach(), penalty, self._terms([index]))


class ResidualVQ(Coded):
    """A few codebooks: each stands for what those before it left of h. z has one axis more, of their codes."""

    def __init__(
        self,
        codes: codebook.Codes = 256,
        quantisers: Annotated[int, Ge(1), Le(64), doc("codebooks, each of what those before it left")] = 4,
        width: Width = 32,
        commitment: Commitment = 0.25,
        decay: Decay = codebook.DECAY,
        revive: Revive = codebook.RARE,
    ) -> None:
        super().__init__(codes)
        self.width, self.commitment = width, commitment
        self.books = nn.ModuleList(Codebook(codes, width, decay, revive) for _ in range(quantisers))

    def space(self, space: Space) -> Space:
        return replace(super().space(space), shape=(*space.shape, len(self.books)))

    def features(self, space: Space) -> Shape:
        return (*space.shape[:-1], self.width)

    embedded = features

    def embed(self, z: Tensor) -> Tensor:
        return torch.stack([book.vectors[index] for book, index in zip(self._every(), z.unbind(-1), strict=True)]).sum(0)

    def uses(self) -> Sequence[Use]:
        return self._every()

    def _every(self) -> list[Codebook]:
        return [book for book in self.books if isinstance(book, Codebook)]

    def forward(self, h: Tensor) -> Quantised:
        h, indices = h.float(), list[Tensor]()
        vectors, penalty = torch.zeros_like(h), h.new_zeros(len(h))
        for book in self._every():
            index, flat = book.choose((h - vectors).detach().flatten(0, -2))
            indices.append(index)
            vectors = vectors + flat.view_as(h)
            penalty = penalty + self.commitment * (h - vectors).square().flatten(1).sum(1)
        z = torch.stack(indices, -1).view(*h.shape[:-1], len(indices))
        return Quantised(z, h + (vectors - h).detach(), penalty, self._terms(indices))


class FSQ(Coded):
    """A few numbers, each rounded to one of its levels: every place is one of Π L codes, and none has to be learned."""

    def __init__(
        self,
        levels: Annotated[
            Sequence[Annotated[int, Ge(2), Le(1024)]], MinLen(1), MaxLen(16), doc("L of each number; there are Π L codes")
        ] = (8, 5, 5),
    ) -> None:
        if prod(levels) > 1 << 20:
            raise GenaeError(f"posterior.levels make {prod(levels)} codes; {1 << 20} are the most")
        super().__init__(prod(levels))
        count = torch.tensor(levels)
        self.levels, self.middle = nn.Buffer(count, persistent=False), nn.Buffer(count // 2, persistent=False)
        self.basis = nn.Buffer(count.cumprod(0) // count, persistent=False)
        self.use = Use(self.codes)

    def features(self, space: Space) -> Shape:
        return (*space.shape, len(self.levels))

    embedded = features

    def uses(self) -> Sequence[Use]:
        return [self.use]

    def bound(self, h: Tensor) -> Tensor:
        """Any numbers (…, levels) to ones that round to their levels, which lie around 0."""
        reach, offset = (self.levels - 1) * (1 - 1e-3) / 2, 0.5 * (self.levels % 2 == 0)
        return (h + (offset / reach).tan()).tanh() * reach - offset

    def index(self, v: Tensor) -> Tensor:
        """Vectors (…, levels), as the decoder is given them, to codes (…)."""
        return (((v * self.middle).round().long() + self.middle) * self.basis).sum(-1)

    def embed(self, z: Tensor) -> Tensor:
        return (z[..., None] // self.basis % self.levels - self.middle) / self.middle

    def forward(self, h: Tensor) -> Quantised:
        bounded = self.bound(h.float())
        level = bounded.detach().round() + (bounded - bounded.detach())  # round(f), with the gradient of f
        z = self.index(level.detach() / self.middle)
        if self.training:
            self.use.see(F.one_hot(z.flatten(), self.codes).float().sum(0))
        return Quantised(z, level / self.middle, None, self._terms([z.flatten()]))
