r"""Critics, and the objectives in which one looks at codes.

    critic       −½ E_a log D(a) − ½ E_b log(1 − D(b)), D = sigmoid(logit): at its best logit = log a/b, two densities' ratio

    Adversarial  −log p(x | z) + λ·−log D(z), D telling draws of the prior from codes           https://arxiv.org/abs/1511.05644
    FactorVAE    −ELBO + γ E_q logit(z), D telling codes from codes whose numbers come of different examples: at its best an
                 estimate of the total correlation                                              https://arxiv.org/abs/1802.05983

The critic is a player, with an optimiser of its own where the recipe has one: {"optimisers": {"critic": {"lr": 1e-4}}}. In a
stage in which it does not learn it has no part in anything. `critic_accuracy` is the share of what it tells rightly: at ½ it
cannot, and near 1 it has won, and its gradient shows no way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor, nn
from torch.nn import Parameter

from genae.latent.space import Shape
from genae.model.divergences import drawn
from genae.model.objectives import ELBO, VAE, Batch, Loss, Moment, Objective, Player, of_the_vae, score
from genae.model.suited import require_density, require_fixed_prior, require_gradient
from genae.model.vae import Model

CRITIC, ACCURACY = "critic", "critic_accuracy"
SLOPE = 0.2  # of the leaky ReLU below 0
WON = 0.99  # the accuracy from which it is told
Width = Annotated[int, Ge(1), doc("of the critic's layers")]


def of_the_critic(game: nn.Module) -> Iterable[Parameter]:
    """Those of the objective."""
    return game.get_submodule("objective.critic").parameters()


class Critic(nn.Module):
    """Anything (B, *shape) to features of every layer and the logit (B,): of codes, and of events without two sides."""

    def __init__(self, layers: Iterable[nn.Module], features: int) -> None:
        super().__init__()
        self.layers, self.last = nn.ModuleList(layers), nn.Linear(features, 1)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return [h.float() for h in features], self.last(x.flatten(1))[:, 0].float()


def dense(shape: Shape, width: int) -> Critic:
    """Of two linear layers."""
    first = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), width), nn.LeakyReLU(SLOPE))
    return Critic([first, nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(SLOPE))], width)


class Judged(Objective):
    """An objective with a critic."""

    players: ClassVar[Mapping[str, Player]] = {VAE: of_the_vae, CRITIC: of_the_critic}
    critic: Critic

    def remarks(self, numbers: Mapping[str, float]) -> str:
        if numbers.get(ACCURACY, 0.0) < WON:
            return ""
        return (
            f"the critic has won: it tells {numbers[ACCURACY]:.1%} rightly, and the model learns nothing more from it; "
            "try a lower optimisers.critic.lr, a smaller objective.width, or a stage without it first"
        )


def told_apart(first: Tensor, second: Tensor) -> Loss:
    """The critic's loss of its logits, (B,) each, of what it is to call 1 and 0."""
    value = 0.5 * (F.softplus(-first).mean() + F.softplus(second).mean())
    right = 0.5 * ((first > 0).float().mean() + (second < 0).float().mean())
    return Loss(CRITIC, value, {ACCURACY: right})


class Adversarial(Judged):
    """The adversarial autoencoder: codes that a critic cannot tell from draws of the prior; plain ones too."""

    fits_codes = True

    def __init__(
        self,
        weight: Annotated[float, Ge(0), doc("λ, of passing for a draw of the prior")] = 10.0,
        width: Width = 256,
    ) -> None:
        super().__init__()
        self.weight, self.width = weight, width

    def setup(self, vae: Model) -> None:
        require_gradient(vae, "adversarial")
        require_fixed_prior(vae, "adversarial")
        self.critic = dense(vae.space.shape, self.width)

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        found = vae.infer(batch.input, batch.condition).sample()
        distortion, name = score(found.p, batch.target, at)
        if CRITIC not in at.players:
            yield Loss(VAE, distortion.mean(), {name: distortion})
            return
        passing = F.softplus(-self.critic(found.z)[1])
        yield Loss(VAE, (distortion + self.weight * passing).mean(), {name: distortion, "passing": passing})
        yield told_apart(self.critic(drawn(vae, batch))[1], self.critic(found.z.detach())[1])


class FactorVAE(Judged, ELBO):
    """The ELBO and a price for numbers of z that hang together."""

    def __init__(
        self,
        gamma: Annotated[float, Ge(0), doc("γ, weight of the total correlation")] = 6.0,
        warmup: Annotated[float, Ge(0), doc("as the ELBO's")] = 0,
        width: Width = 256,
    ) -> None:
        super().__init__(warmup=warmup)
        self.gamma, self.width = gamma, width

    def setup(self, vae: Model) -> None:
        require_density(vae, "factor-vae", "autoencoder")
        self.critic = dense(vae.space.shape, self.width)

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        found = vae.infer(batch.input, batch.condition).sample()
        bound = self.bounded(found, batch, at)
        if CRITIC not in at.players:
            yield bound
            return
        correlation = self.critic(found.z)[1]
        yield Loss(VAE, bound.value + self.gamma * correlation.mean(), {**bound.terms, "correlation": correlation})
        z = found.z.detach()
        yield told_apart(self.critic(z)[1], self.critic(mixed(z))[1])


def mixed(z: Tensor) -> Tensor:
    """z (B, *shape) whose every number comes of an example of its own choice."""
    flat = z.flatten(1)
    return flat.gather(0, torch.rand_like(flat).argsort(0)).view_as(z)
