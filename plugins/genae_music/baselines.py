r"""What knows no latent and no network: the scores that a sequence model must beat on the same windows.

    always    the most common token of the training windows, at every step: "hold" for melodies
    trigram   x̂_t = argmax_w c(w | t, x_{t−2}, x_{t−1}), t the place in the window. Where training never saw that context it
              gives way to t modulo the bar, then to no t, then to x_{t−1} alone, then to the most common token. The true
              past is given, as in teacher forcing; of equal counts the lowest token.
    cost      −log₂ p(x_t | x_{t−2}, x_{t−1}), bits, smoothed by Witten and Bell: with c(h) tokens of T(h) kinds after h,
              p(w | h) = [c(h, w) + T(h) p(w | h′)] / [c(h) + T(h)], h′ one token shorter, and 1/classes at the end
              (Chen and Goodman 1999, https://doi.org/10.1006/csla.1999.0128; Bell, Cleary and Witten 1990)

A window begins after two tokens of its own that say so; they are never predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from genae.errors import GenaeError
from genae_music.smf import Array

KEYS = 1 << 63  # a context with its token is one int64


@dataclass(frozen=True)
class Counts:
    """How often each token followed each context: P pairs of C contexts, both sorted."""

    pair: Array  # (P,), context · base + token
    count: Array  # (P,)
    context: Array  # (C,)
    total: Array  # (C,), c(h)
    kinds: Array  # (C,), T(h)
    best: Array  # (C,), the most frequent token

    @classmethod
    def of(cls, context: Array, token: Array, times: Array, base: int) -> Counts:
        """Rows (R,) of a context, a token and how often."""
        pair, row = np.unique(context * base + token, return_inverse=True)
        count = np.bincount(row, times).astype(np.int64)
        seen, first, kinds = np.unique(pair // base, return_index=True, return_counts=True)
        frequent = np.lexsort((pair, -count, pair // base))  # stays within each context
        return cls(pair, count, seen, np.add.reduceat(count, first), kinds, pair[frequent[first]] % base)


def find(keys: Array, among: Array) -> tuple[Array, Array]:
    """Where keys are in a sorted array, and whether they are."""
    at = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return at, among[at] == keys


class Ngrams:
    """Trigrams of training windows (N, T) of whole numbers below `classes`. GenaeError if there is no token."""

    def __init__(self, train: Tensor, steps_per_bar: int, classes: int) -> None:
        self.tokens, self.bar, self.classes = np.unique(whole(require_tokens(train))), steps_per_bar, classes
        self.base = len(self.tokens) + 2  # 0 is the beginning, base − 1 what training never saw
        if train.shape[1] * self.base**3 >= KEYS:
            raise GenaeError(f"n-grams of {len(self.tokens):,} different tokens in windows of {train.shape[1]:,} are too many")
        rows = np.stack(self._rows(whole(train)))
        packed, times = np.unique(np.ravel_multi_index(rows, self._sizes(train.shape[1])), return_counts=True)
        *before, token = (np.asarray(part) for part in np.unravel_index(packed, self._sizes(train.shape[1])))
        self.levels = [Counts.of(context, token, times, self.base) for context in self._contexts(*before)]

    def most_common(self) -> int:
        """The token of `always`."""
        return int(self.tokens[self.levels[-1].best[0] - 1])

    def predict(self, x: Tensor) -> Array:
        """Windows (N, T) to the trigram's guess at every step (N, T)."""
        *before, _ = self._rows(whole(x))
        guess = np.zeros(x.numel(), np.int64)
        for level, context in zip(self.levels, self._contexts(*before), strict=True):
            at, seen = find(context, level.context)
            guess = np.where((guess == 0) & seen, level.best[at], guess)
        return np.asarray(self.tokens[guess - 1].reshape(x.shape))

    def cost(self, x: Tensor) -> Array:
        """Windows (N, T) to their mean bits a token (N,)."""
        *before, token = self._rows(whole(x))
        p = np.full(x.numel(), 1 / self.classes)
        orders = list(zip(self.levels, self._contexts(*before), strict=True))[2:]  # those without a place
        for level, context in reversed(orders):
            at, seen = find(context, level.context)
            pair, known = find(context * self.base + token, level.pair)
            total, kinds = level.total[at], level.kinds[at]
            p = np.where(seen, (level.count[pair] * known + kinds * p) / (total + kinds), p)
        return np.asarray(-np.log2(p).reshape(x.shape).mean(1))

    def _rows(self, x: Array) -> tuple[Array, Array, Array, Array]:
        """Windows (N, T) to t, x_{t−2}, x_{t−1} and x_t, (N·T,) each, as places in the vocabulary."""
        at, known = find(x, self.tokens)
        x = np.where(known, at + 1, self.base - 1)
        past = np.pad(x, ((0, 0), (2, 0)))
        place = np.broadcast_to(np.arange(x.shape[1]), x.shape)
        return place.ravel(), past[:, :-2].ravel(), past[:, 1:-1].ravel(), x.ravel()

    def _sizes(self, length: int) -> tuple[int, ...]:
        return length, self.base, self.base, self.base

    def _contexts(self, place: Array, earlier: Array, last: Array) -> list[Array]:
        """What a token is told from, the most specific first."""
        two = earlier * self.base + last
        square = self.base**2
        return [place * square + two, place % self.bar * square + two, two, last, np.zeros_like(last)]


def require_tokens(train: Tensor) -> Tensor:
    """Itself. GenaeError for what is no windows (N, T) with a token in them."""
    if train.ndim != 2 or not train.numel():
        raise GenaeError(f"n-grams need training windows (N, T) with a token in them, not {tuple(train.shape)}")
    return train


def whole(x: Tensor) -> Array:
    """Events of whole numbers, int64 on the CPU."""
    return x.detach().cpu().numpy().round().astype(np.int64)
