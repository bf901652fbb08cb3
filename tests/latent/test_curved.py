"""Spheres and the Poincaré ball: known numbers, densities that integrate to 1, and points that stay where they belong."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.hyperbolic import Hyperbolic, WrappedNormal, contract, expand, shifted
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.latent.sphere import Even, UniformSphere, VonMisesFisher, log_area
from genae.recipe.parts import instantiate

BALL = Space((2,), geometry="ball")


def _sphere(m):
    return Space((m,), geometry="sphere")


def _vmf(m, kappa, batch=1):
    mean = torch.nn.functional.normalize(torch.arange(1.0, m + 1), dim=0)
    return VonMisesFisher(mean.expand(batch, m), torch.full((batch, 1), kappa))


def test_areas_of_spheres():
    assert [math.exp(log_area(m)) for m in (1, 2, 3)] == pytest.approx([2, 2 * math.pi, 4 * math.pi])


@pytest.mark.parametrize("kappa", [0.01, 1.0, 10.0, 500.0])
def test_the_rate_on_the_ordinary_sphere(kappa):
    """κ coth κ − 1 + ln(κ / sinh κ); at κ = 1 .1516."""
    sinh = kappa + math.log1p(-math.exp(-2 * kappa)) - math.log(2)
    exact = kappa / math.tanh(kappa) - 1 + math.log(kappa) - sinh
    q = _vmf(3, kappa)
    assert q.rate(Even(_sphere(3)), q.rsample()).item() == pytest.approx(exact, rel=1e-3, abs=2e-5)
    if kappa == 1:
        assert exact == pytest.approx(0.1516, abs=5e-5)


def test_the_density_on_the_ordinary_sphere():
    """κ / (4π sinh κ) e^{κ μ·z}."""
    q = _vmf(3, 2.0)
    z = torch.nn.functional.normalize(torch.randn(20, 1, 3), dim=-1)
    exact = math.log(2 / (4 * math.pi * math.sinh(2))) + 2 * (q.mean * z).sum(-1)
    assert torch.allclose(q.log_prob(z), exact, atol=1e-4)


@pytest.mark.parametrize("m", [2, 3, 10, 40])
@pytest.mark.parametrize("kappa", [1.0, 30.0])
@torch.no_grad()
def test_a_rate_is_what_samples_say(m, kappa):
    torch.manual_seed(0)
    q, prior = _vmf(m, kappa), UniformSphere(_sphere(m))()
    z = q.rsample(40_000)
    assert torch.allclose(z.norm(dim=-1), torch.ones(40_000, 1), atol=1e-5)
    ratios = q.log_ratio(prior, z)
    assert ratios.mean().item() == pytest.approx(q.rate(prior, z[0]).item(), abs=4 * ratios.std().item() / 200 + 1e-4)
    assert q.rate(prior, z[0]).item() >= 0


def test_the_gradient_of_kappa_is_that_of_what_is_drawn():
    """d/dκ E[μ·z] of m = 3 is 1/κ² − 1/sinh² κ: of E[μ·z] = coth κ − 1/κ."""
    torch.manual_seed(0)
    kappa = torch.full((1, 1), 2.0, requires_grad=True)
    mean = torch.tensor([[0.0, 0.0, 1.0]])
    along = VonMisesFisher(mean, kappa).rsample(40_000)[..., 2].mean()
    assert along.item() == pytest.approx(1 / math.tanh(2) - 0.5, abs=0.01)
    (grad,) = torch.autograd.grad(along, kappa)
    assert grad.item() == pytest.approx(1 / 4 - 1 / math.sinh(2) ** 2, abs=0.01)


@torch.no_grad()
def test_frames_are_each_on_a_sphere_of_their_own():
    family = instantiate("posterior", {"name": "von-mises-fisher"})
    space = family.space(Space((5, 3), time=True))
    q, prior = family(torch.randn(4, *family.features(space))), UniformSphere(space)
    z = q.rsample(2)
    assert torch.allclose(z.norm(dim=-1), torch.ones(2, 4, 5), atol=1e-5)
    assert q.rate(prior(), z[0]).shape == (4,)
    assert prior().log_prob(prior.sample(7)).tolist() == pytest.approx([-5 * math.log(4 * math.pi)] * 7, rel=1e-5)


def test_centre_and_distance_in_the_ball():
    """A point at distance 2 ln 2 from the centre is at tanh(ln 2) = .6; shifts keep distances."""
    assert expand(torch.tensor([2 * math.log(2), 0.0])).tolist() == pytest.approx([0.6, 0])
    v = torch.randn(10, 3)
    assert torch.allclose(contract(expand(v)), v, atol=1e-4)
    x, y = expand(torch.randn(2, 10, 3)).unbind()
    assert torch.allclose(shifted(-x, shifted(x, y)), y, atol=1e-4)
    assert torch.allclose(shifted(-x, x), torch.zeros(10, 3), atol=1e-6)


@pytest.mark.parametrize("mean", [[0.0, 0.0], [0.5, -0.3]])
@torch.no_grad()
def test_the_density_in_the_ball_integrates_to_1(mean):
    side = torch.linspace(-1, 1, 1201)
    z = torch.cartesian_prod(side, side)
    z = z[z.norm(dim=1) < 0.9999]
    q = WrappedNormal(torch.tensor([mean]), torch.tensor([[0.3, 0.8]]).log())
    assert (q.log_prob(z[:, None]).double().exp().sum() * (2 / 1200) ** 2).item() == pytest.approx(1, abs=5e-3)


@torch.no_grad()
def test_the_prior_of_the_ball_is_noise_at_the_distance_of_its_norm():
    prior, u = Hyperbolic(BALL), torch.randn(50, 2)
    assert torch.allclose(2 * prior.push(u).norm(dim=1).atanh(), u.norm(dim=1), atol=1e-3)
    q = WrappedNormal(torch.zeros(1, 2), torch.zeros(1, 2))
    assert q.rate(prior(), prior.sample(5)).abs().max() < 1e-5  # the same distribution


@pytest.mark.parametrize("name, prior", [("von-mises-fisher", "sphere"), ("wrapped-normal", "hyperbolic")])
def test_a_prior_of_another_geometry_is_refused(name, prior):
    space = instantiate("posterior", {"name": name}).space(Space((3,)))
    with pytest.raises(GenaeError, match=f"StandardNormal is for z without bounds, and this model's are .*; set prior={prior}"):
        StandardNormal(space)
    with pytest.raises(GenaeError, match="and this model's are without bounds"):
        instantiate("prior", {"name": prior}, space=Space((3,)))


def test_what_left_a_sphere_or_ball_is_put_back():
    assert _sphere(2).onto(torch.tensor([[3.0, 4.0]])).tolist() == [pytest.approx([0.6, 0.8])]
    assert BALL.onto(torch.tensor([[3.0, 4.0]])).norm().item() == pytest.approx(1, abs=1e-4)
    assert BALL.onto(torch.tensor([[0.3, 0.4]])).tolist() == [pytest.approx([0.3, 0.4])]
