r"""Priors p(z | c), trained inside the ELBO; c is the run's condition, if it has one.

    StandardNormal   N(0, I), whatever c
    Flow             log p(z) = log N(f(z, c); 0, I) + log |det ∂f/∂z|, f a normalising flow (https://arxiv.org/abs/1905.13452)

Where z tells all that the condition does, a decoder need not listen to it, and only a prior that does makes what was asked for.

A prior is a module: called, it gives the density; `push` carries standard-normal noise u to z, so that temperature T samples
push(T·u) and a picture of the latent space is a grid of quantiles of u.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Density, DiagonalGaussian


class Prior(nn.Module):
    """p(z | c), z (B, latent), c (B, condition) or None."""

    def __init__(self, latent: int, condition: int = 0) -> None:
        super().__init__()
        self.latent, self.condition = latent, condition
        self.anchor = nn.Buffer(torch.zeros(1, latent), persistent=False)  # knows the device and the dtype

    def forward(self, condition: Tensor | None = None) -> Density:
        """The density over z."""
        raise NotImplementedError

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """Standard-normal noise u (B, latent) to z (B, latent)."""
        raise NotImplementedError

    def sample(self, n: int, temperature: float = 1.0, condition: Tensor | None = None) -> Tensor:
        """z (n, latent); temperature scales the noise, so 0 gives the prior's centre n times."""
        noise = torch.randn(n, self.latent, device=self.anchor.device, dtype=self.anchor.dtype)
        return self.push(temperature * noise, condition)


class StandardNormal(Prior):
    """N(0, I)."""

    def forward(self, condition: Tensor | None = None) -> DiagonalGaussian:
        return DiagonalGaussian(self.anchor, self.anchor)

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        return u


class Flow(Prior):
    """A flow from zuko (https://zuko.readthedocs.io): maf, nsf, or coupling (an affine RealNVP)."""

    def __init__(
        self,
        latent: int,
        kind: Literal["maf", "nsf", "coupling"] = "maf",
        transforms: int = 3,
        hidden: int = 128,
        layers: int = 2,
        condition: int = 0,
    ) -> None:
        super().__init__(latent, condition)
        for key, value in {"transforms": transforms, "hidden": hidden, "layers": layers}.items():
            if value < 1:
                raise GenaeError(f"prior.{key} must be at least 1, not {value}")
        from zuko import flows  # here: half of zuko's import time is of no use to runs without a flow

        sizes = (hidden,) * layers
        if kind == "maf":
            self.flow = flows.MAF(latent, condition, transforms=transforms, hidden_features=sizes)
        elif kind == "nsf":
            self.flow = flows.NSF(latent, condition, transforms=transforms, hidden_features=sizes)
        elif kind == "coupling":
            if latent < 2:
                raise GenaeError("prior.kind=coupling splits the latent in two: it needs latent of at least 2; use kind=maf")
            self.flow = flows.NICE(latent, condition, transforms=transforms, hidden_features=sizes)
        else:
            raise GenaeError(f"prior.kind must be one of maf, nsf, coupling, not '{kind}'")

    def forward(self, condition: Tensor | None = None) -> Density:
        return _InFullPrecision(self.flow, self._context(condition))

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        with torch.autocast(u.device.type, enabled=False):
            return self.flow(self._context(condition)).transform.inv(u)  # type: ignore[no-any-return]

    def _context(self, condition: Tensor | None) -> Tensor | None:
        """(B, condition), or (condition,) of zeros where nothing is told."""
        if not self.condition:
            return None
        return self.anchor.new_zeros(self.condition) if condition is None else condition.to(self.anchor)


class _InFullPrecision:
    """A flow's density outside autocast: log-determinants do not bear bf16."""

    def __init__(self, flow: nn.Module, context: Tensor | None) -> None:
        self.flow, self.context = flow, context

    def log_prob(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            return self.flow(self.context).log_prob(z.float())  # type: ignore[no-any-return]
