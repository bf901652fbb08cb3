"""Scores to windows and back: steps, bars and tokens that can be counted by hand, in both grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genae.data.examples import File
from genae.errors import GenaeError
from genae.recipe.parts import instantiate
from genae_music import drums, melody, midi, report, trio
from genae_music.quantise import Setting, quantise
from genae_music.reasons import Reason
from genae_music.score import Meter


def inspected(name: str, data: bytes, *options: object) -> report.FileReport:
    """Of a file in memory."""
    return report.inspect(File(Path(name), content=data), *options)


BEAT, STEP, BAR = 480, 120, 1920  # ticks
HOLD = 0


def lost(found) -> dict[str, int]:
    """Reason to how many."""
    return {loss.reason: len(loss.instrument) for loss in found.lost if len(loss.instrument)}


def tokens(*events: tuple[int, int], length: int = 32) -> list[int]:
    """Events (step, class) among holds."""
    line = [HOLD] * length
    for step, event in events:
        line[step] = event
    return line


# -- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", ["default", "magenta"])
def test_a_time_goes_to_the_nearest_step_and_halves_go_up(raw, grid: str) -> None:
    score = midi.read(raw.file(raw.notes((59, 61, 60), (60, 179, 62), (180, 181, 64), (240, 420, 65))))
    steps = quantise(score, Setting(grid=grid))
    assert steps.start.tolist() == [0, 1, 2, 2]
    assert steps.stop.tolist() == [1, 2, 3, 4]  # one step at least; 420 / 120 is 3.5


def test_magenta_cuts_at_a_change_of_tempo_and_the_default_does_not(raw) -> None:
    track = raw.tempo(120) + raw.tempo(90, wait=BAR)
    score = midi.read(raw.file(track, raw.notes(*((i * BEAT, i * BEAT + BEAT, 60 + i) for i in range(8)))))
    assert len(melody.windows(score, Setting()).tokens) == 1
    assert len(melody.windows(score, Setting(grid="magenta")).tokens) == 0
    assert quantise(score, Setting(grid="magenta")).piece.tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(
    "meter, unit16, unit12",
    [("4/4", 16, 0), ("2/4", 16, 0), ("1/4", 16, 0), ("2/2", 16, 0), ("8/4", 16, 0), ("3/4", 12, 12), ("6/8", 12, 12),
     ("3/8", 12, 12), ("12/8", 12, 12), ("3/2", 12, 12), ("5/4", 0, 0), ("7/8", 0, 0), ("9/8", 0, 0), ("0/4", 0, 0),
     ("1/64", 0, 0)],
)  # fmt: skip
def test_which_meters_a_grid_reads(meter: str, unit16: int, unit12: int) -> None:
    of = Meter(0, *map(int, meter.split("/")))
    assert Setting().unit(of) == unit16
    assert Setting(triple=False).unit(of) == (unit16 if unit16 == 16 else 0)
    assert Setting(steps_per_bar=12).unit(of) == unit12
    assert Setting(grid="magenta").unit(of) == (16 if meter in ("4/4", "2/2") else 0)


@pytest.mark.parametrize(
    "wrong", [{"grid": "fine"}, {"steps_per_bar": 24}, {"steps_per_bar": 12, "grid": "magenta"}, {"bars": 0}]
)
def test_an_impossible_setting_is_refused(wrong) -> None:
    with pytest.raises(GenaeError, match=r"grid|steps_per_bar|bars"):
        instantiate("domain", {"name": "music", **wrong})


def test_a_short_bar_before_the_meter_is_an_anacrusis(raw) -> None:
    track = raw.meter(1, 4) + raw.meter(4, 4, wait=BEAT)
    played = [(0, BEAT, 67), *((BEAT + i * BEAT, 2 * BEAT + i * BEAT, 60) for i in range(8))]
    found = melody.windows(midi.read(raw.file(track, raw.notes(*played))), Setting())
    g, c = 67 - 19, 60 - 19
    assert found.tokens.tolist() == [
        tokens((12, g), *((s, c) for s in (16, 20, 24, 28))),  # the upbeat on the last quarter of a bar of its own
        tokens(*((s, c) for s in range(0, 32, 4))),
    ]


def test_a_meter_said_again_off_its_bar_line_begins_a_bar(raw) -> None:
    track = raw.meter(4, 4) + raw.meter(4, 4, wait=3 * BEAT)
    steps = quantise(midi.read(raw.file(track, raw.notes((0, BEAT, 60), (3 * BEAT, 4 * BEAT, 62)))), Setting())
    assert steps.start.tolist() == [4, 16]


def test_six_eight_on_bars_of_twelve(raw) -> None:
    bar = 3 * BEAT
    data = raw.file(raw.meter(6, 8), raw.notes(*((i * bar, i * bar + bar, 60 + i) for i in range(3))))
    twelve = melody.windows(midi.read(data), Setting(steps_per_bar=12)).tokens
    assert twelve.tolist() == [tokens((0, 41), (12, 42), length=24), tokens((0, 42), (12, 43), length=24)]
    sixteen = melody.windows(midi.read(data), Setting()).tokens  # 32 steps from a bar line
    assert sixteen.tolist() == [tokens((0, 41), (12, 42), (24, 43))]
    assert lost(melody.windows(midi.read(data), Setting(triple=False))) == {Reason.METER: 3}


# -- melody -----------------------------------------------------------------------------------------------------------


def test_the_highest_note_counts_and_the_next_one_ends_it(raw) -> None:
    score = midi.read(
        raw.file(raw.notes((0, BAR, 60), (0, BEAT, 64), (BEAT, 2 * BAR, 62), (2 * BEAT, 3 * BEAT, 60), (BAR, BAR + 1, 21)))
    )
    found = melody.windows(score, Setting())
    assert found.tokens.tolist() == [tokens((0, 45), (4, 43), (8, 41), (12, 1), (16, 2), (17, 1))]
    assert lost(found) == {Reason.POLYPHONY: 1}


def test_a_silent_first_bar_is_kept_by_default_alone(raw) -> None:
    score = midi.read(raw.file(raw.notes((BAR + BEAT, 2 * BAR, 60))))
    assert melody.windows(score, Setting()).tokens.tolist() == [tokens((20, 41))]
    assert lost(melody.windows(score, Setting(grid="magenta"))) == {Reason.SHORT: 1}


def test_a_note_held_into_a_window_is_silent_there(raw) -> None:
    score = midi.read(raw.file(raw.notes((0, BAR + BEAT, 60), (2 * BAR, 3 * BAR, 62))))
    first = tokens((0, 41), (20, 1))
    assert melody.windows(score, Setting()).tokens.tolist() == [first, tokens((16, 43))]
    assert melody.windows(score, Setting(grid="magenta")).tokens.tolist() == [first, tokens((16, 43))]


def test_a_bar_of_silence_ends_a_passage(raw) -> None:
    score = midi.read(raw.file(raw.notes((0, BAR, 60), (2 * BAR, 4 * BAR, 62))))
    found = melody.windows(score, Setting())
    assert found.tokens.tolist() == [tokens((0, 43))]
    assert lost(found) == {Reason.SHORT: 1}


def test_notes_outside_the_piano_or_the_programs_are_not_used(raw) -> None:
    score = midi.read(raw.file(raw.notes((0, BAR, 20), (BAR, 2 * BAR, 109)), b"\x00\xc0\x28" + raw.notes((0, 2 * BAR, 60))))
    found = melody.windows(score, Setting(programs=(0, 31)))
    assert len(found.tokens) == 0
    assert lost(found) == {Reason.PROGRAM: 1, Reason.RANGE: 2}


def test_a_melody_is_looked_for_by_name_and_by_what_it_is_like(raw) -> None:
    def named(name: bytes) -> bytes:
        return b"\x00\xff\x03" + bytes([len(name)]) + name

    chords = raw.notes(*((i * BEAT, (i + 1) * BEAT, p) for i in range(16) for p in (60, 64, 67)))
    tune = raw.notes(*((i * BEAT, (i + 1) * BEAT, 72 + i % 5) for i in range(12)))
    bass = b"\x00\xc0\x21" + raw.notes(*((i * BEAT, (i + 1) * BEAT, 40) for i in range(16)))
    for names, tracks, first, why in (
        ((b"", b"", b""), "melody", 72, "an unnamed track, heard in the most bars with single notes"),
        ((b"Vocal", b"b", b"c"), "melody", 67, "Vocal, by its name"),
        ((b"a", b"b", b"c"), "C", 40, ""),
    ):
        data = raw.file(*(named(n) + track for n, track in zip(names, (chords, tune, bass), strict=True)))
        found = melody.windows(midi.read(data), Setting(tracks=tracks))
        assert len(found.tokens)
        assert {int(window[0]) + 19 for window in found.tokens[:1]} == {first}
        assert len(set(found.instrument.tolist())) == 1
        assert lost(found)[Reason.TRACK] > 20
        assert why in inspected("a.mid", data, Setting(tracks=tracks)).lines[0]
    assert lost(melody.windows(midi.read(data), Setting(tracks="flute"))) == {Reason.TRACK: 48 + 12 + 16}


def test_a_melodys_notes_tempo_program_and_velocity_are_kept(raw) -> None:
    line = np.array(tokens((2, 41), (6, 1), (10, 43), (16, 43), (31, 89)), np.uint8)
    score = midi.read(midi.write(melody.score(line, tempo=97, program=73, velocity=101)))
    assert (score.onset // STEP).tolist() == [2, 10, 16, 31]
    assert (score.offset // STEP).tolist() == [6, 16, 31, 32]
    assert score.pitch.tolist() == [60, 62, 62, 108]
    assert set(score.velocity.tolist()) == {101}
    assert score.instruments[0].program == 73
    assert score.tempo(0) == pytest.approx(97, rel=1e-6)
    assert score.length == 2 * BAR
    assert melody.windows(score, Setting()).tokens.tolist() == [line.tolist()]


@pytest.mark.parametrize("wrong", [{"tempo": 0}, {"tempo": float("nan")}, {"velocity": 0}, {"velocity": 128}, {"program": 128}])
def test_what_midi_cannot_say_is_refused(wrong) -> None:
    with pytest.raises(GenaeError, match=rf"domain\.{next(iter(wrong))} must be"):
        instantiate("domain", {"name": "music", **wrong})


# -- drums and trio ---------------------------------------------------------------------------------------------------


def test_drums_that_sound_alike_share_a_bit(raw) -> None:
    hits = ((0, 35), (0, 44), (STEP, 22), (BAR, 36), (BAR, 36), (BAR + STEP, 81))
    score = midi.read(raw.file(raw.notes(*((t, t + 30, p) for t, p in hits), channel=9)))
    found = drums.windows(score, Setting())
    assert found.tokens.tolist() == [tokens((0, 1 + 4), (1, 4), (16, 1), (17, 8))]
    assert drums.roll(found.tokens).sum() == 5
    assert drums.notes(found.tokens[0])[2].tolist() == [36, 42, 42, 36, 46]


def test_the_full_kit_tells_them_apart(raw) -> None:
    hits = ((0, 35), (0, 44), (BAR, 36), (BAR, 87), (BAR, 22))
    score = midi.read(raw.file(raw.notes(*((t, t + 30, p) for t, p in hits), channel=9)))
    found = drums.windows(score, Setting(), kit="full")
    assert len(drums.FULL) == 61
    assert drums.notes(found.tokens[0], "full")[2].tolist() == [35, 44, 36, 87]
    again = midi.read(midi.write(drums.score(found.tokens[0], kit="full")))
    assert drums.windows(again, Setting(), kit="full").tokens.tolist() == found.tokens.tolist()
    assert lost(found) == {Reason.RANGE: 1}


def test_a_trio_is_every_melody_with_every_bass_and_drums(raw) -> None:
    piano = raw.notes((0, 2 * BAR, 60))
    guitar = b"\x00\xc1\x18" + raw.notes((0, BAR, 72), (BAR, 2 * BAR, 74), channel=1)
    bass = b"\x00\xc2\x21" + raw.notes((0, 2 * BAR, 36), channel=2)
    kick = raw.notes((0, 30, 36), channel=9)
    for setting in (Setting(), Setting(grid="magenta")):
        found = trio.windows(midi.read(raw.file(piano, guitar, bass, kick)), setting)
        low, beat = tokens((0, 17)), tokens((0, 1))
        assert found.tokens.tolist() == [[tokens((0, 41)), low, beat], [tokens((0, 53), (16, 55)), low, beat]]
    missing = trio.windows(midi.read(raw.file(piano, kick)), Setting())
    assert len(missing.tokens) == 0
    assert lost(missing) == {Reason.PARTS: 2}


def test_a_part_that_is_silent_for_more_than_four_bars_is_no_part(raw) -> None:
    bass = b"\x00\xc2\x21" + raw.notes((0, 16 * BAR, 36), channel=2)
    kick = raw.notes(*((i * BAR, i * BAR + 30, 36) for i in range(16)), channel=9)
    for silent, count in ((4, 1), (5, 0)):
        tune = raw.notes((0, BAR, 60), ((silent + 1) * BAR, 16 * BAR, 62))
        assert len(trio.windows(midi.read(raw.file(tune, bass, kick)), Setting(16)).tokens) == count


def test_magenta_takes_a_thousand_bars_of_a_trio(raw) -> None:
    tune, bass = raw.notes((0, 16 * BAR, 60)), b"\x00\xc2\x21" + raw.notes((0, 16 * BAR, 36), channel=2)
    late = raw.notes((1030 * BAR, 1030 * BAR + 30, 36), channel=9)
    found = trio.windows(midi.read(raw.file(tune, bass, late)), Setting(grid="magenta"))
    assert found.tokens.tolist() == [[tokens((0, 41)), tokens((0, 17)), tokens()]]  # the first two bars are every part's


def test_a_trio_that_is_too_short_or_never_together_says_so(raw) -> None:
    bass = b"\x00\xc2\x21" + raw.notes((0, BAR, 36), channel=2)
    kick = raw.notes((0, 30, 36), channel=9)
    short = raw.file(raw.notes((0, BAR, 60)), bass, kick)
    apart = raw.file(raw.notes((24 * BAR, 32 * BAR, 60)), bass, kick)
    for grid in ("default", "magenta"):
        found = inspected("x.mid", short, Setting(grid=grid), "trio")
        assert found.windows == 0
        assert any("shorter than 2 bars" in line for line in found.lines)
        assert len(trio.windows(midi.read(apart), Setting(16, grid)).tokens) == 0
