"""Frozen filters: what they are, what they do not answer to, and that a blur costs more than an edge in the wrong place."""

import pytest
import torch
import torch.nn.functional as F

from genae.errors import GenaeError
from genae_image.features import Features, drawn_filters

X = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_the_filters_are_orthogonal_of_mean_0_and_always_the_same():
    filters = drawn_filters(16).flatten(1)
    assert torch.allclose(filters @ filters.T, torch.eye(16), atol=1e-5)
    assert filters.sum(1).abs().max() < 1e-5
    assert torch.equal(filters, drawn_filters(16).flatten(1))


def test_distance_by_hand():
    """Of equal images 0; of even ones, to which no filter answers, the difference of their pixels."""
    of = Features(features=2.0)
    assert of.distance(X, X).tolist() == [0, 0, 0]
    flat = torch.ones(2, 3, 28, 28)
    assert of.distance(0.2 * flat, 0.5 * flat).tolist() == pytest.approx([0.3, 0.3], abs=1e-5)
    assert of.distance(X, 1 - X).tolist() == pytest.approx((2 * X - 1).abs().flatten(1).mean(1).tolist(), abs=1e-5)


def test_the_pseudo_likelihood_by_hand():
    of = Features(weight=0.5)
    p = of(torch.zeros(3, 1, 28, 28))
    assert torch.allclose(p.log_prob(X), -0.5 * 784 * of.distance(X, torch.full_like(X, 0.5)))
    assert torch.equal(p.sample(), p.mean)
    assert p.unnormalised


def _edge(at):
    """Black on the left, white on the right."""
    return (torch.arange(28) >= at).float().expand(1, 1, 28, 28)


def test_a_blur_is_no_better_than_an_edge_beside():
    """An edge that lies at 12, 14 or 16: by squared error the mean of the three is best, by features one of them is."""
    every = torch.cat([_edge(at) for at in (12, 14, 16)])
    blur, sharp = every.mean(0, keepdim=True).expand_as(every), _edge(14).expand_as(every)
    assert F.mse_loss(blur, every) < F.mse_loss(sharp, every)
    of = Features()
    assert of.distance(every, sharp).mean() < of.distance(every, blur).mean()


def test_what_it_is_not_for():
    for event in ((784,), (1, 5, 5)):
        with pytest.raises(GenaeError, match="likelihood features is for images"):
            Features().features(event)
