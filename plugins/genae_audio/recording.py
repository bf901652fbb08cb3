r"""A whole sound file as windows that tile it, channel after channel, and what of it no window tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from genae.data.examples import File, Piece
from genae_audio import whole
from genae_audio.files import opened
from genae_audio.reading import SILENT
from genae_audio.resample import resample


class Recording(NamedTuple):
    """A whole file as windows that tile it, channel after channel."""

    x: Tensor  # (channels·W, …), what was made of each window
    silent: Tensor  # (channels·W,) bool
    rate: int  # Hz, the file's own
    channels: int
    samples: int  # of each channel, at its own rate

    @property
    def piece(self) -> Piece:
        """As the engine has it."""
        frame = whole.Frame(self.rate, self.channels, self.samples)
        return Piece(self.x, frame._asdict(), self.silent, self.channels)


def read_whole(file: File, rate: int, length: int, hop: int, each: Callable[[Tensor], Tensor], gain: float = 1.0) -> Recording:
    """A file to windows (channels·W, length) at `rate` Hz, one every `hop` samples, silent ones too; the last filled up.

    The file is read once for each channel, and `each` makes something else of windows as they come. Rejected if unusable.
    """
    parts, silent, channel, channels = list[Tensor](), list[Tensor](), 0, 1
    while channel < channels:
        with opened(file) as sound:
            channels = sound.channels
            samples = (torch.from_numpy(gain * block[:, channel]) for block in sound.blocks())
            for part in tiles(resample(samples, sound.rate, rate), length, hop):
                parts.append(each(part))
                silent.append(part.abs().amax(1) <= SILENT)
        if gain == 1 and sound.loudest > 1 + SILENT:  # as quiet as keeps its shape
            return read_whole(file, rate, length, hop, each, 1 / sound.loudest)
        channel += 1
    return Recording(torch.cat(parts), torch.cat(silent), sound.rate, channels, sound.samples)


def tiles(blocks: Iterable[Tensor], length: int, hop: int) -> Iterator[Tensor]:
    """Blocks (n,) to windows (W, length), one every `hop` ≤ `length` samples, until all is in one; zeros after the end."""
    held, first = torch.empty(0), True
    for block in blocks:
        held = torch.cat([held, block])
        if len(held) >= length:
            found = held.unfold(0, length, hop)
            yield found
            held, first = held[len(found) * hop :], False
    if first or len(held) > length - hop:
        yield F.pad(held, (0, length - len(held)))[None]
