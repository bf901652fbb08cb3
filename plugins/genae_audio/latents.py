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
    from genae.data.domain import Condition, Domain
    from genae.data.examples import Examples
    from genae.latent.inference import Generative

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


def encoded(vae: Generative, domain: Domain, clips: Examples, condition: Condition) -> Tensor:
    """Posterior means (N, *space.shape) of stored clips, float32."""
    return torch.cat([vae.encode(x, c).float() for x, c in _batches(vae, domain, clips, condition)])


def assess(vae: Generative, domain: Domain, clips: Examples, condition: Condition) -> dict[str, float]:
    """Of stored clips (N, 1, samples): the dimensions of fidelity .95, and the distance that these alone leave.

    A latent space without frames counts as having one, a clip long.
    """
    space = vae.space
    z = encoded(vae, domain, clips, condition).cpu().reshape(-1, space.width)  # (N·F, D)
    parts = components(z)
    keep = dimensions(parts.variance, FIDELITY)
    kept = torch.split(crop(z, parts, keep).view(-1, *space.shape), BATCH)
    batches = _batches(vae, domain, clips, condition)
    apart = [distance(x, vae.show(code.to(x.device), c)) for (x, c), code in zip(batches, kept, strict=True)]
    return {
        "latent_frames": space.size // space.width, "latent_per_frame": space.width,
        "latent_dimensions_95": keep, "stft_distance_95": torch.cat(apart).mean().item(),
    }  # fmt: skip


def _batches(vae: Generative, domain: Domain, clips: Examples, condition: Condition) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Events as they are shown, and their condition."""
    for first in range(0, len(clips), BATCH):
        part = clips.take(torch.arange(first, min(first + BATCH, len(clips))))
        x = domain.prepare(part.x.to(vae.anchor.device), "show")
        yield x, condition(part, x)
