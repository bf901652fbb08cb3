r"""The codes of all examples are pulled to the prior, by a maximum mean discrepancy (MMD) between samples of the two.

    WAE        −log p(x | z) + λ MMD²(q(z), p(z))                                       https://arxiv.org/abs/1711.01558
    InfoVAE    −log p(x | z) + (1 − α) KL(q(z | x) ‖ p) + (α + λ − 1) MMD²(q(z), p(z))  https://arxiv.org/abs/1706.02262

    MMD²       mean_i≠j k(z_i, z_j) + mean_i≠j k(z′_i, z′_j) − 2 mean_ij k(z_i, z′_j), z′ ~ p: the unbiased U-statistic
    k          inverse multiquadratic Σ_s s·C / (s·C + d²), or RBF Σ_s exp(−d² / (s·C)); C = 2·size·σ², σ the prior's

λ is 10 for both: InfoVAE's 1000 (with one kernel) left 1 nat of rate after 600 steps (docs/zoo.md), and an NLL of 190 nats
where it is 118 with 10, and without any.

q(z) is the mixture of all q(z | x), so that a WAE's codes may be plain ones and the prior can be sampled nonetheless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le, MinLen, doc
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.precision import full_precision
from genae.model.objectives import VAE, Batch, Loss, Moment, Objective, score
from genae.model.suited import require_density, require_fixed_prior, require_gradient
from genae.model.vae import Model

Name = Literal["imq", "rbf"]
Kernel = Annotated[Name, doc("inverse multiquadratic, which feels codes that are far out, or Gaussian")]
Scales = Annotated[Sequence[Annotated[float, Gt(0)]], MinLen(1), doc("s, of the kernels that are added up")]
Sigma = Annotated[float, Gt(0), doc("σ of the prior, from which the kernels' widths come")]
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class WAE(Objective):
    """Distortion, and the codes of a batch like as many draws of the prior; for plain codes too."""

    fits_codes = True

    def __init__(
        self,
        weight: Annotated[float, Ge(0), doc("λ, of the MMD")] = 200.0,
        kernel: Kernel = "imq",
        scales: Scales = SCALES,
        sigma: Sigma = 1.0,
    ) -> None:
        super().__init__()
        self.weight, self.kernel, self.scales, self.sigma = weight, kernel, scales, sigma

    def setup(self, vae: Model) -> None:
        require_gradient(vae, "wae")
        require_fixed_prior(vae, "wae")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        found = vae.infer(batch.input, batch.condition).sample()
        distortion, name = score(found.p, batch.target, at)
        apart = mmd(found.z, drawn(vae, batch), self.kernel, self.scales, self.sigma)
        yield Loss(VAE, distortion.mean() + self.weight * apart, {name: distortion, "mmd": apart, **found.terms})


class InfoVAE(Objective):
    """The ELBO with less of the rate of each example, and more of the distance of all of them from the prior."""

    def __init__(
        self,
        alpha: Annotated[float, Le(1), doc("α: 1 − α is the weight of the rate")] = 0.0,
        weight: Annotated[float, Ge(0), doc("λ: α + λ − 1, which is above 0, is the weight of the MMD")] = 10.0,
        kernel: Kernel = "imq",
        scales: Scales = SCALES,
        sigma: Sigma = 1.0,
    ) -> None:
        super().__init__()
        if alpha + weight <= 1:
            raise GenaeError(
                f"objective.alpha + objective.weight must be above 1, not {alpha:g} + {weight:g}: the MMD's weight is "
                "their sum less 1, and would push the codes away from the prior"
            )
        self.alpha, self.weight, self.kernel, self.scales, self.sigma = alpha, weight, kernel, scales, sigma

    def setup(self, vae: Model) -> None:
        require_density(vae, "info-vae", "wae")
        if self.alpha == 1:
            require_fixed_prior(vae, "info-vae with objective.alpha=1")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        found = vae.infer(batch.input, batch.condition).sample()
        distortion, name = score(found.p, batch.target, at)
        apart = mmd(found.z, drawn(vae, batch), self.kernel, self.scales, self.sigma)
        value = distortion.mean() + (1 - self.alpha) * found.rate.mean() + (self.alpha + self.weight - 1) * apart
        yield Loss(VAE, value, {name: distortion, "rate": found.rate, "mmd": apart, **found.terms})


@torch.no_grad()
def drawn(vae: Model, batch: Batch) -> Tensor:
    """As many z of the prior as there are examples (B, *shape). GenaeError for a batch of one, which has no distribution."""
    if len(batch.target) < 2:
        raise GenaeError("this objective compares the codes of a batch with the prior, and needs batch of at least 2")
    return vae.prior.sample(len(batch.target), 1.0, batch.condition)


def mmd(z: Tensor, prior: Tensor, kernel: Name, scales: Sequence[float], sigma: float) -> Tensor:
    """MMD² of z (B, *shape) and as many draws of the prior, (); around 0, below too, where they are alike."""
    with full_precision(z.device):
        both = torch.cat([z.flatten(1), prior.flatten(1)]).float()
        n, alike = len(z), _kernel(both, kernel, scales, 2 * both.shape[1] * sigma**2)
        within = alike[:n, :n].sum() + alike[n:, n:].sum() - alike.trace()
        return within / (n * (n - 1)) - 2 * alike[:n, n:].mean()


def _kernel(x: Tensor, kernel: Name, scales: Sequence[float], c: float) -> Tensor:
    """k of all pairs of x (N, D), (N, N)."""
    squares = x.square().sum(1)
    d2 = (squares[:, None] + squares - 2 * x @ x.T).clamp(min=0)
    if kernel == "imq":
        return torch.stack([s * c / (s * c + d2) for s in scales]).sum(0)
    return torch.stack([(-d2 / (s * c)).exp() for s in scales]).sum(0)
