r"""Witten and Bell's interpolated n-gram over tokens: a density that needs no network, and a Markov chain to sample from.

With c(h) tokens of T(h) kinds after the context h, and h′ the context without its oldest token,

    p(w | h) = [c(h, w) + T(h) p(w | h′)] / [c(h) + T(h)],    1/classes at the end

(Chen and Goodman 1999, https://doi.org/10.1006/csla.1999.0128). A context is up to `order` − 1 tokens and the place in the bar
(no place where `bar` is 1); before a window stand tokens that say that it begins. Shorter contexts are marginals of the longest
ones, so that those and their counts are all that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from genae.errors import GenaeError
from genae_music import events
from genae_music.agreement import DRUMS, Kind, alphabets, streams
from genae_music.baselines import KEYS, Counts, find, require_tokens, whole
from genae_music.figures import Floats
from genae_music.smf import Array

ORDER = 5
COPIES, MOST = 4, 5  # training windows are counted so often, each transposed by so many semitones at most
COUNTED = 1 << 23  # tokens: seconds, and some hundred MiB


@dataclass(frozen=True)
class NGram:
    """A key is (context · bar + place) · base + token, the newest token of a context last."""

    tokens: Array  # (V,), those that training has, sorted; in keys they are 1 … V, 0 is the beginning, V + 1 any other
    pair: Array  # (P,), keys of the longest contexts, sorted
    count: Array  # (P,)
    order: int
    bar: int
    classes: int

    @classmethod
    def of(cls, train: Tensor, bar: int, classes: int, order: int = ORDER) -> NGram:
        """Of windows (N, T) of whole numbers below `classes`; contexts are shorter where keys cannot hold them."""
        x = whole(require_tokens(train))
        tokens = np.unique(x)
        while bar * (len(tokens) + 2) ** order >= KEYS:
            order -= 1
        empty = cls(tokens, np.zeros(0, np.int64), np.zeros(0, np.int64), order, bar, classes)
        pair, count = np.unique(empty._keys(x), return_counts=True)
        return cls(empty.tokens, pair, count, order, bar, classes)

    @property
    def base(self) -> int:
        return len(self.tokens) + 2

    @cached_property
    def levels(self) -> list[Counts]:
        """Of contexts of 0 … order − 1 tokens."""
        made = []
        for length in range(self.order):
            context, token = np.divmod(self._shorter(self.pair, length), self.base)
            made.append(Counts.of(context, token, self.count, self.base))
        return made

    def _shorter(self, keys: Array, length: int) -> Array:
        """Keys with contexts of the newest `length` tokens."""
        return np.asarray(keys % (self.bar * self.base ** (length + 1)))

    def _keys(self, x: Array) -> Array:
        """Windows (N, T) to keys (N·T,) of every token after its longest context."""
        at, seen = find(x, self.tokens)
        x = np.pad(np.where(seen, at + 1, self.base - 1), ((0, 0), (self.order - 1, 0)))
        length = x.shape[1] - self.order + 1
        key = np.zeros((len(x), length), np.int64)
        for i in range(self.order - 1):
            key = key * self.base + x[:, i : i + length]
        key = key * self.bar + np.arange(length) % self.bar
        return np.asarray((key * self.base + x[:, self.order - 1 :]).ravel())

    def nll(self, x: Tensor) -> Floats:
        """Windows (N, T) to −log p (N,), nats."""
        keys, p = self._keys(whole(x)), np.full(x.numel(), 1 / self.classes)
        for length, level in enumerate(self.levels):
            key = self._shorter(keys, length)
            at, seen = find(key // self.base, level.context)
            pair, known = find(key, level.pair)
            total, kinds = level.total[at], level.kinds[at]
            p = np.where(seen, (level.count[pair] * known + kinds * p) / (total + kinds), p)
        return np.asarray(-np.log(p).reshape(x.shape).sum(1))

    def sample(self, n: int, length: int) -> Tensor:
        """n windows (n, length), each token drawn by the counts of the longest context that training has."""
        x = np.zeros((n, length + self.order - 1), np.int64)
        for t in range(length):
            key = np.zeros(n, np.int64)
            for i in range(t, t + self.order - 1):
                key = key * self.base + x[:, i]
            x[:, t + self.order - 1] = self._drawn((key * self.bar + t % self.bar) * self.base)
        return torch.from_numpy(self.tokens[x[:, self.order - 1 :] - 1])

    def _drawn(self, keys: Array) -> Array:
        """Keys (n,) of longest contexts, with token 0, to a token of each."""
        drawn, u = np.zeros(len(keys), np.int64), torch.rand(len(keys), dtype=torch.float64).numpy()
        for length in reversed(range(self.order)):
            level, key = self.levels[length], self._shorter(keys, length)
            at, seen = find(key // self.base, level.context)
            below = np.concatenate([[0], level.count.cumsum()])
            wanted = below[np.searchsorted(level.pair, key[seen])] + u[seen] * level.total[at[seen]]
            token = np.zeros(len(keys), np.int64)
            token[seen] = level.pair[np.searchsorted(below, wanted, side="right") - 1] % self.base
            drawn = np.where(drawn == 0, token, drawn)
        return drawn

    def above(self, count: int) -> NGram:
        """Without the n-grams that were counted so often, or less."""
        kept = self.count > count
        return replace(self, pair=self.pair[kept], count=self.count[kept])

    def tensors(self) -> dict[str, Tensor]:
        """All that it is, for `restored`."""
        numbers = torch.tensor([self.order, self.bar, self.classes])
        return {"tokens": torch.from_numpy(self.tokens), "pair": torch.from_numpy(self.pair),
                "count": torch.from_numpy(self.count), "numbers": numbers}  # fmt: skip

    @classmethod
    def restored(cls, tensors: Mapping[str, Tensor]) -> NGram:
        """From its tensors. GenaeError for what are none."""
        shapes = {name: tensor.ndim for name, tensor in tensors.items() if tensor.dtype == torch.int64}
        if shapes != {"tokens": 1, "pair": 1, "count": 1, "numbers": 1} or len(tensors["numbers"]) != 3:
            raise GenaeError(f"an n-gram is its tokens, pairs, counts and three numbers, not {', '.join(tensors) or 'nothing'}")
        order, bar, classes = tensors["numbers"].tolist()
        return cls(tensors["tokens"].numpy(), tensors["pair"].numpy(), tensors["count"].numpy(), order, bar, classes)


def transposed_ngram(train: Tensor, bar: int, classes: int, pitched: bool = True) -> NGram:
    """The n-gram of training windows (N, T); of pitched ones each is counted four times, transposed at random."""
    copies = COPIES if pitched else 1
    drawn = torch.randperm(len(train))[: max(1, COUNTED // (copies * train.shape[1]))]
    x = train if len(drawn) == len(train) else train[drawn]
    return NGram.of(torch.cat([events.transposed(x.float(), MOST)[0] for _ in range(copies)]) if pitched else x, bar, classes)


def stream_ngrams(train: Tensor, kind: Kind, bar: int) -> dict[str, NGram]:
    """Of each stream of training events (M, *event)."""
    sizes = alphabets(train, kind)
    return {name: transposed_ngram(x, bar, sizes[name], name != DRUMS) for name, x in streams(train, kind).items()}


def window_nats(train: Tensor, truth: Mapping[str, Tensor], kind: Kind, bar: int) -> Tensor:
    """The NLL (N,), nats, of windows' streams (N, T), all together, under the n-grams of training events (M, *event)."""
    models = stream_ngrams(train, kind, bar)
    return torch.from_numpy(np.sum([models[name].nll(x) for name, x in truth.items()], 0))
