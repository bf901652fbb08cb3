r"""Flow matching: a drift field v(x, t, h) that carries noise to z along straight lines (https://arxiv.org/abs/2210.02747).

It needs no invertible network, so it fits aggregate posteriors that an affine flow does not, and has no density that is cheap.
The field suits the space, a vector or frames along time: genae/latent/drift.py. Here h is the condition.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from genae.latent.descent import Batch, Rate, Standardised, Steps, descended
from genae.latent.drift import Blocks, Turns, Width, drift
from genae.latent.precision import full_precision
from genae.latent.samplers import Fitting, Noise, Variants
from genae.latent.space import Space


class FlowMatching(Noise, Standardised):
    """z of single examples, by flow matching on the latents of the training examples."""

    reduced = True

    def __init__(
        self,
        space: Space,
        condition: int = 0,
        *,
        width: Width = 512,
        blocks: Blocks = 3,
        turns: Turns = 12,
        steps: Steps = 4000,
        batch: Batch = 256,
        lr: Rate = 1e-3,
        variants: Variants = 0,
    ) -> None:
        super().__init__(space, condition)
        self.turns, self.steps, self.batch, self.lr, self.variants = turns, steps, batch, lr, variants
        self.drift = drift(space, condition, width, blocks)

    def fit(self, z: Tensor, condition: Tensor | None) -> Iterator[Fitting]:
        """By the mean square error of the drift."""
        self.standardise(z)
        unit = self.unit(z)

        def loss() -> Tensor:
            at = torch.randint(len(unit), (self.batch,), device=unit.device)
            return self.drift.loss(unit[at], self._given(self.batch, None if condition is None else condition[at])).mean()

        yield from descended(self.drift, loss, self.steps, self.lr)

    @torch.no_grad()
    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        with full_precision(u.device):
            return self.shaped(self.drift.carried(u.float(), self._given(u.shape[0], condition), self.turns))

    def _given(self, n: int, condition: Tensor | None) -> Tensor:
        """(n, C), of no width where there is no condition."""
        context = self.context(condition)
        return self.anchor.new_zeros(n, 0) if context is None else context.expand(n, -1)
