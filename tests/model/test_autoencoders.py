"""Plain codes: Jacobians of known functions, and what a decoder's smoothness costs."""

import pytest
import torch
from torch import nn

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior, PointPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.autoencoders import Autoencoder, Contractive, Regularised, matrices, squared_jacobian
from genae.model.likelihoods import Gaussian
from genae.model.networks import mlp
from genae.model.objectives import Batch, Moment
from genae.model.vae import VAE

A = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])  # Σ A² = 15
X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
BATCH, AT = Batch(X, X), Moment(0, 1)


def _vae():
    torch.manual_seed(0)
    encoder, decoder, _ = mlp((3,), Space((2,)), PointPosterior(), Gaussian(0.5), hidden=(8,), activation="tanh")
    return VAE(encoder, decoder, StandardNormal(Space((2,))), (3,), PointPosterior())


def _once(objective, vae):
    torch.manual_seed(1)
    (loss,) = objective.losses(vae, BATCH, AT)
    return loss


def test_the_jacobian_of_a_matrix_is_the_matrix():
    x = X.clone().requires_grad_()
    assert squared_jacobian(x @ A.T, x, 0).tolist() == pytest.approx([15.0] * 5)


def test_the_jacobian_of_squares_by_hand():
    """∂x²/∂x = 2x on the diagonal: 4 Σ x², whose own gradient is 8x."""
    x = X.clone().requires_grad_()
    found = squared_jacobian(x.square(), x, 0)
    assert torch.allclose(found, 4 * X.square().sum(1))
    found.sum().backward()
    assert torch.allclose(x.grad, 8 * X, atol=1e-5)


def test_hutchinsons_estimate_has_the_norm_as_its_mean():
    torch.manual_seed(0)
    x = X[:1].expand(4000, -1).clone().requires_grad_()
    found = squared_jacobian(x @ A.T, x, 1)
    assert {round(value, 4) for value in found.tolist()} == {11.0, 19.0}  # |a ± b|², a and b the rows: 15 ∓ 2·2
    assert found.mean().item() == pytest.approx(15, abs=0.3)


def test_contractive_by_hand():
    vae, plain = _vae(), _once(Autoencoder(), _vae())
    loss = _once(Contractive(weight=0.5, directions=0), vae)
    x = X.clone().requires_grad_()
    jacobian = squared_jacobian(vae.encode(x), x, 0)
    assert loss.value.item() == pytest.approx((plain.value + 0.5 * jacobian.mean()).item(), rel=1e-5)
    assert torch.allclose(loss.terms["jacobian"], jacobian)
    loss.value.backward()
    assert all(bool(p.grad.any()) for p in vae.encoder.parameters())


def test_weights_are_matrices_alone():
    module = nn.Sequential(nn.Linear(2, 1), Gaussian(3.0, learned="one"))
    nn.init.constant_(module[0].weight, 2.0)
    nn.init.constant_(module[0].bias, 9.0)
    assert matrices(module).item() == 8


def test_regularised_by_hand():
    vae = _vae()
    loss = _once(Regularised(code=0.5, decoder=0.25, smooth=2.0), vae)
    z = vae.encode(X)
    assert torch.allclose(loss.terms["code"], 0.5 * z.square().sum(1))
    assert loss.terms["weights"].item() == pytest.approx(matrices(vae.decoder).item())
    by_hand = loss.terms["distortion"] + 0.5 * loss.terms["code"] + 2 * loss.terms["jacobian"]
    assert loss.value.item() == pytest.approx((by_hand.mean() + 0.25 * loss.terms["weights"]).item(), rel=1e-5)
    assert "jacobian" not in _once(Regularised(), vae).terms


def test_without_its_prices_it_is_the_plain_autoencoder():
    vae, plain = _vae(), _once(Autoencoder(), _vae()).value
    assert torch.equal(_once(Regularised(code=0, decoder=0), vae).value, plain)
    assert torch.equal(_once(Contractive(weight=0), vae).value, plain)


def test_a_smooth_decoder_can_be_wished_for_while_the_encoder_is_frozen():
    vae = _vae()
    vae.encoder.requires_grad_(False)
    assert _once(Regularised(smooth=1.0), vae).terms["jacobian"].min() > 0


class _Signs(nn.Module):
    """What it gives hangs on x by steps."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x, condition=None):
        return PointPosterior()((x[:, :2] > 0) * self.scale)


def test_an_encoder_without_a_slope_has_no_jacobian():
    vae = VAE(_Signs(), _vae().decoder, StandardNormal(Space((2,))), (3,), PointPosterior())
    with pytest.raises(GenaeError, match="no smooth function of its input, so it has no Jacobian"):
        _once(Contractive(), vae)


def test_codes_are_refused():
    vae = VAE(_vae().encoder, _vae().decoder, StandardNormal(Space((2,))), (3,), GaussianPosterior())
    vae.kind = "codes"
    for objective, name in ((Contractive(), "contractive"), (Regularised(), "rae")):
        with pytest.raises(GenaeError, match=f"objective={name} needs a z with a gradient.*set objective=elbo"):
            objective.setup(vae)
