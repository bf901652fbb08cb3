"""What has to be computed in float32 whatever the networks around it run in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Outside autocast: densities, log-determinants and solutions do not bear bf16's 8 bits. `meta` has no autocast at all."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def products(x: torch.Tensor) -> torch.dtype:
    """What matrix products of x are computed in here: the precision of the autocast around, or its own."""
    kind = x.device.type
    low = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if low else x.dtype
