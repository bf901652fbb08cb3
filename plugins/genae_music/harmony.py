r"""What chord sounds at each step of a score, and how that is known: the first of these that there is.

    written      over the notes of ABC notation
    annotated    chord_midi.txt beside the file, as POP909 has it: a row for each chord, where it begins and ends in seconds,
                 and its name (https://github.com/music-x-lab/POP909-Dataset)
    track        an instrument that plays nothing but chords, all of whose tones begin together; or the file of that name in the
                 folder `chords` beside the file's own, as Nottingham has them (https://github.com/jukedeck/nottingham-dataset)
    estimated    of the notes: the chords c_1 … c_Q of the quarters of which  Σ_q s(c_q, w_q) − [c_q ≠ c_{q−1}] · CHANGE  is
                 largest, w_q being how long each pitch class sounds; s is the share of the time that is on the chord's tones,
                 less as much as is off them, a little more where the root is heard and where the chord is in the key

Of 25 songs of POP909 estimates have the annotated chord in 78 % of the time, of their melodies alone in 28 %; of 40 melodies of
Nottingham, that of the chord track in 54 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from genae.data.examples import File
from genae.errors import Rejected, remark
from genae_music import chords, keys, midi
from genae_music.keys import Numbers
from genae_music.quantise import STEPS_PER_QUARTER
from genae_music.reasons import Unusable
from genae_music.score import Chord, Score
from genae_music.smf import Array, Mask

ANNOTATION = "chord_midi.txt"
FOLDER = "chords"
WHENCE: Mapping[str, str] = {
    "written": "as they are written", "annotated": f"those of {ANNOTATION} beside it", "track": "those of its chord track",
    "estimated": "estimated from the notes",
}  # fmt: skip
ALONE = 0.1  # share of a chord track's notes that may be outside of chords
FEWEST = 3  # notes of a chord
APART = 0.25  # share of chords' notes that may be outside of a key
CHANGE, ROOT, IN_KEY, RARE = 0.8, 0.5, 0.6, 0.6  # weights of an estimate


def known(score: Score, file: File) -> tuple[Sequence[Chord], str]:
    """The chords of a score by tick, and whence, a key of WHENCE; none of drums alone."""
    if score.chords:
        return score.chords, "written"
    if annotated := _annotated(score, _near(file, 0, ANNOTATION)):
        return annotated, "annotated"
    if played := _track(score) or _in_folder(score, file):
        return played, "track"
    return (made, "estimated") if (made := estimated(score)) else ((), "")


def fields(score: Score, file: File, ticks: Array, steps: int) -> dict[str, Tensor]:
    """Of windows that begin at ticks (W,), the class of each of so many steps, (W, T); NaN where none is known."""
    found, _ = known(score, file)
    if not found:
        return {chords.FIELD: torch.full((len(ticks), steps), float("nan"))}
    half = score.resolution / STEPS_PER_QUARTER / 2
    place = ticks[:, None] + (2 * np.arange(steps) + 1) * half  # the middles of the steps
    at = np.searchsorted([chord.tick for chord in found], place, "right")
    numbers = np.array([chords.NONE, *(chord.number for chord in found)])
    return {chords.FIELD: torch.from_numpy(numbers[at]).float()}


def line(score: Score, file: File) -> str:
    """What chords a score has and how that is known, for people."""
    found, whence = known(score, file)
    names = list(dict.fromkeys(chords.named(chord.number) for chord in found))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"  chords {', '.join(names[:8])}{more}: {WHENCE[whence]}" if names else "  no chords: it has too few notes"


def settled(said: Mapping[str, str]) -> Mapping[str, str]:
    """What is said of a condition, without a key that more of the chords' tones are outside of than APART; that is remarked."""
    if not {"key", chords.FIELD} <= said.keys():
        return said
    scale = np.array(keys.spelled("key", said["key"])[: chords.PITCHES])
    inside = chords.within(said[chords.FIELD], scale)
    if inside >= 1 - APART:
        return said
    remark(
        f"{1 - inside:.0%} of the notes of chords '{said[chords.FIELD]}' are not in the key {said['key']}: the chords "
        "hold, and the key is left open"
    )
    return {name: text for name, text in said.items() if name != "key"}


# -- beside the notes -------------------------------------------------------------------------------------------------


def _near(file: File, levels: int, *names: str) -> bytes:
    """What is `names` of the folder so many levels above a file, b"" for nothing."""
    own = PurePosixPath(file.member) if file.member else PurePosixPath(file.path.absolute().as_posix())
    if len(own.parents) <= levels or file.content is not None or file.make is not None:
        return b""
    place = own.parents[levels].joinpath(*names)
    try:
        return (File(file.path, str(place)) if file.member else File(Path(place))).read()
    except Rejected:
        return b""


def _annotated(score: Score, text: bytes) -> list[Chord]:
    """The chords of an annotation; none of what is no annotation."""
    made = list[Chord]()
    try:
        for row in text.decode().splitlines():
            begin, end, name = row.split()
            if not 0 <= float(begin) <= float(end) <= midi.MAX_SECONDS:
                return []
            at = score.ticks(np.array([float(begin), float(end)]))
            made += [Chord(int(at[0]), chords.parsed(name) or chords.NONE), Chord(int(at[1]), chords.NONE)]
    except ValueError:
        return []
    begun = {chord.tick: chord for chord in made}  # where one ends and another begins, the one that begins
    return [begun[tick] for tick in sorted(begun)] if any(chord.number for chord in made) else []


# -- chord tracks -----------------------------------------------------------------------------------------------------


def _in_folder(score: Score, file: File) -> list[Chord]:
    """Those of the file of the same name among the chord tracks beside its folder."""
    data = _near(file, 1, FOLDER, PurePosixPath(file.member or file.path.name).name)
    try:
        other = midi.read(data) if data else Score(score.resolution)
    except Unusable:
        return []
    return [Chord(chord.tick * score.resolution // other.resolution, chord.number) for chord in _track(other)]


def _track(score: Score) -> list[Chord]:
    """Those of the instrument that plays nothing but chords, the one with the most; none where there is none."""
    every = [_blocks(score, i) for i, who in enumerate(score.instruments) if not who.is_drum]
    return max(every, key=len, default=[])


def _blocks(score: Score, instrument: int) -> list[Chord]:
    mine = np.flatnonzero(score.instrument == instrument)
    onset, place, count = np.unique(score.onset[mine], return_inverse=True, return_counts=True)
    if count[count < FEWEST].sum() > ALONE * len(mine):
        return []
    held = np.zeros((len(onset), chords.PITCHES))
    held[place, score.pitch[mine] % chords.PITCHES] = 1
    bass = np.full(len(onset), 127)
    np.minimum.at(bass, place, score.pitch[mine])
    return [Chord(int(tick), _nearest(row, low)) for tick, row, low in zip(onset, held, bass, strict=True)]


def _nearest(held: Numbers, bass: int) -> int:
    """The chord that pitch classes (12,) are most like: of several the one whose root is lowest."""
    table = chords.tones()
    like = 2 * table @ held - table.sum(1) - held.sum()
    root = (np.arange(chords.CLASSES) - 1) % chords.PITCHES == bass % chords.PITCHES
    like[chords.NONE] = -np.inf
    return int((like + 0.5 * root).argmax())


# -- estimates --------------------------------------------------------------------------------------------------------


def estimated(score: Score) -> list[Chord]:
    """The chords that the notes are most like, quarter by quarter; none of a few notes."""
    mine = ~score.drums()
    if np.count_nonzero(mine) < keys.FEWEST:
        return []
    heard = _heard(score, mine)
    worth = _worths(heard, keys.scale(*keys.estimated(keys.sounding(score))))
    way = _likeliest(worth)
    begins = np.flatnonzero(np.append(True, way[1:] != way[:-1]))
    return [Chord(int(at) * score.resolution, int(way[at])) for at in begins]


def _heard(score: Score, mine: Mask) -> Numbers:
    """For how much of each quarter each pitch class sounds, (Q, 12)."""
    on, off = (column[mine] / score.resolution for column in (score.onset, score.offset))
    count = int(np.ceil(off.max()))
    heard = np.zeros((count, chords.PITCHES))
    classes = score.pitch[mine] % chords.PITCHES
    for k in range(int(np.ceil((off - np.floor(on)).max()))):  # the quarter of a note's onset, and those after it
        at = np.floor(on).astype(np.int64) + k
        length = np.minimum(off, at + 1) - np.maximum(on, at)
        there = (length > 0) & (at < count)
        np.add.at(heard, (at[there], classes[there]), length[there])
    return heard


def _worths(heard: Numbers, scale: Numbers) -> Numbers:
    """s(c, w) of each chord and quarter, (Q, 49); 0 where nothing sounds."""
    table = chords.tones()
    total = heard.sum(1, keepdims=True)
    share = heard / np.maximum(total, 1)  # of a quarter that is half silent, half
    root = np.zeros((chords.CLASSES, chords.PITCHES))
    root[np.arange(1, chords.CLASSES), (np.arange(1, chords.CLASSES) - 1) % chords.PITCHES] = 1
    within = (table @ scale) / np.maximum(table.sum(1), 1)
    worth = share @ (2 * table - 1).T + ROOT * share @ root.T + IN_KEY * (within - 1) * total.clip(max=1)
    worth[:, 2 * chords.PITCHES + 1 :] -= RARE * total.clip(max=1)
    worth[:, chords.NONE] = -np.inf
    return np.asarray(worth)


def _likeliest(worth: Numbers) -> Array:
    """The best way (Q,) through (Q, 49), a change costing CHANGE."""
    best, back = worth[0], np.zeros(worth.shape, np.int64)
    for q in range(1, len(worth)):
        top = int(best.argmax())
        stays = best >= best[top] - CHANGE
        back[q] = np.where(stays, np.arange(chords.CLASSES), top)
        best = np.where(stays, best, best[top] - CHANGE) + worth[q]
    way = [int(best.argmax())]
    for q in range(len(worth) - 1, 0, -1):
        way.append(int(back[q, way[-1]]))
    return np.array(way[::-1])
