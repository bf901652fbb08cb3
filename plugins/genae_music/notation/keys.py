r"""Keys of ABC notation: K:G, K:Dmix, K:F# minor, K:D exp _b ^f, K:HP.

    sharps(tonic, mode)   those of the tonic's major key, less 1 for mixolydian, 2 dorian, 3 minor, 4 phrygian, 5 locrian;
                          1 more for lydian

https://abcnotation.com/wiki/abc:standard:v2.1#kkey
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from genae_music.reasons import Reason, Unusable

FIFTHS = "FCGDAEB"  # in the order in which sharps come
MODES = {
    "": 0, "maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5, "lyd": 1,
}  # fmt: skip
PIPES = ("HP", "Hp")  # highland bagpipes, whose F and C are sharp, written or not
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ALTER = {"^": 1, "_": -1, "=": 0, "^^": 2, "__": -2}
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
_OWN = re.compile(r"(?<!\S)(\^\^|__|\^|_|=)([a-gA-G])(?!\S)")


@dataclass(frozen=True)
class Signature:
    """A key: which letters are altered by how many semitones, and its tonic and mode where it has one."""

    altered: dict[str, int]
    tonic: int | None = None  # 0…11
    fifths: int = 0  # of the mode: 0 major, −3 minor


def signature(text: str, line: int) -> Signature:
    """What follows K:. Unusable for what is no key."""
    text = text.strip()
    first = text.split()[0] if text else ""
    own = {letter.upper(): ALTER[sign] for sign, letter in _OWN.findall(text)}
    if first in PIPES:
        return Signature({"F": 1, "C": 1} | own)
    if not text or first == "none" or "=" in first or first in ("clef", "treble", "bass", "alto", "tenor", "perc"):
        return Signature(own)
    match = _KEY.match(text)
    if match is None:
        raise Unusable(Reason.NOTATION, f"line {line}: '{text}' is no key")
    letter, sign, word = match.groups()
    mode = MODES.get(word[:3].lower())
    if word in ("M", "Maj"):
        mode = 0
    explicit = re.search(r"(?<!\S)exp(?!\S)", text) is not None
    fifths = 0 if mode is None else mode  # a word that is no mode is a clef: K:G treble
    sharps = FIFTHS.index(letter) - 1 + 7 * ((sign == "#") - (sign == "b")) + fifths
    altered = {} if explicit else {name: (sharps + 6 - i) // 7 for i, name in enumerate(FIFTHS)}
    tonic = (SEMITONES[letter] + (sign == "#") - (sign == "b")) % 12
    return Signature({name: by for name, by in altered.items() if by} | own, tonic, fifths)
