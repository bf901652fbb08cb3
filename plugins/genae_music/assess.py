r"""What a sequence VAE is worth beyond its ELBO, on windows it has not seen.

    teacher-forced   x̂_t = argmax p(x_t | x_<t, z), the true past given
    sampled          x̂ ~ p(x | z) at temperature 1, running free; greedy is the same at temperature 0
    shuffled         sampled with the z of another window, so own − shuffled is what the latent code tells
    always, trigram  what needs no network: see `baselines`; the trigram is told the true past, as teacher forcing is
    nll_ngram        nats a window under the n-gram of `ngram`, over all streams: what an NLL is to be below

z is a sample of q(z | x) throughout, as in https://arxiv.org/abs/1803.05428, and the same for all four. A morph goes between
posterior means. Of a trio every score is the mean of its three streams, each of which is there by name as well.
A number that a model does not have is None: teacher forcing without `predict`, the rate of a plain autoencoder, another
window's z where there is but one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.inference import Generative
from genae.use.evaluate import ACTIVE
from genae_music.agreement import Kind, Streams, accuracy, alphabets, by_stream, onset_f1, streams
from genae_music.baselines import Ngrams
from genae_music.morph import smoothness
from genae_music.ngram import window_nats

BATCH = 256  # windows at once
FITTED = 1 << 22  # steps of training windows that trigrams are counted in, 16,384 of 256: seconds, and some hundred MiB

GROUPS = ("accuracy", "onset_f1", "minus", "morph", "blend")  # parts of names, in the order in which they are shown

Scores = dict[str, float | None]


@runtime_checkable
class Predicts(Protocol):
    """A distribution over sequences that can be told the true past."""

    def predict(self, x: Tensor) -> Tensor:
        """The mode of every step given the true ones before it, (B, *event)."""
        ...


def assess(
    vae: Generative,
    held: Tensor,
    train: Tensor,
    condition: Tensor | None = None,
    *,
    kind: Kind,
    steps_per_bar: int = 16,
    most: int = 2000,
    pairs: int = 256,
) -> Scores:
    """All numbers above, of held-out events (N, *event), their condition (N, C), and training events (M, *event).

    Accuracies are shares, rates and costs bits.

    All are encoded, `most` of them, drawn at random, are decoded, and of these `pairs` pairs are morphed. Random numbers are
    torch's: seed them. GenaeError without a held-out or a training event.
    """
    if not len(held) or not len(train):
        raise GenaeError(f"assessing needs held-out and training windows, not {len(held)} and {len(train)}")
    index = torch.randperm(len(held))[:most].to(held.device)
    mean, z, scores = encoded(vae, held, condition)
    x, mean, z = held[index], mean[index], z[index]
    given = None if condition is None else condition[index]
    models, truth = fitted(train, kind, steps_per_bar), streams(x, kind)
    scores |= decoded(vae, z, x, truth, kind, given) | trivial(models, truth)
    scores |= margins(scores) | {"assessed": float(len(x))}
    pairs = min(pairs, len(x) // 2)
    a, b = slice(pairs), slice(pairs, 2 * pairs)
    scores |= morphed(vae, (mean[a], mean[b]), (x[a], x[b]), models, kind, _at(given, a)) | {"morph_pairs": float(pairs)}
    return grouped(scores | {"nll_ngram": float(window_nats(train, truth, kind, steps_per_bar).mean())})


def grouped(scores: Scores) -> Scores:
    """What is read together, together."""
    place = {name: next((i for i, part in enumerate(GROUPS) if part in name), -1) for name in scores}
    return {name: scores[name] for name in sorted(scores, key=lambda name: place[name])}


def _at(condition: Tensor | None, rows: slice) -> Tensor | None:
    return None if condition is None else condition[rows]


def encoded(vae: Generative, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor, Scores]:
    """Events (N, *event) to posterior means and samples (N, *shape) each, and how much of the latent space they use."""
    found = []
    for first in range(0, len(x), BATCH):
        rows = slice(first, first + BATCH)
        inference = vae.infer(x[rows], _at(condition, rows))
        drawn = inference.sample()
        found.append((inference.mean, drawn.z.float(), drawn.rate))
    mean, drawn_z, rate = (torch.cat(part) for part in zip(*found, strict=True))
    bits = None if vae.kind == "point" else rate.double().mean().item() / math.log(2)
    active = float((mean.float().flatten(1).var(0) > ACTIVE).sum()) if len(x) > 1 else None
    return mean, drawn_z, {"rate_bits": bits, "active_units": active}


def fitted(train: Tensor, kind: Kind, steps_per_bar: int) -> Mapping[str, Ngrams]:
    """The n-grams of every stream of training events (M, *event)."""
    length = train.shape[-1 if kind == "trio" else 1]
    drawn = torch.randperm(len(train))[: max(1, FITTED // length)].to(train.device)
    sizes = alphabets(train, kind)
    return {name: Ngrams(x, steps_per_bar, sizes[name]) for name, x in streams(train[drawn], kind).items()}


def decoded(vae: Generative, z: Tensor, x: Tensor, truth: Streams, kind: Kind, condition: Tensor | None = None) -> Scores:
    """Events (N, *event) against what is decoded of z (N, *shape), their own and another's, both with their own condition."""
    other = z.roll(1, 0)  # the order is random, and no z is left at its place: a random derangement
    ways: dict[str, Callable[[slice], Tensor]] = {
        "sampled": lambda at: vae.decode(z[at], _at(condition, at)).sample(1.0),
        "greedy": lambda at: vae.decode(z[at], _at(condition, at)).sample(0.0),
    }
    if isinstance(vae.decode(z[:1], _at(condition, slice(1))), Predicts):
        ways["teacher_forced"] = lambda at: cast(Predicts, vae.decode(z[at], _at(condition, at))).predict(x[at])
    if len(z) > 1:
        ways["shuffled"] = lambda at: vae.decode(other[at], _at(condition, at)).sample(1.0)
    scores: Scores = {"teacher_forced_accuracy": None, "teacher_forced_onset_f1": None, "shuffled_accuracy": None}
    for way, decode in ways.items():
        made = streams(torch.cat([decode(slice(i, i + BATCH)) for i in range(0, len(z), BATCH)]), kind)
        scores |= agreement(way, truth, made)
    return scores


def agreement(way: str, truth: Streams, made: Streams) -> Scores:
    """Both measures of one way to make the windows, by name."""
    return {
        **by_stream(f"{way}_accuracy", accuracy(truth, made)),
        **by_stream("onset_f1" if way == "sampled" else f"{way}_onset_f1", onset_f1(truth, made)),
    }


def trivial(models: Mapping[str, Ngrams], truth: Streams) -> Scores:
    """What needs no network, on the same windows."""
    always = {name: torch.full_like(x, models[name].most_common()) for name, x in truth.items()}
    guess = {name: torch.from_numpy(models[name].predict(x)) for name, x in truth.items()}
    return by_stream("always_hold_accuracy", accuracy(truth, always)) | agreement("trigram", truth, guess)


def margins(scores: Scores) -> Scores:
    """Differences of accuracies."""
    wanted = (("own_minus_shuffled", "sampled", "shuffled"), ("sampled_minus_trigram", "sampled", "trigram"),
              ("teacher_forced_minus_sampled", "teacher_forced", "sampled"))  # fmt: skip
    made: Scores = {}
    for name, of, less in wanted:
        more, fewer = scores[f"{of}_accuracy"], scores[f"{less}_accuracy"]
        made[name] = None if more is None or fewer is None else more - fewer
    return made


def morphed(
    vae: Generative,
    means: tuple[Tensor, Tensor],
    ends: tuple[Tensor, Tensor],
    models: Mapping[str, Ngrams],
    kind: Kind,
    condition: Tensor | None = None,
) -> Scores:
    """The smoothness of the way between pairs of windows, with the first's condition; nothing where there is no pair."""
    if not len(means[0]):
        return {}

    def greedy(z: Tensor) -> Tensor:
        rows = (slice(i, i + BATCH) for i in range(0, len(z), BATCH))
        return torch.cat([vae.decode(z[at].view(-1, *shape), _at(condition, at)).sample(0.0) for at in rows])

    shape, flat = means[0].shape[1:], (means[0].flatten(1), means[1].flatten(1))
    return {**smoothness(greedy, flat, ends, models, kind)}
