"""What an objective needs of a model, asked before the first step: what does not suit is refused in one line."""

from __future__ import annotations

import torch

from genae.errors import GenaeError
from genae.latent.inference import Inference
from genae.latent.posteriors import DiagonalGaussian
from genae.model.vae import VAE, Encoded, Model


def require_gradient(vae: Model, objective: str) -> None:
    """GenaeError for z of codes."""
    if vae.kind == "codes":
        raise GenaeError(f"objective={objective} needs a z with a gradient, and this posterior gives codes; set objective=elbo")


def require_density(vae: Model, objective: str, instead: str) -> None:
    """GenaeError for codes, and for plain ones."""
    require_gradient(vae, objective)
    if vae.kind == "point":
        raise GenaeError(
            f"objective={objective} needs a posterior with a density, and a plain code has none; "
            f"set posterior=gaussian, or objective={instead}"
        )


def require_fixed_prior(vae: Model, objective: str) -> None:
    """GenaeError for a prior that is trained: it would have no gradient."""
    if any(True for _ in vae.prior.parameters()):
        raise GenaeError(
            f"objective={objective} pulls z to samples of the prior, from which a trained one cannot learn; set prior=normal"
        )


def in_two(vae: Model, objective: str) -> VAE:
    """A model of one encoder and one decoder. GenaeError for another: a ladder."""
    if not isinstance(vae, VAE):
        raise GenaeError(
            f"objective={objective} needs an encoder and a decoder of their own, and this network is a {type(vae).__name__}; "
            "set objective=elbo"
        )
    return vae


def require_gaussian(vae: Model, objective: str) -> None:
    """GenaeError for a posterior other than N(μ, diag σ²)."""
    family = in_two(vae, objective).family
    with torch.no_grad():
        _gaussian(family(torch.zeros(1, *family.features(vae.space))), objective)


def gaussian(inference: Inference, objective: str) -> DiagonalGaussian:
    """q(z | x) of a model that `require_gaussian` let pass."""
    return _gaussian(inference.q if isinstance(inference, Encoded) else inference, objective)


def _gaussian(q: object, objective: str) -> DiagonalGaussian:
    if not isinstance(q, DiagonalGaussian):
        raise GenaeError(f"objective={objective} needs the numbers of z independent given x; set posterior=gaussian")
    return q
