"""The networks of the lesson: shapes and gradients of any events that they take, and what the code is."""

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior, PointPosterior
from genae.latent.space import Space
from genae.model.convolutional import convolutional
from genae.model.likelihoods import Bernoulli, DiscretisedLogistic, Gaussian
from genae.model.networks import linear
from genae.model.recurrent import recurrent


@pytest.mark.parametrize("condition", [0, 3])
@pytest.mark.parametrize("posterior", [GaussianPosterior(), PointPosterior()], ids=["gaussian", "point"])
@pytest.mark.parametrize("likelihood", [Bernoulli(), DiscretisedLogistic(mixtures=2)], ids=["bernoulli", "logistic"])
@pytest.mark.parametrize(
    "network, event",
    [(convolutional, (1, 28, 28)), (convolutional, (3, 9, 12)), (recurrent, (3, 9, 12)), (recurrent, (5, 4)), (linear, (7,))],
    ids=["convolutional-digits", "convolutional-colour", "recurrent-colour", "recurrent-frames", "linear"],
)
def test_shapes_and_gradients(network, event, likelihood, posterior, condition):
    torch.manual_seed(0)
    encoder, decoder, space = network(event, Space((5,)), posterior, likelihood, condition)
    x, told = torch.rand(2, *event), torch.rand(2, condition) if condition else None
    z = encoder(x, told).mean
    p = decoder(z, told)
    assert z.shape == (2, *space.shape)
    assert p.mean.shape == (2, *event)
    (z.sum() - p.log_prob(x).sum()).backward()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_a_code_as_large_as_the_smallest_map_is_that_map():
    """The lesson's network: 8 × 4 × 4, and no weight beside those of its seven convolutions."""
    encoder, decoder, _ = convolutional((1, 28, 28), Space((128,)), PointPosterior(), Bernoulli(), widths=(16, 8, 8))
    down, up = (9 * 16 + 16) + (9 * 128 + 8) + (9 * 64 + 8), 2 * (9 * 64 + 8) + (9 * 128 + 16) + (9 * 16 + 1)
    assert [sum(p.numel() for p in part.parameters()) for part in (encoder, decoder)] == [down, up]
    x = torch.rand(3, 1, 28, 28)
    assert torch.equal(encoder(x).mean, encoder.body(x).flatten(1))


def test_a_linear_network_is_linear():
    torch.manual_seed(0)
    encoder, decoder, _ = linear((6,), Space((2,)), PointPosterior(), Gaussian())
    a, b, none = torch.rand(1, 6), torch.rand(1, 6), torch.zeros(1, 6)
    through = [decoder(encoder(x).mean).mean for x in (a, b, a + b, none)]
    torch.testing.assert_close(through[0] + through[1], through[2] + through[3])
    assert len(list(encoder.parameters())) == len(list(decoder.parameters())) - 1 == 2, "and σ"


def test_a_recurrent_network_reads_rows_in_their_order():
    torch.manual_seed(0)
    encoder, _, _ = recurrent((1, 5, 4), Space((2,)), PointPosterior(), Bernoulli(), width=8)
    x = torch.rand(1, 1, 5, 4)
    late, early = x.clone(), x.clone()
    late[..., 4, :] += 0.1
    early[..., 0, :] += 0.1
    change = [(encoder(other).mean - encoder(x).mean).abs().sum() for other in (late, early)]
    assert change[0] > change[1] > 0, "an LSTM forgets"


@pytest.mark.parametrize(
    "network, event, line",
    [
        (convolutional, (28, 28), r"network convolutional is for events \(channels, height, width\), not \(28, 28\)"),
        (recurrent, (28,), r"network recurrent is for events \(…, steps, numbers\), not \(28,\)"),
    ],
)
def test_events_that_do_not_suit_are_refused(network, event, line):
    with pytest.raises(GenaeError, match=line):
        network(event, Space((2,)), PointPosterior(), Bernoulli())
