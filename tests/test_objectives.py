"""Objectives: the exact evidence of a linear model, schedules, both kinds of free bits, and where gradients stop."""

import math

import pytest
import torch
from torch import nn

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, GaussianPosterior, PointPosterior
from genae.latent.priors import Flow, StandardNormal
from genae.model.likelihoods import Gaussian
from genae.model.networks import mlp
from genae.model.objectives import ELBO, IWAE, Autoencoder, Batch, log_weights
from genae.model.vae import VAE


class _Fixed(nn.Module):
    """The same q for every x: means and log sigmas are its parameters."""

    def __init__(self, mean, log_sigma):
        super().__init__()
        self.mean, self.log_sigma = nn.Parameter(torch.tensor(mean)), nn.Parameter(torch.tensor(log_sigma))

    def forward(self, x, condition=None):
        return DiagonalGaussian(self.mean.expand(len(x), -1), self.log_sigma.expand(len(x), -1))


class _Blind(nn.Module):
    """A decoder that does not look at z: all gradient to the encoder comes from the rate."""

    def __init__(self):
        super().__init__()
        self.head = Gaussian(1.0)

    def forward(self, z, condition=None):
        return self.head(torch.zeros(len(z), 3))


def _blind(mean, log_sigma, prior=None):
    return VAE(_Fixed(mean, log_sigma), _Blind(), prior or StandardNormal(len(mean)), (3,))


X = torch.zeros(4, 3)
BATCH = Batch(X, X)
DISTORTION = 1.5 * math.log(2 * math.pi)  # −log N(0; 0, I) of three values
MU1 = 0.5  # KL(N(1, 1) ‖ N(0, 1)), nats


@pytest.fixture
def vae():
    torch.manual_seed(0)
    encoder, decoder = mlp((3,), 2, GaussianPosterior(), Gaussian(0.5), hidden=(8,))
    return VAE(encoder, decoder, StandardNormal(2), (3,))


def _loss(objective, vae, batch=BATCH, step=0):
    torch.manual_seed(1)
    return objective(vae, batch, step)


def test_the_bound_by_hand():
    terms = ELBO()(_blind([1.0, 0.0], [0.0, 0.0]), BATCH, 0)
    assert terms.distortion.tolist() == pytest.approx([DISTORTION] * 4)
    assert terms.rate.tolist() == pytest.approx([MU1] * 4)
    assert terms.loss.item() == pytest.approx(DISTORTION + MU1)


def test_with_the_defaults_the_loss_is_distortion_plus_rate(vae):
    terms = ELBO()(vae, Batch(torch.randn(6, 3), torch.randn(6, 3)), 0)
    assert terms.distortion.shape == terms.rate.shape == (6,)
    assert terms.loss.item() == pytest.approx((terms.distortion + terms.rate).mean().item(), rel=1e-6)


def test_distortion_is_of_the_target_and_the_posterior_of_the_input(vae):
    given, target = torch.randn(5, 3), torch.randn(5, 3)
    terms = _loss(ELBO(), vae, Batch(given, target))
    torch.manual_seed(1)
    q = vae.encode(given)
    assert torch.equal(terms.distortion, -vae.decode(q.rsample()).log_prob(target))


@pytest.mark.parametrize(
    "objective", [ELBO(beta=2), ELBO(free_bits=0.1), ELBO(free_bits=9, free_bits_per="total"), ELBO(capacity=1)]
)
def test_duplicating_the_batch_leaves_the_loss_unchanged(objective):
    blind = _blind([1.0, 0.3], [0.0, 0.2])
    once, twice = objective(blind, BATCH, 0), objective(blind, Batch(X.repeat(2, 1), X.repeat(2, 1)), 0)
    assert once.loss.item() == pytest.approx(twice.loss.item(), rel=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_beta_multiplies_the_rate(beta):
    loss = ELBO(beta=beta)(_blind([1.0], [0.0]), BATCH, 0).loss
    assert loss.item() == pytest.approx(DISTORTION + beta * MU1)


def test_warm_up_values():
    objective = ELBO(beta=4, warmup=4)
    assert [objective.weight(step) for step in (0, 1, 2, 3, 4, 1000)] == [1, 2, 3, 4, 4, 4]
    assert ELBO(beta=4).weight(0) == 4
    assert objective(_blind([1.0], [0.0]), BATCH, 1).loss.item() == pytest.approx(DISTORTION + 2 * MU1)


def test_capacity_values():
    objective = ELBO(beta=10, capacity=2.0, capacity_steps=4)
    assert [objective.target_rate(step) for step in (0, 1, 3, 50)] == [0.5, 1, 2, 2]
    assert ELBO(capacity=2.0).target_rate(0) == 2
    blind = _blind([1.0], [0.0])
    assert objective(blind, BATCH, 0).loss.item() == pytest.approx(DISTORTION)  # the rate .5 is at C = .5
    assert objective(blind, BATCH, 3).loss.item() == pytest.approx(DISTORTION + 10 * abs(MU1 - 2))


# -- free bits --------------------------------------------------------------------------------------------------------


def _gradient(objective, vae):
    vae.zero_grad()
    objective(vae, BATCH, 0).loss.backward()
    return vae.encoder.mean.grad, vae.encoder.log_sigma.grad


@pytest.mark.parametrize("per", ["dimension", "total"])
def test_no_free_bits_is_the_plain_bound(vae, per):
    batch = Batch(torch.randn(5, 3), torch.randn(5, 3))
    assert torch.equal(_loss(ELBO(), vae, batch).loss, _loss(ELBO(free_bits=0, free_bits_per=per), vae, batch).loss)


@pytest.mark.parametrize("per", ["dimension", "total"])
def test_below_the_threshold_the_rate_gives_no_gradient(per):
    """A rate of 0.5 nats is 0.72 bits: free at 0.8 bits, not at 0.7 bits; were λ in nats 0.7 would be free too."""
    blind = _blind([1.0], [0.1])
    for g in _gradient(ELBO(free_bits=0.8, free_bits_per=per), blind):
        assert (g == 0).all()
    assert _gradient(ELBO(free_bits=0.7, free_bits_per=per), blind)[0].item() == pytest.approx(1.0)  # dKL/dμ = μ


def test_free_bits_by_dimension_by_hand():
    """Σ_j max(λ, KL_j): λ = 1 bit = .6931 nats; KL = (.5, 2, 0)."""
    terms = ELBO(free_bits=1)(_blind([1.0, 2.0, 0.0], [0.0, 0.0, 0.0]), BATCH, 0)
    assert terms.loss.item() == pytest.approx(DISTORTION + 2 * math.log(2) + 2)
    assert terms.rate.tolist() == pytest.approx([2.5] * 4)  # told as it is
    gradient = _gradient(ELBO(free_bits=1), _blind([1.0, 2.0, 0.0], [0.0, 0.0, 0.0]))[0]
    assert gradient.tolist() == pytest.approx([0, 2, 0])


def test_free_bits_by_dimension_look_at_the_mean_over_the_batch():
    """max(λ, E_B KL), not E_B max(λ, KL): one example far above and one at 0 have their mean."""

    class Two(nn.Module):
        def forward(self, x, condition=None):
            return DiagonalGaussian(torch.tensor([[2.0], [0.0]]), torch.zeros(2, 1))  # KL 2 and 0

    two = VAE(Two(), _Blind(), StandardNormal(1), (3,))
    loss = ELBO(free_bits=1 / math.log(2) * 0.9)(two, Batch(X[:2], X[:2]), 0).loss  # λ = 0.9 nats
    assert loss.item() == pytest.approx(DISTORTION + 1.0)  # the other form gives (2 + 0.9) / 2


def test_free_bits_on_the_total_by_hand():
    blind = _blind([1.0, 2.0], [0.0, 0.0])  # KL .5 + 2
    assert ELBO(free_bits=1, free_bits_per="total")(blind, BATCH, 0).loss.item() == pytest.approx(
        DISTORTION + 2.5 - math.log(2)
    )
    assert ELBO(free_bits=9, free_bits_per="total")(blind, BATCH, 0).loss.item() == pytest.approx(DISTORTION)


def test_free_bits_by_dimension_need_the_normal_prior():
    flow = _blind([1.0, 0.0], [0.0, 0.0], Flow(2, transforms=1, hidden=8))
    with pytest.raises(GenaeError, match="free_bits_per=total"):
        ELBO(free_bits=1)(flow, BATCH, 0)
    assert torch.isfinite(ELBO(free_bits=1, free_bits_per="total")(flow, BATCH, 0).loss)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"capacity": 1, "free_bits": 1}, "set one of them"),
        ({"beta": -1}, "beta must not be negative"),
        ({"warmup": -1}, "warmup must not be negative"),
        ({"free_bits": -0.1}, "free_bits must not be negative"),
        ({"free_bits_per": "pixel"}, "dimension or total, not 'pixel'"),
    ],
)
def test_impossible_options(options, told):
    with pytest.raises(GenaeError, match=told):
        ELBO(**options)


# -- autoencoder ------------------------------------------------------------------------------------------------------


def test_autoencoder_is_the_distortion_at_the_mean(vae):
    batch = Batch(torch.randn(5, 3), torch.randn(5, 3))
    terms = Autoencoder()(vae, batch, 0)
    expected = -vae.decode(vae.encode(batch.input).mean).log_prob(batch.target)
    assert torch.equal(terms.distortion, expected)
    assert terms.loss.item() == pytest.approx(expected.mean().item())
    assert terms.rate.tolist() == [0] * 5


def test_l1_makes_the_code_cost():
    terms = Autoencoder(l1=0.5)(_blind([1.0, -3.0], [0.0, 0.0]), BATCH, 0)
    assert terms.loss.item() == pytest.approx(DISTORTION + 0.5 * 4)
    with pytest.raises(GenaeError, match="l1 must not be negative"):
        Autoencoder(l1=-1)


def test_a_point_posterior_makes_the_bound_the_plain_autoencoder():
    torch.manual_seed(0)
    encoder, decoder = mlp((3,), 2, PointPosterior(), Gaussian(0.5), hidden=(8,))
    vae, batch = VAE(encoder, decoder, StandardNormal(2), (3,)), Batch(torch.randn(5, 3), torch.randn(5, 3))
    assert torch.equal(ELBO()(vae, batch, 0).loss, Autoencoder()(vae, batch, 0).loss)


# -- importance weighting ---------------------------------------------------------------------------------------------


def test_iwae_is_the_log_of_the_mean_weight(vae):
    """Two samples, by hand: the loss is −ln(½ e^a + ½ e^b), not Σ w̃ log w; distortion and rate add up to −mean log w."""
    torch.manual_seed(0)
    weights, likelihoods = (part.detach() for part in log_weights(vae, BATCH, 2))
    torch.manual_seed(0)
    terms = IWAE(samples=2)(vae, BATCH, 0)
    by_hand = -weights.exp().mean(0).log().mean()
    assert terms.loss.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert torch.allclose(terms.distortion, -likelihoods.mean(0))
    assert torch.allclose(terms.distortion + terms.rate, -weights.mean(0), atol=1e-5)


def test_iwae_of_one_sample_is_the_elbo_in_expectation(vae):
    torch.manual_seed(0)
    one = torch.stack([IWAE(samples=1)(vae, BATCH, 0).loss.detach() for _ in range(500)]).mean()
    many = torch.stack([ELBO()(vae, BATCH, 0).loss.detach() for _ in range(500)]).mean()
    tight = torch.stack([IWAE(samples=20)(vae, BATCH, 0).loss.detach() for _ in range(100)]).mean()
    assert one.item() == pytest.approx(many.item(), rel=0.02)
    assert tight < one


def test_iwae_begins_in_the_last_share_of_the_run(vae):
    objective = IWAE(samples=4, last=0.25)
    objective.plan(100)
    torch.manual_seed(0)
    before = objective(vae, BATCH, 74).loss
    torch.manual_seed(0)
    assert torch.equal(before, ELBO()(vae, BATCH, 74).loss)
    torch.manual_seed(0)
    assert not torch.equal(before, objective(vae, BATCH, 75).loss)


def test_iwae_refuses_what_has_no_meaning():
    with pytest.raises(GenaeError, match=r"objective\.samples must be at least 1, not 0"):
        IWAE(samples=0)
    with pytest.raises(GenaeError, match=r"objective\.last is a share of the run, from 0 to 1, not 2"):
        IWAE(last=2)


def test_beta_rises_as_in_musicvae():
    objective = ELBO(beta=0.2, beta_rate=0.9)
    assert [objective.weight(step) for step in (0, 1, 2)] == pytest.approx([0.0, 0.02, 0.038])
    assert ELBO(beta=0.2).weight(0) == 0.2
    with pytest.raises(GenaeError, match=r"objective.beta_rate must be at least 0 and below 1, not 1\.5"):
        ELBO(beta_rate=1.5)
