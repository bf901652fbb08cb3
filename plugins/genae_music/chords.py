r"""Chords: 49 classes, how people write them, and charts of them over bars.

    0         none: N, NC, N.C.
    1 … 48    12 each of major, minor, augmented and diminished, from C on

What is more than a triad is reduced to one, and slash chords to what is before the slash: C7, Cmaj9, C6, C/E and Csus4 are C,
Am7 is Am, Bm7b5 and Bdim7 are Bdim. The classes are Magenta's (https://github.com/magenta/note-seq, chords_encoder_lib.py).

    chart    C Am F G        a bar each, and from the first again, as long as it takes
             C | F G | Am    bars of one or more, which share it evenly; % is the bar before
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genae.errors import GenaeError
from genae_music.notation.keys import SEMITONES

Numbers = npt.NDArray[np.floating]

FIELD = "chords"  # what is known of a window beside its notes: a class for each of its steps
CLASSES = 49
NONE = 0
PITCHES = 12
QUALITIES = ("", "m", "aug", "dim")  # as they are written behind the root
TRIADS = ((0, 4, 7), (0, 3, 7), (0, 4, 8), (0, 3, 6))  # of each, semitones above the root
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
LIKE = "a root from A to G, with # or b, and what it is: C, F#m, Bb7, Gsus4, Bm7b5, Caug, C/E, or N for none"
_NONE = re.compile(r"N|N\.?C\.?|none", re.IGNORECASE)
_SYMBOL = re.compile(r"([A-G])((?:#|b|♯|♭)*):?([^/]*)(?:/.*)?", re.DOTALL)
_EXTRA = r"[\d#b♯♭+()\-, ]*(?:(?:add|sus|no|omit|maj|M)[\d#b♯♭()]*)*"  # 7, b9, (add9), sus4: what a triad is reduced from
_KINDS = (  # the first that a quality matches says which of QUALITIES it is
    (3, re.compile(r"(?:dim|o|°|hdim|ø)" + _EXTRA)),
    (3, re.compile(r"(?:min|mi|m|-)7?[(]?[b♭-]5[)]?" + _EXTRA)),
    (2, re.compile(r"(?:aug|\+)" + _EXTRA)),
    (2, re.compile(r"(?:maj|M)?7?[(]?[#♯+]5[)]?" + _EXTRA)),
    (1, re.compile(r"(?:minor|min|mi|m|-)" + _EXTRA)),
    (0, re.compile(r"(?:maj|ma|M|Δ|\^)?" + _EXTRA)),
)


def parsed(symbol: str) -> int | None:
    """A symbol, Bb:min7 too, to its class; None for what is no chord."""
    symbol = symbol.strip()
    if _NONE.fullmatch(symbol):
        return NONE
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        return None
    letter, signs, rest = match.groups()
    root = SEMITONES[letter] + sum(1 if sign in "#♯" else -1 for sign in signs)
    kind = next((kind for kind, like in _KINDS if like.fullmatch(rest)), None)
    return None if kind is None else number(root, kind)


def number(root: int, kind: int) -> int:
    """The class of a chord on a pitch class, of one of QUALITIES."""
    return 1 + PITCHES * kind + root % PITCHES


def named(chord: int) -> str:
    """F#m; N for none."""
    kind, root = divmod(chord - 1, PITCHES)
    return f"{NAMES[root]}{QUALITIES[kind]}" if chord else "N"


def tones() -> Numbers:
    """Which pitch classes each chord has, (49, 12) of 1 and 0."""
    table = np.zeros((CLASSES, PITCHES))
    for kind, triad in enumerate(TRIADS):
        for root in range(PITCHES):
            table[number(root, kind), [(root + tone) % PITCHES for tone in triad]] = 1
    return table


def moved(chords: Tensor, by: Tensor) -> Tensor:
    """Classes (B, …, T), floats, NaN where none is known, so many semitones (B,) higher."""
    shift = by.view(-1, *[1] * (chords.ndim - 1))
    root = (chords - 1 + shift).remainder(PITCHES)
    return torch.where(chords > 0, 1 + (chords - 1).div(PITCHES, rounding_mode="floor") * PITCHES + root, chords)


def chart(text: str, bars: int, steps_per_bar: int) -> list[int]:
    """A chart over so many bars, a class for each step. GenaeError for what is none, and for one that is longer."""
    read = written(text)
    if len(read) > bars:
        raise GenaeError(
            f"{FIELD} '{text}' are {len(read)} bars, and {bars} {'is' if bars == 1 else 'are'} asked for; ask for more "
            "bars, or write several chords in one: C Am | F G"
        )
    share = np.arange(steps_per_bar) / steps_per_bar
    each = [[bar[int(at * len(bar))] for at in share] for bar in read]
    return [chord for i in range(bars) for chord in each[i % len(each)]]


def written(text: str) -> list[list[int]]:
    """The chords of each bar of a chart. GenaeError for one that cannot be read."""
    words = text.replace("|", " | ").split()
    parts = " ".join(words).strip("| ").split("|") if "|" in words else words
    made: list[list[int]] = []
    place = 0
    for part in parts:
        if part.strip() == "%" and made:
            made.append(made[-1])
            place += 1
            continue
        bar = []
        for word in part.split():
            place += 1
            bar.append(_read(word, place, text))
        if not bar:
            raise GenaeError(f"bar {len(made) + 1} of {FIELD} '{text}' is empty; write N where there is no chord")
        made.append(bar)
    if not made:
        raise GenaeError(f"{FIELD} are chords with spaces between them, such as C Am F G; there are none")
    return made


def _read(word: str, place: int, text: str) -> int:
    chord = parsed(word)
    if chord is None:
        raise GenaeError(f"chord {place} of '{text}' cannot be read: '{word}'; it is {LIKE}")
    return chord


def within(text: str, scale: Numbers) -> float:
    """The share of a chart's notes that are in a scale (12,), 1 where there are none."""
    notes = tones()[[chord for bar in written(text) for chord in bar]].sum(0)
    return float(notes @ scale / notes.sum()) if notes.any() else 1.0
