"""Why something of a file was not used: a word for machines, a line for people."""

from __future__ import annotations

from enum import StrEnum

from genae.errors import Rejected


class Reason(StrEnum):
    """The word for machines; after it, what it is said of."""

    NOT_MIDI = "not-midi"  # file: does not begin as a MIDI file
    NOTATION = "notation"  # file: ABC notation that means nothing, such as a tune without K:
    CUT = "cut"  # file: ends before its header or a track does
    BROKEN = "broken"  # file: bytes that mean nothing, such as running status without a status
    TYPE = "type"  # file: of type 2, tracks that do not sound together
    DIVISION = "division"  # file: time in SMPTE frames, or none
    TEMPO = "tempo"  # file: a tempo of 0
    TIME = "time"  # file: times too large to be music
    LARGE = "too-large"  # file: more bytes, notes or windows than are read
    EMPTY = "empty"  # file: without a note; windows: without an onset
    UNENDED = "no-end"  # notes that never stop
    METER = "meter"  # notes in bars that the grid does not have
    KIND = "kind"  # notes of drums where a melody is wanted, or the reverse
    PROGRAM = "program"  # notes of an instrument outside the wanted ones
    RANGE = "out-of-range"  # notes outside the piano's 88 keys, or drums without a class
    POLYPHONY = "polyphony"  # notes under a higher one
    SOFTER = "softer"  # hits of a drum beside a louder one of its own at the same step
    UNISON = "unison"  # notes of a key that another voice strikes at the same step
    TRACK = "track"  # notes of another track than the one whose piece it is
    SHORT = "too-short"  # notes in a passage that fills no window
    LONG = "too-long"  # notes after the longest passage taken
    GAP = "gap"  # windows that are silent for too long
    DUPLICATE = "duplicate"  # windows that were there already
    PARTS = "missing-part"  # file: no melody, no bass or no drums for a trio
    BAND = "left-out"  # notes of tracks beyond those that a band has
    ALONE = "alone"  # file: one track, where a band is wanted
    TWICE = "twice"  # notes of a pitch that their track strikes a second time at a step
    CROWDED = "crowded"  # notes beyond those that a bar has room for, the softest


class Unusable(Rejected):
    """A file that music cannot be had from; `reason` is for machines, the message is one line for people."""

    reason: Reason

    def __init__(self, reason: Reason, line: str) -> None:
        super().__init__(line, reason)


PHRASES = {
    Reason.NOT_MIDI: "that are not MIDI", Reason.NOTATION: "of ABC notation that cannot be read",
    Reason.CUT: "cut short", Reason.BROKEN: "with broken bytes",
    Reason.TYPE: "of a MIDI type that is not read", Reason.DIVISION: "timed in SMPTE frames", Reason.TEMPO: "with a tempo of 0",
    Reason.TIME: "with impossible times", Reason.LARGE: "too large", Reason.EMPTY: "without an onset",
    Reason.UNENDED: "without an end", Reason.METER: "in a meter that the grid does not have",
    Reason.KIND: "of drums where a melody is wanted, or the reverse", Reason.PROGRAM: "of a program that is not asked for",
    Reason.RANGE: "out of range", Reason.POLYPHONY: "under a higher one", Reason.TRACK: "of other tracks",
    Reason.SHORT: "in a passage shorter than a window", Reason.SOFTER: "beside a louder one of the same drum",
    Reason.UNISON: "that another voice strikes at the same step",
    Reason.LONG: "after the longest passage taken", Reason.GAP: "silent for too long",
    Reason.DUPLICATE: "a second time in their file", Reason.PARTS: "without the other parts of a trio",
    Reason.BAND: "of tracks beyond the eight of a band", Reason.ALONE: "with one track alone",
    Reason.TWICE: "of a pitch that its track strikes already", Reason.CROWDED: "beyond the 128 of a bar",
}  # fmt: skip


def told(what: str, reason: Reason) -> str:
    """`notes out of range`, for sums."""
    return f"{what} {PHRASES[reason]}"
