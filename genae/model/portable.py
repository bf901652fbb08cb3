"""What networks may do besides, so that they can be taken to where there is no genae: step by step, and block by block.

    Stepped    a decoder whose events are made step by step, each of those before it: `steps` gives the step as a function of a
               state, which graphs without loops can be made of
    Streamed   an encoder or decoder of any number of frames of `hop` numbers of an event's last axis: `stream` gives it as
               layers that keep what they need of the blocks before, so that blocks in a row give what one pass gives

Both are asked by `genae export` (genae/use/export.py); a network with neither is exported as a whole, for events of one length.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from genae.latent.space import Space


class Steps(nn.Module, ABC):
    """Events made step by step: `begin` gives the first state, tensors (B, …), and each call a step and the next state."""

    def __init__(self, length: int, numbers: int) -> None:
        """`length` steps an event; each is drawn with so many uniform random `numbers`."""
        super().__init__()
        self.length, self.numbers = length, numbers

    @abstractmethod
    def begin(self, z: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        """z (B, *embedded) to the state before the first step."""

    @abstractmethod
    def forward(
        self, place: Tensor, before: Tensor, uniform: Tensor, temperature: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """The step (B, S) at `place` (), from 0, and the next state; at temperature 0 its mode.

        `before` (B, S) is the step before, which the first does not look at; `uniform` (B, numbers) is in (0, 1).
        """

    @abstractmethod
    def blank(self, n: int) -> Tensor:
        """What stands before the first step (n, S)."""

    @abstractmethod
    def events(self, steps: Tensor) -> Tensor:
        """Steps (B, length, S) to events (B, *event)."""


@runtime_checkable
class Stepped(Protocol):
    """A decoder whose events are made step by step."""

    def steps(self) -> Steps:
        """The step, with the decoder's weights."""
        ...


class Stream(NamedTuple):
    """A network as TorchScript can be made of it: (B, inputs, n) to (B, outputs, m), block by block."""

    layers: nn.Module
    inputs: int
    outputs: int
    delay: int  # of its outputs, by how many they come later than those of one pass


@runtime_checkable
class Streamed(Protocol):
    """An encoder or decoder of any number of frames."""

    @property
    def hop(self) -> int:
        """Numbers of the event's last axis in a frame of z."""
        ...

    def stream(self, space: Space, condition: Tensor | None) -> Stream:
        """The network of z of that space, with one condition (1, C) for all. GenaeError where it needs the whole event."""
        ...
