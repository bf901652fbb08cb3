"""What other people's bug reports were about, with the values that are right: bytes and steps by hand."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from genae.data.examples import File
from genae_cli.main import cli
from genae_music import melody, midi
from genae_music.domain import Music
from genae_music.quantise import Setting
from genae_music.report import inspect

TUNE = ((60, 2), (62, 2), (64, 2), (65, 2), (67, 4), (64, 4), (65, 2), (64, 2), (62, 2), (60, 2), (62, 4), (60, 4))
TOKENS = [41, 0, 43, 0, 45, 0, 46, 0, 48, 0, 0, 0, 45, 0, 0, 0, 46, 0, 45, 0, 43, 0, 41, 0, 43, 0, 0, 0, 41, 0, 0, 0]


def sung(tune, start: int = 0, step: int = 120, gap: int = 0) -> list[tuple[int, int, int]]:
    """(pitch, sixteenths) one after the other to (onset, end, pitch) in ticks."""
    made, at = [], start
    for pitch, steps in tune:
        made.append((at, at + steps * step - gap, pitch))
        at += steps * step
    return made


def quarters(*pitches: int) -> list[int]:
    """A quarter each, 0 a rest, as tokens."""
    return [token for pitch in pitches for token in (pitch and pitch - 19, 0, 0, 0)]


def read(data: bytes, **options) -> list[list[int]]:
    return sorted(Music(**options).read(File(Path("a.mid"), content=data)).x.tolist())


@pytest.mark.parametrize("grid", ["default", "magenta"])
@pytest.mark.parametrize("division, beats", [(480, 1000), (10080, 1000), (32767, 320)])
def test_a_resolution_says_nothing_of_time(raw, division: int, beats: int, grid: str) -> None:
    """MAPS has 32767 ticks a quarter; note_seq sets pretty_midi's bound to 10¹⁰ for such: three windows, whatever it is."""
    tune = sung([(60 + i * 7 % 12, 4) for i in range(beats)], step=division // 4, gap=division // 20)
    data = raw.file(raw.tempo(120) + raw.meter(4, 4), raw.notes(*tune), division=division)
    pattern = [[60 + i * 7 % 12 for i in range(bar, bar + 8)] for bar in (0, 4, 8)]
    found = [[token for token in window if token != 1] for window in read(data, grid=grid)]
    assert [[t + 19 for t in window if t] for window in found] == sorted(pattern)


@pytest.mark.parametrize(
    "changes, start, tempo",
    [
        (((0, 120), (0, 90)), 0, 90),  # of two at once the last holds
        (((3600, 60),), 0, 120),  # none reaches back: https://github.com/magenta/magenta/pull/512
        (((0, 60), (7680, 150)), 7680, 150),  # that of the bar where the notes are
        (((0, 100), (960, 140)), 480, 100),
        ((), 0, 120),
        (((0, 2),), 0, 4),  # slower than can be written
    ],
)
def test_the_tempo_is_that_of_the_first_note(raw, changes, start: int, tempo: int) -> None:
    before, events = 0, b""
    for tick, qpm in changes:
        events += midi.smf.number(tick - before) + b"\xff\x51\x03" + min(round(6e7 / qpm), 0xFFFFFF).to_bytes(3, "big")
        before = tick
    data = raw.file(events, raw.notes(*sung(TUNE, start)))
    assert Music().style(File(Path("a.mid"), content=data))["tempo"] == pytest.approx(tempo, rel=1e-6)


@pytest.mark.parametrize("kind, key, played", [("drums", 36, 9), ("trio", 60, 0)])
def test_the_tempo_of_other_kinds(raw, kind: str, key: int, played: int) -> None:
    bars = ((i * 1920 + 7680, i * 1920 + 9600, key) for i in range(4))
    band = [raw.notes(*bars, channel=played)]
    if kind == "trio":
        band += [b"\x00\xc2\x21" + raw.notes((7680, 15360, 36), channel=2), raw.notes((7680, 7700, 36), channel=9)]
    data = raw.file(raw.tempo(60) + raw.tempo(150, wait=7680), *band)
    assert Music(kind=kind).style(File(Path("a.mid"), content=data))["tempo"] == 150


def test_odd_events_change_no_note(raw) -> None:
    """A name in Shift-JIS, keys of 18 flats and 8 sharps, an SMPTE offset, exclusive messages, bends, pressure, a pedal."""
    meta = [
        b"\xff\x03\x04\x89\xb9\x8ay", b"\xff\x59\x02\xee\x01", b"\xff\x59\x02\x08\x00", b"\xff\x54\x05\x60\x00\x03\x00\x00",
        b"\xff\x05\x04la\xe9 ", b"\xf0\x05\x7e\x7f\x09\x01\xf7", b"\xc0\x05", b"\xe0\x00\x40", b"\xf0\x03\x43\x10\xf7",
        b"\xb0\x40\x7f", b"\xd0\x32", b"\xa0\x3c\x14",
    ]  # fmt: skip
    tune = raw.notes(*sung(TUNE))
    data = raw.file(raw.tempo(120) + raw.meter(4, 4), b"".join(b"\x00" + event for event in meta) + tune)
    assert read(data) == [TOKENS]
    assert inspect(File(Path("a.mid"), content=data), Setting()).tracks[0].program == 5


def test_running_status_with_notes_on_of_velocity_0(raw) -> None:
    ends = sorted([(on, 1, p, 80) for on, _, p in sung(TUNE)] + [(off, 0, p, 0) for _, off, p in sung(TUNE)])
    body, now = b"", 0
    for tick, _, pitch, velocity in ends:
        body += midi.smf.number(tick - now) + (b"" if body else b"\x90") + bytes([pitch, velocity])
        now = tick
    assert read(raw.file(body, kind=0)) == [TOKENS]


def test_a_pickup_lies_at_the_end_of_a_bar(raw) -> None:
    """A beat of 1/4 before 4/4: https://github.com/musescore/MuseScore/issues/31535."""
    tune = sung(((67, 4), (60, 4), (62, 4), (64, 4), (65, 4), (67, 8), (60, 8)))
    data = raw.file(raw.meter(1, 4) + raw.meter(4, 4, wait=480), raw.notes(*tune))
    halves = [67 - 19, *[0] * 7, 60 - 19, *[0] * 7]
    assert read(data) == sorted([quarters(0, 0, 0, 67, 60, 62, 64, 65), quarters(60, 62, 64, 65) + halves])


def test_meters_are_cut_on_their_own_bar_lines(raw) -> None:
    four, three, low = (60, 62, 64, 65) * 2, (72, 74, 76) * 4, (48, 50, 52, 53) * 2
    tune = sung([(pitch, 4) for pitch in (*four, *three, *low)])
    data = raw.file(raw.meter(4, 4) + raw.meter(3, 4, wait=3840) + raw.meter(4, 4, wait=5760), raw.notes(*tune))
    assert read(data) == sorted([quarters(*four), quarters(*three[:8]), quarters(*low)])


@pytest.mark.parametrize("grid", ["default", "magenta"])
def test_a_pitch_struck_while_it_sounds(raw, grid: str) -> None:
    """On 0, on 480, off 500, off 960: the first note-off ends both, as in what MusicVAE was trained on."""
    ticks = ((0, 0x90, 60), (480, 0x90, 60), (20, 0x80, 60), (460, 0x80, 60), (480, 0x90, 62), (2400, 0x80, 62))
    body = b"".join(midi.smf.number(wait) + bytes([status, pitch, 80]) for wait, status, pitch in ticks)
    line = quarters(60, 60, 0, 62, 0, 0, 0, 0)
    line[5] = 1
    assert read(raw.file(raw.tempo(120) + raw.meter(4, 4), body), grid=grid) == [line]


def test_a_rest_at_a_windows_beginning_is_one_in_a_longer_tune() -> None:
    first, second = torch.zeros(32), torch.zeros(32)
    first[28], second[16] = 60 - 19, 64 - 19
    on, off, pitch = melody.notes(Music().join(torch.stack([first, second])).numpy().astype(np.uint8))
    assert list(zip(on.tolist(), (off - on).tolist(), pitch.tolist(), strict=True)) == [(28, 4, 60), (48, 16, 64)]


def test_the_command_line_reads_them_too(raw, tmp_path: Path) -> None:
    """A type-0 file with a track of its own, by `genae data tokens`."""
    tune = raw.meter(4, 4) + raw.notes(*sung(TUNE))
    (tmp_path / "a.mid").write_bytes(raw.file(tune, kind=0, division=480))
    fine = raw.file(raw.meter(4, 4) + raw.notes(*sung(TUNE, step=8191)), kind=0, division=32764)
    (tmp_path / "b.mid").write_bytes(fine)
    assert struct.unpack_from(">h", fine, 12) == (32764,)
    told = CliRunner().invoke(cli, ["data", "tokens", str(tmp_path), "--preset", "melody-2bar", "--json"])
    assert json.loads(told.stdout) == {"a.mid": [TOKENS], "b.mid": [TOKENS]}
