r"""Priors p(z), trained inside the ELBO.

    StandardNormal   N(0, I)
    Flow             log p(z) = log N(f(z); 0, I) + log |det ∂f/∂z|, f a normalising flow (https://arxiv.org/abs/1905.13452)

A prior is a module: called, it gives the density; `push` carries standard-normal noise u to z, so that temperature T samples
push(T·u) and a picture of the latent space is a grid of quantiles of u.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.posteriors import Density, DiagonalGaussian


class Prior(nn.Module):
    """p(z), z (B, latent)."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent
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
    ) -> None:
        super().__init__(latent)
        for key, value in {"transforms": transforms, "hidden": hidden, "layers": layers}.items():
            if value < 1:
                raise GenaeError(f"prior.{key} must be at least 1, not {value}")
        from zuko import flows  # here: half of zuko's import time is of no use to runs without a flow

        sizes = (hidden,) * layers
        if kind == "maf":
            self.flow = flows.MAF(latent, transforms=transforms, hidden_features=sizes)
        elif kind == "nsf":
            self.flow = flows.NSF(latent, transforms=transforms, hidden_features=sizes)
        elif kind == "coupling":
            if latent < 2:
                raise GenaeError("prior.kind=coupling splits the latent in two: it needs latent of at least 2; use kind=maf")
            self.flow = flows.NICE(latent, transforms=transforms, hidden_features=sizes)
        else:
            raise GenaeError(f"prior.kind must be one of maf, nsf, coupling, not '{kind}'")

    def forward(self, condition: Tensor | None = None) -> Density:
        return _InFullPrecision(self.flow)

    def push(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        with torch.autocast(u.device.type, enabled=False):
            return self.flow().transform.inv(u)  # type: ignore[no-any-return]


class _InFullPrecision:
    """A flow's density outside autocast: log-determinants do not bear bf16."""

    def __init__(self, flow: nn.Module) -> None:
        self.flow = flow

    def log_prob(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            return self.flow().log_prob(z.float())  # type: ignore[no-any-return]
