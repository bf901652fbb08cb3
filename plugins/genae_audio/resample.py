r"""Another sample rate, block by block, as if the whole were there: by soxr, https://sourceforge.net/projects/soxr.

Its high quality keeps what is below 7.3 of 8 kHz within .1 dB and leaves less than -140 dB of what is above 8 kHz, in phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
import torch
from torch import Tensor

QUALITY = "HQ"
MOST = 1 << 20  # samples given at once


def resample(blocks: Iterable[Tensor], before: int, rate: int) -> Iterator[Tensor]:
    """Blocks of samples (n,) at `before` Hz to blocks at `rate` Hz, n · rate / before samples in all, rounded."""
    if before == rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(before, rate, 1, "float32", QUALITY)
    for block in blocks:
        for part in torch.split(block, max(1, MOST * before // rate)):
            yield torch.from_numpy(stream.resample_chunk(part.numpy()))
    yield torch.from_numpy(stream.resample_chunk(np.empty(0, np.float32), last=True))
