r"""A whole recording, there and back: every channel by itself, at its own rate and length.

Windows of N samples begin every N − F, and what comes back of them is faded over where they overlap,

    y(t) = cos²(φ) a(t) + sin²(φ) b(t)       φ from 0 to π/2 over the F samples that both windows have

which leaves what is the same in both as it is. Nothing but the windows and the sound itself is ever whole.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
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
    """Windows (W, N) to sound (N + (W − 1)(N − overlap),); with weights to the `power` of ½ of equal power, not equal sum."""
    each, n = windows.shape
    turn = torch.linspace(0, math.pi / 2, overlap)
    rise, fall = turn.sin() ** (2 * power), turn.cos() ** (2 * power)
    sound = torch.zeros(n + (each - 1) * (n - overlap))
    for i, window in enumerate(windows):
        place = sound[i * (n - overlap) :][:n]
        if i:
            place[:overlap] = place[:overlap] * fall + window[:overlap] * rise
        first = overlap if i else 0
        place[first:] = window[first:]
    return sound


def levels(x: Tensor) -> Tensor:
    """Samples, full scale 1, to int16."""
    return (x * LEVELS).round().clamp(-LEVELS, LEVELS - 1).to(torch.int16)


def write(sound: Tensor, rate: int, frame: Frame | None, path: Path) -> None:
    """Sound (channels, N) at `rate` as 16-bit WAV; of a recording's rate, and of its length where N is that."""
    import soundfile

    frame = frame or Frame(rate, len(sound), sound.shape[1])
    most = frame.samples if sound.shape[1] == frame.length(rate) else sys.maxsize
    sounds = [resample(iter(torch.split(line, BLOCK)), rate, frame.rate) for line in sound]
    with soundfile.SoundFile(path, "w", frame.rate, len(sound), "PCM_16") as file:
        for block in _together(sounds, most):
            file.write(levels(block.T).numpy())


def _together(sounds: list[Iterator[Tensor]], most: int) -> Iterator[Tensor]:
    """Blocks of each channel (n,) as blocks of all (channels, n), so many samples at most."""
    for blocks in zip(*sounds, strict=True):
        block = torch.stack(blocks)[:, :most]
        most -= block.shape[1]
        yield block
