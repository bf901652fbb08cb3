"""The rate in three parts: weights of a batch that stand for all examples, and a sum that is exact."""

import math
from itertools import permutations

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, Family, GaussianPosterior, PointPosterior
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.model.correlation import BetaTC, decomposed, log_weights_of
from genae.model.likelihoods import Gaussian
from genae.model.networks import mlp
from genae.model.objectives import ELBO, Batch, Moment
from genae.model.vae import VAE

MEANS = torch.tensor([[0.0, 1.0], [1.0, -1.0], [2.0, 0.5], [-1.0, 0.0], [0.3, 0.3]])
SIGMAS = torch.tensor([[1.0, 0.5], [0.7, 1.0], [1.0, 1.0], [2.0, 0.3], [0.5, 0.5]])


def _q(rows):
    return DiagonalGaussian(MEANS[rows], SIGMAS[rows].log())


def test_weights_are_on_the_diagonal_and_beside_it():
    """B = 4, so M = 3, of N = 10: w_ii = .1, one other (10 − 3)/(10·3), the rest 1/3; rows add up to 1."""
    w = log_weights_of(4, 10, "mss").exp()
    assert w.diagonal().tolist() == pytest.approx([0.1] * 4)
    assert w[0].tolist() == pytest.approx([0.1, 7 / 30, 1 / 3, 1 / 3])
    assert w[3].tolist() == pytest.approx([7 / 30, 1 / 3, 1 / 3, 0.1])
    assert w.sum(1).tolist() == pytest.approx([1.0] * 4)
    assert log_weights_of(4, 10, "mws").exp().flatten().tolist() == pytest.approx([1 / 40] * 16)


@pytest.mark.parametrize("estimator", ["mss", "mws"])
def test_of_a_batch_of_all_examples_the_weights_are_even_or_nearly(estimator):
    w = log_weights_of(5, 5, estimator).exp()
    assert w.diagonal().tolist() == pytest.approx([0.2 if estimator == "mss" else 0.04] * 5)


def test_over_all_batches_the_estimate_is_the_mixture():
    """z of the first example, in every batch of 3 of 5 that it is in, in every order: the mean is q(z)."""
    z = torch.tensor([[0.4, -0.2]])
    every = torch.stack([_q([j]).log_prob(z).exp() for j in range(5)]).mean().item()
    found = []
    for others in permutations(range(1, 5), 2):
        q = torch.stack([_q([j]).log_prob(z).exp()[0] for j in (0, *others)])
        found.append((log_weights_of(3, 5, "mss").exp()[0] * q).sum())
    assert torch.stack(found).mean().item() == pytest.approx(every, rel=1e-5)


@pytest.mark.parametrize("prior", [StandardNormal(Space((2,))), Flow(Space((2,)), transforms=1, hidden=8)])
@pytest.mark.parametrize("estimator", ["mss", "mws"])
def test_the_parts_add_up_to_the_rate(prior, estimator):
    torch.manual_seed(0)
    q = _q([0, 1, 2, 3])
    z = q.rsample()
    parts = decomposed(q, prior(), z, log_weights_of(4, 50, estimator))
    assert torch.allclose(sum(parts), q.log_ratio(prior(), z), atol=1e-5)


def test_independent_numbers_have_no_total_correlation():
    """All examples have one q, which factorises: MI and TC are 0, the dimension-wise KL is all."""
    q = DiagonalGaussian(torch.tensor([[1.0, -2.0]]).expand(4, -1), torch.zeros(4, 2))
    z = torch.randn(4, 2)
    parts = decomposed(q, StandardNormal(Space((2,)))(), z, log_weights_of(4, 50, "mss"))
    assert parts.information.tolist() == pytest.approx([0.0] * 4, abs=1e-5)
    assert parts.correlation.tolist() == pytest.approx([0.0] * 4, abs=1e-5)


def test_two_equal_numbers_are_correlated():
    """Far apart examples with z_1 = z_2: which of N it is costs ln N in each number, and ln N in both together."""
    mean = 100.0 * torch.arange(4)[:, None].expand(-1, 2)
    q = DiagonalGaussian(mean, torch.zeros(4, 2))
    parts = decomposed(q, StandardNormal(Space((2,)))(), mean, log_weights_of(4, 4, "mss"))
    assert parts.information.tolist() == pytest.approx([math.log(4)] * 4, abs=1e-4)
    assert parts.correlation.tolist() == pytest.approx([math.log(4)] * 4, abs=1e-4)


def _vae(family=None):
    torch.manual_seed(0)
    family = family or GaussianPosterior()
    encoder, decoder, _ = mlp((3,), Space((2,)), family, Gaussian(0.5), hidden=(8,))
    return VAE(encoder, decoder, StandardNormal(Space((2,))), (3,), family)


def test_with_all_weights_1_it_is_the_elbo_estimated():
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).repeat(300, 1)
    torch.manual_seed(0)
    (loss,) = BetaTC(beta=1.0).losses(_vae(), Batch(x[:400], x[:400]), Moment(0, 1, examples=8))
    (bound,) = ELBO().losses(_vae(), Batch(x, x), Moment(0, 1))
    assert loss.value.item() == pytest.approx(bound.value.item(), rel=0.03)
    assert {*loss.terms} == {"distortion", "rate", "information", "correlation", "dimensions"}


class _Otherwise(Family):
    """Two numbers that hang together."""

    def features(self, space):
        return space.shape

    def forward(self, h):
        return torch.distributions.MultivariateNormal(h, torch.tensor([[1.0, 0.5], [0.5, 1.0]]))


def test_only_independent_numbers_can_be_taken_apart():
    BetaTC().setup(_vae())
    for family in (PointPosterior(), _Otherwise()):
        with pytest.raises(GenaeError, match="needs the numbers of z independent given x; set posterior=gaussian"):
            BetaTC().setup(_vae(family))
    x = torch.zeros(1, 3)
    with pytest.raises(GenaeError, match="needs batch of at least 2"):
        next(BetaTC().losses(_vae(), Batch(x, x), Moment(0, 1)))
