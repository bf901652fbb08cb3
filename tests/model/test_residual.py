"""The residual network: shapes and gradients at any sides and depth, where it begins, and what does not fit."""

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, GaussianPosterior
from genae.latent.space import Space
from genae.model.likelihoods import Bernoulli, DiscretisedLogistic
from genae.model.residual import residual
from genae.recipe.parts import instantiate

SMALL = {"widths": (4, 6), "blocks": (1, 2), "hidden": 16}


@pytest.mark.parametrize("likelihood", [Bernoulli(), DiscretisedLogistic(mixtures=2)], ids=["bernoulli", "logistic"])
@pytest.mark.parametrize("condition", [0, 3])
@pytest.mark.parametrize("event", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 80, 128), (2, 4, 36)], ids=str)
def test_network_shapes_and_gradients(event, condition, likelihood):
    encoder, decoder, _ = residual(event, Space((5,)), GaussianPosterior(), likelihood, condition, **SMALL)
    torch.manual_seed(0)
    _wake(encoder, decoder)
    x, told = torch.rand(2, *event), torch.rand(2, condition) if condition else None
    q = encoder(x, told)
    p = decoder(q.rsample(), told)
    assert q.mean.shape == (2, 5)
    assert p.mean.shape == (2, *event)
    (q.log_sigma.sum() - p.log_prob(x).sum()).backward()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def _wake(*networks):
    """Away from the zeros that hold back the gradient of a block's first layer at the very first step."""
    for network in networks:
        for parameter in network.parameters():
            parameter.data.add_(0.01 * torch.randn_like(parameter))


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_network_at_any_depth(levels):
    widths = tuple(range(4, 4 + levels))
    options = {"widths": widths, "blocks": (1,) * levels, "hidden": 8}
    encoder, decoder, _ = residual((1, 32, 32), Space((3,)), GaussianPosterior(), Bernoulli(), **options)
    assert decoder(encoder(torch.rand(2, 1, 32, 32)).mean).mean.shape == (2, 1, 32, 32)


@pytest.mark.parametrize("latent", [2, 40])
def test_network_begins_near_the_prior(latent):
    torch.manual_seed(0)
    encoder, decoder, _ = residual((1, 28, 28), Space((latent,)), GaussianPosterior(), Bernoulli())
    q = encoder((torch.rand(16, 1, 28, 28) < 0.2).float())
    logits = decoder(torch.randn(16, latent)).logits
    rate = q.rate_by_dimension(DiagonalGaussian(torch.zeros(1, latent), torch.zeros(1, latent)))
    assert rate.mean() < 0.1
    assert logits.abs().mean() < 0.5


def test_dropout_hides_features_from_the_encoder_while_training_alone():
    encoder, decoder, _ = residual((1, 28, 28), Space((4,)), GaussianPosterior(), Bernoulli(), dropout=0.5)
    x = torch.rand(1, 1, 28, 28)
    assert not torch.equal(encoder(x).mean, encoder(x).mean)
    encoder.eval()
    assert torch.equal(encoder(x).mean, encoder(x).mean)
    assert not any(isinstance(m, torch.nn.Dropout) for m in decoder.modules())


def test_examples_do_not_mix():
    encoder, _, _ = residual((1, 28, 28), Space((4,)), GaussianPosterior(), Bernoulli(), **SMALL)
    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(encoder(x).mean[:1], encoder(x[:1]).mean, atol=1e-5)


@pytest.mark.parametrize(
    "event, options, reason",
    [
        ((1, 30, 30), {}, r"needs sides that 4 divides, such as 28 or 32, and this domain's events are 30 by 30"),
        ((1, 28, 18), {}, r"such as 16 or 20, and this domain's events are 28 by 18"),
        ((1, 2, 2), {}, "such as 4,"),
        ((16,), {}, "channels, height, width"),
        ((1, 28, 28), {"dropout": 1.0}, "network.dropout must be at least 0 and below 1, not 1.0"),
        ((1, 28, 28), {"blocks": (1,)}, "a level"),
        ((1, 28, 28), {"widths": (), "blocks": ()}, "network.widths must be a list of 1 or more"),
        ((1, 28, 28), {"patch": 0}, "at least 1"),
        ((1, 28, 28), {"activation": "step"}, "relu, silu"),
    ],
)
def test_network_says_what_does_not_fit(event, options, reason):
    with pytest.raises(GenaeError, match=reason):
        instantiate("network", {"name": "residual", **options}, event, Space((4,)), GaussianPosterior(), Bernoulli())
