"""MIDI bytes to notes and back: pairs that can be checked by hand, and pretty_midi's reading of real files."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from genae_music import midi
from genae_music.score import Instrument, Meter, Score, Tempo


def rows(score: Score) -> list[tuple[int, ...]]:
    """(instrument, onset, end, pitch, velocity) of every note, in ticks."""
    columns = (score.instrument, score.onset, score.offset, score.pitch, score.velocity)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def test_running_status_and_a_note_on_without_velocity_as_note_off(raw) -> None:
    track = bytes.fromhex("00 90 3C 50  60 3C 00  00 3E 51  60 3E 00")
    assert rows(midi.read(raw.file(track))) == [(0, 0, 96, 60, 80), (0, 96, 192, 62, 81)]


def test_running_status_goes_on_after_a_meta_event_but_not_after_a_system_one(raw) -> None:
    meta = bytes.fromhex("00 90 3C 50  10 FF 01 01 41  10 3C 00")
    assert rows(midi.read(raw.file(meta))) == [(0, 0, 32, 60, 80)]
    with pytest.raises(midi.Unusable, match="running status"):
        midi.read(raw.file(bytes.fromhex("00 90 3C 50  10 F0 01 F7  10 3C 00")))


def test_deltas_of_one_to_four_bytes(raw) -> None:
    track = bytes.fromhex("7F 90 3C 50  81 00 3C 00  81 80 00 3E 50  81 80 80 00 3E 00")
    assert [row[1:3] for row in rows(midi.read(raw.file(track)))] == [(127, 255), (255 + 16384, 255 + 16384 + 2097152)]


def test_one_note_off_ends_all_notes_of_its_pitch(raw) -> None:
    track = bytes.fromhex("00 90 3C 50  10 3C 51  10 3C 00  10 3C 00")
    assert rows(midi.read(raw.file(track))) == [(0, 0, 32, 60, 80), (0, 16, 32, 60, 81)]


def test_a_note_that_begins_where_another_ends_goes_on(raw) -> None:
    track = bytes.fromhex("00 90 3C 50  10 3C 51  00 3C 00  10 3C 00")  # on, on, off at the same tick, off
    assert rows(midi.read(raw.file(track))) == [(0, 0, 16, 60, 80), (0, 16, 32, 60, 81)]


def test_a_note_that_ends_at_once_is_left_out(raw) -> None:
    track = bytes.fromhex("00 90 3C 50  00 3C 00  10 3E 50  10 3E 00")
    score = midi.read(raw.file(track))
    assert rows(score) == [(0, 16, 32, 62, 80)]
    assert score.unended == 1


def test_a_drums_hit_needs_no_end(raw) -> None:
    """Its end is never used: of kick, snare and hat one lasts, one ends at once, one never ends; Magenta has the first."""
    hits = bytes.fromhex("00 99 24 50  10 89 24 00  10 99 26 51  00 89 26 00  10 99 2A 52")
    assert rows(midi.read(raw.file(hits))) == [(0, 0, 16, 36, 80), (0, 32, 33, 38, 81), (0, 48, 49, 42, 82)]
    assert midi.read(raw.file(hits)).unended == 0
    assert rows(midi.read(raw.file(hits), magenta=True)) == [(0, 0, 16, 36, 80)]
    assert midi.read(raw.file(hits), magenta=True).unended == 2


@pytest.mark.parametrize("division", [1, 24, 480, 10080, 32767])
def test_a_long_song_is_one_at_any_resolution(raw, division: int) -> None:
    """250 bars, 500 seconds: https://github.com/craffel/pretty-midi/issues/112."""
    played = [(i * division, (i + 1) * division, 60 + i % 12) for i in range(1000)]
    score = midi.read(raw.file(raw.notes(*played), division=division))
    assert len(score.onset) == 1000
    assert score.seconds(np.array([score.length]))[0] == pytest.approx(500)


def test_silence_after_the_last_note_is_no_fault(raw) -> None:
    played = raw.notes((0, 480, 60)) + b"\xff\xff\xff\x7f\xff\x01\x00"  # 559,240 quarters later a text
    assert midi.read(raw.file(played)).length == 480 + midi.SILENCE * 480


def kit(bank: int, channel: int = 2) -> bytes:
    """A bank, and program 1 of it."""
    return bytes([0, 0xB0 | channel, 0, bank, 0, 0xC0 | channel, 0])


def system(*body: int) -> bytes:
    return bytes([0, 0xF0, len(body) + 1, *body, 0xF7])


XG_ON, GS_RESET = system(0x43, 0x10, 0x4C, 0, 0, 0x7E, 0), system(0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41)


@pytest.mark.parametrize(
    "said, channel, drums",
    [
        (b"", 2, False), (b"", 9, True),
        (kit(127), 2, True), (kit(126), 2, True), (kit(120), 2, True), (kit(127) + kit(0), 2, False), (kit(8), 2, False),
        (kit(0, 9), 9, True), (kit(121, 9), 9, False), (XG_ON + kit(0, 9), 9, False), (XG_ON + kit(127, 9), 9, True),
        (XG_ON + kit(127), 2, True), (XG_ON, 9, True), (GS_RESET + kit(127), 2, False), (GS_RESET + kit(8, 9), 9, True),
        (system(0x43, 0x10, 0x4C, 0x08, 2, 7, 2), 2, True), (system(0x43, 0x10, 0x4C, 0x08, 9, 7, 0), 9, False),
        (GS_RESET + system(0x41, 0x10, 0x42, 0x12, 0x40, 0x13, 0x15, 2, 0x16), 2, True),
        (system(0x41, 0x10, 0x42, 0x12, 0x40, 0x13, 0x15, 1, 0x17), 3, False),
        (system(0x41, 0x10, 0x42, 0x12, 0x40, 0x1A, 0x15, 1, 0x10), 10, True),
        (system(0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0x1B), 9, False),
    ],
)  # fmt: skip
def test_which_parts_are_drums(raw, said: bytes, channel: int, drums: bool) -> None:
    """Yamaha MU50, Roland SC-88 and SD-80, owner's manuals; pretty_midi has channel 10 alone."""
    apart = raw.file(said, raw.notes((0, 480, 38), channel=channel))
    for data in (apart, raw.file(said + raw.notes((0, 480, 38), channel=channel))):
        assert [i.is_drum for i in midi.read(data).instruments] == [drums]
        assert [i.is_drum for i in midi.read(data, magenta=True).instruments] == [channel == 9]


def test_a_part_is_drums_from_where_it_is_said(raw) -> None:
    one, two = raw.notes((0, 480, 60), channel=2), raw.notes((0, 480, 38), channel=2)
    score = midi.read(raw.file(one + kit(127) + two + kit(0) + one))
    assert score.drums().tolist() == [False, False, True]  # by instrument
    assert score.onset.tolist() == [0, 960, 480]


def test_an_instrument_is_program_channel_and_track(raw) -> None:
    track = bytes.fromhex("00 FF 03 01 41  00 C0 05  00 90 3C 50  10 C0 07  10 80 3C 00  00 99 24 50  10 89 24 00")
    score = midi.read(raw.file(track, raw.notes((0, 10, 60))))
    assert score.instruments == (Instrument(7, False, "A"), Instrument(0, True, "A"), Instrument(0, False, ""))


def test_seconds_follow_the_tempo(raw) -> None:
    score = midi.read(raw.file(raw.tempo(120) + raw.tempo(60, wait=480) + raw.notes((0, 480, 60), (480, 960, 62))))
    assert score.seconds(np.array([0, 240, 480, 960, 1440])).tolist() == [0, 0.25, 0.5, 1.5, 2.5]
    assert [score.tempo(tick) for tick in (-1, 0, 479, 480, 1e9)] == [120, 120, 120, 60, 60]
    assert score.ticks(np.array([0, 0.25, 0.5, 1.5, 2.5])).tolist() == [0, 240, 480, 960, 1440]


def test_a_score_that_is_written_is_read_again() -> None:
    n = [np.array(c) for c in ([0, 0, 1, 2], [0, 120, 0, 240], [120, 240, 480, 241], [60, 60, 36, 40], [1, 127, 64, 80])]
    players = (Instrument(73, False, "Flöte"), Instrument(0, True, "drums"), Instrument(33, False, ""))
    score = Score(480, players, *n, (Tempo(0, 96.0), Tempo(480, 240.0)), (Meter(0, 3, 4), Meter(1440, 6, 8)), 2880)
    again = midi.read(midi.write(score))
    assert again.instruments == players
    assert rows(again) == rows(score)
    assert again.meters == score.meters
    assert [t.tick for t in again.tempos] == [0, 480]
    assert [t.qpm for t in again.tempos] == pytest.approx([96, 240], rel=1e-6)
    assert again.length == 2880


@pytest.mark.parametrize(
    "archive, every", [("nottingham-midi.zip", 250), ("groove-midionly.zip", 100), ("karaoke-midi.zip", 40)]
)
def test_the_notes_of_real_files_are_pretty_midis(real, archive: str, every: int) -> None:
    pretty_midi = pytest.importorskip("pretty_midi", reason="pretty_midi is not installed: pip install genae[test]")
    for name, data in real(archive, every=every):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pretty_midi.PrettyMIDI(io.BytesIO(data))
        ours = midi.read(data, magenta=True)
        seconds = np.stack([ours.seconds(ours.onset), ours.seconds(ours.offset)])
        assert len(ours.instruments) == len(theirs.instruments), name
        for i, instrument in enumerate(theirs.instruments):
            assert ours.instruments[i] == (instrument.program, instrument.is_drum, instrument.name)
            mine = ours.instrument == i
            want = sorted(((n.start, n.end, n.pitch, n.velocity) for n in instrument.notes), key=lambda note: note[0])
            got = list(zip(*seconds[:, mine].tolist(), ours.pitch[mine].tolist(), ours.velocity[mine].tolist(), strict=True))
            assert got == want, f"{name}, instrument {i}"
