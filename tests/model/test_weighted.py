"""Bounds of several importance samples: the exact evidence of a linear model, and who learns from which bound."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, GaussianPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.learn.state import Game
from genae.model.likelihoods import LocationScale
from genae.model.objectives import IWAE, Batch, Moment
from genae.model.vae import VAE
from genae.model.weighted import CIWAE, ENCODER, MIWAE, PIWAE, miwae

SIGMA = 0.5
W = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]])  # orthogonal columns: the exact posterior is diagonal
AT = Moment(0, 1, frozenset({"vae", ENCODER}))


class _Encoder(nn.Module):
    """N(C Wᵀx/σ², C), C = (I + WᵀW/σ²)⁻¹: the exact posterior, moved by `off`."""

    def __init__(self, off=0.0):
        super().__init__()
        self.off = nn.Parameter(torch.tensor(off))

    def forward(self, x, condition=None):
        c = 1 / (1 + W.square().sum(0) / SIGMA**2)
        return DiagonalGaussian(x @ W / SIGMA**2 * c + self.off, (0.5 * c.log()).expand(len(x), -1))


class _Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(W.clone())

    def forward(self, z, condition=None):
        return LocationScale(z @ self.w.T, torch.tensor(math.log(SIGMA)), "gaussian")


def _linear(off=0.0):
    return VAE(_Encoder(off), _Decoder(), StandardNormal(Space((2,))), (3,), GaussianPosterior())


X = torch.tensor([[0.3, -1.0, 2.0], [1.0, 1.0, 0.0], [0.0, -0.2, 0.1], [-2.0, 1.0, 1.0]])
BATCH = Batch(X, X)
EVIDENCE = MultivariateNormal(torch.zeros(3), W @ W.T + SIGMA**2 * torch.eye(3)).log_prob(X).mean().item()
MANY = [IWAE(4), MIWAE(3, 2), CIWAE(5, 0.3), PIWAE(2, 3)]


@pytest.mark.parametrize("objective", MANY, ids=lambda o: type(o).__name__)
def test_with_the_exact_posterior_every_bound_is_the_evidence(objective):
    for loss in objective.losses(_linear(), BATCH, AT):
        assert loss.value.item() == pytest.approx(-EVIDENCE, abs=1e-4)


@pytest.mark.parametrize("objective", MANY, ids=lambda o: type(o).__name__)
def test_with_any_other_a_bound_is_below_the_evidence(objective):
    torch.manual_seed(0)
    many = BATCH._replace(input=X.repeat(500, 1), target=X.repeat(500, 1))
    for loss in objective.losses(_linear(0.5), many, AT):
        assert loss.value.item() > -EVIDENCE + 0.01


def test_miwae_by_hand():
    """M = 2 estimates of K = 3 samples, normalised by K and not by M: ln mean of each three, then the mean."""
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 9.0]).log()[:, None]
    assert miwae(weights, 3).item() == pytest.approx((math.log(2) + math.log(6)) / 2)
    assert miwae(weights, 6).item() == pytest.approx(math.log(4))
    assert miwae(weights, 1).item() == pytest.approx(weights.mean().item())


def test_ciwae_is_between_the_two_bounds_of_the_same_samples():
    def value(objective):
        torch.manual_seed(0)
        (loss,) = objective.losses(_linear(0.5), BATCH, AT)
        return loss.value.item()

    low, high = value(CIWAE(5, 1.0)), value(CIWAE(5, 0.0))
    assert high == pytest.approx(value(IWAE(5)), abs=1e-6)
    assert low == pytest.approx(value(MIWAE(1, 5)), abs=1e-6)
    assert value(CIWAE(5, 0.25)) == pytest.approx(0.25 * low + 0.75 * high, abs=1e-5)


def test_a_weighted_sum_of_log_weights_is_no_bound():
    """What some report, Σ w̃ log w, is above the bound by KL(w̃ ‖ uniform), at most ln K."""
    torch.manual_seed(0)
    weights = torch.randn(5, 1000)
    share = weights.softmax(0)
    reported, bound = (share * weights).sum(0), weights.logsumexp(0) - math.log(5)
    apart = (share * (share.log() + math.log(5))).sum(0)
    assert torch.allclose(reported - bound, apart, atol=1e-5)
    vae = _linear(0.5)
    torch.manual_seed(0)
    (loss,) = IWAE(5).losses(vae, BATCH, AT)
    assert -loss.value.item() < EVIDENCE


def test_who_learns_from_which_bound_of_piwae():
    vae, objective = _linear(0.5), PIWAE(samples=2, estimates=3)
    game = Game(vae, objective)
    own = {name: [*parameters(game)] for name, parameters in objective.players.items()}
    assert own[ENCODER] == [vae.encoder.off]
    assert own["vae"] == [vae.decoder.w]
    torch.manual_seed(0)
    losses = objective.losses(vae, BATCH, AT)
    first = next(losses)
    torch.manual_seed(0)
    (tight,) = IWAE(6).losses(vae, BATCH, AT)
    assert (first.player, first.value.item()) == ("vae", tight.value.item())
    torch.manual_seed(1)
    second = next(losses)
    torch.manual_seed(1)
    (several,) = MIWAE(2, 3).losses(vae, BATCH, AT)
    assert (second.player, second.value.item()) == (ENCODER, several.value.item())
    assert next(losses, None) is None


def test_plain_codes_have_no_importance_weights():
    for objective in (MIWAE(), CIWAE(), PIWAE()):
        vae = _linear()
        vae.kind = "point"
        with pytest.raises(GenaeError, match="a plain code has none; set posterior=gaussian, or objective=autoencoder"):
            objective.setup(vae)
