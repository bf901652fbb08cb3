r"""Another sample rate, block by block, as if the whole were there: by soxr, https://sourceforge.net/projects/soxr.

Its high quality keeps what is below 7.3 of 8 kHz within .1 dB and leaves less than -140 dB of what is above 8 kHz, in phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
import torch
import torch.nn.functional as F
from torch import Tensor

QUALITY = "HQ"
MOST = 1 << 20  # samples given at once


def length(samples: int, before: int, rate: int) -> int:
    """How many samples at `rate` Hz so many at `before` Hz become."""
    return -(-samples * rate // before)


def resample(blocks: Iterable[Tensor], before: int, rate: int) -> Iterator[Tensor]:
    """Blocks of samples (n,) at `before` Hz to blocks at `rate` Hz, `length` samples in all."""
    if before == rate:
        yield from blocks
        return
    stream, given, made = soxr.ResampleStream(before, rate, 1, "float32", QUALITY), 0, 0
    for block in blocks:
        given += len(block)
        for part in torch.split(block, max(1, MOST * before // rate)):
            found = torch.from_numpy(stream.resample_chunk(part.contiguous().numpy()))
            made += len(found)
            yield found
    last = torch.from_numpy(stream.resample_chunk(np.empty(0, np.float32), last=True))
    yield F.pad(last, (0, length(given, before, rate) - made - len(last)))  # soxr rounds: one more, or less
