"""The best of several: of new examples by the domain's own score, of answers to an input by what they have in common.

What a score needs of the training examples is kept in the run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from genae.data.domain import Domain, Scorer
from genae.data.examples import Examples
from genae.data.tensors import load_tensors, save_tensors
from genae.errors import GenaeError
from genae.learn.device import seeded

SCORER = "scorer.safetensors"


def keep(folder: Path, domain: Domain, train: Examples) -> None:
    """Into a run's folder, where its domain scores."""
    if made := _made(domain, train):
        save_tensors(folder / SCORER, made)


def scorer(folder: Path, domain: Domain, train: Callable[[], Examples]) -> Scorer:
    """As it was kept; of a run of before, as it is made now. GenaeError for a domain that scores nothing."""
    if (folder / SCORER).exists():
        return load_tensors(folder / SCORER)[0]
    if not (made := _made(domain, train())):
        raise GenaeError(f"--best-of: the domain of {folder} does not score examples; leave it out")
    return made


def _made(domain: Domain, train: Examples) -> Scorer:
    with seeded(0):
        return domain.scorer(train)


def best(events: Tensor, scores: Tensor, of: int) -> Tensor:
    """Of events (n·of, *event), `of` in a row for each that is wanted, those with the highest scores (n·of,): (n, *event)."""
    chosen = scores.view(-1, of).argmax(1).cpu()
    return events[torch.arange(len(chosen)) * of + chosen]


def agreed(answers: Tensor) -> Tensor:
    """Of K answers to each of N inputs, (K, N, *event), the one nearest the mean of all, (N, *event).

    It is the one that is least wrong in the mean if any of them may be right, by the square of the error: minimum Bayes risk,
    https://aclanthology.org/N04-1022/. Unlike their mean it is an answer.
    """
    apart = (answers - answers.mean(0)).flatten(2).square().sum(2)
    return answers[apart.argmin(0), torch.arange(answers.shape[1])]
