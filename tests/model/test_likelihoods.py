"""Likelihoods: sums that must be 1, agreement with torch.distributions, and what temperature does."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genae.errors import GenaeError
from genae.model.likelihoods import Bernoulli, BernoulliEvent, DiscretisedLogistic, DiscretisedLogisticEvent, Gaussian, Laplace
from genae.recipe.parts import instantiate

EVENT = (2, 3)
HEADS = [
    Bernoulli(),
    Gaussian(0.3),
    Gaussian(0.3, learned="one"),
    Gaussian(learned="each"),
    Laplace(0.4),
    DiscretisedLogistic(),
    DiscretisedLogistic(mixtures=3, levels=16),
]


def _features(head, batch=5):
    return torch.randn(batch, *head.features(EVENT), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("head", HEADS, ids=lambda h: type(h).__name__)
def test_shapes_of_an_event(head):
    p = head(_features(head))
    x = p.sample()
    assert x.shape == p.mean.shape == (5, *EVENT)
    assert p.log_prob(x.clamp(0, 1)).shape == (5,)


@pytest.mark.parametrize("head", HEADS, ids=lambda h: type(h).__name__)
def test_duplicating_the_batch_leaves_the_mean_unchanged(head):
    h, x = _features(head), torch.rand(5, *EVENT).round()
    once, twice = head(h).log_prob(x), head(torch.cat([h, h])).log_prob(torch.cat([x, x]))
    assert torch.allclose(once.mean(), twice.mean(), rtol=1e-6)
    assert torch.equal(once, twice[:5])


@pytest.mark.parametrize("head", HEADS, ids=lambda h: type(h).__name__)
def test_half_precision_features_give_float32(head):
    h, x = _features(head).bfloat16(), torch.rand(5, *EVENT).round()
    assert head(h).log_prob(x).dtype == head(h).sample().dtype == torch.float32
    assert torch.equal(head(h).log_prob(x), head(h.float()).log_prob(x))


@pytest.mark.parametrize("head", HEADS[:5], ids=lambda h: type(h).__name__)
def test_temperature_0_is_the_same_at_every_call_and_most_probable(head):
    p = head(_features(head))
    best = p.sample(0.0)
    assert torch.equal(best, p.sample(0.0))
    for _ in range(20):
        assert (p.log_prob(best) >= p.log_prob(p.sample()) - 1e-4).all()


# -- Bernoulli --------------------------------------------------------------------------------------------------------


def test_logits_form_equals_probs_form():
    logits, x = torch.randn(4, 7), torch.rand(4, 7)
    pi = logits.sigmoid()
    by_hand = (x * pi.log() + (1 - x) * (1 - pi).log()).sum(1)
    assert torch.allclose(BernoulliEvent(logits).log_prob(x), by_hand, atol=1e-5)


def test_bernoulli_by_hand():
    p = Bernoulli()(torch.tensor([[math.log(3.0)]]))  # π = 3/4
    assert p.mean.item() == pytest.approx(0.75)
    assert p.log_prob(torch.ones(1, 1)).item() == pytest.approx(math.log(0.75))
    assert p.log_prob(torch.zeros(1, 1)).item() == pytest.approx(math.log(0.25))


def test_bernoulli_never_overflows():
    p = Bernoulli()(torch.tensor([[1e4, -1e4]]))
    assert p.log_prob(torch.tensor([[1.0, 0.0]])).item() == 0
    assert p.log_prob(torch.tensor([[0.0, 1.0]])).item() == -2e4


def test_bernoulli_samples_have_its_mean_and_temperature_sharpens():
    torch.manual_seed(0)
    p = Bernoulli()(torch.full((1, 100_000), math.log(3.0)))
    assert p.sample().mean().item() == pytest.approx(0.75, abs=0.006)  # 4 standard errors
    assert p.sample(0.5).mean().item() == pytest.approx(9 / 10, abs=0.004)  # odds 3 squared: 9 to 1
    assert p.sample(0.0).min() == 1


# -- Gaussian and Laplace ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "reference"),
    [
        (Gaussian(0.3), lambda m: torch.distributions.Normal(m, 0.3)),
        (Laplace(0.4), lambda m: torch.distributions.Laplace(m, 0.4)),
    ],
)
def test_location_scale_against_torch(head, reference):
    h, x = torch.randn(6, 4, 5), torch.randn(6, 4, 5)
    assert torch.allclose(head(h).log_prob(x), reference(h).log_prob(x).sum((1, 2)), atol=1e-3, rtol=1e-5)
    assert torch.equal(head(h).mean, h)


def test_sigma_given_by_the_network_against_torch():
    head = Gaussian(0.5, learned="each")
    assert head.features((3, 8, 8)) == (6, 8, 8)
    h, x = torch.randn(2, 6, 8, 8), torch.randn(2, 3, 8, 8)
    reference = torch.distributions.Normal(h[:, :3], 0.5 * h[:, 3:].exp())
    assert torch.allclose(head(h).log_prob(x), reference.log_prob(x).sum((1, 2, 3)), rtol=1e-4)


def test_one_learned_sigma_is_fitted_by_its_gradient():
    head, h, x = Gaussian(1.0, learned="one"), torch.zeros(4, 1000), 0.25 * torch.randn(4, 1000)
    (-head(h).log_prob(x).mean()).backward()
    # d/d ln σ of n ln σ + Σ x² / 2σ² is n − Σ x² at σ = 1
    assert head.log_sigma.grad.item() == pytest.approx(1000 - x.square().sum(1).mean().item(), rel=1e-4)
    best = 0.5 * x.square().mean().log()
    head.log_sigma.data.copy_(best)
    head.zero_grad()
    (-head(h).log_prob(x).mean()).backward()
    assert abs(head.log_sigma.grad.item()) < 1e-2


def test_fixed_sigma_is_not_trained():
    assert not any(p.requires_grad for head in (Gaussian(0.3), Gaussian(learned="each"), Laplace()) for p in head.parameters())


@pytest.mark.parametrize(("head", "spread"), [(Gaussian(0.3), 0.3), (Laplace(0.4), 0.4 * math.sqrt(2))])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_samples_have_the_mean_and_the_spread_times_temperature(head, spread, temperature):
    torch.manual_seed(1)
    x = head(torch.full((1, 200_000), 2.0)).sample(temperature)
    assert x.mean().item() == pytest.approx(2.0, abs=0.006)
    assert x.std().item() == pytest.approx(temperature * spread, rel=0.02)


# -- discretised logistic ---------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    levels=st.sampled_from([2, 4, 256]),
    mixtures=st.integers(1, 3),
    location=st.floats(-1e4, 1e4) | st.floats(-0.2, 1.2),
    log_scale=st.floats(-200, 200),
    seed=st.integers(0, 1000),
)
def test_the_bins_sum_to_1(levels, mixtures, location, log_scale, seed):
    head = DiscretisedLogistic(mixtures, levels)
    h = torch.randn(1, 3 * mixtures, generator=torch.Generator().manual_seed(seed))
    h[:, mixtures] = location
    h[:, 2 * mixtures] = log_scale
    p = head(h.expand(levels, -1))
    x = torch.arange(levels)[:, None] / (levels - 1)
    assert p.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-3)


def test_a_bin_by_hand():
    p = DiscretisedLogisticEvent(torch.zeros(1, 1, 1), torch.full((1, 1, 1), 0.5), torch.zeros(1, 1, 1), levels=3)
    middle = 1 / (1 + math.exp(-0.25)) - 1 / (1 + math.exp(0.25))  # F(1/4) − F(−1/4), scale 1
    assert p.log_prob(torch.full((1, 1), 0.5)).exp().item() == pytest.approx(middle, rel=1e-5)
    assert p.log_prob(torch.zeros(1, 1)).exp().item() == pytest.approx((1 - middle) / 2, rel=1e-5)


def test_gradients_stay_finite_in_both_tails():
    h = torch.tensor([[0.0, 1e4, 300.0], [0.0, -1e4, -300.0], [0.0, 0.0, -300.0]]).requires_grad_()
    x = torch.tensor([[0.0], [1.0], [1.0]])
    DiscretisedLogistic()(h).log_prob(x).sum().backward()
    assert torch.isfinite(h.grad).all()


def test_discretised_samples_follow_their_own_probabilities():
    torch.manual_seed(2)
    head = DiscretisedLogistic(mixtures=2, levels=4)
    h = torch.tensor([[0.5, -0.5, -0.4, 0.3, 0.2, -1.0]])  # two logits, two locations, two log scales
    x = head(h.expand(60_000, -1)).sample()
    bins = torch.arange(4)[:, None] / 3
    expected = head(h.expand(4, -1)).log_prob(bins).exp()
    counted = torch.bincount((x * 3).round().long().flatten(), minlength=4) / len(x)
    assert torch.allclose(counted, expected, atol=0.009)  # 4 standard errors


def test_discretised_temperature_0_is_the_level_nearest_to_the_likeliest_location():
    h = torch.tensor([[0.1, 0.2, 0.2, -0.21, 3.0, 3.0]])  # the second component is likelier, at 0.5 − 0.21
    p = DiscretisedLogistic(mixtures=2, levels=11)(h)
    assert p.sample(0.0).item() == p.sample(0.0).item() == pytest.approx(0.3)


def test_features_of_a_mixture():
    assert DiscretisedLogistic(mixtures=5).features((3, 8, 8)) == (45, 8, 8)
    assert DiscretisedLogistic(mixtures=5)(torch.randn(2, 45, 8, 8)).mean.shape == (2, 3, 8, 8)


def test_events_are_told_apart_by_channel_not_mixed():
    """A mixture's feature order must not mix channels: changing one channel's features changes that channel alone."""
    head, h = DiscretisedLogistic(mixtures=2), torch.zeros(1, 12)  # (3 kinds, 2 mixtures, 2 channels)
    moved = h.clone()
    moved[0, 4] = moved[0, 6] = 0.25  # the locations of channel 0 in both mixtures
    assert torch.allclose(head(moved).mean - head(h).mean, torch.tensor([[0.25, 0.0]]), atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"name": "gaussian", "sigma": 0.0}, "sigma must be above 0, not 0.0"),
        ({"name": "gaussian", "sigma": float("nan")}, "sigma must be finite, not nan"),
        ({"name": "gaussian", "learned": "none"}, "learned must be one of no, one, each, not 'none'"),
        ({"name": "laplace", "scale": -1.0}, "scale must be above 0, not -1.0"),
        ({"name": "discretised-logistic", "mixtures": 0}, "mixtures must be at least 1, not 0"),
        ({"name": "discretised-logistic", "levels": 1}, "levels must be at least 2, not 1"),
    ],
)
def test_impossible_options_say_which(spec, told):
    with pytest.raises(GenaeError, match=rf"likelihood\.{told}"):
        instantiate("likelihood", spec)
