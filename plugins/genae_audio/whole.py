r"""A whole recording, there and back: every channel by itself, at its own rate and length.

Windows of N samples begin every N − F, and what comes back of them is faded over where they overlap,

    y(t) = cos²(φ) a(t) + sin²(φ) b(t)       φ from 0 to π/2 over the F samples that both windows have

which leaves what is the same in both as it is. Nothing but the windows and the sound itself is ever whole.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from genae.data.domain import Domain
from genae_audio.resample import length, resample

D = TypeVar("D", bound=Domain)

LEVELS = 1 << 15  # of 16 bits, on either side of 0
BLOCK = 1 << 20  # samples that are written at once


class Frame(NamedTuple):
    """What a recording was."""

    rate: int  # Hz
    channels: int
    samples: int  # of each channel

    def length(self, rate: int) -> int:
        """Samples of each channel at another rate."""
        return length(self.samples, self.rate, rate)


def framed(domain: D, frame: Mapping[str, Any]) -> D:
    """A domain of sound with a recording's channels, rate and length, which it keeps as `frame`."""
    made = copy(domain)
    object.__setattr__(made, "frame", Frame(**frame))
    return made


def count(samples: int, length: int, hop: int) -> int:
    """How many windows, one every `hop`, hold so many samples."""
    return 1 + max(0, -(-(samples - length) // hop))


def overlapped(windows: Tensor, overlap: int, power: float = 1.0) -> Tensor:
    """Windows (W, N) to sound (N + (W − 1)(N − overlap),), as `faded`."""
    return torch.cat([*faded(windows, overlap, power)])


def faded(windows: Iterable[Tensor], overlap: int, power: float = 1.0) -> Iterator[Tensor]:
    """Windows (N,) in a row to blocks of their sound; with weights to the `power` of ½ of equal power, not equal sum."""
    turn = torch.linspace(0, math.pi / 2, overlap)
    rise, fall = turn.sin() ** (2 * power), turn.cos() ** (2 * power)
    last: Tensor | None = None
    for window in windows:
        first = window[:overlap] if last is None else last * fall + window[:overlap] * rise
        end = len(window) - overlap
        yield torch.cat([first, window[overlap:end]])
        last = window[end:]
    if last is not None:
        yield last


def first(blocks: Iterable[Tensor], most: int) -> Iterator[Tensor]:
    """Blocks (n,) or (channels, n) without what comes after so many samples."""
    for block in blocks:
        yield block[..., :most]
        most -= min(most, block.shape[-1])


def levels(x: Tensor) -> Tensor:
    """Samples, full scale 1, to int16."""
    return (x * LEVELS).round().clamp(-LEVELS, LEVELS - 1).to(torch.int16)


def write(sounds: Sequence[Iterable[Tensor]], samples: int, rate: int, frame: Frame | None, path: Path) -> None:
    """Channels, so many `samples` at `rate` in blocks (n,), as 16-bit WAV; of a recording's rate, and of its length."""
    import soundfile

    frame = frame or Frame(rate, len(sounds), samples)
    most = frame.samples if samples == frame.length(rate) else sys.maxsize
    channels = [resample(blocks, rate, frame.rate) for blocks in sounds]
    with soundfile.SoundFile(path, "w", frame.rate, len(sounds), "PCM_16") as file:
        for block in first(map(torch.stack, zip(*channels, strict=True)), most):
            file.write(levels(block.T).numpy())
