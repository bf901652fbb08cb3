"""The network of principal components: before the first step it is PCA, to the number."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior, PointPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.likelihoods import DiscretisedLogistic, Gaussian
from genae.model.principal import principal
from genae.model.vae import VAE

EVENT = (3, 16, 16)
OPTIONS = {"widths": (8, 16), "blocks": (1, 1), "hidden": 16, "patch": 4}


def pictures(n: int = 60, rank: int = 5) -> torch.Tensor:
    """Mixtures of so many smooth pictures, and their mean."""
    g = torch.Generator().manual_seed(0)
    tones = torch.nn.functional.interpolate(torch.rand(rank, 3, 4, 4, generator=g), scale_factor=4.0, mode="bilinear")
    return 0.5 + 0.1 * (torch.randn(n, rank, generator=g) @ tones.flatten(1)).view(n, *EVENT)


def model(size: int = 8, family: type = GaussianPosterior, **options: object) -> tuple[VAE, Gaussian]:
    torch.manual_seed(0)
    likelihood, space, posterior = Gaussian(0.1, "one"), Space((size,)), family()
    networks = principal(EVENT, space, posterior, likelihood, **{**OPTIONS, **options})
    return VAE(networks.encoder, networks.decoder, StandardNormal(space), EVENT, posterior).eval(), likelihood


@pytest.mark.parametrize("family", [GaussianPosterior, PointPosterior])
def test_it_begins_as_pca(family):
    x = pictures() + 0.02 * torch.randn(60, *EVENT, generator=torch.Generator().manual_seed(1))
    vae, likelihood = model(8, family)
    vae.begin(lambda most: x[:most])
    with torch.no_grad():
        z = vae.encode(x)
        back = vae.decode(z).mean
    _, s, v = torch.linalg.svd((x - x.mean(0)).flatten(1), full_matrices=False)
    best = ((x - x.mean(0)).flatten(1) @ v[:8].mT) @ v[:8] + x.mean(0).flatten()
    assert torch.allclose(back.flatten(1), best, atol=1e-4)
    assert torch.allclose(z.mean(0), torch.zeros(8), atol=1e-4)
    assert torch.allclose(z.square().mean(0), torch.ones(8), atol=1e-3)
    left = float(s[8:].square().sum() / x.numel())
    assert math.exp(2 * likelihood.log_sigma.item()) == pytest.approx(left, rel=1e-3)
    if family is GaussianPosterior:  # 1 / (1 + λ / σ²), https://www.jstor.org/stable/2680726
        expected = left / (left + s[:8].square() / len(x))
        assert torch.allclose(vae.infer(x[:1]).spread[0].square(), expected, rtol=1e-2)


def test_fewer_pictures_than_numbers_leave_the_others_to_the_prior():
    vae, _ = model(8)
    x = pictures(4)
    vae.begin(lambda most: x[:most])
    with torch.no_grad():
        inference = vae.infer(x)
        back = vae.decode(inference.mean).mean
    assert torch.allclose(back, x, atol=1e-3)
    assert torch.equal(inference.mean[:, 4:], torch.zeros(4, 4))
    assert torch.equal(inference.spread[:, 4:], torch.ones(4, 4))


def test_components_of_smaller_pictures_come_back_at_full_size():
    vae, _ = model(8, coarse=2)
    x = pictures()
    vae.begin(lambda most: x[:most])
    with torch.no_grad():
        back = vae.decode(vae.encode(x)).mean
    assert back.shape == x.shape
    assert (back - x).square().mean() < 0.2 * (x - x.mean(0)).square().mean()


def test_every_weight_learns_once_the_last_layers_are_not_zero():
    vae, _ = model(8)
    x = pictures()
    vae.begin(lambda most: x[:most])
    vae.train()
    for parameter in vae.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    found = vae.infer(x).sample()
    (found.rate.mean() - found.p.log_prob(x).mean()).backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in vae.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    "change, line",
    [({"coarse": 3}, "coarse 3 does not divide"), ({"likelihood": DiscretisedLogistic()}, "gaussian, laplace or bernoulli"),
     ({"space": Space((4, 4))}, "z in one vector"), ({"event": (3, 20, 16)}, "needs sides that 8 divides")],
)  # fmt: skip
def test_what_does_not_suit_is_refused_in_a_line(change, line):
    parts = {"event": EVENT, "space": Space((8,)), "posterior": GaussianPosterior(), "likelihood": Gaussian(), **change}
    options = {**OPTIONS, "coarse": parts.pop("coarse", 1)}
    with pytest.raises(GenaeError, match=line):
        principal(**parts, **options)
