r"""Keys struck together, low ones first, each given those below.

    p(x) = Π_k Bernoulli(a_k + U x_<k), U strictly triangular

All are scored at once. They are drawn by iteration, x ← [a + U x + noise > 0]: the lowest n keys are exact after n rounds, and
a round that changes nothing is the end, so that it is the sample that all keys in a row would give.
https://proceedings.mlr.press/v15/larochelle11a.html, section 2.1
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from genae_music.piano import KEYS


def lower(out: int, given: int) -> Tensor:
    """Where U (out · KEYS, given · KEYS) may have numbers: of so many groups of keys, each given all groups' lower ones."""
    return torch.ones(KEYS, KEYS).tril(-1).repeat(out, given)


def in_a_row(noisy: Tensor, below: Tensor, chosen: Callable[[Tensor], Tensor]) -> Tensor:
    """States (…, G): those that are `chosen` of noisy logits (…, L) and of what U, below (L, G), makes of themselves."""
    state = noisy.new_zeros(*noisy.shape[:-1], below.shape[1])
    for _ in range(KEYS):
        new = chosen(noisy + F.linear(state, below))
        if torch.equal(new, state):
            break
        state = new
    return state
