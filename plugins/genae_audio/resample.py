r"""Another sample rate, block by block, as if the whole were there: a windowed sinc, by torchaudio.

    y(j b / rate) = Σ_i x_i h(j b / rate − i / before),  h = sinc · Hann, six zero crossings a side, cut at .99 of the lower one

With before : rate = a : b in lowest terms, the outputs of a block that begins at a multiple of a are a block that begins at a
multiple of b, and hang on no more than `context` inputs beyond it. https://ccrma.stanford.edu/~jos/resample
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cache

import torch
from torch import Tensor

from genae_audio.torchaudio_cpu import torchaudio

CROSSINGS = 6  # of zero, torchaudio's default
ROLLOFF = 0.99
FINEST = 1000  # the filter has a · b taps and more, so odd rates are met within 1 / 2000, a cent of pitch


def ratio(before: int, rate: int) -> tuple[int, int]:
    """a : b, which is before : rate or very near to it, the smaller of the two at most FINEST."""
    if before < rate:
        b, a = ratio(rate, before)
        return a, b
    return Fraction(before, rate).limit_denominator(FINEST).as_integer_ratio()


@cache
def _filter(a: int, b: int) -> Callable[[Tensor], Tensor]:
    made: Callable[[Tensor], Tensor] = torchaudio().transforms.Resample(a, b, lowpass_filter_width=CROSSINGS, rolloff=ROLLOFF)
    return made


def resample(blocks: Iterable[Tensor], before: int, rate: int) -> Iterator[Tensor]:
    """Blocks of samples (n,) at `before` Hz to blocks at `rate` Hz, ⌈n b / a⌉ samples in all."""
    a, b = ratio(before, rate)
    if a == b:
        yield from blocks
        return
    to_rate = _filter(a, b)
    width = math.ceil(CROSSINGS * a / (min(a, b) * ROLLOFF))
    context = a * math.ceil(width / a + 1)
    held, done = torch.empty(0), 0  # the first `done` of what is held are out already
    for block in blocks:
        held = torch.cat([held, block])
        until = (len(held) - context) // a * a
        if until > done:
            yield to_rate(held[: until + context])[done * b // a : until * b // a]
            held, done = held[max(0, until - context) :], min(until, context)
    if len(held) > done:
        yield to_rate(held)[done * b // a :]
