"""Consistency: what the identity costs, what views are, and a KL by hand."""

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, GaussianPosterior, PointPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.consistency import Consistency, shifted, shifts, varied
from genae.model.likelihoods import Gaussian
from genae.model.networks import mlp
from genae.model.objectives import ELBO, Batch, Moment
from genae.model.vae import VAE

X = torch.randn(6, 1, 4, 3, generator=torch.Generator().manual_seed(0))
BATCH, AT = Batch(X, X), Moment(0, 1)


def _vae(family=None):
    torch.manual_seed(0)
    family = family or GaussianPosterior()
    encoder, decoder, _ = mlp((1, 4, 3), Space((2,)), family, Gaussian(0.5), hidden=(8,))
    return VAE(encoder, decoder, StandardNormal(Space((2,))), (1, 4, 3), family)


def _once(objective, vae, batch=BATCH):
    torch.manual_seed(1)
    (loss,) = objective.losses(vae, batch, AT)
    return loss


@pytest.mark.parametrize("transform", ["noise", "hide", "shift", "domain"])
def test_the_identity_costs_nothing(transform):
    vae = _vae()
    loss = _once(Consistency(weight=5, transform=transform, amount=0), vae)
    assert loss.terms["inconsistency"].tolist() == pytest.approx([0.0] * 6, abs=1e-6)
    assert loss.value.item() == pytest.approx(_once(ELBO(), vae).value.item(), abs=1e-5)


def test_a_view_of_the_domain_by_hand():
    """KL(N(μ′, σ′²) ‖ N(μ, σ²)) of the view's posterior from that of the input, and not the other way round."""
    vae, view = _vae(), 3 * X.flip(-1)
    loss = _once(Consistency(weight=2, transform="domain"), vae, BATCH._replace(view=view))
    q, p = vae.encoder(view), vae.encoder(X)
    normal = [torch.distributions.Normal(d.mean, d.spread) for d in (q, p)]
    by_hand = torch.distributions.kl_divergence(*normal).sum(1)
    assert by_hand.min() > 0
    assert torch.allclose(loss.terms["inconsistency"], by_hand, atol=1e-5)
    bound = _once(ELBO(), vae).value
    assert loss.value.item() == pytest.approx((bound + 2 * by_hand.mean()).item(), rel=1e-5)


def test_both_are_reconstructed_if_so_wished():
    """The mean of two bounds: of the same view and no weight, about that of one."""
    vae, many = _vae(), Batch(X.repeat(300, 1, 1, 1), X.repeat(300, 1, 1, 1))
    twice = _once(Consistency(weight=0, amount=0, both=True), vae, many).value
    assert twice.item() == pytest.approx(_once(ELBO(), vae, many).value.item(), rel=0.01)


def test_ways_to_vary():
    torch.manual_seed(0)
    hidden = varied(torch.ones(100, 100), "hide", 0.3)
    assert 1 - hidden.mean().item() == pytest.approx(0.3, abs=0.02)
    assert (varied(torch.zeros(100, 100), "noise", 0.3)).std().item() == pytest.approx(0.3, abs=0.02)
    x = torch.arange(24.0).view(2, 1, 4, 3)
    assert torch.equal(shifted(x, [1, 0]), x.roll(1, 2))
    seen = {tuple(shifted(x, shifts(x, 0.4))[0].flatten().tolist()) for _ in range(300)}
    assert len(seen) == 12  # by 2 either way is the same of four: 4 · 3


def test_views_that_are_the_same_are_told():
    told = Consistency(transform="domain").remarks({"inconsistency": 0.0})
    assert "its two views are the same" in told
    assert Consistency(transform="domain").remarks({"inconsistency": 0.1}) == ""
    assert Consistency(transform="noise", amount=0).remarks({"inconsistency": 0.0}) == ""


def test_the_views_are_asked_of_the_engine_where_they_are_the_domains():
    assert Consistency(transform="domain").views
    assert not Consistency().views


def test_plain_codes_have_no_kl():
    with pytest.raises(GenaeError, match="objective=consistency needs the numbers of z independent"):
        Consistency().setup(_vae(PointPosterior()))
    assert isinstance(_vae().infer(X).q, DiagonalGaussian)
    Consistency().setup(_vae())
