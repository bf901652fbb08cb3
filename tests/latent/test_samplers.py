"""Every registered prior and sampler: a density that integrates to 1, agrees with its samples and with `push`, and is kept."""

import math
from copy import deepcopy
from functools import cache
from itertools import product

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior
from genae.latent.samplers import Fitted, Noise, Prior
from genae.latent.space import Space
from genae.recipe import registry
from genae.recipe.parts import instantiate

QUICK = {  # options with which fitting takes no more than seconds
    ("sampler", "flow"): {"steps": 300, "hidden": 32, "lr": 5e-3},
    ("sampler", "flow-matching"): {"steps": 600, "width": 64, "blocks": 2, "lr": 3e-3},
    ("sampler", "autoregressive"): {"steps": 200, "width": 32, "layers": 1, "heads": 2, "lr": 1e-2},
    ("prior", "autoregressive"): {"width": 32, "layers": 1, "heads": 2},
    ("sampler", "two-stage"): {"steps": 800, "hidden": 64, "lr": 3e-3},
    ("sampler", "personal"): {"steps": 800, "batch": 256, "lr": 3e-3, "least": 0.1},
    ("sampler", "vamp"): {"inputs": 50},
    ("prior", "vamp"): {"inputs": 50},
    ("sampler", "sequence"): {"steps": 300, "width": 32, "layers": 1, "heads": 2, "drift": 64, "lr": 3e-3, "guidance": 1.0},
}
EVERY = [(kind, name) for kind in ("prior", "sampler") for name in registry.names(kind)]
LINE, PLANE, FRAMES = Space((1,)), Space((2,)), Space((3, 2), time=True)
SPHERE, BALL = ("prior", "sphere"), ("prior", "hyperbolic")  # tests/latent/test_curved.py has their densities
CURVED = {SPHERE: Space((3,), geometry="sphere"), BALL: Space((2,), geometry="ball")}
A = torch.tensor([[2.0, -1.0], [0.5, 1.5], [0.0, 1.0]])  # (C, D)
UNIFORM = ("prior", "uniform")  # no code is more typical than another, so temperature does not act
VAMPS = [("prior", "vamp"), ("sampler", "vamp")]  # of what an encoder makes of the inputs

MATCHING = ("sampler", "flow-matching")  # that of frames has a field of its own
WITHOUT = [MATCHING, *(("sampler", name) for name in ("personal", "sequence", "two-stage"))]  # a density

each = pytest.mark.parametrize("part", EVERY, ids=" ".join)
each_dense = pytest.mark.parametrize("part", [part for part in EVERY if part not in [*WITHOUT, SPHERE]], ids=" ".join)
each_fitted = pytest.mark.parametrize("part", [part for part in EVERY if part[0] == "sampler"], ids=" ".join)


def _fresh(part, space=PLANE, condition=0):
    """One that knows a model whose encoder gives back the features that it is given."""
    kind, name = part
    sampler = instantiate(kind, {"name": name, **QUICK.get(part, {})}, space=space, condition=condition)
    sampler.setup(GaussianPosterior().features(space), lambda x, c=None: GaussianPosterior()(x), "density")
    return sampler


def _form(part):
    """The plane, or for a sampler of codes two of them, or where it is curved."""
    return CURVED[part] if part in CURVED else Space((2,), codes=5) if "codes" in _refusal(part) else PLANE


def _refusal(part, space=PLANE, condition=0):
    """What it says against such a space or condition, "" for nothing."""
    try:
        _fresh(part, space, condition)
    except GenaeError as error:
        return str(error)
    return ""


def _data(space, n=4000):
    """A bent cloud around (1, −1, …), z_2 = z_1² / 2 + noise, …; or codes of which the later ones are rarer."""
    if space.codes:
        return torch.multinomial(torch.linspace(5, 1, space.codes), n * space.size, replacement=True).view(n, *space.shape)
    z = [1 + torch.randn(n)]
    for i in range(space.size - 1):
        z.append(0.5 * z[-1].square() - 1 + (0.5 + 0.1 * i) * torch.randn(n) if i % 2 == 0 else 0.5 * torch.randn(n))
    return space.shaped(torch.stack(z, 1))


def _fit(sampler, z, condition=None):
    if isinstance(sampler, Fitted):
        if sampler.of_inputs:  # features of wide posteriors around them
            z = torch.cat([z, torch.full_like(z, 0.5)], -1)
        with torch.enable_grad():
            *_, last = sampler.fit(z, condition)
        assert last.done == last.total
    elif not sampler.space.codes:  # far from where a flow begins
        with torch.no_grad():
            for weight in sampler.parameters():
                weight.mul_(1.5)
    return sampler.eval()


def _made(part, space=None):
    """Fitted, where it can be."""
    return deepcopy(_once(part, space or _form(part)))


@cache
def _once(part, space):
    torch.manual_seed(0)
    with torch.enable_grad():
        return _fit(_fresh(part, space), _data(space))


def _reference(z):
    """log r of a normalised r (n,) that lies where most of z (n, size) is: narrow around the centre of the thickest part."""
    near = torch.cdist(z[:1000], z[:1000]).kthvalue(100, 1)
    centre, radius = z[near.values.argmin()], near.values.min()
    return torch.distributions.Normal(centre, radius / math.sqrt(z.shape[1])).log_prob(z).sum(1)


def _reference_of_codes(z, codes):
    return torch.linspace(1, 2, codes).log_softmax(0)[z].sum(1)


@each_dense
@torch.no_grad()
def test_the_importance_check(part):
    """E over x ~ p of r(x) / p(x) = 1: a density that is too generous, or of other samples, gives another number."""
    sampler = _made(part)
    z = sampler.sample(40_000)
    r = _reference_of_codes(z, sampler.space.codes) if sampler.space.codes else _reference(z)
    weights = (r - sampler().log_prob(z)).double().exp()
    error = weights.std().item() / math.sqrt(len(z))
    assert error < 0.02, "the check says nothing"
    assert weights.mean().item() == pytest.approx(1, abs=4 * error + 1e-6)


@each_dense
@torch.no_grad()
def test_the_density_integrates_to_1(part):
    if _form(part).codes:
        sampler = _made(part, Space((2,), codes=5))
        z = torch.tensor(list(product(range(5), repeat=2)))
        mass = sampler().log_prob(z).exp().sum()
    else:
        sampler = _made(part, Space((1,), geometry=_form(part).geometry))
        reach = 0.9999 if part == BALL else 20
        z = torch.linspace(-reach, reach, 40_001)[:, None]
        mass = sampler().log_prob(z).double().exp().sum() * 2 * reach / 40_000
    assert mass.item() == pytest.approx(1, abs=2e-3)


@each_dense
def test_pushed_noise_has_the_density(part):
    """log p(push(u)) = log N(u) − log |det ∂push/∂u|, by autograd."""
    sampler = _made(part).double()
    if not isinstance(sampler, Noise):
        pytest.skip("it is made of no noise")
    u = torch.randn(6, 2, dtype=torch.float64)
    jacobians = torch.stack([torch.autograd.functional.jacobian(lambda r: sampler.push(r[None])[0], row) for row in u])
    normal = -0.5 * (u.square() + math.log(2 * math.pi)).sum(1)
    expected = normal - torch.linalg.slogdet(jacobians).logabsdet
    assert sampler().log_prob(sampler.push(u)).tolist() == pytest.approx(expected.tolist(), abs=1e-4)


@each
@torch.no_grad()
def test_temperature(part):
    """0 gives one z, however often; half of it less spread than 1; and the seed says which."""
    sampler = _made(part)
    if part in (UNIFORM, SPHERE):
        torch.manual_seed(1)
        cold = sampler.sample(50, 0.0)
        torch.manual_seed(1)
        assert torch.equal(cold, sampler.sample(50, 1.0))
        return
    once, again = sampler.sample(50, 0.0), sampler.sample(50, 0.0)
    assert torch.equal(once, once[:1].expand_as(once))
    assert torch.equal(once, again)
    torch.manual_seed(1)
    warm = sampler.sample(4000)
    torch.manual_seed(1)
    assert torch.equal(warm, sampler.sample(4000, 1.0))
    assert not torch.equal(warm, sampler.sample(4000))
    half = sampler.sample(4000, 0.5)
    if sampler.space.codes:  # the likeliest come oftener
        assert (half == once[:1]).double().mean() > (warm == once[:1]).double().mean() + 0.05
        return
    narrower = 0.95 if part == ("prior", "mixture") else 0.8  # its means are far apart, whatever the temperature
    assert (half.double().std(0) < narrower * warm.double().std(0)).all()
    assert (half.double().std(0) > 0.2 * warm.double().std(0)).all()


@each
@torch.no_grad()
def test_what_is_saved_comes_back(part):
    sampler = _made(part)
    again = _fresh(part, sampler.space).eval()
    z = _seeded(sampler)
    if sampler.state_dict():
        assert not torch.equal(_seeded(again), z)
    again.load_state_dict(sampler.state_dict())
    assert torch.equal(_seeded(again), z)
    if isinstance(sampler, Prior):
        assert torch.equal(again().log_prob(z), sampler().log_prob(z))


def _seeded(sampler, n=20):
    torch.manual_seed(2)
    return sampler.sample(n)


@torch.no_grad()
def test_flow_matching_of_frames_shares_its_weights_among_them():
    """As many weights whatever the number of frames, but for their places; and z have their form."""
    sizes = [sum(p.numel() for p in _fresh(MATCHING, Space((frames, 2), time=True)).parameters()) for frames in (3, 7, 11)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] == 4 * QUICK[MATCHING]["width"]
    sampler = _made(MATCHING, FRAMES)
    z = _seeded(sampler, 10)
    assert FRAMES.check(z).shape == (10, 3, 2)
    assert torch.equal(_seeded(sampler, 10), z)


@pytest.mark.parametrize("part", [part for part in EVERY if part not in [MATCHING, *VAMPS, *CURVED]], ids=" ".join)
@torch.no_grad()
def test_any_form_of_z_is_the_flat_one_in_another_shape(part):
    form = _form(part)
    shaped, flat = (Space((3, 2), True, form.codes), Space((6,), codes=form.codes))
    sampler = _made(part, shaped)
    same = _fresh(part, flat).eval()
    same.load_state_dict(sampler.state_dict())
    z = _seeded(sampler, 10)
    assert shaped.check(z).shape == (10, 3, 2)
    assert torch.equal(_seeded(same, 10), z.flatten(1))
    if not isinstance(sampler, Prior):
        return
    assert torch.equal(sampler().log_prob(z), same().log_prob(z.flatten(1)))
    many = torch.stack([z, z.flip(0)])  # (K, B, *shape)
    assert sampler().log_prob(many).shape == (2, 10)
    assert torch.allclose(sampler().log_prob(many)[1], sampler().log_prob(z).flip(0), atol=1e-5)


@each_dense
@torch.no_grad()
def test_full_precision_under_autocast(part):
    sampler = _made(part)
    z = sampler.sample(20)
    u, expected = torch.randn(20, 2), sampler().log_prob(z)
    pushed = sampler.push(u) if isinstance(sampler, Noise) else z
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(sampler().log_prob(z), expected)
        assert not isinstance(sampler, Noise) or torch.equal(sampler.push(u), pushed)


# -- conditions -------------------------------------------------------------------------------------------------------


@each
def test_a_sampler_with_a_condition_takes_it_or_refuses_it(part):
    form = _form(part)
    if refusal := _refusal(part, form, 3):
        assert "condition" in refusal
        return
    sampler, c = _fresh(part, form, 3), torch.eye(3)
    assert sampler.sample(3, 1.0, c).shape == (3, *form.shape)
    if not isinstance(sampler, Prior):
        torch.manual_seed(2)
        assert torch.equal(sampler.sample(20, 1.0, torch.zeros(20, 3)), _seeded(sampler))  # nothing given is all zeros
        return
    assert sampler(c).log_prob(sampler.sample(3, 1.0, c)).shape == (3,)
    zeros, z = torch.zeros(5, 3), sampler.sample(5, 1.0, None)
    assert torch.allclose(sampler(zeros).log_prob(z), sampler().log_prob(z))  # nothing given is all zeros


@pytest.mark.parametrize("name", ["gaussian", "flow", "flow-matching"])
def test_a_linear_dependence_is_recovered(name):
    """z = m + A c + noise: means of samples differ by A c."""
    torch.manual_seed(0)
    c = torch.randn(6000, 3)
    z = torch.tensor([1.0, -2.0]) + c @ A + 0.3 * torch.randn(6000, 2)
    sampler = _fit(_fresh(("sampler", name), PLANE, 3), z, c)
    for given in (*torch.eye(3), torch.zeros(3)):
        drawn = sampler.sample(4000, 1.0, given.expand(4000, 3)).detach()
        expected = torch.tensor([1.0, -2.0]) + given @ A
        assert drawn.mean(0).tolist() == pytest.approx(expected.tolist(), abs=0.03 if name == "gaussian" else 0.15)
        assert drawn.std(0).tolist() == pytest.approx([0.3, 0.3], abs=0.02 if name == "gaussian" else 0.1)


def test_a_gaussian_is_fitted_exactly():
    """To least squares and the sample covariance."""
    torch.manual_seed(0)
    c = torch.randn(500, 3)
    z = torch.tensor([1.0, -2.0]) + c @ A + torch.randn(500, 2) @ torch.tensor([[0.5, 0.3], [0.0, 0.2]])
    sampler = _fit(_fresh(("sampler", "gaussian"), PLANE, 3), z, c)
    design = torch.cat([torch.ones(500, 1), c], 1).double()
    exact = torch.linalg.solve(design.mT @ design, design.mT @ z.double())
    assert torch.allclose(sampler.linear.double(), exact, atol=1e-5)
    covariance = torch.cov((z - design.float() @ sampler.linear).mT)
    assert torch.allclose(sampler.root @ sampler.root.mT, covariance, atol=1e-4)
    reference = torch.distributions.MultivariateNormal(exact[0].float(), covariance)
    assert torch.allclose(sampler().log_prob(z), reference.log_prob(z), atol=2e-2)


@pytest.mark.parametrize("name", ["gaussian", "flow", "flow-matching"])
def test_a_dimension_that_does_not_vary_is_no_infinity(name):
    torch.manual_seed(0)
    z = torch.stack([torch.randn(300), torch.full((300,), 2.0)], 1)
    sampler = _fit(_fresh(("sampler", name)), z)
    drawn = sampler.sample(200).detach()
    assert drawn.isfinite().all()
    assert drawn[:, 1].mean().item() == pytest.approx(2, abs=0.01)
    assert not isinstance(sampler, Prior) or sampler().log_prob(z).isfinite().all()


# -- the mixture ------------------------------------------------------------------------------------------------------


def _clusters():
    torch.manual_seed(0)
    centres, spreads = torch.tensor([[-5.0, 0.0], [5.0, 1.0]]), torch.tensor([[0.5, 1.0], [0.2, 0.3]])
    which = (torch.rand(6000) < 0.25).long()
    return centres, spreads, centres[which] + spreads[which] * torch.randn(6000, 2)


def test_a_mixture_finds_two_clusters():
    centres, spreads, z = _clusters()
    sampler = _fit(instantiate("sampler", {"name": "mixture", "components": 2}, space=PLANE, condition=0), z)
    order = sampler.mean[:, 0].argsort()
    assert torch.allclose(sampler.mean[order], centres, atol=0.06)
    assert torch.allclose(sampler.variance[order].sqrt(), spreads, atol=0.04)
    assert sampler.log_weight[order].exp().tolist() == pytest.approx([0.75, 0.25], abs=0.02)
    drawn = sampler.sample(6000)
    assert (drawn[:, 0] > 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert sampler.sample(9, 0.0)[:, 0].tolist() == pytest.approx([-5] * 9, abs=0.1)  # the most typical is of the greater one


def test_of_one_component_a_full_mixture_is_the_sample_mean_and_covariance():
    torch.manual_seed(0)
    z = torch.tensor([3.0, -1.0]) + torch.randn(500, 2) @ torch.tensor([[1.0, 0.8], [0.0, 0.3]])
    spec = {"name": "mixture", "components": 1, "covariance": "full", "turns": 2}
    sampler = _fit(instantiate("sampler", spec, space=PLANE, condition=0), z)
    covariance = torch.cov(z.mT, correction=0)
    assert torch.allclose(sampler.mean[0], z.mean(0), atol=1e-5)
    assert torch.allclose(sampler.root[0] @ sampler.root[0].mT, covariance, atol=1e-5)
    reference = torch.distributions.MultivariateNormal(z.mean(0), covariance)
    assert torch.allclose(sampler().log_prob(z), reference.log_prob(z), atol=1e-4)
    assert torch.allclose(torch.cov(sampler.sample(40_000).mT), covariance, atol=0.05)


def test_a_full_mixture_finds_what_a_diagonal_one_does_not():
    """Two crossed bars at one place: their difference is in the covariances alone."""
    torch.manual_seed(0)
    bar = torch.randn(1000, 1) * torch.tensor([1.0, 1.0]) + 0.1 * torch.randn(1000, 2)
    z = torch.cat([bar, bar * torch.tensor([1.0, -1.0])])
    losses = {}
    for covariance in ("diagonal", "full"):
        spec = {"name": "mixture", "components": 2, "covariance": covariance, "turns": 60}
        *_, last = instantiate("sampler", spec, space=PLANE, condition=0).fit(z, None)
        losses[covariance] = last.loss.item()
    assert losses["full"] < losses["diagonal"] - 0.3


def test_turns_of_a_mixture_never_lose_likelihood():
    *_, z = _clusters()
    torch.manual_seed(0)
    sampler = instantiate("sampler", {"name": "mixture", "components": 5, "turns": 30}, space=PLANE, condition=0)
    losses = torch.stack([at.loss for at in sampler.fit(z, None)])
    assert (losses.diff() < 1e-4).all()
    assert losses[-1] < losses[0] - 0.5


def test_more_components_than_examples():
    sampler = instantiate("sampler", {"name": "mixture", "components": 9}, space=PLANE, condition=0)
    with pytest.raises(GenaeError, match=r"sampler\.components must be at most the 4 examples, not 9"):
        next(sampler.fit(torch.randn(4, 2), None))


# -- what does not suit ------------------------------------------------------------------------------------------------


@each
def test_codes_and_numbers_are_not_mixed(part):
    wrong = PLANE if _form(part).codes else Space((2,), codes=5)
    with pytest.raises(GenaeError, match=r"is for codes, and this model's z is continuous \(2\)|is for continuous z, and this"):
        _fresh(part, wrong)


@each_fitted
def test_what_is_registered_as_a_sampler_can_be_fitted(part):
    assert isinstance(_fresh(part, _form(part)), Fitted)


def test_those_without_a_density_are_the_ones_named_here():
    assert [part for part in EVERY if not isinstance(_fresh(part, _form(part)), Prior)] == WITHOUT


@pytest.mark.parametrize("part", WITHOUT, ids=" ".join)
@torch.no_grad()
def test_what_is_matched_is_spread_as_the_data(part):
    """Means, deviations and the correlation of z_2 with z_1² of the bent cloud."""
    sampler, z = _made(part), _data(PLANE, 40_000)
    drawn = sampler.sample(4000)
    for of in (lambda z: z.mean(0), lambda z: z.std(0), lambda z: torch.corrcoef(torch.stack([z[:, 0] ** 2, z[:, 1]]))[0]):
        assert of(drawn).tolist() == pytest.approx(of(z).tolist(), abs=0.25)


def test_a_prior_is_not_fitted():
    assert not isinstance(_fresh(("prior", "normal")), Fitted)


def test_uniform_codes():
    sampler = _fresh(UNIFORM, Space((2,), codes=5))
    assert sampler().log_prob(torch.tensor([[0, 4]])).item() == pytest.approx(-2 * math.log(5))
    torch.manual_seed(0)
    counts = torch.bincount(sampler.sample(10_000).flatten(), minlength=5)
    assert counts.tolist() == pytest.approx([4000] * 5, abs=4 * math.sqrt(20_000 * 0.2 * 0.8))


# -- codes in a row ----------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_codes_in_a_row_are_a_density_given_a_condition():
    """Probabilities of all 4³ add up to one; a code hangs on those before it and on no later one."""
    space, c = Space((3,), codes=4), torch.randn(1, 2)
    for given in (None, c):
        sampler = _fresh(("prior", "autoregressive"), space, 0 if given is None else 2)
        z = torch.tensor(list(product(range(4), repeat=3)))
        many = None if given is None else given.expand(64, -1)
        assert sampler(many).log_prob(z).logsumexp(0).item() == pytest.approx(0, abs=1e-5)
        logits = sampler.logits(z[:, :2], many)
        assert torch.allclose(logits[0, :2], logits[4, :2], atol=1e-5)  # of (0, 0) and (0, 1)
        assert not torch.allclose(logits[0, 2], logits[4, 2], atol=1e-3)


def test_codes_in_a_row_follow_each_other_and_the_condition():
    """The first code is the class and the others repeat it: ln 2 nats without the class, none with it."""
    torch.manual_seed(0)
    which = torch.randint(2, (500,))
    z, c = which[:, None].expand(500, 4).contiguous(), torch.nn.functional.one_hot(which, 2).float()
    for given, nats in ((None, math.log(2)), (c, 0.0)):
        sampler = _fresh(("sampler", "autoregressive"), Space((2, 2), codes=3), 0 if given is None else 2)
        *_, last = sampler.fit(sampler.space.shaped(z), given)
        assert last.loss.item() == pytest.approx(nats, abs=0.05)
    drawn = sampler.sample(60, 1.0, c[:60])
    assert (drawn.flatten(1) == which[:60, None]).float().mean() > 0.98
