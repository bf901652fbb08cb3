"""Domains whose events are rolls (T, W) of T steps: windows in a row, as long as they are in the song that they are of."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genae_music import pieces
from genae_music.quantise import Setting
from genae_music.scored import Scored


class Rolled(Scored):
    """Windows of `bars` bars, cut by a `setting`; `frame` is that of the song that it writes, if there is one."""

    bars: int
    frame: pieces.Frame | None

    @property
    def setting(self) -> Setting:
        """How files are cut."""
        raise NotImplementedError

    @property
    def units(self) -> Mapping[str, float]:
        """Bars, of which there are whole windows."""
        return {"bars": self.bars}

    def join(self, examples: Tensor) -> Tensor:
        """One after the other; in a song's frame each as long as there. What goes on over a border is one note."""
        if self.frame is None:
            return torch.cat(list(examples))
        take = pieces.taken(self.frame, len(examples), self.setting.steps)
        return torch.cat([window[:own] for window, own in zip(examples, take, strict=True)])

    def cut(self, long: Tensor, by: float) -> Tensor:
        """Steps of the end left out."""
        return long[: len(long) - round(by * self.setting.steps)]

    def places(self, count: int) -> list[tuple[float, float]]:
        """Bars of the song."""
        return super().places(count) if self.frame is None else [*pieces.bars(self.frame, count, self.bars)]

    def part(self, long: Tensor) -> Tensor:
        """Windows (N, T, W) of a longer example, silent at its end."""
        steps = self.setting.steps
        padded = torch.nn.functional.pad(long, (0, 0, 0, -len(long) % steps))
        return torch.stack(torch.split(padded, steps))
