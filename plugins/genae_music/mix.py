r"""Where players of a band stand and how loud they are, as General MIDI says it: controllers 7 (level) and 10 (panning).

The first melody, basses and drums are in the middle, others to either side in turns, each pair further out. Who accompanies is
quieter than who leads; strings and pads are most so. A lone player is in the middle, and nothing is said of it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from genae_music.score import Floats, Instrument, Score

SIDES = (0.35, -0.35, 0.6, -0.6, 0.2, -0.2)  # from −1, left, to 1
FULL = 100  # of controller 7, where the level is 0 dB; General MIDI's gain is its square
BASS = (32, 39)  # programs
PADS = (*range(48, 56), *range(88, 96))  # programs: ensembles and pads
Kit = Literal["standard", "room", "power", "electronic", "tr-808", "jazz", "brush", "orchestra"]
KITS: dict[Kit, int] = {
    "standard": 0,
    "room": 8,
    "power": 16,
    "electronic": 24,
    "tr-808": 25,
    "jazz": 32,
    "brush": 40,
    "orchestra": 48,
}


class Seat(NamedTuple):
    """Of one player."""

    level: float = 0.0  # dB
    side: float = 0.0  # from −1, left, to 1

    @property
    def gains(self) -> Floats:
        """Of the left and the right channel (2,), float32: their powers add up to that of the level."""
        level, angle = 10 ** (self.level / 20), (1 + self.side) * math.pi / 4
        return np.array([level * math.sqrt(2) * math.cos(angle), level * math.sqrt(2) * math.sin(angle)], np.float32)

    @property
    def controllers(self) -> tuple[int, int]:
        """The values of 7 and 10."""
        return round(FULL * 10 ** (self.level / 40)), round(64 + 63 * self.side)


def seats(score: Score) -> list[Seat]:
    """Of every instrument; a lone one has the middle."""
    made, leads, others = list[Seat](), 0, 0
    for who in score.instruments:
        if who.is_drum or _is_bass(who):
            made.append(Seat(0.0 if who.is_drum else -2.0))
            continue
        side = SIDES[others % len(SIDES)] if leads else 0.0
        level = -7.0 if who.program in PADS else -4.0 if leads else 0.0
        made.append(Seat(level, side))
        others += bool(leads)
        leads += 1
    return made if len(made) > 1 else [Seat()] * len(made)


def _is_bass(who: Instrument) -> bool:
    return BASS[0] <= who.program <= BASS[1]


def with_kit(score: Score, kit: Kit) -> Score:
    """A score whose drums are those of a kit."""
    players = tuple(who._replace(program=KITS[kit]) if who.is_drum else who for who in score.instruments)
    return replace(score, instruments=players)


def kit_of(score: Score) -> Kit:
    """That of a score's drums; standard where it has none, or another."""
    programs = [who.program for who in score.instruments if who.is_drum]
    return next((kit for kit, program in KITS.items() if program in programs[:1]), "standard")
