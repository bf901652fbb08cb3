"""Every registered likelihood and posterior, a third party's included: densities that integrate to 1 and agree with samples."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.hyperbolic import Hyperbolic
from genae.latent.posteriors import Family
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.latent.sphere import UniformSphere
from genae.recipe import registry
from genae.recipe.parts import instantiate
from genae.testing.chance import shaken
from genae_music.steps import Stepwise

N = 40_000
PSEUDO = ("spectral", "ms-ssim", "features")  # pseudo-likelihoods, whose constants are not known, and which are not drawn from
OF_MANY = (
    "groove",
    "keys",
    "tracks",
)  # of many numbers that hang together: test_played, test_piano and test_multitrack of music
GREEDY = {"discretised-logistic": "the mode of the likeliest part", "nade": "the likelier value of each bit in turn"}
MORE = {  # the options that change a density, beside the defaults
    "gaussian": [{"learned": "each"}, {"learned": "one", "sigma": 0.3}],
    "discretised-logistic": [{"mixtures": 3, "levels": 16}],
    "tokens": [{"streams": ["drums"]}],
}
LIKELIHOODS = [
    (name, options)
    for name in registry.names("likelihood")
    if name not in (*PSEUDO, *OF_MANY)
    for options in [{}, *MORE.get(name, [])]
]
PLANE = Space((2,))
PRIORS = {"flat": StandardNormal, "sphere": UniformSphere, "ball": Hyperbolic}
ESTIMATED = ("iaf", "planar", "wrapped-normal")  # posteriors whose rate has no closed form

each_likelihood = pytest.mark.parametrize(("name", "options"), LIKELIHOODS, ids=[f"{n} {o or ''}" for n, o in LIKELIHOODS])
each_posterior = pytest.mark.parametrize("name", registry.names("posterior"))


class _Step:
    """p(step | features) of a likelihood of sequences, (B, 1) with one step, as a distribution over events."""

    def __init__(self, head, h):
        self.head, self.h = head, h

    def log_prob(self, x):
        return self.head.log_prob(self.h, self.head.steps(x))[:, 0]

    def sample(self, temperature=1.0):
        return self.head.events(self.head.sample(self.h, temperature))


def _one(name, options):
    """n to p(x | z) of n events of one number, all the same."""
    torch.manual_seed(0)
    head = instantiate("likelihood", {"name": name, **options})
    if isinstance(head, Stepwise):
        h = torch.randn(1, 1, sum(head.widths))
        return lambda n: _Step(head, h.expand(n, -1, -1))
    h = 0.5 * torch.randn(1, *head.features((1,)))
    return lambda n: head(h.expand(n, -1))


@each_likelihood
@torch.no_grad()
def test_a_likelihood_integrates_to_1_and_agrees_with_its_samples(name, options):
    """Of few values the probabilities are summed and counted; of a density E over x ~ p of r(x) / p(x) is 1."""
    p = _one(name, options)
    x = p(N).sample()
    values, counts = x.unique(return_counts=True)
    if len(values) < N / 20:
        probabilities = p(len(values)).log_prob(values[:, None]).double().exp()
        error = (probabilities * (1 - probabilities) / N).sqrt()
        assert 0.99 < probabilities.sum() < 1 + 1e-4  # what was never drawn has nearly none
        assert ((counts / N - probabilities).abs() < 5 * error + 3 / N).all()
    else:
        r = torch.distributions.Normal(x.median(), 0.5 * (x.quantile(0.84) - x.median()))
        weights = (r.log_prob(x)[:, 0] - p(N).log_prob(x)).double().exp()
        error = weights.std().item() / math.sqrt(N)
        assert error < 0.02
        assert weights.mean().item() == pytest.approx(1, abs=4 * error)


@each_likelihood
@torch.no_grad()
def test_temperature_0_draws_what_is_likeliest(name, options):
    p = _one(name, options)(2000)
    cold, warm = p.sample(0.0), p.sample()
    assert torch.equal(cold, cold[:1].expand_as(cold))
    if name in GREEDY:
        return
    assert (p.log_prob(cold) >= p.log_prob(warm) - 1e-5).all()


@each_likelihood
def test_a_likelihood_has_gradients_for_all_it_is_given(name, options):
    torch.manual_seed(0)
    head = instantiate("likelihood", {"name": name, **options})
    if isinstance(head, Stepwise):
        h = torch.randn(8, 1, sum(head.widths), requires_grad=True)
        x = head.steps(head.events(head.sample(h.detach(), 1.0)))
    else:
        h = torch.randn(8, *head.features((3,)), requires_grad=True)
        x = head(h.detach()).sample()
    (head.log_prob(h, x) if isinstance(head, Stepwise) else head(h).log_prob(x)).sum().backward()
    assert h.grad.isfinite().all()
    assert (h.grad.abs().sum(tuple(range(h.ndim - 1))) > 0).float().mean() > 0.5
    assert all(w.grad is not None and w.grad.isfinite().all() for w in head.parameters() if w.requires_grad)


def test_what_is_no_density_says_so():
    for name in PSEUDO:
        assert "not normalised" in registry.get("likelihood", name).__doc__


# -- posteriors -------------------------------------------------------------------------------------------------------


class _Flat:
    """log p = 0, so that a log ratio is log q."""

    def log_prob(self, z):
        return torch.zeros(z.shape[:-1])


def _posterior(name, batch=3):
    torch.manual_seed(0)
    family = instantiate("posterior", {"name": name})
    assert isinstance(family, Family)
    space = family.space(PLANE)
    features = family.features(space)
    shaken(family, 0.3)  # flows begin as the identity
    return family, space, 0.7 * torch.randn(batch, *features)


@each_posterior
@torch.no_grad()
def test_an_exact_rate_is_what_its_own_estimate_says(name):
    family, space, h = _posterior(name)
    if family.kind != "density":
        pytest.skip(f"it is a {family.kind}")
    q, normal = family(h), PRIORS[space.geometry](space)()
    z = q.rsample(N)
    assert z.shape == (N, 3, 2)
    ratios = q.log_ratio(normal, z)
    error = ratios.std(0) / math.sqrt(N)
    if name in ESTIMATED:
        assert torch.allclose(q.rate(normal, z[0]), ratios[0], atol=1e-3)
    else:
        assert ((ratios.mean(0) - q.rate(normal, z[0])).abs() < 4 * error).all()
    if name == "gaussian":
        assert torch.allclose(q.rate_by_dimension(normal).sum(1), q.rate(normal, z[0]), atol=1e-5)
        assert (q.rate_by_dimension(normal) >= -1e-6).all()
    else:
        with pytest.raises(GenaeError, match="free_bits_per=total"):
            q.rate_by_dimension(normal)
    flow = Flow(PLANE, transforms=1, hidden=8)()
    assert torch.allclose(q.log_ratio(flow, z[0]) - q.log_ratio(_Flat(), z[0]), -flow.log_prob(z[0]), atol=1e-4)


@each_posterior
@torch.no_grad()
def test_a_posteriors_density_integrates_to_1(name):
    family, _, h = _posterior(name)
    if family.kind != "density":
        pytest.skip(f"it is a {family.kind}")
    if name == "von-mises-fisher":
        pytest.skip("its density is on the circle: tests/latent/test_curved.py")
    q = family(h)
    z = q.rsample(N)
    r = torch.distributions.Normal(z.mean(0), 0.5 * z.std(0)).log_prob(z).sum(-1)
    weights = (r - q.log_ratio(_Flat(), z)).double().exp()
    error = weights.std(0) / math.sqrt(N)
    assert (error < 0.02).all()
    assert ((weights.mean(0) - 1).abs() < 4 * error).all()


@each_posterior
def test_gradients_reach_every_feature(name):
    family, _, h = _posterior(name, 16)
    h.requires_grad_()
    q = family(h)
    q.rsample().square().sum().backward()
    assert h.grad.isfinite().all()
    assert (h.grad.abs().sum(0) > 0).all()


@each_posterior
@torch.no_grad()
def test_the_z_that_stands_for_x_is_of_the_space(name):
    family, space, h = _posterior(name)
    q = family.eval()(h)  # codebooks follow what they are shown in training
    space.check(q.mean)
    assert torch.equal(q.mean, family(h).mean)
    assert q.rsample().shape == (3, *family.embedded(space))
    assert q.rsample(5).shape == (5, 3, *family.embedded(space))
    assert family.embed(q.mean).shape == (3, *family.embedded(space))
    for number in q.terms().values():
        assert number.shape in ((), (3,))


@each_posterior
@torch.no_grad()
def test_frames_have_features_of_their_own(name):
    family = instantiate("posterior", {"name": name})
    space = family.space(Space((5, 2), time=True))
    q = family(torch.randn(3, *family.features(space)))
    assert q.mean.shape == (3, *space.shape)
    assert q.rsample().shape == (3, *family.embedded(space))
    if family.kind == "density":
        assert q.rate(PRIORS[space.geometry](space)(), q.rsample()).shape == (3,)
        assert q.log_ratio(PRIORS[space.geometry](space)(), q.rsample(4)).shape == (4, 3)


def test_a_plain_code_has_a_rate_of_nothing_and_no_density():
    family, space, h = _posterior("point")
    q, normal = family(h), StandardNormal(space)()
    assert q.rate(normal, q.mean).tolist() == [0, 0, 0]
    with pytest.raises(GenaeError, match="a plain autoencoder has no posterior density"):
        q.log_ratio(normal, q.mean)
