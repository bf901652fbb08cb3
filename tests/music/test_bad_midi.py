"""Whatever the bytes are, they are read or refused with a reason: by hand, cut, flipped and made up."""

from __future__ import annotations

import contextlib
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genae.data.examples import File
from genae.data.found import read_found
from genae.errors import Rejected
from genae_music import groove, midi, multitrack, report, smf
from genae_music.domain import Music
from genae_music.quantise import Setting
from genae_music.reasons import Reason


def inspected(name: str, data: bytes, *options: object) -> report.FileReport:
    """Of a file in memory."""
    return report.inspect(File(Path(name), content=data), *options)


NOTE = bytes.fromhex("00 90 3C 50  83 60 80 3C 00")


def track(body: bytes) -> bytes:
    return struct.pack(">4sL", b"MTrk", len(body)) + body


def many(n: int) -> bytes:
    """A track of n notes of one tick."""
    return bytes.fromhex("00903C50 013C00") + b"\x00\x3c\x50\x01\x3c\x00" * (n - 1)


BAD = {
    "nothing": (lambda raw: b"", Reason.NOT_MIDI, "0 bytes"),
    "another format": (lambda raw: b"RIFF" + bytes(64), Reason.NOT_MIDI, "MThd"),
    "header cut": (lambda raw: raw.file(NOTE)[:9], Reason.CUT, "9 of 14 bytes"),
    "track cut": (lambda raw: raw.file(NOTE)[:-6], Reason.CUT, "track 0 is cut"),
    "tracks missing": (lambda raw: raw.header(2) + track(NOTE), Reason.CUT, "1 of the 2 tracks"),
    "no tracks": (lambda raw: raw.header(0), Reason.EMPTY, "no notes"),
    "event cut": (lambda raw: raw.header() + track(NOTE[:3]), Reason.CUT, "ends inside an event"),
    "type 2": (lambda raw: raw.file(NOTE, kind=2), Reason.TYPE, "type 2"),
    "SMPTE": (lambda raw: raw.file(NOTE, division=-7640), Reason.DIVISION, "SMPTE"),
    "division 0": (lambda raw: raw.file(NOTE, division=0), Reason.DIVISION, "0 ticks"),
    "running status without a status": (lambda raw: raw.file(b"\x00\x3c\x50"), Reason.BROKEN, "running status"),
    "data byte too large": (lambda raw: raw.file(b"\x00\x90\x3c\xf0"), Reason.BROKEN, "above 127"),
    "program too large": (lambda raw: raw.file(b"\x00\xc0\x90"), Reason.BROKEN, "above 127"),
    "undefined status": (lambda raw: raw.file(b"\x00\xf5"), Reason.BROKEN, "F5"),
    "delta of five bytes": (lambda raw: raw.file(b"\x80\x80\x80\x80\x00\x90\x3c\x50"), Reason.BROKEN, "more than 4 bytes"),
    "meta event longer than its track": (lambda raw: raw.file(b"\x00\xff\x01\x7f"), Reason.CUT, "ends inside an event"),
    "no notes": (lambda raw: raw.file(b""), Reason.EMPTY, "no notes"),
    "notes without an end": (lambda raw: raw.file(NOTE[:4] * 3), Reason.UNENDED, "none of its 3 notes"),
    "tempo 0": (lambda raw: raw.file(b"\x00\xff\x51\x03\x00\x00\x00" + NOTE), Reason.TEMPO, "tempo of 0"),
    "tempo of two bytes": (lambda raw: raw.file(b"\x00\xff\x51\x02\x07\x00" + NOTE), Reason.BROKEN, "2 bytes"),
    "huge times": (lambda raw: raw.file(NOTE[:4] + b"\xff\xff\xff\x7f\x80\x3c\x00"), Reason.TIME, "559,240 quarters"),
    "far too many days": (lambda raw: raw.file(raw.tempo(4) + NOTE[:4] + b"\xd3i\x80<\0", division=1), Reason.TIME, "935 s"),
    "far too many bars": (lambda raw: raw.file(NOTE[:4] + b"\x86\x8d\x20\x80<\0", division=1), Reason.LARGE, "25,000 bars"),
    "a million notes": (lambda raw: raw.file(many(1_000_000)), Reason.LARGE, "2,000,000 messages"),
    "too many notes": (lambda raw: raw.file(many(250_001)), Reason.LARGE, "250,001 notes"),
    "too many bytes": (lambda raw: raw.file(bytes(smf.MAX_BYTES)), Reason.LARGE, "8 MiB"),
    "a meter of 7/8": (lambda raw: raw.file(raw.meter(7, 8) + NOTE), Reason.METER, "7/8"),
    "drums alone": (lambda raw: raw.file(raw.notes((0, 480, 36), channel=9)), Reason.KIND, "1 note of drums"),
    "pitches out of range": (lambda raw: raw.file(raw.notes((0, 9, 5), (9, 18, 120))), Reason.RANGE, "2 notes out of range"),
    "one bar": (lambda raw: raw.file(NOTE), Reason.SHORT, "shorter than 2 bars"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_refused_with_its_reason(raw, what: str) -> None:
    make, reason, line = BAD[what]
    data = make(raw)
    with pytest.raises(Rejected) as refused:
        read_found(File(Path("x.mid"), content=data), Music())
    assert "\n" not in str(refused.value)
    found = inspected("x.mid", data, Setting())
    assert found.windows == 0
    assert any(re.search(line, told) for told in found.lines)
    assert reason in {loss.reason for loss in (*found.losses, *(loss for t in found.tracks for loss in t.losses))}


def test_a_melody_where_drums_are_wanted(raw) -> None:
    found = inspected("x.mid", raw.file(NOTE), Setting(), "drums")
    assert found.windows == 0
    assert [(loss.reason, loss.count) for loss in found.tracks[0].losses] == [(Reason.KIND, 1)]
    assert found.lines[1].endswith("1 note of a pitched instrument")


def test_a_chunk_that_is_not_a_track_is_passed_over(raw) -> None:
    data = raw.header() + struct.pack(">4sL", b"XFIH", 3) + b"abc" + track(NOTE)
    assert len(midi.read(data).onset) == 1


@pytest.mark.parametrize("said", [0, 1, 2, 3])
def test_all_tracks_are_read_whatever_the_header_promises(raw, said):
    data = raw.header(said) + track(NOTE) + track(NOTE.replace(b"\x3c", b"\x40")) + track(NOTE.replace(b"\x3c", b"\x43"))
    assert midi.read(data).pitch.tolist() == [0x3C, 0x40, 0x43]
    told = inspected("a.mid", data, Setting()).lines[0]
    assert (f"all 3 tracks are read, though its header promises {said}" in told) == (said < 3)
    for junk in (b"\0" * 9, b"MTrk\0\0\0\7abc", track(NOTE[:3]), b"MTrk"):
        assert midi.read(data + junk).pitch.tolist() == [0x3C, 0x40, 0x43]


def test_memory_stays_bounded(raw) -> None:
    """The largest file that is read, and the most messages, take less than 512 MiB; a silent day less still."""
    crowded = raw.file(many(249_000))
    long = raw.file(*(NOTE[:4] + smf.number(480 * 4 * 5000) + b"\x80\x3c\x00" for _ in range(300)))
    tracemalloc.start()
    for data in (crowded, long):
        for kind in report.KINDS:
            inspected("large.mid", data, Setting())
            assert tracemalloc.get_traced_memory()[1] < 512 << 20, kind
    tracemalloc.stop()


# -- fuzzing: only Rejected may come out ------------------------------------------------------------------------------

SETTINGS = [Setting(), Setting(16, steps_per_bar=12), Setting(1, "magenta", programs=(0, 31))]


def survives(data: bytes, setting: Setting) -> None:
    with contextlib.suppress(Rejected):
        score = midi.read(data)
        assert (score.offset > score.onset).all()
        for kind, windows in report.KINDS.items():
            found = windows(score, setting)
            assert (setting.steps if kind != "band" else multitrack.NOTES) in found.tokens.shape[1:]
            least, most = (0, 511) if found.tokens.ndim == 2 else (-groove.FINEST, groove.FINEST)
            assert found.tokens.min(initial=0) >= least
            assert found.tokens.max(initial=0) <= most


byte = st.integers(0, 255)
number = st.integers(0, 0x0FFFFFFF).map(smf.number)
message = st.one_of(
    st.tuples(st.integers(0x80, 0xEF), byte, byte).map(bytes),
    st.tuples(st.integers(0x90, 0x99), st.integers(30, 50), st.integers(0, 127)).map(bytes),
    st.tuples(st.integers(0xC0, 0xCF), st.integers(0, 127)).map(bytes),
    st.tuples(st.integers(0, 8), st.integers(0, 6)).map(lambda m: bytes([0xFF, 0x58, 4, *m, 24, 8])),
    st.binary(min_size=3, max_size=3).map(b"\xff\x51\x03".__add__),
    st.tuples(byte, st.binary(max_size=5)).map(lambda m: bytes([0xFF, m[0], len(m[1])]) + m[1]),
    st.binary(max_size=4),
)
delta = st.one_of(st.sampled_from([b"\x00", b"\x60", b"\x81\x70", b"\x8f\x00"]), number)
body = st.lists(st.tuples(delta, message).map(b"".join), max_size=40).map(b"".join)


@given(st.binary(max_size=400), st.sampled_from(SETTINGS))
@settings(max_examples=500)
def test_arbitrary_bytes(data: bytes, setting: Setting) -> None:
    survives(data, setting)
    survives(b"MThd\x00\x00\x00\x06" + data, setting)


@given(st.lists(body, min_size=1, max_size=4), st.integers(1, 0x7FFF), st.sampled_from(SETTINGS))
@settings(max_examples=2000)
def test_made_up_tracks(bodies: list[bytes], division: int, setting: Setting) -> None:
    survives(struct.pack(">4sLHHh", b"MThd", 6, 1, len(bodies), division) + b"".join(map(track, bodies)), setting)


@pytest.mark.parametrize(
    "archive, every", [("nottingham-midi.zip", 1500), ("groove-midionly.zip", 500), ("karaoke-midi.zip", 100)]
)
def test_flipped_bytes_of_real_files(real, archive: str, every: int) -> None:
    """300 copies of each file, each with 1 to 6 places changed; a third of them can still be read."""
    random = np.random.default_rng(0)
    for _, data in real(archive, every=every):
        for i in range(300):
            survives(mutated(data, random), SETTINGS[i % 3])


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    made = bytearray(data)
    for _ in range(int(random.integers(1, 7))):
        at = int(random.integers(0, len(made) + 1)) - 1  # -1 is the last
        kind = random.random()
        if kind < 0.02:
            del made[at : at + int(random.integers(1, 9))]
        elif kind < 0.04:
            made[at:at] = random.bytes(int(random.integers(1, 9)))
        elif kind < 0.2:
            made[at : at + 1] = random.bytes(1)
        else:
            made[at : at + 1] = bytes([int(random.integers(0, 128))])  # more often a data byte or a delta that can be read
    return bytes(made)
