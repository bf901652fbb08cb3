"""Songs: 32 bars of four sections, AABA, ABAC and their like.

A section is eight bars. It comes again as it was or varied; what is not A is a middle section: it begins away from the tonic
and leads back to it, but for the last of the song, which closes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genae_datasets.composer import band, melody
from genae_datasets.composer.band import Notes
from genae_datasets.composer.dice import Dice
from genae_datasets.composer.harmony import SCALES, Chord, Key, progression
from genae_datasets.composer.melody import Line
from genae_datasets.composer.styles import STYLES

FORMS = ("AABA", "AABA", "ABAC", "ABAB", "AABC")
SECTION = 8  # bars


@dataclass(frozen=True)
class Song:
    """A song, with what its rules know of it."""

    style: str
    form: str
    key: Key
    tempo: int  # quarters per minute
    chords: list[Chord]  # of half bars
    melody: Notes
    bass: Notes
    drums: Notes
    programs: tuple[int, int]  # of melody and bass


def compose(style: str, dice: Dice) -> Song:
    """One song of a style."""
    rules = STYLES[style]
    plagal = dice.chance(40)
    low = -3 if plagal else 0  # the line lies around its tonic, or above it
    key = Key(dice.between(62, 70) if plagal else dice.between(55, 64), dice.one(rules.modes))
    form, tempo = dice.one(FORMS), dice.between(*rules.tempo)
    cells = [dice.one(rules.melody) for _ in range(4)]
    moves = melody.moves_of(SCALES[key.mode], low)
    known: dict[str, tuple[list[Chord], Line]] = {}
    chords: list[Chord] = []
    lines: list[Line] = []
    for i, letter in enumerate(form):
        last = i == len(form) - 1
        under = _chords(key.mode, letter, last, known[letter][0] if letter in known else [], dice)
        if letter not in known:
            known[letter] = under, melody.section(under, cells, moves, low, last, dice)
        elif last or dice.chance(50):
            known[letter] = under, melody.varied(known[letter][1], under, moves, low, last, dice)
        chords += under
        lines.append(known[letter][1])
    middle = [letter != "A" for letter in form]
    return Song(
        style, form, key, tempo, chords, _sung(lines, chords, key), band.bass(chords, key, rules, dice),
        band.drums(middle, rules, dice), (dice.one(rules.programs), dice.one(rules.basses)),
    )  # fmt: skip


def _chords(mode: str, letter: str, last: bool, before: list[Chord], dice: Dice) -> list[Chord]:
    """Of eight bars (16,): those from `before`, but the last section of a song closes."""
    half = SECTION  # chords
    first = before[:half] or progression(mode, "open" if letter == "A" else "away", dice)
    if before and (letter == "A" or not last):
        return before
    return first + progression(mode, "close" if letter == "A" or last else "back", dice, first)


def _sung(lines: list[Line], chords: list[Chord], key: Key) -> Notes:
    """Sections, one after the other, to notes: louder on the beat and towards the middle of a section."""
    onset = np.concatenate([line.onset + i * SECTION * melody.BAR for i, line in enumerate(lines)])
    duration, position = (np.concatenate([getattr(line, name) for line in lines]) for name in ("duration", "position"))
    dominant = np.array([chord.dominant for chord in chords])[onset // 8]
    velocity = 84 + 10 * (onset % 8 == 0) + 6 * (onset % 4 == 0) + np.array(melody.ARCH)[onset // melody.BAR % SECTION]
    return np.stack([onset, duration, key.pitch(position, dominant), velocity], 1)
