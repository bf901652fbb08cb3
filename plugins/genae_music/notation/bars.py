r"""The music of a tune: its notes in bars, each voice by itself, as they are written.

    length     C 1, C3 3, C3/2 3/2, C/ 1/2, C// 1/4 of L:, which is 1/8, or 1/16 in meters below 3/4
    broken     A>B 3/2 and 1/2, A>>B 7/4 and 1/4, A<B the reverse
    (p:q:r     p notes in the time of q, for the next r; (3 is (3:2:3, see `_TUPLETS`
    ^F         a sharp until the end of its bar, in every octave (%%propagate-accidentals pitch, the standard's own)
    A-A        one note
    "Am"       a chord, from there on; words in its place that are none are left out, and so are those marked as words: "^Slow"
    {g}        grace notes take no time, and are left out; so are ornaments
    a & b      two lines of one bar

https://abcnotation.com/wiki/abc:standard:v2.1#the_tune_body
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from genae_music.chords import parsed
from genae_music.notation.books import FIELD, Line
from genae_music.notation.keys import ALTER, SEMITONES, Signature, signature
from genae_music.reasons import Reason, Unusable

MAX_NOTES = 1 << 16  # of a tune
LARGEST = 4096  # number in a length
ENDINGS = range(1, 17)
_TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # (p in the time of; of others 2, or 3 in 6/8, 9/8 and 12/8
_LENGTH = r"\d*/*\d*"
_TOKEN = re.compile(
    rf"""\[(?P<field>[A-Za-z]):(?P<text>[^\]]*)\]
    |(?P<bar>(?:\[\||\.?\||:+\||::+)[|\]:]*)(?P<after>\d[\d,.-]*)?
    |\[(?P<ending>\d[\d,.-]*)
    |(?P<sign>\^\^|__|\^|_|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<length>{_LENGTH})\s?(?P<tie>-?)
    |(?P<rest>[zxZX])(?P<wait>{_LENGTH})
    |(?P<open>\[)
    |\](?P<times>{_LENGTH})\s?(?P<held>-?)
    |(?P<broken><+|>+)
    |\((?P<tuplet>\d+)(?::(?P<q>\d*)(?::(?P<r>\d*))?)?
    |\{{(?P<grace>[^}}]*)\}}
    |"(?P<over>[^"]*)"
    |![^!|\s]+!|\+[^+|\s]+\+
    |(?P<overlay>&+)
    |(?P<cut>["{{])
    |.""",
    re.VERBOSE,
)


class Note(NamedTuple):
    onset: Fraction  # of a whole note, from the bar's start
    length: Fraction
    pitch: int  # MIDI's
    tied: bool = False


class Meter(NamedTuple):
    beats: int
    unit: int

    @property
    def bar(self) -> Fraction:
        """Its length, of a whole note."""
        return Fraction(self.beats, self.unit)


@dataclass
class Bar:
    """From one bar line to the next."""

    meter: Meter | None
    key: Signature
    ending: frozenset[int] = frozenset()  # the passes through it, of all if there is none
    part: str = ""  # P: begins with this bar
    begins: bool = False  # |:
    ends: int = 0  # :| and how often it is gone back from there
    double: bool = False  # || and the like at its end
    notes: list[Note] = field(default_factory=list)
    length: Fraction = Fraction(0)
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)  # quarters per minute
    chords: list[tuple[Fraction, int]] = field(default_factory=list)  # classes of `genae_music.chords`


@dataclass
class Event:
    """The notes of the last thing that lasts, for what comes behind it."""

    first: int  # of the bar's notes
    onset: Fraction
    length: Fraction


class Voice:
    """One voice, as it is being read."""

    def __init__(self, name: str, meter: Meter | None, unit: Fraction | None, key: Signature) -> None:
        self.name, self.meter, self.unit, self.key = name, meter, unit, key
        self.bars: list[Bar] = []
        self.bar = Bar(meter, key)
        self.now = Fraction(0)
        self.altered: dict[str, int] = {}
        self.tied: dict[tuple[str, str], int] = {}  # letter and octave to the pitch that is tied to what comes next
        self.going: dict[tuple[str, str], int] = {}  # likewise, to what comes now
        self.tuplet = (Fraction(1), 0)  # factor, and for how many more
        self.next = Fraction(1)  # factor of what follows a > or <
        self.last: Event | None = None
        self.chord: tuple[int, Fraction | None] | None = None  # of an open one its first note, and that one's length

    # -- what lasts -----------------------------------------------------------------------------------------------------

    def note(self, match: re.Match[str], line: int) -> None:
        """One note, alone or in a chord."""
        if self.chord is None:
            self.going, self.tied = self.tied, {}
        letter, octave = match["letter"].upper(), match["octave"]
        where = match["letter"], octave
        if match["sign"]:
            self.altered[letter] = ALTER[match["sign"]]
        pitch = 60 + SEMITONES[letter] + 12 * (match["letter"].islower() + octave.count("'") - octave.count(","))
        pitch += self.altered.get(letter, self.key.altered.get(letter, 0))
        pitch = self.going.get(where, pitch) if not match["sign"] else pitch
        if not 0 <= pitch <= 127:
            raise Unusable(Reason.NOTATION, f"line {line}: {match[0].strip()} is no pitch of MIDI")
        if match["tie"]:
            self.tied[where] = pitch
        length = _length(match["length"], line)
        if self.chord is None:
            self._last(length, [pitch], bool(match["tie"]))
        else:
            first, whole = self.chord
            self.chord = (first, length if whole is None else whole)
            self.bar.notes.append(Note(self.now, length, pitch, bool(match["tie"])))

    def _last(self, length: Fraction, pitches: list[int], tied: bool = False) -> None:
        whole = self._lasting(length)
        self.last = Event(len(self.bar.notes), self.now, whole)
        self.bar.notes += [Note(self.now, whole, pitch, tied) for pitch in pitches]
        self._go(whole)

    def _lasting(self, length: Fraction) -> Fraction:
        """A written length as a part of a whole note."""
        factor, more = self.tuplet
        whole = length * self._unit * self.next * (factor if more else 1)
        self.tuplet, self.next = (factor, max(more - 1, 0)), Fraction(1)
        return whole

    @property
    def _unit(self) -> Fraction:
        if self.unit is not None:
            return self.unit
        return Fraction(1, 16) if self.meter is not None and self.meter.bar < Fraction(3, 4) else Fraction(1, 8)

    def _go(self, by: Fraction) -> None:
        self.now += by
        self.bar.length = max(self.bar.length, self.now)

    def rest(self, kind: str, length: Fraction) -> None:
        """A rest, of bars where its letter is large."""
        if self.chord is not None:
            return
        if kind in "ZX":
            self._go(length * (self.meter.bar if self.meter else 1))
            self.last = None
        else:
            self._last(length, [])

    def named(self, text: str) -> None:
        """A chord's name, or other words, over what follows."""
        number = parsed(text)
        if number is not None:
            self.bar.chords.append((self.now, number))

    def opened(self, line: int) -> None:
        """A chord begins."""
        if self.chord is not None:
            raise Unusable(Reason.NOTATION, f"line {line}: a chord inside a chord")
        self.chord = (len(self.bar.notes), None)
        self.going, self.tied = self.tied, {}

    def closed(self, times: Fraction, held: bool) -> None:
        """A chord ends: it lasts as long as its first note."""
        if self.chord is None:
            return
        first, whole = self.chord
        self.chord = None
        if whole is None:
            return
        factor = self._lasting(times)
        self.bar.notes[first:] = [
            note._replace(length=note.length * factor, tied=note.tied or held) for note in self.bar.notes[first:]
        ]
        self.last = Event(first, self.now, whole * factor)
        self._go(whole * factor)

    def broken(self, signs: str) -> None:
        """A > or <, after what lasts."""
        if self.last is None:
            return
        less = Fraction(1, 2 ** min(len(signs), 4))
        mine, self.next = (2 - less, less) if signs[0] == ">" else (less, 2 - less)
        first, onset, length = self.last.first, self.last.onset, self.last.length
        self.bar.notes[first:] = [note._replace(length=note.length * mine) for note in self.bar.notes[first:]]
        if self.bar.length == self.now:
            self.bar.length = onset + length * mine
        self.now = onset + length * mine
        self.last = None

    def grouped(self, p: int, q: str | None, r: str | None, line: int) -> None:
        """(p:q:r."""
        many = 3 if self.meter and self.meter.unit == 8 and self.meter.beats in (6, 9, 12) else 2
        over = int(q) if q else _TUPLETS.get(p, many)
        if not 0 < p <= LARGEST or not 0 < over <= LARGEST:
            raise Unusable(Reason.NOTATION, f"line {line}: no group of {p} notes in the time of {over}")
        self.tuplet = Fraction(over, p), int(r) if r else p

    # -- bar lines ------------------------------------------------------------------------------------------------------

    def line(self, text: str, after: str, line: int) -> None:
        """A bar line; what stands in it goes to the bar before, or to the one behind it."""
        before, behind = text.count(":", 0, text.find("|") + 1 or len(text)), text.endswith(":")
        if "|" not in text:
            before = before // 2
        double = "||" in text or "]" in text or "[" in text
        ended = self.finish() or (self.bars[-1] if self.bars else None)
        if ended is not None:
            ended.ends, ended.double = max(ended.ends, before), ended.double or double
        self.bar.begins = self.bar.begins or behind
        if before or behind or double:
            self.bar.ending = frozenset()
        if after:
            self.ending(after, line)

    def ending(self, text: str, line: int) -> None:
        """[1, or |1: until the next one, a repeat or a double bar."""
        self.finish()
        self.bar.ending = _numbers(text, line)

    def finish(self) -> Bar | None:
        """The bar ends; None where nothing was in it."""
        self.last, self.now, self.altered = None, Fraction(0), {}
        if not self.bar.length:
            return None
        done = self.bar
        self.bars.append(done)
        self.bar = Bar(self.meter, self.key, done.ending)
        return done

    # -- fields ---------------------------------------------------------------------------------------------------------

    def told(self, name: str, text: str, line: int) -> None:
        """A field that changes what follows."""
        if name == "K":
            self.key = self.bar.key = signature(text, line)
        elif name == "L":
            self.unit = unit_of(text, line)
        elif name == "M":
            self.meter = meter_of(text, line)
            self.bar.meter = self.meter
        elif name == "Q":
            tempo = tempo_of(text, self._unit)
            self.bar.tempos += [] if tempo is None else [(self.now, tempo)]
        elif name == "P":
            self.finish()
            self.bar.part, self.bar.ending = text.strip()[:1], frozenset()


@dataclass
class Tune:
    """A tune as it is written."""

    title: str = ""
    order: str = ""  # P: of the header
    voices: list[Voice] = field(default_factory=list)


@dataclass
class Head:
    """What the header of a tune says."""

    fields: dict[str, tuple[str, int]] = field(default_factory=dict)  # the last of each name, and its line; of T the first
    voices: dict[str, str] = field(default_factory=dict)  # V: by their marks, with their names

    def text(self, name: str) -> str:
        return self.fields.get(name, ("", 0))[0]

    def first(self) -> Voice:
        """The voice of a tune that names none."""
        meter = meter_of(*self.fields["M"]) if "M" in self.fields else None
        unit = unit_of(*self.fields["L"]) if "L" in self.fields else None
        voice = Voice("", meter, unit, signature(*self.fields["K"]))
        if "Q" in self.fields:
            voice.told("Q", *self.fields["Q"])
        return voice


def read(lines: list[Line]) -> Tune:
    """The lines of a tune to its voices. Unusable with the reason, and the line."""
    head = Head()
    for at, (number, text) in enumerate(lines):
        match = FIELD.match(text)
        name, value = (match[1], match[2].strip()) if match else ("", "")  # what a field before goes on with
        if name == "V" and value:
            head.voices.setdefault(value.split()[0], _named(value))
        elif name != "T" or name not in head.fields:
            head.fields[name] = (value, number)
        if name == "K":
            tune = Tune(head.text("T"), head.text("P"))
            _Body(tune, head.first(), head.voices).read(lines[at + 1 :])
            return tune
    raise Unusable(Reason.NOTATION, f"line {lines[-1].number}: ends without K:, which ends the header of a tune")


class _Body:
    """The lines behind the header, as they are being read."""

    def __init__(self, tune: Tune, first: Voice, names: dict[str, str]) -> None:
        self.tune, self.first, self.names = tune, first, names
        self.voices = {"": first}
        self.voice = first
        self.notes = 0

    def read(self, lines: list[Line]) -> None:
        for number, text in lines:
            match = FIELD.match(text)
            if match is None:
                self._music(text, number)
            else:
                self._field(match[1], match[2].strip(), number)
        for voice in self.voices.values():
            if voice.chord is not None:
                raise Unusable(Reason.NOTATION, f"line {lines[-1].number}: a chord that does not end")
            voice.finish()
        self.tune.voices = [voice for voice in self.voices.values() if voice.bars]

    def _field(self, name: str, text: str, line: int) -> None:
        if name != "V":
            self.voice.told(name, text, line)
        elif text:
            who = text.split()[0]
            if who not in self.voices:
                head = self.first
                self.voices[who] = Voice(self.names.get(who) or _named(text), head.meter, head.unit, head.key)
            self.voice = self.voices[who]

    def _music(self, text: str, line: int) -> None:
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if match["letter"]:
                self.voice.note(match, line)
                self._count(line)
            elif kind in ("field", "text"):
                self._field(match["field"], match["text"].strip(), line)
            elif match["bar"]:
                self._close(line)
                self.voice.line(match["bar"], match["after"] or "", line)
            elif kind in _ACTS:
                _ACTS[kind](self.voice, match, line)

    def _close(self, line: int) -> None:
        if self.voice.chord is not None:
            raise Unusable(Reason.NOTATION, f"line {line}: a chord that does not end before its bar does")

    def _count(self, line: int) -> None:
        self.notes += 1
        if self.notes > MAX_NOTES:
            raise Unusable(Reason.LARGE, f"line {line}: has more than the {MAX_NOTES:,} notes that are read")


def _overlay(voice: Voice, match: re.Match[str], line: int) -> None:
    voice.now, voice.last = Fraction(0), None


def _cut(voice: Voice, match: re.Match[str], line: int) -> None:
    what = "quotation mark" if match["cut"] == '"' else "brace"
    raise Unusable(Reason.NOTATION, f"line {line}: a {what} that is not closed")


Act = Callable[[Voice, re.Match[str], int], None]


def _grouped(voice: Voice, match: re.Match[str], line: int) -> None:
    voice.grouped(int(match["tuplet"][:5]), match["q"], match["r"], line)


_ACTS: dict[str | None, Act] = {
    "ending": lambda voice, match, line: voice.ending(match["ending"], line),
    "wait": lambda voice, match, line: voice.rest(match["rest"], _length(match["wait"], line)),
    "open": lambda voice, match, line: voice.opened(line),
    "held": lambda voice, match, line: voice.closed(_length(match["times"], line), bool(match["held"])),
    "broken": lambda voice, match, line: voice.broken(match["broken"]),
    "overlay": _overlay,
    "over": lambda voice, match, line: voice.named(match["over"]),
    "cut": _cut,
    "tuplet": _grouped,
    "q": _grouped,
    "r": _grouped,
}


def _named(text: str) -> str:
    """The name in V:1 name="Tenor I", else its mark."""
    match = re.search(r'(?:name|nm)="([^"]*)"', text)
    return match[1] if match else text.split()[0]


def _length(text: str, line: int) -> Fraction:
    """3/2 of 3/2, 1/4 of //."""
    over, slashes, under = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    below = int(under[:6]) if under else 2 ** min(len(slashes), 12)
    if not 0 < below <= LARGEST or int(over[:6] or 1) > LARGEST:
        raise Unusable(Reason.NOTATION, f"line {line}: '{text}' is no length of a note")
    return Fraction(int(over or 1), below)


def _numbers(text: str, line: int) -> frozenset[int]:
    """1,3 or 1-3."""
    found: set[int] = set()
    for item in re.split(r"[,.]", text):
        ends = [int(number[:4]) for number in item.split("-") if number]
        found |= {n for n in ENDINGS if ends and ends[0] <= n <= ends[-1]}
    if not found:
        raise Unusable(Reason.NOTATION, f"line {line}: '{text}' is no ending, of {ENDINGS[0]} to {ENDINGS[-1]}")
    return frozenset(found)


def meter_of(text: str, line: int) -> Meter | None:
    """6/8, C, C|, 2+3/8, none. Unusable for what is no meter."""
    text = text.strip()
    if text in ("C", "c"):
        return Meter(4, 4)
    if text in ("C|", "c|"):
        return Meter(2, 2)
    if text in ("none", ""):
        return None
    match = re.match(r"\(?([\d+ ]+)\)?\s*/\s*(\d+)", text)
    beats = sum(int(n[:4]) for n in re.findall(r"\d+", match[1])) if match else 0
    unit = int(match[2][:4]) if match else 0
    if not 0 < beats <= 255 or unit not in (1, 2, 4, 8, 16, 32, 64):
        raise Unusable(Reason.NOTATION, f"line {line}: '{text}' is no meter")
    return Meter(beats, unit)


def unit_of(text: str, line: int) -> Fraction:
    """1/8. Unusable for what is no length."""
    match = re.match(r"\s*(\d{1,3})(?:/(\d{1,3}))?", text)
    if match is None or not int(match[1]) or not int(match[2] or 1):
        raise Unusable(Reason.NOTATION, f"line {line}: '{text}' is no length of a note")
    return Fraction(int(match[1]), int(match[2] or 1))


def tempo_of(text: str, unit: Fraction) -> float | None:
    """1/4=120, "Allegro" 3/8=60, or 120 of the unit; quarters per minute, None where it says none."""
    match = re.search(r"((?:\d{1,3}/\d{1,3}\s*)*)=?\s*(\d{1,4})\s*$", re.sub(r'"[^"]*"', "", text).strip())
    if match is None or not int(match[2]):
        return None
    beats = [part.split("/") for part in match[1].split()]
    each = sum((Fraction(int(a), int(b)) for a, b in beats if int(b)), Fraction(0)) or unit
    return float(4 * each * int(match[2]))
