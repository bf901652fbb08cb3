r"""What is made of a groove to be played: GrooVAE's tasks (https://arxiv.org/abs/1905.06118), corruptions of the input.

    humanize     hits stay, velocities and offsets go            what comes back has the same hits
    tap          all drums become one line of taps, in time      what comes back is a drum part with a hit at each tap
    add-hihat    closed hi-hats go                               what comes back has everything else as it was

`tap` may leave hits out of what it is trained on, soft ones first: with probability u · max(0.2, 1 − velocity), u uniform up to
`dropout` and one for each window; without it there are no drums between taps. What people tap is given as it is:
`genae reconstruct RUN taps.mid --task tap --as-input`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor

from genae_music.drums import NAMES
from genae_music.groove import KINDS, WIDTH

if TYPE_CHECKING:
    from genae_music.groove_domain import Groove

HIHAT, TAPPED = NAMES.index("closed hi-hat"), NAMES.index("open hi-hat")
SURE = 0.2  # the least weight with which a hit is left out


class Played:
    """Inputs that people have as files are made of those as of targets."""

    def reader(self, domain: Groove) -> Groove:
        """Itself: patterns and taps are MIDI files of drums too."""
        return domain

    def as_input(self, events: Tensor) -> Tensor:
        """(B, T, 27) without what the task makes."""
        raise NotImplementedError

    def __call__(self, target: Tensor) -> Tensor:
        """target (B, T, 27) to input (B, T, 27)."""
        return self.as_input(target)


class Humanize(Played):
    """Input = the hits of the target, without velocities and timing."""

    def as_input(self, events: Tensor) -> Tensor:
        return events * self.kept(events)

    def kept(self, inputs: Tensor) -> Tensor:
        """As `genae.model.tasks.Keeping`: the hits."""
        return (torch.arange(WIDTH, device=inputs.device) < KINDS).expand_as(inputs)


class AddHihat(Played):
    """Input = the target without its closed hi-hats."""

    def as_input(self, events: Tensor) -> Tensor:
        return events * self.kept(events)

    def kept(self, inputs: Tensor) -> Tensor:
        """As `genae.model.tasks.Keeping`: all other drums."""
        return (torch.arange(WIDTH, device=inputs.device) % KINDS != HIHAT).expand_as(inputs)


class Tap(Played):
    """Input = one line of taps, each as early as the loudest hit of its step, without velocities."""

    def __init__(
        self,
        dropout: Annotated[float, Ge(0), Le(1), doc("most of the hits that may be left out, soft ones first")] = 0.0,
    ) -> None:
        self.dropout = dropout

    def __call__(self, target: Tensor) -> Tensor:
        return self.as_input(self._thinned(target) if self.dropout else target)

    def as_input(self, events: Tensor) -> Tensor:
        hit, velocity, offset = torch.split(events, KINDS, -1)
        loudest = (velocity + hit).argmax(-1, keepdim=True)  # where no velocity is known, any of those hit
        made = torch.zeros_like(events)
        made[..., TAPPED] = hit.amax(-1)
        made[..., 2 * KINDS + TAPPED] = offset.gather(-1, loudest)[..., 0]
        return made

    def kept(self, inputs: Tensor) -> Tensor:
        """As `genae.model.tasks.Keeping`: that nothing is hit between taps."""
        silent = inputs[..., TAPPED : TAPPED + 1] < 0.5
        return silent & (torch.arange(WIDTH, device=inputs.device) < KINDS) & (self.dropout == 0)

    def _thinned(self, target: Tensor) -> Tensor:
        hit, velocity, _ = torch.split(target, KINDS, -1)
        share = self.dropout * torch.rand_like(target[:, :1, :1])
        left: Tensor = torch.rand_like(hit) >= share * (1 - velocity).clamp(min=SURE)
        return target * left.repeat(1, 1, WIDTH // KINDS)
