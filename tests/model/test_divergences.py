"""Distances of all codes from the prior: of two Gaussians in closed form, and what they refuse."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior, PointPosterior
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.model.divergences import SCALES, WAE, InfoVAE, mmd
from genae.model.likelihoods import Gaussian
from genae.model.networks import mlp
from genae.model.objectives import ELBO, Batch, Moment
from genae.model.vae import VAE
from genae.recipe.parts import instantiate

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
BATCH, AT = Batch(X, X), Moment(0, 1)


def _vae(family=None, prior=None):
    torch.manual_seed(0)
    family = family or GaussianPosterior()
    encoder, decoder, _ = mlp((3,), Space((2,)), family, Gaussian(0.5), hidden=(8,))
    return VAE(encoder, decoder, prior or StandardNormal(Space((2,))), (3,), family)


def _once(objective, vae):
    torch.manual_seed(1)
    (loss,) = objective.losses(vae, BATCH, AT)
    return loss


def _normal(n, mean=0.0):
    """Quantiles of N(mean, 1), which are its samples without their noise."""
    return mean + torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)[:, None]


def test_mmd_of_two_gaussians():
    """k = exp(−d²/2): E k within is 1/√3, between e^(−1/6)/√3; MMD² is (2/√3)(1 − e^(−1/6)) = .1773."""
    found = mmd(_normal(1500), _normal(1500, 1.0), "rbf", (1.0,), 1.0).item()
    assert found == pytest.approx(2 / math.sqrt(3) * (1 - math.exp(-1 / 6)), abs=2e-3)
    assert found == pytest.approx(0.1773, abs=2e-3)


def test_the_kernel_of_wae_by_hand():
    """z = 0 and 2, z′ = 1 and 1, size 1: C = 2, so that of scale 1 k(d) = 2 / (2 + d²); 1/3 + 1 − 2·2/3."""
    z, prior = torch.tensor([[0.0], [2.0]]), torch.ones(2, 1)
    assert mmd(z, prior, "imq", (1.0,), 1.0).item() == pytest.approx(1 / 3 + 1 - 4 / 3, abs=1e-6)
    assert mmd(z, prior, "imq", (1.0, 2.0), 1.0).item() == pytest.approx((4 / 8 + 1 - 2 * 4 / 5), abs=1e-6)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_the_statistic_is_unbiased(kernel):
    """Of draws of one distribution its mean is 0; the biased V-statistic's would be about 2 (7 − E k) / n = .5."""
    torch.manual_seed(0)
    found = torch.stack([mmd(torch.randn(20, 4), torch.randn(20, 4), kernel, SCALES, 1.0) for _ in range(400)])
    assert abs(found.mean().item()) < 4 * found.std().item() / 20
    assert found.min() < 0


def test_wae_is_distortion_and_weighted_mmd():
    loss = _once(WAE(weight=7), _vae())
    assert loss.value.item() == pytest.approx((loss.terms["distortion"].mean() + 7 * loss.terms["mmd"]).item(), rel=1e-5)
    assert {*loss.terms} == {"distortion", "mmd"}


def test_plain_codes_are_pulled_to_the_prior_too():
    vae = _vae(PointPosterior())
    WAE().setup(vae)
    _once(WAE(), vae).terms["mmd"].backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in vae.encoder.parameters())


def test_info_vae_between_the_elbo_and_wae():
    """α + λ − 1 weighs the MMD, 1 − α the rate: at α = 1 it is a WAE, near α = 0, λ = 1 the ELBO."""
    vae = _vae()
    assert _once(InfoVAE(1.0, 7.0), vae).value.item() == pytest.approx(_once(WAE(7.0), vae).value.item(), rel=1e-5)
    assert _once(InfoVAE(0.0, 1.0001), vae).value.item() == pytest.approx(_once(ELBO(), vae).value.item(), abs=0.01)
    loss = _once(InfoVAE(-1.0, 5.0), vae)
    by_hand = loss.terms["distortion"].mean() + 2 * loss.terms["rate"].mean() + 3 * loss.terms["mmd"]
    assert loss.value.item() == pytest.approx(by_hand.item(), rel=1e-5)


@pytest.mark.parametrize("alpha, weight", [(0.0, 1.0), (0.5, 0.5), (-0.999, 1.0), (0.0, 0.0)])
def test_an_mmd_that_would_be_raised_is_refused(alpha, weight):
    with pytest.raises(GenaeError, match=r"objective.alpha \+ objective.weight must be above 1, not"):
        instantiate("objective", {"name": "info-vae", "alpha": alpha, "weight": weight})


def test_the_defaults_lower_the_mmd():
    made = InfoVAE()
    assert (made.alpha, made.weight) == (0.0, 10.0)


def test_what_is_refused():
    flow = Flow(Space((2,)), transforms=1, hidden=8)
    with pytest.raises(GenaeError, match="from which a trained one cannot learn; set prior=normal"):
        WAE().setup(_vae(prior=flow))
    with pytest.raises(GenaeError, match=r"info-vae with objective.alpha=1 pulls z to samples of the prior"):
        InfoVAE(alpha=1.0).setup(_vae(prior=flow))
    InfoVAE().setup(_vae(prior=flow))
    with pytest.raises(GenaeError, match="a plain code has none; set posterior=gaussian, or objective=wae"):
        InfoVAE().setup(_vae(PointPosterior()))
    codes = _vae()
    codes.kind = "codes"
    with pytest.raises(GenaeError, match="objective=wae needs a z with a gradient"):
        WAE().setup(codes)
    with pytest.raises(GenaeError, match="needs batch of at least 2"):
        next(WAE().losses(_vae(), Batch(X[:1], X[:1]), AT))
