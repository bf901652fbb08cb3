r"""How generated music is judged: by what it has in common with held-out windows, and by what it took from the training ones.

    judge = Judge(train, held, kind="melody", steps_per_bar=16)
    judge(samples)                      # figures by name, below
    judge.baselines(256)                # the same of what needs no network, by name: HELD, CHAIN, TRAINING

Of melodies and basses (definitions in `figures`):

    in_scale, one_scale     scale; `scale_trigrams` is the share of interval 3-grams that training has, `leaps` that of leaps
    notes                   a window
    lengths, onsets, degrees    distances from the held-out windows: of durations, of places in the window, of pitch classes
                            above the tonic
    bar_repeats, rhythm_repeats, border_leap    form; the last of examples longer than a training window

Of drums:

    hits                    a window; `placement` is the distance of the hits' (class, step) from the held-out windows'
    kick                    share of bars that begin with a bass drum
    bar_two                 share of equal steps of the second bar and the first

Of both:

    copies, moved_copies    share of windows that are one of training, or one of it transposed
    distinct                different windows, of all
    ngram_nll               of the windows, nats, under the n-gram of the training windows (`ngram`)

Examples may be longer than the training windows; what is a window's is then told of their parts. Several streams are judged
one by one, each figure's name followed by its stream's. Random numbers are torch's: seed them.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from genae.errors import GenaeError
from genae_music import drums, figures
from genae_music.agreement import DRUMS, Kind, alphabets, streams
from genae_music.baselines import whole
from genae_music.figures import Floats
from genae_music.ngram import NGram, transposed_ngram
from genae_music.smf import Array, Mask

Figures = dict[str, float]
ORDER = 3  # of the chain that is a baseline
HELD, CHAIN, TRAINING = "held-out", f"{ORDER}-gram", "training"
KICKS = [i for i, pitches in enumerate(drums.FULL) if pitches[0] in drums.REDUCED[0]]


class Judge:
    """What the figures need of the training and the held-out events is worked out once."""

    def __init__(self, train: Tensor, held: Tensor, kind: Kind, steps_per_bar: int = 16) -> None:
        if not len(held) or not len(train):
            raise GenaeError(f"judging needs held-out and training windows, not {len(held)} and {len(train)}")
        self.kind, sizes = kind, alphabets(train, kind)
        known, wanted = streams(train, kind), streams(held, kind)
        self.streams = {
            name: (Beats if name == DRUMS else Lines)(x, wanted[name], steps_per_bar, sizes[name]) for name, x in known.items()
        }

    def __call__(self, samples: Tensor) -> Figures:
        """Figures of events (N, *event), as long as the training ones or a multiple."""
        return self._named({name: self.streams[name](whole(x)) for name, x in streams(samples, self.kind).items()})

    def baselines(self, n: int) -> dict[str, Figures]:
        """n held-out windows against the others, samples of a Markov chain, windows drawn at random from training."""
        each = {name: stream.baselines(n) for name, stream in self.streams.items()}
        ways = next(iter(each.values()))
        return {way: self._named({name: made[way] for name, made in each.items()}) for way in ways}

    def _named(self, each: dict[str, Figures]) -> Figures:
        if len(each) == 1:
            return next(iter(each.values()))
        return {f"{figure}_{name}": value for name, figures in each.items() for figure, value in figures.items()}


class Stream:
    """One stream of tokens: training windows (M, T) and held-out examples (H, T′)."""

    pitched = True

    def __init__(self, train: Tensor, held: Tensor, bar: int, classes: int) -> None:
        self.tokens, self.bar, self.classes = train, bar, classes
        self.train, self.held, self.steps = whole(train), whole(held), train.shape[1]

    @cached_property
    def ngram(self) -> NGram:
        """Of the training windows, those of melodies transposed."""
        return transposed_ngram(self.tokens, self.bar, self.classes, self.pitched)

    @cached_property
    def _seen(self) -> tuple[set[bytes], set[bytes]]:
        """Training windows as keys, and transposed to one place."""
        return set(figures.rows(self.train)), set(figures.rows(figures.outlines(self.train))) if self.pitched else set()

    def __call__(self, x: Array) -> Figures:
        """Examples (N, T′) to their figures."""
        windows = x.reshape(-1, self.steps)
        keys = figures.rows(windows)
        return {
            **self.against(x, self.held),
            **self.taken(windows, keys),
            "distinct": len(set(keys)) / len(keys),
            "ngram_nll": float(self.ngram.nll(torch.from_numpy(windows)).mean()),
        }

    def against(self, x: Array, held: Array) -> Figures:
        """Figures of examples (N, T′), and their distances from held-out ones (H, T″)."""
        raise NotImplementedError

    def taken(self, windows: Array, keys: list[bytes]) -> Figures:
        """How many windows (N, T) are copies."""
        exact, moved = self._seen
        made = {"copies": share(keys, exact)}
        return made | {"moved_copies": share(figures.rows(figures.outlines(windows)), moved)} if self.pitched else made

    def baselines(self, n: int) -> dict[str, Figures]:
        """See `Judge.baselines`."""
        order = torch.randperm(len(self.held)).numpy()
        some, others = self.held[order[:n]], self.held[order[n:]]
        chain = NGram.of(self.tokens, 1, self.classes, ORDER).sample(n, self.held.shape[1])
        parts = self.held.shape[1] // self.steps
        drawn = self.train[torch.randint(len(self.train), (n * parts,)).numpy()].reshape(n, -1)
        floor = self(some) | (self.against(some, others) if len(others) else {})
        return {HELD: floor, CHAIN: self(whole(chain)), TRAINING: self(drawn)}


class Lines(Stream):
    """A melody, or a bass."""

    @cached_property
    def trigrams(self) -> Array:
        """Of intervals, those that training has."""
        return np.unique(figures.trigrams(figures.notes(self.train)))

    def against(self, x: Array, held: Array) -> Figures:
        """See `Stream.against`."""
        mine, theirs = figures.notes(x), figures.notes(held)
        fit, leap = figures.in_scale(mine, len(x)), np.abs(figures.intervals(mine))
        border = figures.border_leap(mine, self.steps)
        form = {"border_leap": mean(border)} if x.shape[1] > self.steps else {}
        return {
            "in_scale": mean(fit),
            "one_scale": mean(fit > figures.WHOLE),
            "scale_trigrams": mean(np.isin(figures.trigrams(mine), self.trigrams)),
            "leaps": mean(leap > figures.LEAP),
            "notes": len(mine.pitch) / (x.size / self.steps),
            "lengths": figures.distance(mine.length, theirs.length),
            "onsets": figures.distance(mine.start % self.steps, theirs.start % self.steps),
            "degrees": figures.distance(figures.degrees(mine, len(x)), figures.degrees(theirs, len(held))),
            "bar_repeats": mean(figures.repeats(x, self.bar)),
            "rhythm_repeats": mean(figures.repeats(x, self.bar, rhythm=True)),
            **form,
        }


class Beats(Stream):
    """Drums."""

    pitched = False

    def against(self, x: Array, held: Array) -> Figures:
        """See `Stream.against`."""
        bars = x.reshape(len(x), -1, self.bar)
        mine, theirs = self._hits(x), self._hits(held)
        kicks = KICKS if self.classes > drums.LABELS else [0]
        second = {"bar_two": mean(bars[:, 1] == bars[:, 0])} if bars.shape[1] > 1 else {}
        return {
            "hits": len(mine) / (x.size / self.steps),
            "placement": figures.distance(mine, theirs),
            "kick": mean((bars[:, :, 0, None] >> np.array(kicks) & 1).any(2)),
            **second,
        }

    def _hits(self, x: Array) -> Array:
        """Examples (N, T′) to a number for every hit's class and step."""
        bits = x[..., None] >> np.arange(len(drums.FULL)) & 1
        _, step, kind = np.nonzero(bits)
        return np.asarray(kind * self.steps + step % self.steps)


def mean(values: Array | Mask | Floats) -> float:
    """Of numbers or truths (…); of none, not a number."""
    return float(np.mean(values)) if np.size(values) else float("nan")


def share(keys: list[bytes], among: set[bytes]) -> float:
    """How many are there, of all."""
    return sum(key in among for key in keys) / len(keys)
