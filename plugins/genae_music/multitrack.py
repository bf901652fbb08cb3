r"""Bands: every note of up to eight tracks in a bar, and which program plays each track.

A bar is a table of at most 128 notes, rows [track + 1, program, step, pitch, length, loudness], zeros where there is none:

    track      0 the melody, 6 the bass, 7 all drums together; the other pitched ones from 1 on, from high to low by their mean
               pitch in the file, and on 6 and 7 where there is no bass and there are no drums (`places`)
    program    General MIDI's, 0…127, or 128 of drums
    step       0…15, sixteenths of the bar
    pitch      MIDI, the piano's keys
    length     1…32 steps: a note may go on over the end of its bar; 1 of drums
    loudness   0…15, the velocity over 8

Rows are in the order of these columns, and no track strikes a pitch twice at a step. MusicVAE's multitrack models have a track
as at most 64 tokens of 490 instead (note on, note off, a shift of time, a velocity, a program). In POP909 9 % of a track's bars
need more than those 64 and would be left out, and a step of a decoder is a sixteenth here and a token there, of which a bar of
these has four times as many. https://arxiv.org/abs/1806.00195
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genae_music import pieces
from genae_music.melody import HIGHEST, LOWEST
from genae_music.mix import BASS
from genae_music.quantise import Setting, Steps, along
from genae_music.reasons import Reason
from genae_music.score import TICKS_PER_STEP, Instrument, Meter, Score, Tempo
from genae_music.smf import Array, Mask
from genae_music.tracks import leader
from genae_music.windows import Lost, Windows, changes, sift, unique, without

TRACKS = 8  # of a file
NOTES, COLUMNS = 128, 6  # of a bar
BAR = 16  # steps
LONGEST = 32  # steps
LOUDNESSES, COARSE = 16, 8  # classes of velocities, and how many are one
PROGRAMS, DRUMS = 129, 128
KEYS = HIGHEST - LOWEST + 1
LEAD, LOW, BEATS = 0, 6, 7  # the tracks of a melody, a bass and drums
FAMILIES = (
    "piano", "chimes", "organ", "guitar", "bass", "strings", "ensemble", "brass",
    "reed", "pipe", "synth lead", "synth pad", "synth effects", "folk", "percussion", "sound effects",
)  # fmt: skip
STAYS = 0.25  # of a track's bars, in which a second program is no slip


class Notes(NamedTuple):
    """Notes (M,) of bars."""

    bar: Array
    track: Array
    program: Array
    step: Array
    pitch: Array
    length: Array
    loudness: Array


def notes(x: Array) -> Notes:
    """Of bars (W, NOTES, 6), or fewer rows each."""
    bar, row = np.nonzero(x[:, :, 0])
    track, *others = x[bar, row].astype(np.int64).T
    return Notes(bar, track - 1, *others)


def rows(of: Notes, bars: int) -> Array:
    """Notes, no more than NOTES of a bar, to bars (bars, NOTES, 6), uint8."""
    order = np.lexsort((of.pitch, of.step, of.track, of.bar))
    bar = of.bar[order]
    table = np.stack([of.track + 1, of.program, of.step, of.pitch, of.length, of.loudness], 1)[order]
    made = np.zeros((bars, NOTES, COLUMNS), np.uint8)
    made[bar, _rank(bar)] = table
    return made


def _rank(sorted_values: Array) -> Array:
    """Of ascending values (M,), how many equal ones come before each."""
    return np.arange(len(sorted_values)) - np.searchsorted(sorted_values, sorted_values)


# -- from scores ------------------------------------------------------------------------------------------------------


def windows(score: Score, setting: Setting) -> Windows:
    """The bars (W, NOTES, 6) of a score in which anything begins, each once; `instrument` (W, 8), −1 where nobody plays."""
    whole, who = song(score, setting)
    heard = np.flatnonzero(whole.heard)
    own = heard[unique(whole.tokens[heard], np.zeros(len(heard), np.int64))]
    lost = [*whole.lost, Lost(Reason.DUPLICATE, "windows", who[np.setdiff1d(heard, own)].max(1))]
    return Windows(whole.tokens[own], who[own], pieces.begins(pieces.frame_of(score, whole))[own], lost)


def song(score: Score, setting: Setting) -> tuple[pieces.Song, Array]:
    """A whole score bar by bar, and who plays each track of each bar (W, 8), −1 for nobody."""
    steps, tick = along(score, setting)
    use, lost = eligible(score, steps)
    pieces.require(use)
    place = places(score, steps, use)
    mine = use[place[score.instrument[use]] >= 0]
    lost += [Lost(Reason.BAND, "notes", score.instrument[without(use, mine)])]
    grid = pieces.tiles(steps, tick, mine, setting)
    taken, of = _chosen(_notes(score, steps, mine, place, grid))
    lost += [Lost(reason, "notes", score.instrument[mine[left]]) for reason, left in of]
    (found, whose), start = taken, grid.start[taken[0].bar] + taken[0].step
    found = found._replace(length=_ends(found.track, found.pitch, start, found.length) - start)
    tokens = rows(found, len(grid.start))
    who = np.full((len(tokens), TRACKS), -1)
    who[found.bar, found.track] = score.instrument[mine[whose]]
    heard = np.asarray(tokens[:, 0, 0] > 0)
    none = np.zeros(len(tokens), np.int64)
    return pieces.Song(tokens, heard, none, grid, np.unique(score.instrument[mine]), lost), who


def alone(score: Score) -> tuple[str, ...]:
    """That a score has one track and no band, in a line."""
    return ("it has one track alone, and bands of two and more are what is trained on",) if len(score.instruments) == 1 else ()


def left_out(score: Score, lost: Sequence[Lost]) -> tuple[str, ...]:
    """Which tracks a band has no room for, in a line; none if it has."""
    who = {int(i) for of in lost if of.reason == Reason.BAND for i in of.instrument}
    if not who:
        return ()
    players = [score.instruments[i] for i in sorted(who)]
    names = ", ".join(f"{' '.join(one.name.split()) or 'unnamed'} (program {one.program})" for one in players)
    return (f"a band has {TRACKS} tracks, and {len(players)} with fewer notes are left out: {names}",)


def eligible(score: Score, steps: Steps) -> tuple[Array, list[Lost]]:
    """The notes (n,) that a band can have, as places in the score, and why others cannot be used."""
    beyond = (score.pitch < LOWEST) | (score.pitch > HIGHEST)
    return sift(score, [(Reason.RANGE, beyond), (Reason.METER, steps.unit[steps.piece] == 0)])


def places(score: Score, steps: Steps, use: Array) -> Array:
    """The track of each instrument (I,), by its notes (n,); −1 of those left out, which have the fewest notes."""
    count = np.bincount(score.instrument[use], minlength=len(score.instruments))
    drum = np.array([who.is_drum for who in score.instruments])
    bass = np.array([BASS[0] <= who.program <= BASS[1] for who in score.instruments]) & ~drum
    place = np.where(drum & (count > 0), BEATS, -1)
    pitched = use[~score.drums()[use]]
    if not len(pitched):
        return place
    place[leader(score, steps, pitched)] = LEAD
    low = np.flatnonzero(bass & (count > 0) & (place < 0))
    place[low[count[low].argsort(kind="stable")[-1:]]] = LOW
    free = [track for track in range(LEAD + 1, TRACKS) if track not in place]
    left = np.flatnonzero((count > 0) & (place < 0))
    chosen = left[(-count[left]).argsort(kind="stable")[: len(free)]]
    height = np.bincount(score.instrument[use], score.pitch[use], len(count))[chosen] / count[chosen]
    place[chosen[(-height).argsort(kind="stable")]] = free[: len(chosen)]
    return place


def _notes(score: Score, steps: Steps, mine: Array, place: Array, grid: pieces.Grid) -> Notes:
    """Notes (n,) of a score in the bars of its grid."""
    before = (steps.length.cumsum() - steps.length)[steps.piece[mine]]
    at, drum = before + steps.start[mine], score.drums()[mine]
    bar = grid.start.searchsorted(at, "right") - 1
    length = np.where(drum, 1, (steps.stop - steps.start)[mine].clip(1, LONGEST))
    program = np.where(drum, DRUMS, score.programs()[mine])
    track, pitch = place[score.instrument[mine]], score.pitch[mine]
    return Notes(bar, track, program, at - grid.start[bar], pitch, length, score.velocity[mine] // COARSE)


def _chosen(of: Notes) -> tuple[tuple[Notes, Array], list[tuple[Reason, Array]]]:
    """Those that a bar has room for, with their places (M,); and the places of the others by reason."""
    order = np.lexsort((-of.length, -of.loudness, of.pitch, of.step, of.track, of.bar))
    same = [column[order] for column in (of.bar, of.track, of.step, of.pitch)]
    first = np.logical_or.reduce([changes(column) for column in same])
    once = order[first]
    loud = once[np.lexsort((-of.loudness[once], of.bar[once]))]
    fits = _rank(of.bar[loud]) < NOTES
    kept = np.sort(loud[fits])
    return (Notes(*(column[kept] for column in of)), kept), [(Reason.TWICE, order[~first]), (Reason.CROWDED, loud[~fits])]


# -- the way back -----------------------------------------------------------------------------------------------------


class Names(NamedTuple):
    """What those are called who play a track with a program, in a song: columns, as JSON has them."""

    track: Sequence[int]
    program: Sequence[int]
    name: Sequence[str]


def names_of(score: Score, who: Array) -> Names:
    """Of the players of a song's bars (W, 8); a name that several have, as that of the song, is nobody's."""
    known: dict[tuple[int, int], str] = {}
    for track in range(TRACKS):
        for player in (score.instruments[i] for i in np.unique(who[:, track]).tolist() if i >= 0):
            known.setdefault((track, DRUMS if player.is_drum else player.program), player.name)
    count = Counter(known.values())
    names = [name if count[name] == 1 else "" for name in known.values()]
    return Names([track for track, _ in known], [program for _, program in known], names)


def score(x: Array, tempo: float, names: Names, frame: pieces.Frame | None = None) -> Score:
    """Bars (W, NOTES, 6) to a score, in a song's frame if there is one; tempo in quarters per minute."""
    take = np.full(len(x), BAR) if frame is None else np.array(pieces.taken(frame, len(x), BAR))
    of = notes(x)
    of = Notes(*(column[of.step < take[of.bar]] for column in of))
    program = settled(of, STAYS if frame is not None or len(x) == 1 else 1.0)
    start = (take.cumsum() - take)[of.bar] + of.step
    player = of.track * PROGRAMS + program
    order = np.lexsort((of.pitch, start, player))
    player, start, pitch = player[order], start[order], of.pitch[order]
    stop = np.minimum(_ends(player, pitch, start, of.length[order]), int(take.sum()))
    who, index = np.unique(player, return_inverse=True)
    velocity, length = COARSE * of.loudness[order] + COARSE // 2, int(take.sum()) * TICKS_PER_STEP
    made = Score(
        4 * TICKS_PER_STEP, players(who, names), index, start * TICKS_PER_STEP, stop * TICKS_PER_STEP, pitch, velocity,
        (Tempo(0, tempo),), (Meter(0, 4, 4),), length,
    )  # fmt: skip
    return made if frame is None else pieces.place(made, frame)


def settled(of: Notes, least: float) -> Array:
    """The programs (M,) of notes, of a track the one that it plays in most bars, or two where the second is no slip.

    That is one of at least that share of the track's bars; new songs, whose bars are drawn one by one, have 1: none. All have
    no more than TRACKS, which is what a file is read with: beyond that the second ones go that are played least.
    """
    ranked = {track: _by_bars(of, of.track == track) for track in np.unique(of.track).tolist()}
    seconds = {track: count[1] for track, (_, count) in ranked.items() if len(count) > 1 and count[1] >= least * count.sum()}
    stay = sorted(seconds, key=lambda track: -seconds[track])[: TRACKS - len(ranked)]
    program = of.program.copy()
    for track, (which, _) in ranked.items():
        program[(of.track == track) & ~np.isin(of.program, which[: 1 + (track in stay)])] = which[0]
    return program


def _by_bars(of: Notes, mine: Mask) -> tuple[Array, Array]:
    """Programs of a track's notes, and in how many bars each is played, from the most on."""
    bars = np.unique(np.stack([of.program[mine], of.bar[mine]]), axis=1)
    which, count = np.unique(bars[0], return_counts=True)
    order = (-count).argsort(kind="stable")
    return which[order], count[order]


def _ends(player: Array, pitch: Array, start: Array, length: Array) -> Array:
    """Where notes (M,) end, steps: before their key is struck again."""
    order = np.lexsort((start, pitch, player))
    again = np.append(start[order][1:], 0)
    same = ~np.append(changes(player[order])[1:] | changes(pitch[order])[1:], True)[: len(order)]
    stop = (start + length)[order]
    made = np.empty_like(start)
    made[order] = np.where(same, np.minimum(stop, again), stop)
    return made


def players(who: Array, names: Names) -> tuple[Instrument, ...]:
    """Those of numbers PROGRAMS · track + program (I,): named as in the song, else after what they play."""
    known = {(t, p): name for t, p, name in zip(*names, strict=True) if name}
    made = list[Instrument]()
    for track, program in (divmod(number, PROGRAMS) for number in who.tolist()):
        drum = program == DRUMS
        usual = {LEAD: "melody", LOW: "bass", BEATS: "drums"}.get(track, "")
        fits = drum or track == LEAD or BASS[0] <= program <= BASS[1]
        name = known.get((track, program)) or (usual if usual and fits else FAMILIES[program // 8])
        made.append(Instrument(0 if drum else program, drum, name))
    return tuple(made)
