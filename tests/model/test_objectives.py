"""Objectives: the exact evidence of a linear model, schedules, both kinds of free bits, and where gradients stop."""

import math

import pytest
import torch
from torch import nn

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, GaussianPosterior, PointPosterior
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.model.autoencoders import Autoencoder
from genae.model.likelihoods import Gaussian
from genae.model.networks import mlp
from genae.model.objectives import ELBO, IWAE, Batch, Loss, Moment, log_weights
from genae.model.vae import VAE
from genae.recipe.parts import instantiate


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
    return VAE(_Fixed(mean, log_sigma), _Blind(), prior or StandardNormal(Space((len(mean),))), (3,), GaussianPosterior())


X = torch.zeros(4, 3)
BATCH = Batch(X, X)
DISTORTION = 1.5 * math.log(2 * math.pi)  # −log N(0; 0, I) of three values
MU1 = 0.5  # KL(N(1, 1) ‖ N(0, 1)), nats


@pytest.fixture
def vae():
    torch.manual_seed(0)
    encoder, decoder, _ = mlp((3,), Space((2,)), GaussianPosterior(), Gaussian(0.5), hidden=(8,))
    return VAE(encoder, decoder, StandardNormal(Space((2,))), (3,), GaussianPosterior())


def _once(objective, vae, batch=BATCH, step=0):
    """The one loss that it yields, which is the VAE's."""
    (loss,) = objective.losses(vae, batch, Moment(step, 100))
    assert isinstance(loss, Loss)
    assert loss.player == "vae"
    return loss


def _loss(objective, vae, batch=BATCH, step=0):
    torch.manual_seed(1)
    return _once(objective, vae, batch, step)


def test_the_bound_by_hand():
    loss = _once(ELBO(), _blind([1.0, 0.0], [0.0, 0.0]), BATCH)
    assert loss.terms["distortion"].tolist() == pytest.approx([DISTORTION] * 4)
    assert loss.terms["rate"].tolist() == pytest.approx([MU1] * 4)
    assert loss.value.item() == pytest.approx(DISTORTION + MU1)


def test_with_the_defaults_the_loss_is_distortion_plus_rate(vae):
    loss = _once(ELBO(), vae, Batch(torch.randn(6, 3), torch.randn(6, 3)))
    assert loss.terms["distortion"].shape == loss.terms["rate"].shape == (6,)
    assert loss.value.item() == pytest.approx((loss.terms["distortion"] + loss.terms["rate"]).mean().item(), rel=1e-6)


def test_distortion_is_of_the_target_and_the_posterior_of_the_input(vae):
    given, target = torch.randn(5, 3), torch.randn(5, 3)
    loss = _loss(ELBO(), vae, Batch(given, target))
    torch.manual_seed(1)
    found = vae.infer(given).sample()
    assert torch.equal(loss.terms["distortion"], -vae.decode(found.z).log_prob(target))
    assert torch.equal(loss.terms["rate"], found.rate)


@pytest.mark.parametrize(
    "objective", [ELBO(beta=2), ELBO(free_bits=0.1), ELBO(free_bits=9, free_bits_per="total"), ELBO(capacity=1)]
)
def test_duplicating_the_batch_leaves_the_loss_unchanged(objective):
    blind = _blind([1.0, 0.3], [0.0, 0.2])
    once, twice = _once(objective, blind, BATCH), _once(objective, blind, Batch(X.repeat(2, 1), X.repeat(2, 1)))
    assert once.value.item() == pytest.approx(twice.value.item(), rel=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_beta_multiplies_the_rate(beta):
    loss = _once(ELBO(beta=beta), _blind([1.0], [0.0]), BATCH).value
    assert loss.item() == pytest.approx(DISTORTION + beta * MU1)


def test_warm_up_values():
    objective = ELBO(beta=4, warmup=4)
    assert [objective.weight(step) for step in (0, 1, 2, 3, 4, 1000)] == [1, 2, 3, 4, 4, 4]
    assert ELBO(beta=4).weight(0) == 4
    share = ELBO(beta=4, warmup=0.5)
    assert [share.weight(step, 8) for step in (0, 1, 3, 7)] == [1, 2, 4, 4]
    assert [share.weight(step, 80) for step in (0, 39)] == [0.1, 4]
    assert _once(objective, _blind([1.0], [0.0]), BATCH, 1).value.item() == pytest.approx(DISTORTION + 2 * MU1)


def test_capacity_values():
    objective = ELBO(beta=10, capacity=2.0, capacity_steps=4)
    assert [objective.target_rate(step) for step in (0, 1, 3, 50)] == [0.5, 1, 2, 2]
    assert ELBO(capacity=2.0).target_rate(0) == 2
    blind = _blind([1.0], [0.0])
    assert _once(objective, blind, BATCH).value.item() == pytest.approx(DISTORTION)  # the rate .5 is at C = .5
    assert _once(objective, blind, BATCH, 3).value.item() == pytest.approx(DISTORTION + 10 * abs(MU1 - 2))


# -- free bits --------------------------------------------------------------------------------------------------------


def _gradient(objective, vae):
    vae.zero_grad()
    _once(objective, vae, BATCH).value.backward()
    return vae.encoder.mean.grad, vae.encoder.log_sigma.grad


@pytest.mark.parametrize("per", ["dimension", "total"])
def test_no_free_bits_is_the_plain_bound(vae, per):
    batch = Batch(torch.randn(5, 3), torch.randn(5, 3))
    assert torch.equal(_loss(ELBO(), vae, batch).value, _loss(ELBO(free_bits=0, free_bits_per=per), vae, batch).value)


@pytest.mark.parametrize("per", ["dimension", "total"])
def test_below_the_threshold_the_rate_gives_no_gradient(per):
    """A rate of 0.5 nats is 0.72 bits: free at 0.8 bits, not at 0.7 bits; were λ in nats 0.7 would be free too."""
    blind = _blind([1.0], [0.1])
    for g in _gradient(ELBO(free_bits=0.8, free_bits_per=per), blind):
        assert (g == 0).all()
    assert _gradient(ELBO(free_bits=0.7, free_bits_per=per), blind)[0].item() == pytest.approx(1.0)  # dKL/dμ = μ


def test_free_bits_by_dimension_by_hand():
    """Σ_j max(λ, KL_j): λ = 1 bit = .6931 nats; KL = (.5, 2, 0)."""
    loss = _once(ELBO(free_bits=1), _blind([1.0, 2.0, 0.0], [0.0, 0.0, 0.0]), BATCH)
    assert loss.value.item() == pytest.approx(DISTORTION + 2 * math.log(2) + 2)
    assert loss.terms["rate"].tolist() == pytest.approx([2.5] * 4)  # told as it is
    gradient = _gradient(ELBO(free_bits=1), _blind([1.0, 2.0, 0.0], [0.0, 0.0, 0.0]))[0]
    assert gradient.tolist() == pytest.approx([0, 2, 0])


def test_free_bits_by_dimension_look_at_the_mean_over_the_batch():
    """max(λ, E_B KL), not E_B max(λ, KL): one example far above and one at 0 have their mean."""

    class Two(nn.Module):
        def forward(self, x, condition=None):
            return DiagonalGaussian(torch.tensor([[2.0], [0.0]]), torch.zeros(2, 1))  # KL 2 and 0

    two = VAE(Two(), _Blind(), StandardNormal(Space((1,))), (3,), GaussianPosterior())
    loss = _once(ELBO(free_bits=1 / math.log(2) * 0.9), two, Batch(X[:2], X[:2])).value  # λ = 0.9 nats
    assert loss.item() == pytest.approx(DISTORTION + 1.0)  # the other form gives (2 + 0.9) / 2


def test_free_bits_on_the_total_by_hand():
    blind = _blind([1.0, 2.0], [0.0, 0.0])  # KL .5 + 2
    assert _once(ELBO(free_bits=1, free_bits_per="total"), blind, BATCH).value.item() == pytest.approx(
        DISTORTION + 2.5 - math.log(2)
    )
    assert _once(ELBO(free_bits=9, free_bits_per="total"), blind, BATCH).value.item() == pytest.approx(DISTORTION)


def test_free_bits_by_dimension_need_the_normal_prior():
    flow = _blind([1.0, 0.0], [0.0, 0.0], Flow(Space((2,)), transforms=1, hidden=8))
    with pytest.raises(GenaeError, match="free_bits_per=total"):
        _once(ELBO(free_bits=1), flow, BATCH)
    assert torch.isfinite(_once(ELBO(free_bits=1, free_bits_per="total"), flow, BATCH).value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"capacity": 1, "free_bits": 1}, "set one of them"),
        ({"beta": -1}, r"objective\.beta must be at least 0, not -1"),
        ({"warmup": -1}, r"objective\.warmup must be at least 0, not -1"),
        ({"free_bits": -0.1}, r"objective\.free_bits must be at least 0, not -0\.1"),
        ({"free_bits_per": "pixel"}, r"objective\.free_bits_per must be one of dimension, total, not 'pixel'"),
        ({"beta_rate": 1.5}, r"objective\.beta_rate must be at least 0 and below 1, not 1\.5"),
    ],
)
def test_impossible_options(options, told):
    with pytest.raises(GenaeError, match=told):
        instantiate("objective", {"name": "elbo", **options})


# -- autoencoder ------------------------------------------------------------------------------------------------------


def test_autoencoder_is_the_distortion_at_the_mean(vae):
    batch = Batch(torch.randn(5, 3), torch.randn(5, 3))
    loss = _once(Autoencoder(), vae, batch)
    expected = -vae.decode(vae.encode(batch.input)).log_prob(batch.target)
    assert torch.equal(loss.terms["distortion"], expected)
    assert loss.value.item() == pytest.approx(expected.mean().item())
    assert {*loss.terms} == {"distortion"}  # there is no rate


def test_l1_makes_the_code_cost():
    loss = _once(Autoencoder(l1=0.5), _blind([1.0, -3.0], [0.0, 0.0]), BATCH)
    assert loss.value.item() == pytest.approx(DISTORTION + 0.5 * 4)
    with pytest.raises(GenaeError, match=r"objective\.l1 must be at least 0, not -1"):
        instantiate("objective", {"name": "autoencoder", "l1": -1})


def test_a_point_posterior_makes_the_bound_the_plain_autoencoder():
    torch.manual_seed(0)
    encoder, decoder, _ = mlp((3,), Space((2,)), PointPosterior(), Gaussian(0.5), hidden=(8,))
    vae = VAE(encoder, decoder, StandardNormal(Space((2,))), (3,), PointPosterior())
    batch = Batch(torch.randn(5, 3), torch.randn(5, 3))
    assert torch.equal(_once(ELBO(), vae, batch).value, _once(Autoencoder(), vae, batch).value)


# -- importance weighting ---------------------------------------------------------------------------------------------


def test_iwae_is_the_log_of_the_mean_weight(vae):
    """Two samples, by hand: the loss is −ln(½ e^a + ½ e^b), not Σ w̃ log w; distortion and rate add up to −mean log w."""
    torch.manual_seed(0)
    weights, likelihoods = (part.detach() for part in log_weights(vae.infer(X), BATCH, 2))
    torch.manual_seed(0)
    loss = _once(IWAE(samples=2), vae, BATCH)
    by_hand = -weights.exp().mean(0).log().mean()
    assert loss.value.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert torch.allclose(loss.terms["distortion"], -likelihoods.mean(0))
    assert torch.allclose(loss.terms["distortion"] + loss.terms["rate"], -weights.mean(0), atol=1e-5)


def test_iwae_of_one_sample_is_the_elbo_in_expectation(vae):
    torch.manual_seed(0)
    one = torch.stack([_once(IWAE(samples=1), vae, BATCH).value.detach() for _ in range(500)]).mean()
    many = torch.stack([_once(ELBO(), vae, BATCH).value.detach() for _ in range(500)]).mean()
    tight = torch.stack([_once(IWAE(samples=20), vae, BATCH).value.detach() for _ in range(100)]).mean()
    assert one.item() == pytest.approx(many.item(), rel=0.02)
    assert tight < one


def test_iwae_begins_in_the_last_share_of_the_run(vae):
    objective = IWAE(samples=4, last=0.25)  # of 100 steps
    torch.manual_seed(0)
    before = _once(objective, vae, BATCH, 74).value
    torch.manual_seed(0)
    assert torch.equal(before, _once(ELBO(), vae, BATCH, 74).value)
    torch.manual_seed(0)
    assert not torch.equal(before, _once(objective, vae, BATCH, 75).value)


def test_iwae_refuses_what_has_no_meaning():
    with pytest.raises(GenaeError, match=r"objective\.samples must be at least 1, not 0"):
        instantiate("objective", {"name": "iwae", "samples": 0})
    with pytest.raises(GenaeError, match=r"objective\.last must be 0 to 1, not 2"):
        instantiate("objective", {"name": "iwae", "last": 2})


def test_beta_rises_as_in_musicvae():
    objective = ELBO(beta=0.2, beta_rate=0.9)
    assert [objective.weight(step) for step in (0, 1, 2)] == pytest.approx([0.0, 0.02, 0.038])
    assert ELBO(beta=0.2).weight(0) == 0.2


# -- what else a model may say ----------------------------------------------------------------------------------------


class _Committed(DiagonalGaussian):
    def penalty(self):
        return torch.full((len(self.mean),), 0.25)

    def terms(self):
        return {"perplexity": torch.tensor(7.0)}


def test_a_penalty_is_minimised_and_further_terms_are_given():
    class Encoder(nn.Module):
        def forward(self, x, condition=None):
            return _Committed(torch.ones(len(x), 1), torch.zeros(len(x), 1))

    vae = VAE(Encoder(), _Blind(), StandardNormal(Space((1,))), (3,), GaussianPosterior())
    loss = _once(ELBO(beta=2), vae)
    assert loss.value.item() == pytest.approx(DISTORTION + 2 * MU1 + 0.25)  # β does not weigh the penalty
    assert {*loss.terms} == {"distortion", "rate", "perplexity"}
    assert loss.terms["perplexity"].item() == 7


class _Helped:
    """Half as surprised as it ought to be, until step 50."""

    mean = X

    def log_prob(self, x):
        return torch.full((len(x),), -2.0)

    def sample(self, temperature=1.0):
        return X

    def surrogate(self, x, at):
        return torch.full((len(x),), -1.0) if at.step < 50 else None


@pytest.mark.parametrize("objective", [ELBO(beta=0), Autoencoder(), IWAE(last=0.25)])
def test_a_surrogate_is_minimised_in_place_of_the_density_and_called_so(objective):
    class Decoder(nn.Module):
        def forward(self, z, condition=None):
            return _Helped()

    vae = VAE(_Fixed([0.0], [0.0]), Decoder(), StandardNormal(Space((1,))), (3,), GaussianPosterior())
    before, after = _once(objective, vae, step=49), _once(objective, vae, step=50)
    assert (before.value.item(), after.value.item()) == (1, 2)
    assert before.terms["surrogate"].tolist() == [1] * 4
    assert "distortion" not in before.terms
    assert after.terms["distortion"].tolist() == [2] * 4
    assert "surrogate" not in after.terms


def test_codes_have_no_gradient_for_an_autoencoder():
    vae = _blind([0.0], [0.0])
    Autoencoder().setup(vae)
    vae.kind = "codes"
    with pytest.raises(GenaeError, match="set objective=elbo"):
        Autoencoder().setup(vae)
