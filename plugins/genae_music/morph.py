r"""Is the path between two windows smooth, and music all along?

    z(t) goes from μ(a) to μ(b) on the arc, or code by code; x(t) is its greedy decoding; t in equal steps from 0 to 1

    distance    share of steps at which x(t) differs from a (Hamming, normalised), mean over pairs; it should rise and never
                fall. A decoder that does not hear z never falls either, but does not rise
    cost        mean bits a token under trigrams of the training windows, at t = ½ relative to the mean of x(0) and x(1)
    blend       the same of each step taken from a or b with probability ½, relative to the mean of a and b: no latent at all

https://arxiv.org/abs/1803.05428
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import torch
from torch import Tensor

from genae.latent.paths import path
from genae_music.agreement import Kind, Streams, streams
from genae_music.baselines import Ngrams


def morphs(decode: Callable[[Tensor], Tensor], a: Tensor, b: Tensor, steps: int) -> Iterator[Tensor]:
    """Ends a, b (P, latent) to P events (P, *event) at each of `steps` places on the way."""
    paths = torch.stack([path(ends, steps) for ends in zip(a, b, strict=True)], 1)  # (steps, P, latent)
    return (decode(z) for z in paths)


def smoothness(
    decode: Callable[[Tensor], Tensor],
    means: tuple[Tensor, Tensor],
    ends: tuple[Tensor, Tensor],
    models: Mapping[str, Ngrams],
    kind: Kind,
    steps: int = 9,
) -> dict[str, float]:
    """Of P pairs: their means (P, latent) each, their windows (P, *event) each; `decode` z (P, latent) to events."""
    a, b = (streams(x, kind) for x in ends)
    way = [streams(x, kind) for x in morphs(decode, *means, steps)]
    morph_cost, morph_ratio = relative(cost(way[steps // 2], models), cost(way[0], models), cost(way[-1], models))
    blend_cost, blend_ratio = relative(cost(blend(a, b), models), cost(a, models), cost(b, models))
    return {
        **rising([distance(x, a) for x in way]),
        "morph_cost_bits": morph_cost,
        "morph_cost_ratio": morph_ratio,
        "blend_cost_bits": blend_cost,
        "blend_cost_ratio": blend_ratio,
    }


def rising(distances: list[float]) -> dict[str, float]:
    """Distances along a path to the share of its steps that do not fall, the deepest fall, the rise in all, and themselves."""
    falls = [before - after for before, after in pairwise(distances)]
    share = sum(fall <= 0 for fall in falls) / len(falls)
    each = {f"morph_distance_{i}": d for i, d in enumerate(distances)}
    return {
        "morph_monotone": share,
        "morph_largest_drop": max(0.0, *falls),
        "morph_rise": distances[-1] - distances[0],
        **each,
    }


def distance(x: Streams, y: Streams) -> float:
    """Share of different tokens, of all streams."""
    return sum((x[name] != y[name]).double().mean().item() for name in x) / len(x)


def cost(x: Streams, models: Mapping[str, Ngrams]) -> float:
    """Mean bits a token, of all streams."""
    return float(sum(models[name].cost(tokens).mean() for name, tokens in x.items())) / len(x)


def relative(middle: float, first: float, last: float) -> tuple[float, float]:
    """A cost, and the same in units of the ends' mean."""
    return middle, 2 * middle / (first + last)


def blend(a: Streams, b: Streams) -> Streams:
    """Each step of all streams from a or from b."""
    first = torch.rand(next(iter(a.values())).shape) < 0.5
    return {name: torch.where(first, a[name], b[name]) for name in a}
