r"""A VAE-GAN: a critic of events lends the decoder its features, a distance that knows what matters.

    vae      β·KL(q ‖ p) + likelihood·−log p(x | z) + γ·½ Σ_l mean |D_l(x) − D_l(x̂)|² · N + λ·−log D(x̂), x̂ = E[x | z]
    critic   −½ log D(x) − ¼ log(1 − D(x̂)) − ¼ log(1 − D(x′)), x′ of z from the prior           https://arxiv.org/abs/1512.09300

D_l are the features of the critic's layers, N the numbers of an event, so that γ weighs as a Gaussian likelihood of σ 1 does.
The critic must not see at a glance what is made: where data are drawn 0 or 1 and means are between, it wins outright.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.latent.space import Shape
from genae.model.critics import CRITIC, SLOPE, Critic, Judged, Width, dense, told_apart
from genae.model.objectives import ELBO, VAE, Batch, Loss, Moment
from genae.model.suited import require_gradient
from genae.model.vae import Model

LEAST = 8  # side of what convolutions look at


class VAEGAN(Judged, ELBO):
    """The ELBO beside a critic of what is decoded."""

    def __init__(
        self,
        beta: Annotated[float, Ge(0), doc("weight of the rate")] = 1.0,
        warmup: Annotated[float, Ge(0), doc("as the ELBO's")] = 0,
        likelihood: Annotated[float, Ge(0), doc("weight of the distortion")] = 1.0,
        features: Annotated[float, Ge(0), doc("γ, weight of the distance between the critic's features")] = 1.0,
        adversarial: Annotated[float, Ge(0), doc("λ, weight of passing for data")] = 10.0,
        width: Width = 32,
    ) -> None:
        super().__init__(beta, warmup)
        self.likelihood, self.features, self.adversarial, self.width = likelihood, features, adversarial, width

    def setup(self, vae: Model) -> None:
        require_gradient(vae, "vae-gan")
        self.critic = critic_of(vae.event, self.width)

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        found = vae.infer(batch.input, batch.condition).sample()
        bound = self.bounded(found, batch, at)
        if CRITIC not in at.players:
            yield bound
            return
        made = found.p.mean
        yield self._passing(bound, batch.target, made)
        with torch.no_grad():
            new = vae.decode(vae.prior.sample(len(made), 1.0, batch.condition), batch.condition).mean
        half = len(made) // 2 or 1
        shown = torch.cat([made.detach()[:half], new[half:]])
        yield told_apart(self.critic(batch.target)[1], self.critic(shown)[1])

    def _passing(self, bound: Loss, target: Tensor, made: Tensor) -> Loss:
        with torch.no_grad():
            wanted, _ = self.critic(target)
        features, logit = self.critic(made)
        matching, passing = target[0].numel() * apart(wanted, features), F.softplus(-logit)
        distortion = next(iter(bound.terms.values()))
        value = bound.value + (self.likelihood - 1) * distortion.mean()
        value = value + (self.features * matching + self.adversarial * passing).mean()
        return Loss(VAE, value, {**bound.terms, "feature_matching": matching, "passing": passing})


def apart(wanted: list[Tensor], features: list[Tensor]) -> Tensor:
    """½ Σ_l mean |a − b|² over the features of each layer, (B,)."""
    return torch.stack([0.5 * (a - b).square().flatten(1).mean(1) for a, b in zip(wanted, features, strict=True)]).sum(0)


def critic_of(event: Shape, width: int) -> Critic:
    """For events of channels and two sides convolutions, each at half the sides; else linear layers."""
    if len(event) != 3 or min(event[1:]) < LEAST:
        return dense(event, 8 * width)
    channels, (height, broad) = [event[0], width, 2 * width, 4 * width], event[1:]
    layers = []
    for before, after in pairwise(channels):
        layers.append(nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)))
        height, broad = height // 2, broad // 2
    return Critic(layers, channels[-1] * height * broad)
