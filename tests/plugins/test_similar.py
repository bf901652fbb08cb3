"""MS-SSIM: equal images, constants by hand, what it is blind to, and the pseudo-likelihood."""

import pytest
import torch

from genae.errors import GenaeError
from genae.recipe.parts import instantiate
from genae_image.similar import C1, MSSSIM, ms_ssim, sizes

X = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_equal_images_are_alike():
    assert ms_ssim(X, X).tolist() == pytest.approx([1.0] * 3)
    assert (ms_ssim(X, 1 - X) < 0.1).all()  # the opposite structure


def test_at_how_many_sizes():
    """28 and 14 hold a window of 11, 7 does not; of five sizes the smallest is 11 from 176 on."""
    assert [sizes(side, 11) for side in (8, 11, 28, 64, 175, 176, 4000)] == [0, 1, 2, 3, 4, 5, 5]
    assert sizes(28, 7) == 3


def test_even_images_by_hand():
    """No structure: cs is 1, and l of .2 and .6 is (2·.12 + C1) / (.04 + .36 + C1); its weight of two sizes .2856 / .3304."""
    flat = torch.ones(1, 1, 28, 28)
    brightness = (0.24 + C1) / (0.4 + C1)
    assert ms_ssim(0.2 * flat, 0.6 * flat).item() == pytest.approx(brightness ** (0.2856 / 0.3304), abs=1e-3)
    assert ms_ssim(0.2 * flat[..., :11], 0.6 * flat[..., :11]).item() == pytest.approx(brightness, abs=1e-3)


def test_it_is_symmetric_and_falls_with_noise():
    noise = torch.randn(X.shape, generator=torch.Generator().manual_seed(1))
    near, far = X + 0.05 * noise, X + 0.5 * noise
    assert torch.allclose(ms_ssim(X, near), ms_ssim(near, X), atol=1e-5)
    assert (ms_ssim(X, near) > ms_ssim(X, far)).all()


def test_the_pseudo_likelihood_by_hand():
    p = MSSSIM(weight=0.5, structure=0.25)(torch.zeros(3, 1, 28, 28))
    assert torch.equal(p.mean, torch.full((3, 1, 28, 28), 0.5))
    apart = 0.25 * (1 - ms_ssim(X, p.mean)) + 0.75 * (X - 0.5).abs().flatten(1).mean(1)
    assert torch.allclose(p.log_prob(X), -0.5 * 784 * apart)
    assert torch.equal(p.sample(), p.mean)
    assert p.unnormalised


def test_a_step_towards_the_image_makes_it_likelier():
    h = torch.zeros(3, 1, 28, 28, requires_grad=True)
    before = MSSSIM()(h).log_prob(X).sum()
    before.backward()
    assert torch.isfinite(h.grad).all()
    assert MSSSIM()(h + 0.1 * h.grad.sign()).log_prob(X).sum() > before


def test_what_it_is_not_for():
    for event in ((1, 8, 8), (784,), (1, 28)):
        with pytest.raises(GenaeError, match=r"is for images .* of sides 11 or more"):
            MSSSIM().features(event)
    assert MSSSIM(window=7).features((3, 8, 8)) == (3, 8, 8)
    with pytest.raises(GenaeError, match=r"likelihood\.window must be odd, not 4"):
        instantiate("likelihood", {"name": "ms-ssim", "window": 4})
