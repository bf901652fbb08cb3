"""What of a file was used, track by track, and why the rest was not: plain data that a command line prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from genae.data.examples import File
from genae_music import beside, drums, groove, keys, melody, multitrack, piano, quantise, reader, smf, trio, uncarried
from genae_music.messages import messages
from genae_music.quantise import Setting
from genae_music.reasons import Reason, Unusable
from genae_music.score import Score
from genae_music.smf import Array
from genae_music.tracks import MELODY, is_named
from genae_music.windows import Windows

Kind = Callable[[Score, Setting], Windows]
KINDS: Mapping[str, Kind] = {
    "melody": melody.windows, "drums": drums.windows, "trio": trio.windows, "groove": groove.windows, "piano": piano.windows,
    "band": multitrack.windows,
}  # fmt: skip

_LINES = {
    Reason.EMPTY: "{n} without an onset",
    Reason.UNENDED: "{n} without an end, or with one at once",
    Reason.METER: "{n} in {meters}, which this grid does not have",
    Reason.KIND: "{n} of {who}",
    Reason.PROGRAM: "{n} of a program that is not asked for ({program})",
    Reason.RANGE: "{n} out of range",
    Reason.TRACK: "{n} of another track",
    Reason.POLYPHONY: "{n} under a higher one at the same step",
    Reason.SOFTER: "{n} beside a louder one of the same drum at the same step",
    Reason.UNISON: "{n} that another voice strikes at the same step",
    Reason.SHORT: "{n} in a passage shorter than {bars} bars",
    Reason.LONG: "{n} after the longest passage taken",
    Reason.GAP: "{n} silent for too long",
    Reason.DUPLICATE: "{n} a second time",
    Reason.PARTS: "{n} without the other parts of a trio",
    Reason.BAND: "{n} of a track beyond the eight of a band",
    Reason.TWICE: "{n} of a pitch that it strikes already at that step",
    Reason.CROWDED: "{n} beyond the 128 of a bar",
}


@dataclass(frozen=True)
class Loss:
    """Something not used."""

    reason: Reason
    count: int
    what: str  # "notes", "windows" or "files"
    line: str  # for people


@dataclass(frozen=True)
class Track:
    """One instrument of a file."""

    name: str
    program: int
    is_drum: bool
    notes: int
    windows: int  # used
    losses: tuple[Loss, ...] = ()

    @property
    def line(self) -> str:
        what = "drums" if self.is_drum else f"program {self.program}"
        why = f"; {'; '.join(loss.line for loss in self.losses)}" if self.losses else ""
        name = " ".join(self.name.split()) or "unnamed"
        return f"{name} ({what}): {_count(self.notes, 'notes')}, {_count(self.windows, 'windows')}{why}"


@dataclass(frozen=True)
class FileReport:
    """One file."""

    name: str
    windows: int  # used
    tracks: tuple[Track, ...] = ()
    losses: tuple[Loss, ...] = ()  # of the file as a whole
    remarks: tuple[str, ...] = ()  # what is wrong with it and was mended

    @property
    def lines(self) -> list[str]:
        """One for the file, and one for each track."""
        parts = [_count(self.windows, "windows")] if self.tracks else []
        parts += [*(loss.line for loss in self.losses), *self.remarks]
        return [f"{self.name}: {'; '.join(parts)}", *("  " + track.line for track in self.tracks)]


def _count(n: int, what: str) -> str:
    """2 notes, 1 note."""
    return f"{n:,} {what if n != 1 else what[:-1]}"


def inspect(file: File, setting: Setting, kind: str = "melody") -> FileReport:
    """What of a file is used; never raises for what is in it."""
    try:
        score = reader.read(file, setting.magenta)
        found = KINDS[kind](score, setting)
    except Unusable as error:
        return FileReport(file.name, 0, (), (Loss(error.reason, 1, "files", str(error)),))
    whose, n = found.instrument, len(score.instruments)
    used = np.zeros(n, np.int64)
    for members in np.atleast_2d(whose.T):  # one, the three of a trio, or those of a band that play
        used += np.bincount(members[members >= 0], minlength=n)
    lost = [(loss, np.bincount(loss.instrument, minlength=n)) for loss in found.lost]
    notes = np.bincount(score.instrument, minlength=n)
    tracks = [
        Track(i.name, i.program, i.is_drum, int(notes[k]), int(used[k]),
              tuple(_loss(loss.reason, int(count[k]), loss.what, score, k, setting) for loss, count in lost if count[k]))
        for k, i in enumerate(score.instruments)
    ]  # fmt: skip
    unended = (_loss(Reason.UNENDED, score.unended, "notes", score, 0, setting),) if score.unended else ()
    remarks = _miscounted(file) + (() if setting.magenta else _bars(score)) + _melody(score, whose, setting) + _key(score)
    remarks += uncarried.remarks(score, kind) + multitrack.left_out(score, found.lost)
    remarks += _empty(file) if kind == "band" else ()
    return FileReport(file.name, len(found.tokens), tuple(tracks), unended, remarks)


def _miscounted(file: File) -> tuple[str, ...]:
    """That a MIDI file has more tracks than its header says."""
    if file.suffix == reader.NOTATION:
        return ()
    data = file.read()
    said, there = smf.promised(data), len(smf.chunks(data)[1])
    return (f"all {there} tracks are read, though its header promises {said}",) if said < there else ()


def _empty(file: File) -> tuple[str, ...]:
    """Which tracks of a MIDI file, after the first, have no note."""
    if file.suffix == reader.NOTATION:
        return ()
    data = file.read()
    bounds = smf.chunks(data)[1]
    found = smf.scan(data, bounds)
    played = {found.runs[run][2] for run in np.unique(messages(data, found).run).tolist()}
    empty = [found.names.get(track, "unnamed") for track in range(1, len(bounds)) if track not in played]
    return (f"{_count(len(empty), 'tracks')} without notes: {', '.join(empty)}",) if empty else ()


def _melody(score: Score, whose: Array, setting: Setting) -> tuple[str, ...]:
    """Which track was taken for the melody, and why, where one was looked for."""
    if setting.tracks != MELODY or not len(whose):
        return ()
    name = " ".join(score.instruments[np.ravel(whose)[0]].name.split())
    why = "by its name" if is_named(name) else "heard in the most bars with single notes"
    return (f"its melody is {name or 'an unnamed track'}, {why}",)


def _key(score: Score) -> tuple[str, ...]:
    """What keys it has, and by what that is known."""
    found, why = keys.keys_of(score)
    names = list(dict.fromkeys(map(keys.named, found)))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (f"in {', '.join(names[:3])}{more}, by its {'signature' if why == 'signature' else 'notes'}",) if names else ()


def _bars(score: Score) -> tuple[str, ...]:
    """Where the bars of pieces in 1/4 come from."""
    lines = [quantise.estimated(score, begin, end) for begin, end in quantise.unbarred(score)]
    known = [line for line in lines if line is not None]
    told = []
    if known:
        of = 4 * score.resolution
        other = sum(int(np.count_nonzero(np.abs(np.diff(line) - of) > of // 8)) for line in known)
        first = known[0][0] / score.resolution
        whence = f"those of {beside.BEATS} beside it" if len(score.lines) else "estimated from the notes"
        told.append(
            f"1/4 gives no bars: they are {whence}, the first line {first:.2f} quarters after the start; "
            f"{sum(map(len, known)) - other:,} of 4 beats and {other:,} of others"
        )
    if len(known) < len(lines):
        told.append("1/4 gives no bars, and there is too little music, or of no steady beat, to estimate them: 4 beats each")
    return tuple(told)


def _loss(reason: Reason, count: int, what: str, score: Score, track: int, setting: Setting) -> Loss:
    n = _count(count, what)
    meters = ", ".join(sorted({str(m) for m in score.meters if not setting.unit(m)})) or "a meter"
    player = score.instruments[track]
    line = _LINES[reason].format(n=n, meters=meters, who="drums" if player.is_drum else "a pitched instrument",
                                 program=player.program, bars=setting.bars)  # fmt: skip
    return Loss(reason, count, what, line)
