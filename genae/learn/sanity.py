"""Whether a model is worth keeping: finite, and not absurdly worse than before it learned anything.

A training can explode without an infinity. It has where the ELBO (of a plain autoencoder −distortion) of D numbers an example
falls below start − ABSURD · (|start| + D), on held-out examples and on those of training: an untrained model has of the order
of one nat a number, and one that learned its training examples by heart is bad on others alone. While it lasts, a training may
be far off for a time, as where the rate's weight still grows; what it ends with may be so by a tenth of that, ENDED.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

ABSURD, ENDED = 100.0, 10.0
LOOKED_AT = 64  # examples of each before a saving: about as long as a step of training


def worth(numbers: Mapping[str, float]) -> float:
    """The ELBO in nats, or −distortion where there is none."""
    return numbers["elbo"] if "elbo" in numbers else -numbers["distortion"]


def most(worths: Iterable[float]) -> float:
    """The best of some; NaN if any is."""
    all_of = [*worths]
    return math.nan if any(map(math.isnan, all_of)) else max(all_of)


def absurd(now: float, start: float | None, size: int, ended: bool = False) -> bool:
    """Whether a model with `size` numbers an example has exploded since the start, None for one of which that is not known."""
    if not math.isfinite(now):
        return True
    far = ENDED if ended else ABSURD
    return start is not None and math.isfinite(start) and now < start - far * (abs(start) + size)
