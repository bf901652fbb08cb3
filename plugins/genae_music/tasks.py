"""Tasks that only music has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import torch
from annotated_types import Gt, Lt, doc
from torch import Tensor

from genae.errors import GenaeError

if TYPE_CHECKING:
    from genae_music.domain import Music


class Complete:
    """Input = the first part of the target; in the rest nothing new begins."""

    def __init__(self, share: Annotated[float, Gt(0), Lt(1), doc("of the window that is given")] = 0.5) -> None:
        self.share = share

    def of_domain(self, domain: Music) -> Self:
        self.axis = domain.axis - len(domain.event)
        steps = domain.event[domain.axis]
        self.given = round(self.share * steps)
        if not 0 < self.given < steps:
            raise GenaeError(
                f"task.share {self.share:g} gives {self.given} of the {steps} steps; some must be given, and some not"
            )
        return self

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, *event), tokens, to input (B, *event): token 0 is nothing new, whatever the kind."""
        made = target.clone()
        self._rest(made).zero_()
        return made

    def kept(self, inputs: Tensor) -> Tensor:
        """As `genae.model.tasks.Keeping`: the first part."""
        made = torch.ones_like(inputs, dtype=torch.bool)
        self._rest(made).zero_()
        return made

    def _rest(self, x: Tensor) -> Tensor:
        return x.narrow(self.axis, self.given, x.shape[self.axis] - self.given)
