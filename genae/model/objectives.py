r"""What training minimises: an objective yields losses, one backward and one optimiser step each, in order.

    ELBO          E_q[−log p(x | z)] + β·KL(q ‖ p)                                     https://arxiv.org/abs/1312.6114
      β           a constant (https://openreview.net/forum?id=Sy2fzU9gl), raised from 0 over `warmup`, or
                  β·(1 − rate^step) (https://arxiv.org/abs/1803.05428)
      capacity    β·|KL − C|, C raised from 0 to `capacity` nats                       https://arxiv.org/abs/1804.03599
      free bits   Σ_j max(λ, E_B KL_j) by dimension (https://arxiv.org/abs/1606.04934), or max(KL − λ, 0) on the total
                  (https://arxiv.org/abs/1803.05428)
    IWAE          −[logsumexp_k log w_k − ln K], log w as in genae/use/evaluate.py      https://arxiv.org/abs/1509.00519

Others stand beside this page: plain codes in autoencoders.py, more bounds in weighted.py, codes pulled to the prior or apart in
divergences.py, correlation.py and critics.py, then gan.py and consistency.py. An adversarial objective yields once for each
player: its critic's parameters are its own, and it says whose loss is whose.
Sums are over the event, means over the batch, logs natural.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from annotated_types import Ge, Le, Lt, doc
from torch import Tensor, nn
from torch.nn import Parameter

from genae.errors import GenaeError
from genae.latent.inference import Distribution, Inference, Inferred
from genae.model.vae import Model, repeated

VAE = "vae"  # the player that every objective has


class Batch(NamedTuple):
    """Reconstruction has input = target; any other task makes the input from the target."""

    input: Tensor  # (B, *event)
    target: Tensor  # (B, *event)
    condition: Tensor | None = None  # (B, C)
    view: Tensor | None = None  # (B, *event), the input varied a second time, for an objective with `views`


class Moment(NamedTuple):
    """When in a run: what schedules are functions of."""

    step: int  # from 0
    steps: int  # of the whole run
    players: frozenset[str] = frozenset({VAE})  # those that learn now
    examples: int = 0  # of training, 0 where nobody says how many


class Loss(NamedTuple):
    """One player's loss."""

    player: str
    value: Tensor  # (), minimised
    terms: Mapping[str, Tensor]  # named numbers, () or (B,): distortion and rate of every VAE, perplexity, feature_matching …


Player = Callable[[nn.Module], Iterable[Parameter]]


def of_the_vae(loss: nn.Module) -> Iterable[Parameter]:
    """All parameters of the model."""
    return loss.get_submodule(VAE).parameters()


class Objective(nn.Module, ABC):
    """What is minimised; its own parameters, a critic's, are trained by the players that name them."""

    players: ClassVar[Mapping[str, Player]] = {VAE: of_the_vae}  # f(module of `vae` and `objective`) to its parameters
    fits_prior: ClassVar[bool] = True  # whether z of training examples are pulled to the prior, so that it can be sampled,
    fits_codes: ClassVar[bool] = False  # and plain codes, which have no rate, too
    views: bool = False  # whether it compares an input with a second view of it

    def setup(self, vae: Model) -> None:
        """Called once, with the model: networks of its own are made here. GenaeError for a model that it cannot train."""
        return

    def remarks(self, numbers: Mapping[str, float]) -> str:
        """What people should know of the means of losses and terms over a while of training, in one line, or ""."""
        return ""

    @abstractmethod
    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        """The losses of one step, in order; what follows a `yield` is worked out after that loss's optimiser step."""


@runtime_checkable
class Trained(Protocol):
    """A distribution whose training minimises something else than its density: scheduled sampling, dropout of its input."""

    def surrogate(self, x: Tensor, at: Moment) -> Tensor | None:
        """x (B, *event) to what stands for log p(x | z) (B,) at that moment; None where it is the density."""
        ...


def score(p: Distribution, x: Tensor, at: Moment) -> tuple[Tensor, str]:
    """−log p(x | z) (B,) or its surrogate while training, and what to call it."""
    stand_in = p.surrogate(x, at) if isinstance(p, Trained) else None
    return (-p.log_prob(x), "distortion") if stand_in is None else (-stand_in, "surrogate")


class ELBO(Objective):
    """The negative evidence lower bound and its usual weightings; with the defaults, the bound itself."""

    def __init__(
        self,
        beta: Annotated[float, Ge(0), doc("weight of the rate")] = 1.0,
        warmup: Annotated[float, Ge(0), doc("steps over which the weight rises from 0; below 1 a share of the run")] = 0,
        capacity: Annotated[float, Ge(0), doc("nats that the rate is held at; 0 for no such target")] = 0.0,
        capacity_steps: Annotated[int, Ge(0), doc("steps over which the capacity rises from 0")] = 0,
        free_bits: Annotated[float, Ge(0), doc("bits of rate that cost nothing (1 bit = ln 2 nats)")] = 0.0,
        free_bits_per: Annotated[Literal["dimension", "total"], doc("what has so many free bits")] = "dimension",
        beta_rate: Annotated[float, Ge(0), Lt(1), doc("r of β·(1 − r^step); 0 for a constant β")] = 0.0,
    ) -> None:
        super().__init__()
        if capacity and free_bits:
            raise GenaeError("objective.capacity and objective.free_bits both hold the rate up; set one of them")
        self.beta, self.warmup, self.beta_rate = beta, warmup, beta_rate
        self.capacity, self.capacity_steps = capacity, capacity_steps
        self.free_nats, self.free_bits_per = free_bits * math.log(2), free_bits_per

    def weight(self, step: int, steps: int = 0) -> float:
        """β at that step, counted from 0, of a run of so many."""
        beta = self.beta * (1 - self.beta_rate**step) if self.beta_rate else self.beta
        rise = self.warmup * steps if self.warmup < 1 else self.warmup
        return beta * min(1.0, (step + 1) / rise) if rise else beta

    def target_rate(self, step: int) -> float:
        """C at that step, nats."""
        return self.capacity * min(1.0, (step + 1) / self.capacity_steps) if self.capacity_steps else self.capacity

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        yield self.bound(vae, batch, at)

    def bound(self, vae: Model, batch: Batch, at: Moment) -> Loss:
        """The loss of the VAE."""
        return self.bounded(vae.infer(batch.input, batch.condition).sample(), batch, at)

    def bounded(self, found: Inferred, batch: Batch, at: Moment) -> Loss:
        """The same of one z, which other objectives add to."""
        distortion, name = score(found.p, batch.target, at)
        rate = found.rate
        if self.free_nats and self.free_bits_per == "dimension":
            penalty = found.rates().mean(0).clamp(min=self.free_nats).sum()
        elif self.free_nats:
            penalty = (rate - self.free_nats).clamp(min=0).mean()
        elif self.capacity:
            penalty = (rate.mean() - self.target_rate(at.step)).abs()
        else:
            penalty = rate.mean()
        value = distortion.mean() + self.weight(at.step, at.steps) * penalty
        value = value if found.penalty is None else value + found.penalty.mean()
        return Loss(VAE, value, {name: distortion, "rate": rate, **found.terms})


class IWAE(Objective):
    """The importance-weighted bound of `samples` samples, in the last share of the run; before it the ELBO.

    It is tighter, so the model is not held to posteriors that are Gaussian, and a step costs `samples` decodings: it pays where
    the ELBO no longer gains.
    """

    def __init__(
        self,
        samples: Annotated[int, Ge(1), doc("importance samples of each example")] = 5,
        last: Annotated[float, Ge(0), Le(1), doc("share of the run, at its end, in which the bound is used")] = 1.0,
        warmup: Annotated[float, Ge(0), doc("as the ELBO's, within its share of the run")] = 0,
    ) -> None:
        super().__init__()
        self.samples, self.last = samples, last
        self.elbo = ELBO(warmup=warmup)

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        if at.step < round(at.steps * (1 - self.last)):
            yield from self.elbo.losses(vae, batch, at)
            return
        weights, likelihoods = log_weights(vae.infer(batch.input, batch.condition), batch, self.samples)  # (K, B)
        yield Loss(VAE, -iwae(weights).mean(), parts(weights, likelihoods))


def log_weights(inference: Inference, batch: Batch, samples: int) -> tuple[Tensor, Tensor]:
    """log w = log p(x | z) + log p(z) − log q(z | x) and log p(x | z), both (samples, B), nats."""
    found = inference.sample(samples)
    target = repeated(batch.target, samples)
    assert target is not None
    likelihood = found.p.log_prob(target).view(samples, -1)
    return likelihood - found.log_ratio(), likelihood


def parts(weights: Tensor, likelihoods: Tensor) -> dict[str, Tensor]:
    """`log_weights` as distortion and rate (B,), which add up to −mean log w."""
    distortion = -likelihoods.mean(0)
    return {"distortion": distortion, "rate": -weights.mean(0) - distortion}


def iwae(weights: Tensor) -> Tensor:
    """log w (K, B) to the importance-weighted bound on log p(x) (B,), nats."""
    return weights.logsumexp(0) - math.log(len(weights))
