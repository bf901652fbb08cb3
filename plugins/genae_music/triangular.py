r"""Keys struck together, low ones first, each given those below.

    p(x) = Π_k Bernoulli(a_k + U x_<k), U strictly triangular

All are scored at once. They are drawn by iteration, x ← [a + U x + noise > 0]: the lowest n keys are exact after n rounds, and
a round that changes nothing is the end, so that it is the sample that all keys in a row would give.
https://proceedings.mlr.press/v15/larochelle11a.html, section 2.1
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genae_music.piano import KEYS

EDGE = 1e-7  # how near to 0 and 1 uniform numbers are whose logit is taken


def lower(out: int, given: int) -> Tensor:
    """Where U (out · KEYS, given · KEYS) may have numbers: of so many groups of keys, each given all groups' lower ones."""
    return torch.ones(KEYS, KEYS).tril(-1).repeat(out, given)


def settled(noisy: Tensor, first: Tensor, weighed: Callable[[Tensor], Tensor], chosen: Callable[[Tensor], Tensor]) -> Tensor:
    """States like `first`: those that are `chosen` of the noisy logits and what is weighed of themselves."""
    state = first
    for _ in range(KEYS):
        new = chosen(noisy + weighed(state))
        if torch.equal(new, state):
            break
        state = new
    return state
