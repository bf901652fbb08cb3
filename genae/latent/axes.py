r"""Where z lies, as a few numbers, and z moved until it lies elsewhere.

straight    a_k = (z·d_k − m_k) / s_k, d_k of length 1, m and s the mean and spread of examples along it;
            moved to a'_k: z + (a'_k − a_k) s_k d_k, so that whatever else z has stays
codes       a = V'onehot(z) − m, the first two principal components of the examples' codes, one-hot; nothing lies between
            codes, so z is moved to that of the example nearest to the place
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from genae.latent.space import Space

AXES = 8  # principal ones, at most
PLANE = 2
LARGEST = 1 << 25  # numbers of one-hot codes whose plane is worked out: 128 MB


def principal(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """z (N, latent) to its mean (latent,), principal components (K, latent), and the share of variance of each (K,)."""
    z = z.detach().double().cpu()
    mean = z.mean(0)
    _, spread, components = torch.linalg.svd(z - mean, full_matrices=False)
    variance = spread.square()
    return mean.to(torch.float32), components.to(torch.float32), (variance / variance.sum().clamp(min=1e-30)).float()


class Axes(ABC):
    """So many numbers that say where z lies."""

    names: tuple[str, ...]  # of those that can be moved along one by one
    count: int

    @abstractmethod
    def places(self, z: Tensor) -> Tensor:
        """z (N, *shape) to a (N, K)."""

    @abstractmethod
    def moved(self, z: Tensor, to: Mapping[int, float]) -> Tensor:
        """z (*shape) so that it lies at these a_k, by k."""


class Straight(Axes):
    """Directions (K, size) of length 1, examples' means and spreads along them (K,)."""

    def __init__(self, space: Space, names: Sequence[str], directions: Tensor, means: Tensor, spreads: Tensor) -> None:
        self.space, self.names, self.count = space, tuple(names), len(directions)
        self.directions, self.means, self.spreads = directions, means, spreads.clamp(min=1e-6)

    def places(self, z: Tensor) -> Tensor:
        """z (N, *shape) to a (N, K)."""
        return (self.space.flat(z.float()) @ self.directions.T - self.means) / self.spreads

    def moved(self, z: Tensor, to: Mapping[int, float]) -> Tensor:
        """One axis after the other; back onto a curved space."""
        for k, wish in to.items():
            by = (wish - self.places(z[None])[0, k]) * self.spreads[k]
            z = z + by * self.directions[k].view(z.shape)
        return self.space.onto(z)

    def beside(self, names: Sequence[str], directions: Tensor, z: Tensor) -> Straight:
        """With more directions (M, size), of any length, measured on examples z (N, *shape)."""
        unit = F.normalize(directions)
        along = self.space.flat(z.float()) @ unit.T
        return Straight(
            self.space,
            [*self.names, *names],
            torch.cat([self.directions, unit]),
            torch.cat([self.means, along.mean(0)]),
            torch.cat([self.spreads, along.std(0, correction=0)]),
        )


class Nearest(Axes):
    """The plane of examples' codes (N, *shape)."""

    def __init__(self, space: Space, z: Tensor) -> None:
        self.space, self.examples, self.names, self.count = space, z, (), PLANE
        hot = self._hot(z[: max(PLANE, LARGEST // (space.size * space.codes))])
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            _, _, self.components = torch.svd_lowrank(hot - hot.mean(0), q=PLANE)
        self.mean = hot.mean(0) @ self.components
        made = self._flat(z)
        self.spread = made.std(0, correction=0).clamp(min=1e-6)
        self.known = made / self.spread

    def places(self, z: Tensor) -> Tensor:
        """Codes (N, *shape) to a (N, 2)."""
        return self._flat(z) / self.spread

    def moved(self, z: Tensor, to: Mapping[int, float]) -> Tensor:
        """Those of the example that lies nearest."""
        place = self.places(z[None])[0].clone()
        for k, wish in to.items():
            place[k] = wish
        return self.examples[int((self.known - place).square().sum(1).argmin())]

    def _flat(self, z: Tensor) -> Tensor:
        return self._hot(z) @ self.components - self.mean

    def _hot(self, z: Tensor) -> Tensor:
        """(N, size·codes)."""
        return F.one_hot(self.space.flat(z), self.space.codes).flatten(1).float()


def axes_of(space: Space, z: Tensor) -> Axes:
    """Those that examples z (N, *shape) suggest: z's own numbers where there are one or two, else principal components."""
    if space.codes:
        return Nearest(space, z)
    flat = space.flat(z.float())
    if space.size <= PLANE:
        return Straight(space, [f"z{i + 1}" for i in range(space.size)], torch.eye(space.size), torch.zeros(space.size),
                        torch.ones(space.size))  # fmt: skip
    mean, components, share = principal(flat)
    unit = components[:AXES]
    spreads = ((flat - mean) @ unit.T).std(0, correction=0)
    names = [f"axis {k + 1}, {of:.0%}" for k, of in enumerate(share[:AXES].tolist())]
    return Straight(space, names, unit, unit @ mean, spreads)
