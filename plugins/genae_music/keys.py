r"""What is known of music beside its notes: the key and the meter in which each window begins.

    key     24 numbers: the scale's pitch classes, 1 or 0 from C on, and the tonic among them
    meter   quarters in a bar, and 1 where its beats are in three (6/8, 9/8, 12/8), else 0

The key is that of the file's signature. MIDI files say C major where nobody said anything, and major where it is minor: so a
lone signature without sharps or flats is believed if as much of the time is in its scale as in the estimated one, and of the
two keys of a signature that is said to be major it is the one that the notes are more like. (Of 107 songs of POP909 that say
C major by default 96 % then have the scale of their annotation, and 99 % of 90 tunes of Nottingham in C keep theirs.) Without
a signature it is estimated, once for a file, by the correlation of how long each pitch class sounds with a profile of each key
(C. L. Krumhansl, Cognitive Foundations of Musical Pitch, 1990), the profiles being those of J. Albrecht and D. Shanahan,
https://doi.org/10.1525/mp.2013.31.1.59.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genae.errors import GenaeError
from genae_music.notation.bars import meter_of
from genae_music.notation.keys import MODES, signature
from genae_music.reasons import Unusable
from genae_music.score import Key, Meter, Score
from genae_music.smf import Array

Numbers = npt.NDArray[np.floating]

FIELDS: Mapping[str, int] = {"key": 24, "meter": 2}
CLASSES = 12  # of pitch
FEWEST = 8  # notes that a key is estimated of
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MAJOR, MINOR = 0, MODES["min"]
PROFILES: Mapping[int, tuple[float, ...]] = {
    MAJOR: (.238, .006, .111, .006, .137, .094, .016, .214, .009, .080, .008, .081),
    MINOR: (.220, .006, .104, .123, .019, .103, .012, .214, .062, .022, .061, .052),
}  # fmt: skip
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
WORDS = {0: "major", -1: "mixolydian", -2: "dorian", -3: "minor", -4: "phrygian", -5: "locrian", 1: "lydian"}


def fields(score: Score, ticks: Array) -> dict[str, Tensor]:
    """Of windows that begin at ticks (W,), FIELDS by name, (W, K) each; NaN where there is no key."""
    keys, _ = keys_of(score)
    table = np.array([numbers(key.tonic, key.mode) for key in keys] or [np.full(2 * CLASSES, np.nan)])
    at = np.searchsorted([key.tick for key in keys[1:]], ticks, "right")
    meters = [Meter(0, 4, 4), *(Meter(m.tick, 4, 4) if (m.beats, m.unit) == (1, 4) else m for m in score.meters)]
    bars = np.array([bar(m.beats, m.unit) for m in meters])
    when = np.searchsorted([m.tick for m in meters], ticks, "right") - 1
    return {"key": torch.from_numpy(table[at]).float(), "meter": torch.from_numpy(bars[when]).float()}


def keys_of(score: Score) -> tuple[Sequence[Key], str]:
    """The keys of a score by tick, none of all drums or of a few notes; and where they come from, for people."""
    lengths = sounding(score)
    if not lengths.any():
        return (), ""
    alone = len({(key.tonic, key.mode) for key in score.keys}) == 1
    if score.keys and not (alone and _unsaid(score.keys[0], lengths)):
        return tuple(_settled(key, lengths) for key in score.keys), "signature"
    if np.count_nonzero(~score.drums()) < FEWEST:
        return (), ""
    return (Key(0, *estimated(lengths)),), "estimated"


def _unsaid(key: Key, lengths: Numbers) -> bool:
    """Whether a lone signature is what programs write where nobody said one."""
    return not key.certain and key.tonic == 0 and fit(lengths, key.tonic, key.mode) < fit(lengths, *estimated(lengths))


def _settled(key: Key, lengths: Numbers) -> Key:
    """Of a signature that may be minor the key that the notes are more like."""
    if key.certain:
        return key
    relative = (key.tonic + 9) % CLASSES
    minor = _likeness(lengths, relative, MINOR) > _likeness(lengths, key.tonic, MAJOR)
    return Key(key.tick, relative, MINOR) if minor else key


def sounding(score: Score) -> Numbers:
    """For how many quarters each pitch class sounds, (12,), drums left out."""
    mine = ~score.drums()
    length = (score.offset - score.onset)[mine] / score.resolution
    return np.bincount(score.pitch[mine] % CLASSES, length, CLASSES).astype(np.float64)


def estimated(lengths: Numbers) -> tuple[int, int]:
    """The tonic and the mode, major or minor, that pitch classes (12,) are most like."""
    return max(((tonic, mode) for tonic in range(CLASSES) for mode in PROFILES), key=lambda key: _likeness(lengths, *key))


def _likeness(lengths: Numbers, tonic: int, mode: int) -> float:
    """The correlation with a key's profile; 0 of what is the same everywhere."""
    profile = np.roll(PROFILES[mode], tonic)
    return float(np.corrcoef(lengths, profile)[0, 1]) if lengths.std() else 0.0


def scale(tonic: int, mode: int) -> Numbers:
    """The pitch classes of a scale, (12,) of 1 and 0."""
    member = np.zeros(CLASSES)
    member[(np.array(MAJOR_SCALE) + tonic + 7 * mode) % CLASSES] = 1
    return member


def fit(lengths: Numbers, tonic: int, mode: int) -> float:
    """The share of the time that is in a scale."""
    return float(lengths @ scale(tonic, mode) / lengths.sum())


def numbers(tonic: int, mode: int) -> Numbers:
    """A key as (24,)."""
    return np.concatenate([scale(tonic, mode), np.eye(CLASSES)[tonic]])


def bar(beats: int, unit: int) -> tuple[float, float]:
    """A meter's two numbers."""
    return 4 * beats / unit, float(unit >= 8 and beats % 3 == 0)


def moved(key: Tensor, by: Tensor) -> Tensor:
    """Keys (B, …, 24) so many semitones (B,) higher."""
    step = torch.arange(CLASSES, device=key.device)
    place = (step - by.long().view(-1, *[1] * (key.ndim - 1))) % CLASSES
    parts = key.view(*key.shape[:-1], 2, CLASSES)
    return parts.gather(-1, place.unsqueeze(-2).expand_as(parts)).flatten(-2)


def transposed(fields: Mapping[str, Tensor], by: Tensor) -> Mapping[str, Tensor]:
    """What is known of examples, their keys so many semitones (B,) higher."""
    return {name: moved(value, by) if name == "key" else value for name, value in fields.items()}


def spelled(field: str, text: str) -> Sequence[float]:
    """`D`, `Am`, `F# minor`, `Ddor`; `6/8`. GenaeError for what is none."""
    try:
        if field == "key":
            found = signature(text, 0)
            if found.tonic is not None:
                return list(numbers(found.tonic, found.fifths))
        elif meter := meter_of(text, 0):
            return list(bar(meter.beats, meter.unit))
    except Unusable:
        pass
    like = "a key, such as D, Am, F#m or Ddor" if field == "key" else "a meter, such as 4/4 or 6/8"
    raise GenaeError(f"{field} is {like}, not '{text}'")


def named(key: Key) -> str:
    """G major."""
    return f"{NAMES[key.tonic]} {WORDS.get(key.mode, 'scale')}"
