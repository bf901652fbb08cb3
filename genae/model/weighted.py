r"""Bounds of K importance samples beside IWAE's, log w (K, B) as in genae/model/objectives.py. https://arxiv.org/abs/1802.04537

    MIWAE    −mean_m [logsumexp_k log w_mk − ln K]                     M estimates of K samples: less noise for the encoder
    CIWAE    β·ELBO + (1 − β)·IWAE, of the same K samples
    PIWAE    the encoder's loss is MIWAE's, that of decoder and prior IWAE's of all M·K samples

More samples make the bound tighter and the encoder's gradient noisier, which is why the last has two players.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar

from annotated_types import Ge, Le, doc
from torch import Tensor, nn
from torch.nn import Parameter

from genae.model.objectives import VAE, Batch, Loss, Moment, Objective, Player, iwae, log_weights, parts
from genae.model.suited import in_two, require_density
from genae.model.vae import Model

ENCODER = "encoder"
Samples = Annotated[int, Ge(1), doc("K, importance samples of an estimate")]
Estimates = Annotated[int, Ge(1), doc("M, estimates of each example")]


class MIWAE(Objective):
    """The mean of several importance-weighted bounds."""

    def __init__(self, samples: Samples = 5, estimates: Estimates = 5) -> None:
        super().__init__()
        self.samples, self.estimates = samples, estimates

    def setup(self, vae: Model) -> None:
        require_density(vae, "miwae", "autoencoder")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        weights, likelihoods = log_weights(vae.infer(batch.input, batch.condition), batch, self.samples * self.estimates)
        yield Loss(VAE, -miwae(weights, self.samples).mean(), parts(weights, likelihoods))


class CIWAE(Objective):
    """Between the ELBO and the importance-weighted bound."""

    def __init__(
        self,
        samples: Samples = 5,
        beta: Annotated[float, Ge(0), Le(1), doc("β, the share of the ELBO")] = 0.5,
    ) -> None:
        super().__init__()
        self.samples, self.beta = samples, beta

    def setup(self, vae: Model) -> None:
        require_density(vae, "ciwae", "autoencoder")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        weights, likelihoods = log_weights(vae.infer(batch.input, batch.condition), batch, self.samples)
        bound = self.beta * weights.mean(0) + (1 - self.beta) * iwae(weights)
        yield Loss(VAE, -bound.mean(), parts(weights, likelihoods))


def of_the_encoder(game: nn.Module) -> Iterable[Parameter]:
    """Those of q(z | x)."""
    return game.get_submodule("vae.encoder").parameters()


def of_the_rest(game: nn.Module) -> Iterable[Parameter]:
    """Those of p(x | z) and p(z)."""
    return [p for name, p in game.get_submodule("vae").named_parameters() if not name.startswith("encoder.")]


class PIWAE(MIWAE):
    """Two players, one after the other, each with samples of its own."""

    players: ClassVar[Mapping[str, Player]] = {VAE: of_the_rest, ENCODER: of_the_encoder}

    def setup(self, vae: Model) -> None:
        require_density(vae, "piwae", "autoencoder")
        in_two(vae, "piwae")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        samples = self.samples * self.estimates
        weights, likelihoods = log_weights(vae.infer(batch.input, batch.condition), batch, samples)
        yield Loss(VAE, -iwae(weights).mean(), parts(weights, likelihoods))
        if ENCODER in at.players:
            weights, _ = log_weights(vae.infer(batch.input, batch.condition), batch, samples)
            yield Loss(ENCODER, -miwae(weights, self.samples).mean(), {})


def miwae(weights: Tensor, samples: int) -> Tensor:
    """log w (M·K, B) to the mean over M of the bounds of K samples (B,), nats."""
    return iwae(weights.view(-1, samples, weights.shape[-1]).transpose(0, 1)).mean(0)
