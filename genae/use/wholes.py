r"""Whole files through a run: sequences of windows, and of their latents.

    fitted(points, fit)     sequences of unequal length, W_i windows, made as long as the longest, W
                            resample   z'(w) = (1 − t) z(⌊p⌋) + t z(⌈p⌉), p = w (W_i − 1)/(W − 1), t = p − ⌊p⌋; codes: nearest
                            loop       z'(w) = z(w mod W_i)
    gradual(path)           of a path of S sequences the one that goes along it while it runs: window w is that of step w S / W
    formed("AABA", 8)       [0, 1, 0, 1, 4, 5, 0, 1]: which window each is equal to, letters being equal parts
    near(z, clip, distance) z on the way from a clip's windows, 0, to those drawn, 1; the clip's are taken again and again

Where sequences of several points run at once in unequal numbers, those of the fewer are taken again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from genae.data.examples import Piece
from genae.data.items import Span
from genae.errors import GenaeError
from genae.latent.paths import Between, Kind, conditions, path, slerp, switch
from genae.latent.space import Space

Fit = Literal["resample", "loop"]


@dataclass(frozen=True)
class Point:
    """A whole file in the latent space."""

    span: Span
    z: Tensor  # (V, W, *shape)
    condition: Tensor | None  # (V, W, C)
    resting: Tensor  # (V, W) bool


def starts(spans: Sequence[Span]) -> Tensor:
    """Where the span of each row begins, (N,)."""
    counts = torch.tensor([span.count for span in spans])
    return (counts.cumsum(0) - counts).repeat_interleave(counts)


def points(spans: Sequence[Span], z: Tensor, condition: Tensor | None) -> Iterator[Point]:
    """Rows (N, …) as the points that they are of."""
    begin = 0
    for span in spans:
        rows, shape = slice(begin, begin + span.count), (span.voices, span.count // span.voices)
        own = None if condition is None else condition[rows].view(*shape, -1)
        yield Point(span, z[rows].view(*shape, *z.shape[1:]), own, span.resting.view(shape))
        begin += span.count


def resampled(x: Tensor, count: int, nearer: bool = False) -> Tensor:
    """x (V, W, …) to (V, count, …), linearly; whole numbers and what is true or false take the nearer."""
    place = torch.linspace(0, x.shape[1] - 1, count, dtype=torch.float64)
    if nearer or not x.is_floating_point():
        return x[:, place.round().long()]
    low = place.long()
    t = (place - low).to(x.dtype).view(1, -1, *[1] * (x.ndim - 2))
    return (1 - t) * x[:, low] + t * x[:, (low + 1).clamp(max=x.shape[1] - 1)]


def fitted(ends: Sequence[Point], fit: Fit, between: Between = "glide") -> list[Point]:
    """Points as long as the longest, with as many voices as the one that has most."""
    count, voices = max(end.z.shape[1] for end in ends), max(end.z.shape[0] for end in ends)

    def of(x: Tensor, nearer: bool = False) -> Tensor:
        x = x[torch.arange(voices) % len(x)]
        return x[:, torch.arange(count) % x.shape[1]] if fit == "loop" else resampled(x, count, nearer)

    said = [None if end.condition is None else of(end.condition, between == "hold") for end in ends]
    return [Point(end.span, of(end.z), c, of(end.resting)) for end, c in zip(ends, said, strict=True)]


def way(ends: Sequence[Point], steps: int, kind: Kind, loop: bool, between: Between = "glide") -> tuple[Tensor, Tensor | None]:
    """z (S, V, W, *shape) and conditions (S, V, W, C) from point to point, window by window."""
    shape = ends[0].z.shape
    rows = [end.z.flatten(0, 1).flatten(1) for end in ends]
    z = torch.stack([path(list(at), steps, kind, loop) for at in zip(*rows, strict=True)], 1)
    given = [end.condition.flatten(0, 1) for end in ends if end.condition is not None]
    said = torch.stack([conditions(at, steps, between, loop) for at in zip(*given, strict=True)], 1) if given else None
    z = z.view(len(z), *shape)
    return z, None if said is None else said.view(*z.shape[:3], -1)


def rests(ends: Sequence[Point], steps: int, loop: bool) -> Tensor:
    """Which windows rest on the way, (S, V, W) bool: between two points where both do."""
    legs = [*pairwise(ends), *([(ends[-1], ends[0])] if loop else [])]
    resting = [at for a, b in legs for at in (a.resting, *[a.resting & b.resting] * (steps - 2))]
    return torch.stack(resting if loop else [*resting, ends[-1].resting])


def at(span: Span, resting: Tensor) -> Span:
    """A whole file's span for windows of which others rest, (V, W) bool."""
    piece = replace(
        span.piece if span.piece is not None else Piece(torch.empty(0)), rests=resting.flatten(), voices=len(resting)
    )
    return replace(span, count=resting.numel(), piece=piece)


def gradual(steps: Tensor) -> Tensor:
    """Of events (S, V, W, *event) along a path those (V, W, *event) of one that goes along it while it runs."""
    count = steps.shape[2]
    step = torch.linspace(0, len(steps) - 1, count, dtype=torch.float64).round().long()
    return steps[step, :, torch.arange(count)].transpose(0, 1)


def formed(form: str, length: int) -> tuple[list[int], int]:
    """Which window each of `length` is equal to, at least one a letter and all letters as long; and that length."""
    if not form.isalpha():
        raise GenaeError(f"--form is letters, a part of the piece each, such as AABA, not '{form}'")
    each = math.ceil(length / len(form))
    return [form.index(letter) * each + i for letter in form for i in range(each)], each * len(form)


def near(space: Space, z: Tensor, clip: Tensor, distance: float) -> Tensor:
    """z (n, L, *shape) on the way from a clip's windows (W, *shape), 0, to z, 1."""
    t = torch.tensor([distance], dtype=torch.float64 if space.codes else z.dtype)
    between = switch if space.codes else slerp
    ends = clip[torch.arange(z.shape[1]) % len(clip)].flatten(1)
    rows = [between(a, b, t)[0] for one in z.flatten(2) for a, b in zip(ends, one, strict=True)]
    return torch.stack(rows).view(z.shape)
