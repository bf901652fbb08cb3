r"""A window by its beats: the same small network at every beat, and, if it is wanted, one that sees them all.

    encoder   s_b = f(x_b), x_b a beat's steps in a row     q_b = g(s_b) + A x_b + m(s_1 … s_B)_b
    decoder   h_b = k(z_b, W z) + C z_b, the features of a beat's steps

A beat is a quarter of a bar; z is B parts in a row, of which each is mostly of its own beat, and m and W are what beats have in
common. A network that had to find out where a note is in the whole window, one of 2816 cells, did not learn it in as many
seconds: onset F1 of held-out windows was .05 where this one's was .90, 40 s into a training on one core. m and W make
windows likelier, and notes come back worse.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.networks import Networks
from genae_music.keyed import Keyed


def beats(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Keyed,
    condition: int = 0,
    *,
    beat: Annotated[int, Ge(1), doc("steps of a beat; they divide the event's")] = 4,
    width: Annotated[int, Ge(1), doc("units next to a beat's steps")] = 512,
    inner: Annotated[int, Ge(1), doc("units next to a beat's z")] = 256,
    mixed: Annotated[int, Ge(0), doc("units of the encoder's layer that sees all beats; 0 for none")] = 0,
    shared: Annotated[int, Ge(0), doc("numbers that each beat is given of the whole of z; 0 for none")] = 0,
) -> Networks:
    """An encoder and a decoder of beats, for likelihood keys."""
    if not isinstance(likelihood, Keyed):
        raise GenaeError("network beats ends with likelihood=keys; set it, or another network")
    steps, hidden = likelihood.features(event)
    count = steps // beat
    q, z = prod(posterior.features(space)), prod(posterior.embedded(space))
    if steps % beat or z % count or q % z:
        raise GenaeError(f"network beats has z in equal parts, one a beat of {beat} of {steps} steps; not {z} numbers")
    encoder = Encoder(likelihood, posterior, space, (count, width, inner, mixed), beat, condition)
    return Networks(encoder, Decoder(likelihood, (count, width, inner, shared), beat * hidden, z, condition), space)


def layers(*sizes: int) -> nn.Sequential:
    """Linear ones, normalised and with GELU between."""
    made: list[nn.Module] = []
    for before, after in pairwise(sizes[:-1]):
        made += [nn.Linear(before, after), nn.LayerNorm(after), nn.GELU()]
    return nn.Sequential(*made, nn.Linear(sizes[-2], sizes[-1]))


class Encoder(nn.Module):
    """x (B, T, 88) to q(z | x)."""

    def __init__(
        self, likelihood: Keyed, posterior: Family, space: Space, sizes: tuple[int, int, int, int], beat: int, condition: int
    ) -> None:
        super().__init__()
        count, width, inner, mixed = sizes
        self.show, self.posterior, self.features = [likelihood], posterior, posterior.features(space)  # a list: not its own
        own, self.groups = prod(self.features) // count, prod(self.features) // space.size
        self.count, inputs = count, beat * likelihood.inputs
        self.seen, self.own = layers(inputs, width, inner), layers(inner + condition, inner, own)
        self.direct, self.mix = nn.Linear(inputs, own), None
        if mixed:
            last = nn.Linear(mixed, count * own)
            nn.init.zeros_(last.weight)  # every beat is by itself at first
            nn.init.zeros_(last.bias)
            self.mix = nn.Sequential(layers(count * inner, mixed, mixed), nn.GELU(), last)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, T, 88), condition (B, C)."""
        shown = self.show[0].shown(x).reshape(len(x), self.count, -1)
        seen = self.seen(shown)
        q = self.own(beside(seen, condition)) + self.direct(shown)  # (B, beats, own)
        if self.mix is not None:
            q = q + self.mix(seen.flatten(1)).view(len(x), self.count, -1)
        return self.posterior(of_parts(q, self.groups, self.features))


class Decoder(nn.Module):
    """z (B, D) to p(x | z)."""

    def __init__(self, likelihood: Keyed, sizes: tuple[int, int, int, int], features: int, latent: int, condition: int) -> None:
        super().__init__()
        self.count, width, inner, shared = sizes
        own = latent // self.count
        self.whole = nn.Linear(latent, self.count * shared) if shared else None
        self.beat, self.direct = layers(own + shared + condition, inner, width, features), nn.Linear(own, features)
        self.likelihood = likelihood

    def forward(self, z: Tensor, condition: Tensor | None = None) -> object:
        """condition (B, C)."""
        z = z.flatten(1)
        own = given = z.view(len(z), self.count, -1)
        if self.whole is not None:
            given = torch.cat([own, self.whole(z).view(len(z), self.count, -1)], 2)
        h = self.beat(beside(given, condition)) + self.direct(own)
        return self.likelihood(h.view(len(z), -1, self.likelihood.hidden))


def of_parts(q: Tensor, groups: int, features: Shape) -> Tensor:
    """What a posterior is of (B, *features), of that of each beat (B, N, F): means of all beats, then deviations."""
    return q.view(*q.shape[:2], groups, -1).transpose(1, 2).reshape(q.shape[0], *features)


def beside(beats: Tensor, condition: Tensor | None) -> Tensor:
    """Beats (B, N, F) with the condition (B, C) beside each."""
    if condition is None:
        return beats
    return torch.cat([beats, condition.to(beats.dtype)[:, None].expand(-1, beats.shape[1], -1)], 2)
