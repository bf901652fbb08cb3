r"""CR-VAE: what is the same to us, is the same to the encoder. https://arxiv.org/abs/2105.14859

    −ELBO(x) + λ·KL(q(z | t(x)) ‖ q(z | x)); with `both`, −½ ELBO(x) − ½ ELBO(t(x)) in place of the first

t(x) is drawn anew at every step: what the domain and the task vary in training, a second time; or noise, numbers set to 0, or a
shift along the last axes, round the end. With t the identity the KL is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, doc
from torch import Tensor

from genae.model.objectives import ELBO, VAE, Batch, Loss, Moment
from genae.model.suited import gaussian, require_gaussian
from genae.model.vae import Model

Name = Literal["domain", "noise", "hide", "shift"]
INCONSISTENCY = "inconsistency"


class Consistency(ELBO):
    """The ELBO and a price for an encoder to which the same, varied, is something else."""

    def __init__(
        self,
        weight: Annotated[float, Ge(0), doc("λ, of the KL between the two posteriors")] = 0.1,
        transform: Annotated[Name, doc("t: the domain's own variation, noise, hidden numbers, or a shift")] = "noise",
        amount: Annotated[float, Ge(0), doc("σ of the noise, share that is hidden, largest shift as a share of a side")] = 0.1,
        both: Annotated[bool, doc("whether t(x) is reconstructed too")] = False,
        beta: Annotated[float, Ge(0), doc("weight of the rate")] = 1.0,
        warmup: Annotated[float, Ge(0), doc("as the ELBO's")] = 0,
    ) -> None:
        super().__init__(beta, warmup)
        self.price, self.transform, self.amount, self.both = weight, transform, amount, both
        self.views = transform == "domain"

    def setup(self, vae: Model) -> None:
        require_gaussian(vae, "consistency")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        inference = vae.infer(batch.input, batch.condition)
        bound = self.bounded(inference.sample(), batch, at)
        other, value = self._varied(batch), bound.value
        seen = vae.infer(other.input, batch.condition)
        q = gaussian(seen, "consistency")
        apart = q.rate(gaussian(inference, "consistency"), q.mean)
        if self.both:
            value = 0.5 * (value + self.bounded(seen.sample(), other, at).value)
        yield Loss(VAE, value + self.price * apart.mean(), {**bound.terms, INCONSISTENCY: apart})

    def _varied(self, batch: Batch) -> Batch:
        """t(x) as input, and what is to come back of it."""
        if self.transform == "domain":
            return batch if batch.view is None else batch._replace(input=batch.view)
        if self.transform == "shift":
            by = shifts(batch.input, self.amount)
            return batch._replace(input=shifted(batch.input, by), target=shifted(batch.target, by))
        return batch._replace(input=varied(batch.input, self.transform, self.amount))

    def remarks(self, numbers: Mapping[str, float]) -> str:
        if self.transform != "domain" or numbers.get(INCONSISTENCY) != 0:
            return ""
        return (
            "neither domain nor task vary an example, so its two views are the same, and objective=consistency is the ELBO; "
            "set objective.transform=noise, hide or shift"
        )


def varied(x: Tensor, transform: Literal["noise", "hide"], amount: float) -> Tensor:
    """x (B, *event) with noise, or a share of its numbers 0."""
    if transform == "noise":
        return x + amount * torch.randn_like(x)
    return x * (torch.rand_like(x) >= amount)


def shifts(x: Tensor, amount: float) -> list[int]:
    """Of x (B, *event) along its last two axes, or the one that it has: drawn, the same of all examples."""
    most = [round(amount * side) for side in x.shape[1:][-2:]]
    return [int(torch.randint(-m, m + 1, ())) for m in most]


def shifted(x: Tensor, by: list[int]) -> Tensor:
    """x (B, *event), what leaves at one end coming in at the other."""
    return x.roll(by, [*range(-len(by), 0)])
