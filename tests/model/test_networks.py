"""The multilayer perceptron: shapes, symmetry, the literature's parameter count, conditions."""

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior, PointPosterior
from genae.latent.space import Space
from genae.model.likelihoods import Bernoulli, DiscretisedLogistic, Gaussian
from genae.model.networks import mlp
from genae.recipe.parts import instantiate


@pytest.mark.parametrize("event", [(7,), (1, 4, 4), (3, 2, 5)])
@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(learned="each"), DiscretisedLogistic(2)])
@pytest.mark.parametrize("posterior", [GaussianPosterior(), PointPosterior()])
def test_shapes(event, likelihood, posterior):
    encoder, decoder, space = mlp(event, Space((4,)), posterior, likelihood, hidden=(8, 6))
    assert space == Space((4,))
    x = torch.rand(3, *event)
    q = encoder(x)
    p = decoder(q.rsample())
    assert q.mean.shape == (3, 4)
    assert p.mean.shape == x.shape
    assert p.log_prob(x.round()).shape == (3,)


def _count(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_784_400_z40():
    encoder, decoder, _ = mlp((1, 28, 28), Space((40,)), GaussianPosterior(), Bernoulli(), hidden=(400,))
    assert _count(encoder) == 784 * 400 + 400 + 400 * 80 + 80
    assert _count(decoder) == 40 * 400 + 400 + 400 * 784 + 784


def test_layers_come_back_in_reverse_order():
    encoder, decoder, _ = mlp((10,), Space((2,)), GaussianPosterior(), Bernoulli(), hidden=(8, 5), activation="tanh")
    assert [m.out_features for m in encoder.modules() if isinstance(m, torch.nn.Linear)] == [8, 5, 4]
    assert [m.out_features for m in decoder.modules() if isinstance(m, torch.nn.Linear)] == [5, 8, 10]


def test_the_condition_is_seen_by_encoder_and_decoder():
    torch.manual_seed(0)
    encoder, decoder, _ = mlp((6,), Space((2,)), GaussianPosterior(), Bernoulli(), condition=3, hidden=(16,))
    x, z, told = torch.rand(1, 6).expand(3, -1), torch.randn(1, 2).expand(3, -1), torch.eye(3)
    assert encoder(x, told).mean.unique(dim=0).shape == (3, 2)
    assert decoder(z, told).mean.unique(dim=0).shape == (3, 6)


def test_examples_of_a_batch_do_not_touch():
    torch.manual_seed(0)
    encoder, _, _ = mlp((6,), Space((2,)), GaussianPosterior(), Bernoulli(), hidden=(16,))
    x = torch.rand(4, 6)
    assert torch.allclose(encoder(x).mean[2:3], encoder(x[2:3]).mean, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"hidden": []}, r"network\.hidden must be a list of 1 or more, not \[\]"),
        ({"hidden": [4, 0]}, r"network\.hidden must be at least 1, not 0"),
        ({"activation": "sine"}, "relu, silu, gelu, tanh, not 'sine'"),
    ],
)
def test_impossible_options(options, told):
    with pytest.raises(GenaeError, match=told):
        instantiate("network", {"name": "mlp", **options}, (6,), Space((2,)), GaussianPosterior(), Bernoulli())
