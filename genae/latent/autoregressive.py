r"""Priors over codes, each drawn given those before it in their order: of a grid row by row, of residual codes coarse to fine.

    p(z | c) = Π_i p(z_i | z_<i, c)          https://arxiv.org/abs/1711.00937, section 3.3

A transformer that sees what is before (https://arxiv.org/abs/1706.03762), with a place of its own for each code. As a prior it
is trained inside the ELBO, whose rate then is −log p(z); as a sampler it is fitted on the codes of the training examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.descent import Batch, Rate, Steps, descended
from genae.latent.posteriors import Density
from genae.latent.precision import full_precision
from genae.latent.samplers import Fitting, Prior
from genae.latent.space import Space

LONGEST = 4096  # codes: attention grows with their square

Width = Annotated[int, Ge(1), Le(4096), doc("units of the transformer")]
Layers = Annotated[int, Ge(1), Le(64), doc("layers of the transformer")]
Heads = Annotated[int, Ge(1), Le(64), doc("heads of each layer; they divide the width")]


class Autoregressive(Prior):
    """Codes one after the other."""

    def __init__(self, space: Space, condition: int = 0, *, width: Width = 128, layers: Layers = 2, heads: Heads = 4) -> None:
        super().__init__(space, condition)
        self.require(discrete=True)
        if width % heads:
            raise GenaeError(f"the transformer's width must be a multiple of its heads, not {width} of {heads}")
        if space.size > LONGEST:
            raise GenaeError(f"{space.size} codes are too many for a transformer, {LONGEST} the most; set prior=uniform")
        self.enter = nn.Embedding(space.codes, width)
        self.place = nn.Parameter(0.02 * torch.randn(space.size, width))
        self.given = nn.Linear(condition, width, bias=False) if condition else None
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.leave = nn.Linear(width, space.codes)

    def logits(self, before: Tensor, condition: Tensor | None) -> Tensor:
        """Codes before (N, T) to logits of each and of the next one (N, T + 1, codes)."""
        count = before.shape[1] + 1
        x = F.pad(self.enter(before), (0, 0, 1, 0)) + self.place[:count]
        context = self.context(condition)
        if self.given is not None and context is not None:
            x = x + self.given(context).expand(len(x), -1)[:, None]
        later = torch.ones(count, count, dtype=torch.bool, device=x.device).triu(1)
        logits: Tensor = self.leave(self.layers(x, later)).float()
        return logits

    def nats(self, flat: Tensor, condition: Tensor | None) -> Tensor:
        """−log p (N,) of codes (N, size)."""
        return F.cross_entropy(self.logits(flat[:, :-1], condition).mT, flat, reduction="none").sum(1)

    def forward(self, condition: Tensor | None = None) -> Density:
        return _InTurn(self, condition)

    @torch.no_grad()
    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        z = torch.empty(n, 0, dtype=torch.int64, device=self.anchor.device)
        with full_precision(self.anchor.device):
            for _ in range(self.space.size):
                gumbel = -torch.empty(n, self.space.codes, device=z.device).exponential_().log()
                chosen = (self.logits(z, condition)[:, -1] + temperature * gumbel).argmax(1)
                z = torch.cat([z, chosen[:, None]], 1)
        return self.space.shaped(z)


class _InTurn:
    def __init__(self, prior: Autoregressive, condition: Tensor | None) -> None:
        self.prior, self.condition = prior, condition

    def log_prob(self, z: Tensor) -> Tensor:
        """In full precision, z (…, B, *shape)."""
        lead = z.shape[: z.ndim - len(self.prior.space.shape)]
        given = None if self.condition is None else self.condition.expand(*lead, -1).flatten(0, -2)
        with full_precision(z.device):
            return -self.prior.nats(z.reshape(-1, self.prior.space.size), given).view(lead)


class FittedAutoregressive(Autoregressive):
    """The same, fitted after training."""

    reduced = True

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        width: Width = 128,
        layers: Layers = 3,
        heads: Heads = 4,
        steps: Steps = 3000,
        batch: Batch = 64,
        lr: Rate = 1e-3,
    ) -> None:
        super().__init__(space, condition, width=width, layers=layers, heads=heads)
        self.steps, self.batch, self.lr = steps, batch, lr

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """By maximum likelihood."""
        flat = self.space.flat(z)

        def loss() -> Tensor:
            at = torch.randint(len(flat), (min(self.batch, len(flat)),), device=flat.device)
            return self.nats(flat[at], None if condition is None else condition[at]).mean()

        yield from descended(self, loss, self.steps, self.lr)
