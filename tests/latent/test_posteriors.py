"""The rate: known numbers, the closed form against Monte Carlo, and the trap of ln σ against ln σ²."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genae.errors import GenaeError
from genae.latent.posteriors import LOG_SIGMA, DiagonalGaussian, GaussianPosterior, Point, PointPosterior
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.recipe.parts import instantiate

NORMAL = StandardNormal(Space((1,)))()


def _rate(mean, sigma):
    q = DiagonalGaussian(torch.tensor([[mean]]), torch.tensor([[sigma]]).log())
    return q.rate(NORMAL, q.rsample()).item()


def test_rates_known_by_heart():
    assert _rate(1.0, 1.0) == pytest.approx(0.5)
    assert _rate(0.0, 2.0) == pytest.approx(0.8069, abs=5e-5)  # ½ (4 − 1 − ln 4)
    assert _rate(0.0, 1.0) == 0


def test_the_second_half_of_the_features_is_log_sigma_in_sample_and_rate_alike():
    """The trap: sampling with exp(s) as σ while the rate takes exp(s) for σ². Here s = ln 2 in both."""
    torch.manual_seed(0)
    q = GaussianPosterior()(torch.tensor([[0.0, math.log(2)]]))
    assert q.rsample(200_000).std().item() == pytest.approx(2.0, rel=0.01)
    assert q.rate(NORMAL, q.rsample()).item() == pytest.approx(0.8069, abs=5e-5)  # as a variance it would be 0.1534


def test_closed_form_matches_monte_carlo():
    torch.manual_seed(0)
    q = DiagonalGaussian(torch.tensor([[0.7, -1.2, 0.0]]), torch.tensor([[0.3, -1.0, 0.5]]))
    p = DiagonalGaussian(torch.tensor([[-0.2, 0.4, 1.0]]), torch.tensor([[0.1, 0.2, -0.3]]))
    z = q.rsample(200_000)
    w = (q.log_prob(z) - p.log_prob(z))[:, 0]
    assert q.rate(p, z[0]).item() == pytest.approx(w.mean().item(), abs=4 * w.std().item() / math.sqrt(len(w)))


@settings(max_examples=50)
@given(*[st.floats(-3, 3)] * 4)
def test_rate_against_torch(m, s, prior_m, prior_s):
    q = DiagonalGaussian(torch.tensor([[m]]), torch.tensor([[s]]))
    p = DiagonalGaussian(torch.tensor([[prior_m]]), torch.tensor([[prior_s]]))
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(m, math.exp(s)), normal(prior_m, math.exp(prior_s)))
    rate = q.rate(p, q.mean).item()
    assert rate == pytest.approx(float(expected), rel=1e-4, abs=1e-4)
    assert rate >= -1e-5
    assert q.rate(q, q.mean).item() == pytest.approx(0, abs=1e-6)


def test_the_rate_is_the_sum_over_dimensions():
    q = DiagonalGaussian(torch.randn(4, 3), torch.randn(4, 3))
    prior = StandardNormal(Space((3,)))()
    assert torch.equal(q.rate(prior, q.mean), q.rate_by_dimension(prior).sum(1))
    by_hand = 0.5 * (q.mean**2 + (2 * q.log_sigma).exp() - 1 - 2 * q.log_sigma)
    assert torch.allclose(q.rate_by_dimension(prior), by_hand, atol=1e-5)


def test_density_against_torch():
    q, z = DiagonalGaussian(torch.randn(4, 3), torch.randn(4, 3)), torch.randn(5, 4, 3)
    reference = torch.distributions.Normal(q.mean, q.log_sigma.exp()).log_prob(z).sum(-1)
    assert torch.allclose(q.log_prob(z), reference, rtol=1e-4, atol=1e-4)


def test_without_a_closed_form_the_rate_is_estimated_at_z():
    torch.manual_seed(0)
    flow = Flow(Space((2,)), transforms=1, hidden=8)()
    q = DiagonalGaussian(torch.randn(3, 2), torch.randn(3, 2))
    z = q.rsample()
    assert torch.equal(q.rate(flow, z), q.log_prob(z) - flow.log_prob(z))
    with pytest.raises(GenaeError, match="free_bits_per=total"):
        q.rate_by_dimension(flow)


def test_gradients_reach_both_halves_of_the_features():
    h = torch.zeros(1, 4, requires_grad=True)
    GaussianPosterior()(h).rsample().sum().backward()
    assert (h.grad[:, :2] == 1).all()  # dz/dμ
    assert h.grad[:, 2:].abs().min() > 0  # dz/d ln σ = ε


def test_extreme_features_stay_finite():
    q = GaussianPosterior()(torch.tensor([[0.0, 0.0, 1e4, -1e4]]))
    assert q.log_sigma.tolist() == [[LOG_SIGMA[1], LOG_SIGMA[0]]]
    assert torch.isfinite(q.rate(StandardNormal(Space((2,)))(), q.rsample())).all()


def test_half_precision_features_give_float32():
    q = GaussianPosterior()(torch.randn(2, 4).bfloat16())
    assert q.mean.dtype == q.rsample().dtype == torch.float32


def test_shapes():
    assert GaussianPosterior().features(Space((5,))) == (10,)
    assert GaussianPosterior().features(Space((4, 5), time=True)) == (4, 10)
    assert PointPosterior().features(Space((5,))) == (5,)
    assert PointPosterior().features(Space((4, 5), time=True)) == (4, 5)
    q = DiagonalGaussian(torch.zeros(2, 3), torch.zeros(2, 3))
    assert q.rsample().shape == (2, 3)
    assert q.rsample(7).shape == (7, 2, 3)


def test_a_point_has_no_rate_and_no_density():
    q = PointPosterior()(torch.tensor([[1.0, 2.0]]))
    assert isinstance(q, Point)
    assert q.rsample().tolist() == [[1, 2]]
    assert q.rsample(2).tolist() == [[[1, 2]], [[1, 2]]]
    assert q.rate(NORMAL, q.mean).item() == 0
    assert q.rate_by_dimension(NORMAL).tolist() == [[0, 0]]
    with pytest.raises(GenaeError, match="posterior=gaussian"):
        q.log_ratio(NORMAL, q.mean)


def test_a_softplus_scale():
    h = torch.tensor([[0.3, -1.0, 0.0, 2.0]])
    q = GaussianPosterior(scale="softplus")(h)
    assert torch.allclose(q.log_sigma.exp(), torch.log1p(h[:, 2:].exp()))
    with pytest.raises(GenaeError, match=r"posterior\.scale must be one of exp, softplus, not 'square'"):
        instantiate("posterior", {"name": "gaussian", "scale": "square"})
