r"""How many dimensions of a trained latent sequence matter.

Principal components of the posterior means, the D numbers of every frame of every clip being one observation. With variances
v_1 ≥ v_2 ≥ … the dimensions of fidelity f are the least r with Σ_{i ≤ r} v_i ≥ f Σ_i v_i. That is RAVE's measure
(https://arxiv.org/abs/2111.05011, section on the compactness of the latent; the paper sums singular values where its code, and
this, sum variances; its code logs r − 1). An ELBO switches unneeded dimensions off, so r is mostly far below D.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from genae_audio.stft import distance

if TYPE_CHECKING:
    from genae.data.domain import Domain
    from genae.model.vae import VAE

FIDELITY = 0.95
BATCH = 16  # clips at once


class Components(NamedTuple):
    """Principal components, the most variance first."""

    mean: Tensor  # (D,)
    axes: Tensor  # (D, D), a row each, of length 1
    variance: Tensor  # (D,)


def components(z: Tensor) -> Components:
    """Of observations z (R, D)."""
    z = z.double()
    mean = z.mean(0)
    variance, axes = torch.linalg.eigh((z - mean).mT @ (z - mean) / len(z))
    return Components(mean, axes.flip(1).mT, variance.flip(0).clamp(min=0))


def dimensions(variance: Tensor, fidelity: float) -> int:
    """The least r whose first r of `variance` (D,) hold that share of their sum; 0 where nothing varies."""
    shares = variance.cumsum(0)
    return int((shares < fidelity * shares[-1]).sum()) + 1 if shares[-1] > 0 else 0


def crop(z: Tensor, parts: Components, keep: int) -> Tensor:
    """z (R, D) with the mean in place of all but the first `keep` components."""
    axes = parts.axes[:keep]
    near: Tensor = parts.mean + (z.double() - parts.mean) @ axes.mT @ axes
    return near.to(z.dtype)


def rows(z: Tensor, frames: int) -> Tensor:
    """Latents (B, D·F) as a network with frames flattens them, to observations (B·F, D)."""
    return z.reshape(len(z), -1, frames).transpose(1, 2).flatten(0, 1)


def flat(z: Tensor, frames: int) -> Tensor:
    """`rows` undone."""
    return z.reshape(-1, frames, z.shape[1]).transpose(1, 2).flatten(1)


def assess(vae: VAE, domain: Domain, stored: Tensor) -> dict[str, float]:
    """Of stored clips (N, 1, samples): the dimensions of fidelity .95, and the distance that these alone leave.

    A network without frames counts as having one, a clip long.
    """
    device = next(vae.parameters()).device
    frames = getattr(vae.encoder, "frames", 1)
    z = torch.cat([rows(vae.encode(x).mean, frames).cpu() for x in _clips(domain, stored, device)])  # (N·F, D)
    parts = components(z)
    keep = dimensions(parts.variance, FIDELITY)
    kept = torch.split(flat(crop(z, parts, keep), frames), BATCH)
    apart = [distance(x, vae.show(code.to(device))) for x, code in zip(_clips(domain, stored, device), kept, strict=True)]
    return {
        "latent_frames": frames, "latent_per_frame": z.shape[1],
        "latent_dimensions_95": keep, "stft_distance_95": torch.cat(apart).mean().item(),
    }  # fmt: skip


def _clips(domain: Domain, stored: Tensor, device: torch.device) -> Iterator[Tensor]:
    for part in torch.split(stored, BATCH):
        yield domain.prepare(part.to(device), "show")
