r"""Plain codes z = f(x) and what makes them worth having; a prior is fitted afterwards, or none.

    Autoencoder    −log p(x | f(x)) + l1·Σ|z|
    Contractive    −log p(x | f(x)) + λ ‖∂f/∂x‖²                                        https://icml.cc/2011/papers/455_icmlpaper.pdf
    Regularised    −log p(x | f(x)) + code·½|z|² + decoder·|θ|² + smooth·‖∂E[x | z]/∂z‖²    https://arxiv.org/abs/1903.12436

θ are the decoder's matrices. Of Jacobians J the squared norm Σ J² is exact, with one backward pass for each of its rows, or
Hutchinson's unbiased estimate |vᵀJ|², v of independent signs ±1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Ge, doc
from torch import Tensor

from genae.errors import GenaeError
from genae.model.objectives import VAE, Batch, Loss, Moment, Objective, score
from genae.model.suited import in_two, require_gradient
from genae.model.vae import Model


class Autoencoder(Objective):
    """Distortion alone, at the posterior's mean; `l1` makes the code sparse."""

    fits_prior = False

    def __init__(self, l1: Annotated[float, Ge(0), doc("weight of Σ|z|, which makes the code sparse")] = 0.0) -> None:
        super().__init__()
        self.l1 = l1

    def setup(self, vae: Model) -> None:
        require_gradient(vae, "autoencoder")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        z = vae.encode(batch.input, batch.condition)
        distortion, name = score(vae.decode(z, batch.condition), batch.target, at)
        yield Loss(VAE, distortion.mean() + self.l1 * z.abs().flatten(1).sum(-1).mean(), {name: distortion})


class Contractive(Objective):
    """A code that changes little where x does, but for the ways in which examples differ."""

    fits_prior = False

    def __init__(
        self,
        weight: Annotated[float, Ge(0), doc("λ, of the squared norm of the encoder's Jacobian")] = 0.1,
        directions: Annotated[int, Ge(0), doc("random ones of Hutchinson's estimate; 0 for the exact norm")] = 1,
    ) -> None:
        super().__init__()
        self.weight, self.directions = weight, directions

    def setup(self, vae: Model) -> None:
        require_gradient(vae, "contractive")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        x = batch.input.detach().requires_grad_()
        z = vae.encode(x, batch.condition)
        distortion, name = score(vae.decode(z, batch.condition), batch.target, at)
        jacobian = squared_jacobian(z, x, self.directions)
        yield Loss(VAE, (distortion + self.weight * jacobian).mean(), {name: distortion, "jacobian": jacobian})


class Regularised(Objective):
    """A plain autoencoder whose decoder is smooth, so that a fitted sampler's z decode to something (RAE)."""

    fits_prior = False

    def __init__(
        self,
        code: Annotated[float, Ge(0), doc("weight of ½|z|²")] = 0.1,
        decoder: Annotated[float, Ge(0), doc("weight of the sum of squares of the decoder's matrices")] = 1e-3,
        smooth: Annotated[float, Ge(0), doc("weight of the squared norm of the decoder's Jacobian, estimated")] = 0.0,
    ) -> None:
        super().__init__()
        self.code, self.decoder, self.smooth = code, decoder, smooth

    def setup(self, vae: Model) -> None:
        require_gradient(vae, "rae")
        in_two(vae, "rae")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        z = vae.encode(batch.input, batch.condition)
        z = z if z.requires_grad else z.detach().requires_grad_()  # of a frozen encoder
        p = vae.decode(z, batch.condition)
        distortion, name = score(p, batch.target, at)
        size, weights = 0.5 * z.square().flatten(1).sum(1), matrices(in_two(vae, "rae").decoder)
        terms = {name: distortion, "code": size, "weights": weights}
        value = (distortion + self.code * size).mean() + self.decoder * weights
        if self.smooth:
            terms["jacobian"] = squared_jacobian(p.mean, z, 1)
            value = value + self.smooth * terms["jacobian"].mean()
        yield Loss(VAE, value, terms)


def matrices(module: torch.nn.Module) -> Tensor:
    """The sum of squares () of a module's weights, scales and biases left out."""
    return torch.stack([p.square().sum() for p in module.parameters() if p.ndim > 1]).sum()


def squared_jacobian(outputs: Tensor, inputs: Tensor, directions: int) -> Tensor:
    """‖∂ outputs/∂ inputs‖² of each example (B,), both (B, …), with a gradient of its own; exact of 0 directions.

    GenaeError where outputs do not depend on inputs smoothly: of tokens, say.
    """
    rows = outputs.flatten(1)
    if directions:
        given = [torch.empty_like(rows).bernoulli_(0.5) * 2 - 1 for _ in range(directions)]
    else:
        given = [row.expand_as(rows) for row in torch.eye(rows.shape[1], device=rows.device, dtype=rows.dtype)]
    squares = [_along(rows, inputs, v).square().flatten(1).sum(1) for v in given]
    return torch.stack(squares).sum(0) / max(1, directions)


def _along(rows: Tensor, inputs: Tensor, v: Tensor) -> Tensor:
    """vᵀJ of each example."""
    given = (inputs,) if rows.requires_grad else ()
    found = torch.autograd.grad(rows, given, v, create_graph=True, allow_unused=True)[0] if given else None
    if found is None:
        raise GenaeError("this network's z is no smooth function of its input, so it has no Jacobian; set another objective")
    return found
