"""Keys, chords and progressions.

A pitch is a *position*: the number of scale degrees above the tonic, so that 7 is an octave, a chord is every other one, and to
move a motive along the scale is to add. Only a minor key's dominant leaves the scale: its leading tone is raised, and so is a
sixth of it that stands beside that. Progressions of four bars go by function, tonic, subdominant and dominant:

    open   from the tonic to the dominant (or what stands for it): a question, a half cadence
    close  to the tonic, by way of the dominant: the answer, an authentic cadence
    away   away from the tonic, to begin a middle section
    back   to the dominant, so that the tonic may return

An answer begins as its question did, where a progression of its function can: a parallel period.

https://viva.pressbooks.pub/openmusictheory, "Diatonic harmony"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genae_datasets.composer.dice import Array, Dice

SCALES = {  # semitones above the tonic
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")

MAJOR = {  # bars apart by spaces; two chords in a bar by a hyphen
    "open": ("I IV I V", "I vi ii V", "I vi IV V", "I I IV V", "I iii IV V", "I IV ii V", "I V-vi IV V", "I ii-V I V",
             "I V vi IV", "I IV vi V", "I I-IV I-IV V"),
    "close": ("I IV V7 I", "I vi ii-V7 I", "I IV I-V7 I", "I V-vi IV-V7 I", "IV I ii-V7 I", "I vi IV-V7 I",
              "I iii-vi ii-V7 I", "I ii V7 I", "vi IV V7 I", "I I IV-V7 I", "I iii IV-V7 I", "I ii-V I-V7 I",
              "I V IV-V7 I", "I I-IV I-V7 I"),
    "away": ("IV I IV I", "vi iii IV I", "vi ii V I", "IV IV I I", "ii V iii vi", "IV V iii vi", "vi iii vi iii"),
    "back": ("IV I ii V7", "vi ii V V7", "IV ii V V7", "vi IV ii V7", "ii vi IV V7", "IV iii ii V7", "vi iii IV V7",
             "IV IV ii V7", "ii V IV V7", "IV V ii V7"),
}  # fmt: skip
MINOR = {
    "open": ("i iv i V", "i VI iv V", "i VII VI V", "i III iv V", "i i iv V", "i VI III VII", "i iv VI V", "i i-VII VI V"),
    "close": ("i iv V7 i", "i VI iv-V7 i", "i VII-VI V7 i", "i III iv-V7 i", "iv i V7 i", "VI III iv-V7 i",
              "i VI ii-V7 i", "i VII VI-V7 i", "i i iv-V7 i", "i i-VII VI-V7 i"),
    "away": ("III VII i i", "VI VII III III", "III VII VI III", "iv VII III VI", "iv i iv i", "VI III VI III"),
    "back": ("iv i ii V7", "VI iv V V7", "iv VI ii V7", "VI iv ii V7", "III iv V V7", "III VII iv V7", "VI VII iv V7",
             "iv VII ii V7", "VI III iv V7"),
}  # fmt: skip
DORIAN = {
    "open": ("i IV i IV", "i IV i VII", "i VII IV VII", "i III IV VII", "i i IV IV"),
    "close": ("i IV VII i", "i VII-IV VII i", "IV i IV-VII i", "III IV VII i", "i VII IV-VII i", "i III IV-VII i",
              "i i IV-VII i"),
    "away": ("III VII IV i", "IV IV i i", "VII IV VII IV", "III IV III IV"),
    "back": ("IV III IV VII", "III VII IV VII", "VII IV ii VII"),
}  # fmt: skip
MIXOLYDIAN = {
    "open": ("I VII IV VII", "I I VII IV", "I IV I VII", "I v IV VII", "I VII I IV"),
    "close": ("I VII-IV VII I", "IV I VII I", "I IV VII I", "I v IV-VII I", "I VII IV-VII I", "I I IV-VII I"),
    "away": ("IV I IV I", "v IV v IV", "IV VII I I", "ii IV ii IV"),
    "back": ("IV I v VII", "ii IV VII VII", "v IV ii VII"),
}  # fmt: skip
PROGRESSIONS = {"major": MAJOR, "minor": MINOR, "dorian": DORIAN, "mixolydian": MIXOLYDIAN}


class Chord(NamedTuple):
    """A chord of half a bar."""

    degree: int  # of its root, 0 … 6
    seventh: bool = False
    dominant: bool = False  # it wants the tonic: its third is the leading tone

    @property
    def degrees(self) -> tuple[int, ...]:
        """Of its tones, 0 … 6: root, third, fifth, and seventh if it has one."""
        return tuple((self.degree + above) % 7 for above in ((0, 2, 4, 6) if self.seventh else (0, 2, 4)))


@dataclass(frozen=True)
class Key:
    """A tonic and the scale upon it."""

    tonic: int  # MIDI pitch of position 0
    mode: str

    @property
    def third(self) -> str:
        """ "major" or "minor", which is all that a MIDI file can say."""
        return "major" if SCALES[self.mode][2] == 4 else "minor"

    def pitch(self, positions: Array, dominant: Array) -> Array:
        """Positions (N,), with whether each is under a dominant, (N,) bool, to MIDI pitches (N,)."""
        degrees = positions % 7
        pitches: Array = self.tonic + 12 * (positions // 7) + np.array(SCALES[self.mode])[degrees]
        if self.mode != "minor":
            return pitches
        leading = (degrees == 6) & dominant
        beside = np.append(False, leading[:-1] & (np.diff(positions) == -1))
        beside |= np.append(leading[1:] & (np.diff(positions) == 1), False)
        pitches[leading | ((degrees == 5) & dominant & beside)] += 1
        return pitches


def progression(mode: str, role: str, dice: Dice, after: Sequence[Chord] = ()) -> list[Chord]:
    """Four bars of chords, one for each half bar (8,); those that begin like the ones `after` which they come, if any do."""
    every = [_chords(text, mode) for text in PROGRESSIONS[mode][role]]
    alike = [next((i for i, (a, b) in enumerate(zip(one, after, strict=False)) if a != b), len(after)) for one in every]
    return dice.one([one for one, bars in zip(every, alike, strict=True) if bars == max(alike)])


def _chords(text: str, mode: str) -> list[Chord]:
    """`I V-vi IV V` to chords of half bars."""
    bars = [bar.split("-") for bar in text.split()]
    return [chord(numeral, mode) for bar in bars for numeral in (bar if len(bar) == 2 else bar * 2)]


def chord(numeral: str, mode: str) -> Chord:
    """Such as V7 or iv. A minor dominant is written v."""
    root = numeral.rstrip("7")
    return Chord(NUMERALS.index(root.upper()), numeral.endswith("7"), root == "V" and mode in ("major", "minor"))
