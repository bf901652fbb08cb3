r"""Melodies: of all lines p_1 … p_N that a rhythm allows, the one that breaks the fewest rules.

    cost(p) = Σ_t tone(t, p_t) + Σ_t move(t, p_t, p_{t+1})

    tone   a beat wants a tone of the chord, the more the stronger it is; a phrase ends on one, a full close on the tonic;
           the line keeps to a gesture, and to its motive where that comes again, higher or lower; a little chance
    move   steps are cheap, leaps dear, a tritone dearer; a leap turns back, and nothing goes to and fro; a tone that is not
           of the chord is come to and left by step (passing and neighbour tones), a closing tonic come to; the leading tone
           goes to the tonic when the dominant resolves

and the cheapest line is a shortest path (Viterbi). Sections of eight bars follow a plan: which bars have the rhythm of which,
and of which the notes, moved by how many steps (a sequence). https://viva.pressbooks.pub/openmusictheory, "Species
counterpoint" and "The phrase, archetypes, and unique forms"
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genae_datasets.composer.dice import Array, Dice
from genae_datasets.composer.harmony import Chord

BAR = 16  # steps
NONE = -99  # no wish where a note should be
RANGE = 11  # positions: an octave and a half
MOVES = (4, 0, 1, 3, 4, 4, 8, 4)  # what it costs to repeat a tone, to go a step, a third, … an octave
RESOLVES = 20  # another way than to the tonic, of a leading tone whose dominant resolves
FAR = 99  # anything further, and what must not be
ARCH = (1, 2, 4, 2, 3, 5, 4, 3)  # where the line tends to begin in each bar of a section, positions above its lowest
GESTURES = (  # and where it goes from there, beat by beat
    (0, 1, 2, 4), (0, 2, 4, 2), (0, 4, 3, 2), (4, 2, 1, 0), (3, 4, 2, 0), (2, 0, 1, 3), (0, 2, 1, 4), (4, 3, 1, 2),
    (2, 4, 0, 1), (0, 7, 5, 4), (7, 2, 4, 2), (5, 0, 2, 4), (0, 5, 4, 2),
)  # fmt: skip
TONE = np.full(BAR, 1)  # what a tone that is not of the chord costs at each step of a bar
TONE[[0, 8]], TONE[[4, 12]] = 24, 6
HELD = 6  # and if it lasts for a beat
LIKE, SAME = 2, 40  # what a place away from the motive costs, where it comes again and where the bar does

HALF = ("x-------....x-x-", "x-x-x-----..x-x-", "x---x-------....", "x-x-x-------x-x-", "x-------....x---", "x---x-x-------x-")
FULL = ("x-x-x-x-x-----..", "x---x-------....", "x-x-x-------....", "x---x-x-x-------")
LAST = "x---------------"


class Bar(NamedTuple):
    """A bar of a plan."""

    rhythm: str  # a b c: of the motives; h, f: of a half and of a full close
    after: int = -1  # the bar that it takes its notes from, if any
    shift: int = 0  # times the section's interval of sequence: how much it is moved


PLANS = {
    "period": (Bar("a"), Bar("b"), Bar("a", 0, 1), Bar("h"), Bar("a", 0), Bar("b", 1), Bar("a", 2), Bar("f")),
    "sentence": (Bar("a"), Bar("b"), Bar("a", 0, 1), Bar("b", 1, 1), Bar("a", 0), Bar("b", 1), Bar("c"), Bar("f")),
    "lyric": (Bar("a"), Bar("a", 0, 1), Bar("b"), Bar("h"), Bar("a", 0), Bar("a", 1), Bar("c"), Bar("f")),
}
GROUPS = (slice(0, 1), slice(1, 2), slice(2, 4), slice(4, 5), slice(5, 6), slice(6, 8))  # bars found together: causes first


class Line(NamedTuple):
    """The notes (N,) of a section."""

    onset: Array  # steps
    duration: Array  # steps
    position: Array  # in the scale, see `harmony`
    aim: Array  # position that the gesture of its bar has there
    lands: npt.NDArray[np.bool_]  # a phrase ends with it

    def take(self, which: Array) -> Line:
        """The notes at `which` (n,)."""
        return Line(self.onset[which], self.duration[which], self.position[which], self.aim[which], self.lands[which])


@cache
def rhythm(pattern: str) -> tuple[Array, Array]:
    """x-x-..x- to onsets and durations, (N,) each, not to be written to."""
    onset = [i for i, c in enumerate(pattern) if c not in "-."]
    ends = [next((j for j in range(i + 1, len(pattern)) if pattern[j] != "-"), len(pattern)) for i in onset]
    return np.array(onset, np.int64), np.array(ends, np.int64) - np.array(onset, np.int64)


def section(chords: Sequence[Chord], cells: Sequence[str], moves: Array, low: int, last: bool, dice: Dice) -> Line:
    """Eight bars over chords (16,), made of half-bar cells, between `low` and `low` + 10. The last one ends the song."""
    plan = dice.one(list(PLANS.values()))
    interval = dice.one((-2, -1, -1, 1, 1))
    line = _blank(plan, cells, low, last, dice)
    tone, move = rules(line, chords, moves, low, dice.array(5, len(line.onset), RANGE))
    bar = line.onset // BAR
    wanted: Array = np.array([SAME if _same(plan[k], k, chords) else LIKE for k in range(len(plan))])[bar]
    for group in GROUPS:
        start, stop = np.searchsorted(bar, (group.start, group.stop)).tolist()
        wishes = [_wish(line, plan[k], bar == k, bar == plan[k].after, interval, low) for k in range(group.start, group.stop)]
        cost = tone[start:stop] + wanted[start:stop, None] * _apart(np.concatenate(wishes), low)
        if start:
            cost[0] += move[start - 1, line.position[start - 1] - low]
        if stop < len(bar) and wanted[stop] == SAME:  # what comes next is known
            cost[-1] += move[stop - 1, :, line.position[np.searchsorted(bar, plan[bar[stop]].after)] - low]
        line.position[start:stop] = low + cheapest(cost, move[start : stop - 1])
    return line


def _same(bar: Bar, k: int, chords: Sequence[Chord]) -> bool:
    """Whether bar k is another one again, note for note: not moved, and over the same chords."""
    return bar.after >= 0 and not bar.shift and chords[2 * k : 2 * k + 2] == chords[2 * bar.after : 2 * bar.after + 2]


def _blank(plan: Sequence[Bar], cells: Sequence[str], low: int, last: bool, dice: Dice) -> Line:
    """A section's rhythm and gestures, without its pitches."""
    bars = {letter: dice.one(cells) + dice.one(cells) for letter in "abc"}
    bars |= {"h": dice.one(HALF), "f": LAST if last else dice.one(FULL)}
    gestures = {letter: dice.one(GESTURES) for letter in bars}
    onset, duration = rhythm("".join(bars[bar.rhythm] for bar in plan))
    closes = np.array([bar.rhythm in "hf" for bar in plan])[onset // BAR]
    points = low + np.array([gestures[bar.rhythm] for bar in plan]) + np.array(ARCH)[:, None]
    here, after = points.ravel(), np.append(points.ravel()[1:], points[-1, -1])
    aim = here[onset // 4] + (after - here)[onset // 4] * (onset % 4) // 4
    return Line(onset, duration, np.full_like(onset, NONE), aim, closes & (duration >= 6))


def _wish(found: Line, bar: Bar, here: Array, there: Array, interval: int, low: int) -> Array:
    """Where the notes of a bar should be, as its motive or as an upbeat to the section's first note. (n,), or NONE."""
    wish = np.full(np.count_nonzero(here), NONE)
    if bar.after >= 0:
        return (found.position[there] + bar.shift * interval).clip(low, low + RANGE - 1)
    if bar.rhythm == "h":
        upbeats = int(np.count_nonzero(found.onset[here] % BAR >= 12))
        wish[len(wish) - upbeats :] = found.position[0] - np.arange(upbeats, 0, -1)
    return wish


def _apart(wish: Array, low: int) -> Array:
    """How far each position is from what is wished (N,), (N, RANGE); 0 where nothing is."""
    return np.where((wish != NONE)[:, None], abs(low + np.arange(RANGE) - wish[:, None]), 0)


def rules(line: Line, chords: Sequence[Chord], moves: Array, low: int, chance: Array) -> tuple[Array, Array]:
    """What every position costs at every note, (N, RANGE), and every move between two notes, (N - 1, RANGE, RANGE)."""
    p = low + np.arange(RANGE)
    under = [chords[i] for i in (line.onset // 8).tolist()]
    strange = STRANGE[[c.degree for c in under], [int(c.seventh) for c in under]][:, p % 7]  # (N, RANGE), not of the chord
    weight = np.maximum(TONE[line.onset % BAR], HELD * (line.duration >= 4))
    tone = chance + strange * weight[:, None] + 2 * abs(p - line.aim[:, None])
    tonic = line.lands & (line.onset >= 7 * BAR) & np.array([c.degree == 0 for c in under])
    tone += FAR * (line.lands[:, None] & np.where(tonic[:, None], p % 7 != 0, strange))
    dominant = np.array([c.dominant for c in under])
    resolves = dominant[:-1] & ~dominant[1:]
    free = np.where(line.lands[:-1, None, None] | (line.onset[1:, None, None] % BAR == 0), moves // 3, moves)
    move = free + 6 * LEAPS * (strange[:-1, :, None] | strange[1:, None, :]) + 8 * LEAPS * tonic[1:, None, None]
    return tone, move + RESOLVES * resolves[:, None, None] * ((p % 7 == 6)[:, None] & (p - p[:, None] != 1))


def cheapest(tone: Array, move: Array) -> Array:
    """The path (N,) through positions that costs least: tone (N, RANGE) on them, move (N - 1, RANGE, RANGE) between them.

    What a turn costs is asked of the best way to each position so far: a path through pairs would cost eleven times as much.
    """
    total, back = tone[0], [STAYED]
    for cost, step in zip(tone[1:], move, strict=True):
        reached = total[:, None] + step + TURNS[back[-1], STAYED]
        back.append(reached.argmin(0))
        total = reached.min(0) + cost
    path = [int(total.argmin())]
    for origin in reversed(back[1:]):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])


def _turns() -> Array:
    """What it costs to go from a to b and on to c, (RANGE, RANGE, RANGE)."""
    a, b, c = np.ogrid[:RANGE, :RANGE, :RANGE]
    back_again = (a == c) & (a != b)
    on = (abs(b - a) > 2) & ((b - a) * (c - b) > 0)  # a leap turns back
    cost: Array = 4 * back_again + 5 * on
    return cost


def moves_of(scale: Sequence[int], low: int) -> Array:
    """What it costs to go from each position to each, (RANGE, RANGE)."""
    p = low + np.arange(RANGE)
    semitones = 12 * (p // 7) + np.array(scale)[p % 7]
    far = abs(p - p[:, None])
    cost: Array = np.array([*MOVES, *[FAR] * RANGE])[far]
    cost[abs(semitones - semitones[:, None]) == 6] += 8
    return cost


def varied(line: Line, chords: Sequence[Chord], moves: Array, low: int, last: bool, dice: Dice) -> Line:
    """A line again, over chords (16,): some longer notes divided, the pitches near to what they were, an end if the last."""
    kept = line.take(np.flatnonzero(line.onset < 7 * BAR)) if last else line
    parts = 1 + ((kept.duration % 4 == 0) & ~kept.lands & (dice.array(100, len(kept.onset)) < 35))
    again = kept.take(np.arange(len(parts)).repeat(parts))
    second = np.arange(len(again.onset)) - (parts.cumsum() - parts).repeat(parts) > 0
    length = again.duration // parts.repeat(parts)
    position = np.where(second, NONE, again.position)
    again = again._replace(onset=again.onset + second * length, duration=length, position=position, aim=again.position)
    if last:
        end = (np.array([value]) for value in (7 * BAR, BAR, NONE, kept.aim[-1], True))
        again = Line(*(np.concatenate(both) for both in zip(again, end, strict=True)))
    tone, move = rules(again, chords, moves, low, dice.array(5, len(again.onset), RANGE))
    return again._replace(position=low + cheapest(tone + 4 * _apart(again.position, low), move))


TURNS, STAYED = _turns(), np.arange(RANGE)
STRANGE = np.array([[[d not in Chord(root, bool(s)).degrees for d in range(7)] for s in (0, 1)] for root in range(7)])
LEAPS = abs(np.arange(RANGE) - np.arange(RANGE)[:, None]) > 1
