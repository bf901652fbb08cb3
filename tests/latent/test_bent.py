"""Posteriors beyond the diagonal Gaussian: full covariances and flows, against closed forms, autograd and the identity."""

import math

import pytest
import torch

from genae.latent.full import FullGaussian, FullGaussianPosterior
from genae.latent.posteriors import GaussianPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.recipe.parts import instantiate
from genae.testing.chance import shaken

ROOM = Space((3,))
FLOWS = ("iaf", "planar")


def _flow(name, shake=0.0):
    torch.manual_seed(0)
    family = instantiate("posterior", {"name": name})
    features = family.features(ROOM)
    shaken(family, shake)
    return family, torch.randn(4, *features)


def test_a_full_gaussian_against_torch():
    torch.manual_seed(0)
    root = torch.tril(torch.randn(3, 3)) * 0.3 + torch.eye(3)
    mean = torch.randn(1, 3)
    q, normal = FullGaussian(mean, root[None]), StandardNormal(ROOM)()
    reference = torch.distributions.MultivariateNormal(mean[0], scale_tril=root)
    unit = torch.distributions.MultivariateNormal(torch.zeros(3), torch.eye(3))
    z = torch.randn(20, 1, 3)
    assert torch.allclose(q.log_prob(z)[:, 0], reference.log_prob(z[:, 0]), atol=1e-4)
    assert q.rate(normal, mean).item() == pytest.approx(torch.distributions.kl_divergence(reference, unit).item(), rel=1e-4)
    assert torch.allclose(torch.cov(q.rsample(100_000)[:, 0].mT), root @ root.mT, atol=0.05)
    assert torch.allclose(q.spread[0], (root @ root.mT).diagonal().sqrt())


def test_a_full_gaussian_without_what_is_beside_the_diagonal_is_the_diagonal_one():
    h = torch.randn(5, 6)
    full = FullGaussianPosterior()(torch.cat([h, torch.zeros(5, 3)], 1))
    diagonal, normal = GaussianPosterior()(h), StandardNormal(ROOM)()
    assert torch.allclose(full.rate(normal, h), diagonal.rate(normal, h), atol=1e-4)
    z = torch.randn(7, 5, 3)
    assert torch.allclose(full.log_prob(z), diagonal.log_prob(z), atol=1e-4)
    assert FullGaussianPosterior().features(Space((4, 3), time=True)) == (4, 9)


@pytest.mark.parametrize("name", FLOWS)
@torch.no_grad()
def test_a_flow_begins_as_the_plain_gaussian(name):
    family, h = _flow(name)
    q, plain = family(h), GaussianPosterior()(_gaussian(family, h))
    torch.manual_seed(1)
    z = q.rsample()
    torch.manual_seed(1)
    assert torch.equal(z, plain.rsample())
    normal = StandardNormal(ROOM)()
    assert torch.allclose(q.rate(normal, z), plain.log_ratio(normal, z), atol=1e-5)
    assert torch.equal(q.mean, plain.mean)


def _gaussian(family, h):
    """The features of the mean and of ln σ alone."""
    return h[:, :6]


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_s_determinant_and_inverse_by_autograd(name):
    family, h = _flow(name, 0.5)
    bend, z0 = family(h[:1]).bend, torch.randn(6, 1, 3)
    z, log_det = bend(z0)
    assert (z - z0).abs().max() > 0.05  # the numbers below mean something
    for one, own in zip(z0, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda x: bend(x[None])[0].flatten(), one[0])
        assert torch.linalg.slogdet(jacobian).logabsdet.item() == pytest.approx(own.item(), abs=1e-4)
    assert torch.allclose(bend.back(z), z0, atol=1e-3)


@pytest.mark.parametrize("name", FLOWS)
@torch.no_grad()
def test_a_flow_s_density_is_the_same_where_it_was_drawn_and_elsewhere(name):
    family, h = _flow(name, 0.5)
    q = family(h)
    z = q.rsample(5)
    assert torch.allclose(q.log_prob(z), q.log_prob(z.clone()), atol=1e-3)


def test_a_planar_flow_can_always_be_inverted():
    """However u points against w, the slope along w stays above 0: û·w > −1."""
    from genae.latent.flows import _kept

    u, w = torch.randn(2, 1000, 3).mul(10).unbind()
    assert ((_kept(u, w) * w).sum(-1) > -1 - 1e-3).all()
    assert torch.equal(_kept(torch.zeros(5, 3), w[:5]), torch.zeros(5, 3)) or _kept(torch.zeros(5, 3), w[:5]).abs().max() < 1e-6
    assert math.isclose(torch.nn.functional.softplus(torch.tensor(math.log(math.e - 1))).item(), 1, rel_tol=1e-6)
