"""Priors: the flow's log-determinant against autograd, its inverse, and densities that integrate to 1."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.recipe.parts import instantiate

KINDS = ["maf", "nsf", "coupling"]
LATENT = 3
LINE, PLANE, ROOM = Space((1,)), Space((2,)), Space((LATENT,))


@pytest.fixture
def flow(request):
    """A flow far from the identity: its weights are doubled after they are drawn."""
    torch.manual_seed(0)
    prior = Flow(ROOM, kind=request.param, transforms=3, hidden=16, layers=2)
    with torch.no_grad():
        for weight in prior.parameters():
            weight.mul_(2)
    return prior


each_kind = pytest.mark.parametrize("flow", KINDS, indirect=True)


def _normal(u):
    return -0.5 * (u.square() + math.log(2 * math.pi)).sum(-1)


@each_kind
def test_log_determinant_against_autograd(flow):
    flow = flow.double()
    z = torch.randn(4, LATENT, dtype=torch.float64)
    f = flow.flow().transform
    u, log_det = f.call_and_ladj(z)
    jacobians = torch.stack([torch.autograd.functional.jacobian(f, row) for row in z])
    assert (jacobians - torch.eye(LATENT)).abs().max() > 0.1  # not the identity: the numbers below mean something
    assert (torch.linalg.slogdet(jacobians).logabsdet - log_det).abs().max() <= 1e-5
    assert torch.allclose(flow.flow().log_prob(z), _normal(u) + log_det, atol=1e-9)


@each_kind
def test_the_inverse_undoes_the_flow(flow):
    z = torch.randn(64, LATENT)
    u = flow.flow().transform(z)
    assert torch.allclose(flow.push(u), z, atol=1e-4)
    assert torch.allclose(flow.flow().transform(flow.push(z)), z, atol=1e-4)


@each_kind
def test_density_of_what_is_pushed(flow):
    """log p(push(u)) = log N(u) − log |det ∂push/∂u|, by autograd of the other direction."""
    flow = flow.double()
    u = torch.randn(4, LATENT, dtype=torch.float64)
    jacobians = torch.stack([torch.autograd.functional.jacobian(lambda r: flow.push(r[None])[0], row) for row in u])
    expected = _normal(u) - torch.linalg.slogdet(jacobians).logabsdet
    assert torch.allclose(flow.flow().log_prob(flow.push(u)), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["maf", "nsf"])
def test_density_integrates_to_1_on_the_line(kind):
    torch.manual_seed(0)
    prior = Flow(LINE, kind=kind, transforms=2, hidden=8)
    z = torch.linspace(-15, 15, 6001)[:, None]
    with torch.no_grad():
        mass = prior().log_prob(z).double().exp().sum() * 30 / 6000
    assert mass.item() == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_density_integrates_to_1_on_the_plane(kind):
    torch.manual_seed(0)
    prior = Flow(PLANE, kind=kind, transforms=2, hidden=8)
    side = torch.linspace(-10, 10, 201)
    with torch.no_grad():
        mass = prior().log_prob(torch.cartesian_prod(side, side)).double().exp().sum() * (20 / 200) ** 2
    assert mass.item() == pytest.approx(1, abs=5e-3)


@each_kind
def test_sampling_is_pushed_noise(flow):
    torch.manual_seed(5)
    z = flow.sample(4, temperature=0.7)
    torch.manual_seed(5)
    assert torch.equal(z, flow.push(0.7 * torch.randn(4, LATENT)))
    centre = flow.sample(3, temperature=0.0)
    assert torch.equal(centre, centre[:1].expand(3, -1))
    assert torch.allclose(centre[:1], flow.push(torch.zeros(1, LATENT)))


@each_kind
def test_weights_make_the_round_trip(flow):
    torch.manual_seed(9)
    other = Flow(ROOM, kind=_kind(flow), transforms=3, hidden=16, layers=2)
    z = torch.randn(5, LATENT)
    assert not torch.allclose(other().log_prob(z), flow().log_prob(z))
    other.load_state_dict(flow.state_dict())
    assert torch.equal(other().log_prob(z), flow().log_prob(z))


def _kind(flow):
    return {"MAF": "maf", "NSF": "nsf", "NICE": "coupling"}[type(flow.flow).__name__]


@each_kind
def test_full_precision_under_autocast(flow):
    z = torch.randn(5, LATENT)
    expected, pushed = flow().log_prob(z), flow.push(z)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(flow().log_prob(z), expected)
        assert torch.equal(flow.push(z), pushed)
        assert flow().log_prob(z.bfloat16()).dtype == torch.float32


@each_kind
def test_gradients_reach_every_weight(flow):
    flow().log_prob(torch.randn(64, LATENT)).mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in flow.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_condition_moves_the_density(kind):
    torch.manual_seed(0)
    prior = Flow(PLANE, 1, kind=kind, transforms=2, hidden=8)
    optimiser = torch.optim.Adam(prior.parameters(), 1e-2)
    told = torch.tensor([[-1.0], [1.0]]).repeat(64, 1)
    for _ in range(150):
        loss = -prior(told).log_prob(3 * told + 0.5 * torch.randn(128, 2)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for c in (-1.0, 1.0):
        z = prior.sample(400, 1.0, torch.full((400, 1), c))
        assert z.mean(0).tolist() == pytest.approx([3 * c] * 2, abs=0.3)
    u = torch.randn(4, 2)
    assert torch.equal(prior.push(u), prior.push(u, torch.zeros(4, 1)))  # nothing told is all zeros
    assert torch.allclose(prior().log_prob(u), prior(torch.zeros(4, 1)).log_prob(u))


def test_standard_normal():
    prior = StandardNormal(PLANE)
    assert prior().log_prob(torch.zeros(1, 2)).item() == pytest.approx(-math.log(2 * math.pi))
    assert not prior.state_dict()  # nothing to save
    u = torch.randn(3, 2)
    assert torch.equal(prior.push(u), u)
    torch.manual_seed(0)
    assert prior.sample(100_000, temperature=0.5).std().item() == pytest.approx(0.5, rel=0.01)
    assert prior.sample(2, temperature=0.0).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kind": "planar"}, "kind must be one of maf, nsf, coupling, not 'planar'"),
        ({"transforms": 0}, "transforms must be 1 to 64, not 0"),
        ({"layers": 0}, "layers must be 1 to 16, not 0"),
        ({"hidden": -1}, "hidden must be 1 to 4096, not -1"),
    ],
)
def test_impossible_options_say_which(options, told):
    with pytest.raises(GenaeError, match=rf"prior\.{told}"):
        instantiate("prior", {"name": "flow", **options}, space=PLANE)


def test_coupling_needs_two_dimensions():
    with pytest.raises(GenaeError, match="use kind=maf"):
        Flow(LINE, kind="coupling")
