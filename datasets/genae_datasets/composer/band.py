"""Bass and drums, bar by bar from the patterns of a style."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from genae_datasets.composer.dice import Array, Dice
from genae_datasets.composer.harmony import SCALES, Chord, Key
from genae_datasets.composer.melody import BAR, rhythm
from genae_datasets.composer.styles import FILL, LOUDNESS, PITCHES, Style

LOWEST = 30  # F#1, of a root: a step below it is the bass guitar's lowest string
WALK = "r-t-f-a-"  # a fill: up the chord and into the next
ABOVE = {"r": 0, "t": 2, "f": 4, "o": 7}  # positions above the root

Notes = Array  # (N, 4) int64: onset and duration in steps, pitch, velocity


def bass(chords: Sequence[Chord], key: Key, style: Style, dice: Dice) -> Notes:
    """Chords of half bars to roots and fifths that walk into the next phrase; the last bar is one long root."""
    habits = [dice.one(style.bass) for _ in range(3)]
    notes: list[tuple[int, int, int, bool]] = []  # onset, duration, position, under a dominant
    for i, (now, after) in enumerate(pairwise(chords[:-1])):
        start = BAR // 2 * i
        for onset, duration, position in _figure(_habit(i, habits, dice), now, after, key, dice):
            notes.append((start + onset, duration, position, now.dominant))
    notes.append((BAR // 2 * (len(chords) - 2), BAR, _root(chords[-1], key), False))
    onset, duration, position, dominant = np.array(notes).T
    return np.stack([onset, duration, key.pitch(position, dominant > 0), 84 + 12 * (onset % 8 == 0)], 1)


def _habit(i: int, habits: Sequence[str], dice: Dice) -> str:
    """The pattern of half bar i: phrases of four bars end with a walk, or, every other time, a little differently."""
    if i % 8 == 7 and dice.chance(60):
        return WALK
    return habits[i % 2 if i % 16 < 12 else 2 * (i % 2)]


def _figure(habit: str, now: Chord, after: Chord, key: Key, dice: Dice) -> list[tuple[int, int, int]]:
    """A pattern over one chord to onsets, durations and positions; where the chord changes it may lead to the next."""
    onset, duration = rhythm(habit)
    kinds = [c for c in habit if c not in "-."]
    if now.degree != after.degree and onset[-1] >= 4 and dice.chance(30):
        kinds[-1] = "a"
    root, goal = _root(now, key), _root(after, key)
    beside = goal + (1 if goal < root else -1)
    positions = [beside if kind == "a" else root + ABOVE[kind] for kind in kinds]
    return list(zip(onset.tolist(), duration.tolist(), positions, strict=True))


def _root(chord: Chord, key: Key) -> int:
    """The position of a chord's root in the octave above the lowest."""
    semitones = key.tonic + SCALES[key.mode][chord.degree]
    return chord.degree - 7 * ((semitones - LOWEST) // 12)


def drums(sections: Sequence[bool], style: Style, dice: Dice) -> Notes:
    """Sections of eight bars, each a middle one or not, to hits: a groove for each kind, fills and crashes between them."""
    grooves = [_groove(style.drums, dice), _groove(style.drums | style.middle, dice)]
    hits: list[Notes] = []
    for bar in range(8 * len(sections) - 1):
        playing = grooves[sections[bar // 8]][bar % 4]
        if bar % 8 == 0 and bar:
            playing = np.concatenate([CRASH, playing[(playing[:, 0] > 0) | ~np.isin(playing[:, 2], CYMBALS)]])
        if bar % 8 == 7 or (bar % 8 == 3 and dice.chance(40)):
            playing = np.concatenate([playing[playing[:, 0] < 8], _fill(dice.one(style.fills))])
        hits.append(playing + np.array([BAR * bar, 0, 0, 0]))
    end = np.concatenate([CRASH, _bar({"kick": "X"})]) + np.array([BAR * len(hits), 0, 0, 0])
    return np.concatenate([*hits, end])


def _groove(drums: dict[str, tuple[str, ...]], dice: Dice) -> tuple[Notes, ...]:
    """Four bars: the second and the last differ from the others in one drum at most."""
    chosen = {drum: dice.one(patterns) for drum, patterns in drums.items()}
    others = [dice.one(list(drums)) for _ in range(2)]
    one, two, three = (_bar(chosen), *(_bar(chosen | {drum: dice.one(drums[drum])}) for drum in others))
    return one, two, one, three


def _bar(patterns: dict[str, str]) -> Notes:
    """x.x. for each drum to its hits."""
    hits = [(i, 1, PITCHES[drum], LOUDNESS[c]) for drum, p in patterns.items() for i, c in enumerate(p) if c != "."]
    return np.array(hits, np.int64).reshape(-1, 4)


def _fill(pattern: str) -> Notes:
    """ss.hm.l. to hits in the second half of a bar, which grow louder."""
    hits = [(8 + i, 1, PITCHES[FILL[c]], 80 + 4 * i) for i, c in enumerate(pattern) if c != "."]
    return np.array(hits, np.int64)


CRASH = _bar({"crash": "X"})
CYMBALS = [PITCHES[drum] for drum in ("hat", "open", "ride")]
