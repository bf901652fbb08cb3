"""A mixture of a model's own posteriors: what changes nothing, what bounds the rate, and what it begins with."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, GaussianPosterior
from genae.latent.space import Space
from genae.latent.sphere import VonMisesFisherPosterior
from genae.latent.vamp import FittedVamp, Vamp

PLANE = Space((2,))
FAMILY = GaussianPosterior()


def _vamp(x, space=PLANE, family=FAMILY):
    """One whose encoder gives back features x (K, …)."""
    prior = Vamp(space, inputs=len(x))
    prior.setup(tuple(x.shape[1:]), lambda x, c=None: family(x), "density")
    prior.begin(x)
    return prior


def test_doubling_every_input_changes_nothing():
    torch.manual_seed(0)
    x, z = torch.randn(5, 4), torch.randn(3, 6, 2)
    assert torch.allclose(_vamp(x)().log_prob(z), _vamp(x.repeat(2, 1))().log_prob(z), atol=1e-5)


def test_where_the_inputs_are_the_data_the_mean_rate_is_at_most_ln_n():
    """E_n E_q[ln q(z | x_n) − ln 1/N Σ q(z | x_m)] ≤ ln N, and reaches it where posteriors do not overlap."""
    torch.manual_seed(0)
    for apart, low, high in ((0.5, 0.0, 0.9), (100.0, 0.999, 1.001)):
        x = torch.cat([apart * torch.randn(20, 2), torch.full((20, 2), -1.0)], 1)
        prior, q = _vamp(x), FAMILY(x)
        rate = torch.stack([q.rate(prior(), q.rsample()) for _ in range(200)]).mean().item()
        assert low * math.log(20) <= rate <= high * math.log(20)


def test_the_density_by_hand_and_whatever_the_posterior():
    torch.manual_seed(0)
    x, z = torch.randn(5, 4), torch.randn(7, 2)
    each = torch.stack([DiagonalGaussian(a[None, :2], a[None, 2:]).log_prob(z) for a in x])
    assert torch.allclose(_vamp(x)().log_prob(z), each.logsumexp(0) - math.log(5), atol=1e-4)

    sphere, family = Space((3,), geometry="sphere"), VonMisesFisherPosterior()
    prior = _vamp(x, sphere, family)
    drawn = prior.sample(6)
    assert torch.allclose(drawn.norm(dim=1), torch.ones(6), atol=1e-5)
    each = torch.stack([family(a[None]).log_prob(drawn) for a in x])
    assert torch.allclose(prior().log_prob(drawn), each.logsumexp(0) - math.log(5), atol=1e-4)


def test_inputs_begin_at_examples_and_learn_unless_they_stay():
    x = torch.randn(5, 4)
    prior = _vamp(x)
    assert sorted(prior.inputs.tolist()) == sorted(x.tolist())
    prior().log_prob(torch.randn(3, 2)).sum().backward()
    assert prior.inputs.grad.abs().sum() > 0
    still = Vamp(PLANE, inputs=5, learned=False)
    still.setup((4,), lambda x, c=None: FAMILY(x), "density")
    assert not still.inputs.requires_grad


@pytest.mark.parametrize("made", [Vamp, FittedVamp])
def test_what_does_not_suit_is_refused_in_a_line(made):
    prior = made(PLANE, inputs=6)
    for encoder, kind in ((None, "density"), (lambda x, c=None: FAMILY(x), "point")):
        with pytest.raises(GenaeError, match="needs a model of one posterior that has a density"):
            prior.setup((4,), encoder, kind)
    prior.setup((4,), lambda x, c=None: FAMILY(x), "density")
    with pytest.raises(GenaeError, match="6 posteriors needs as many training examples, and there are 5; set inputs to 5"):
        prior.chosen(torch.randn(5, 4))
    with pytest.raises(GenaeError, match="takes no condition"):
        made(PLANE, 3)
    with pytest.raises(GenaeError, match="is for continuous z"):
        made(Space((2,), codes=5))
