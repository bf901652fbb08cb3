"""The composed songs: repeatable, readable, and music by the rules that a textbook has."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import pairwise

import mido
import numpy as np
import pretty_midi
import pytest

from genae.data.examples import SPLITS, File, Split
from genae.errors import GenaeError
from genae_datasets.composer.dice import Dice
from genae_datasets.composer.harmony import PROGRESSIONS, SCALES, Chord, Key, chord, progression
from genae_datasets.composer.melody import BAR, RANGE, cheapest, moves_of, rhythm
from genae_datasets.composer.song import Song
from genae_datasets.composer.styles import FILL, LOUDNESS, PITCHES, STYLES
from genae_datasets.tunes import SIZES, Tunes, song_of, tunes
from genae_music import figures, midi, report
from genae_music.quantise import Setting


def made(name: str) -> Split:
    return tunes.split(name)


@cache
def songs() -> list[Song]:
    return [song_of(0, "train", i) for i in range(SIZES["train"])]


def content(file: File) -> bytes:
    return file.read()


def tones(song: Song, onset: int) -> set[int]:
    """Pitch classes of the chord at a step."""
    now = song.chords[onset // 8]
    positions = np.array(now.degrees)
    return {int(p) % 12 for position in positions for p in song.key.pitch(position[None], np.array([now.dominant]))}


# -- as data ----------------------------------------------------------------------------------------------------------


def test_sizes_names_and_balance() -> None:
    for name in SPLITS:
        split = made(name)
        assert split.classes == ("ballad", "bossa", "disco", "funk", "march", "reggae", "rock")
        assert set(Counter(file.label for file in split.files).values()) == {SIZES[name] // 7}
        assert len({file.name for file in split.files}) == SIZES[name]
        assert split.files[0].path.as_posix() == f"tunes/{name}-0001.mid"


def test_no_song_is_there_twice() -> None:
    every = [content(file) for name in SPLITS for file in made(name).files]
    assert len(set(every)) == len(every) == 756
    melodies = {song.melody[:, :3].tobytes() for song in songs()}
    assert len(melodies) == 630


def test_the_same_everywhere() -> None:
    """Pinned: a change of these songs is a change of what people measured on them."""
    found = hashlib.sha256(b"".join(content(file) for file in made("test").files)).hexdigest()
    assert found == "012406f28290719a334ff5ba044da3ec8e0c7bbf78af86ad378b880f8a860d2a"


def test_the_same_in_another_process_and_by_seed() -> None:
    code = "import sys; from genae_datasets.tunes import tunes; sys.stdout.buffer.write(tunes.split('valid').files[-1].read())"
    environment = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
    assert done.stdout == content(made("valid").files[-1])
    others = {content(file) for file in Tunes(seed=1).split("valid").files}
    assert not others & {content(file) for file in made("valid").files}


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(GenaeError, match="no split 'training'; known: test, train, valid"):
        tunes.split("training")


# -- as MIDI ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("i", range(0, 630, 37))
def test_another_reader_hears_what_was_composed(i: int) -> None:
    song, file = songs()[i], made("train").files[i]
    heard = pretty_midi.PrettyMIDI(io.BytesIO(content(file)))
    assert [(i.name, i.program, i.is_drum) for i in heard.instruments] == [
        ("melody", song.programs[0], False), ("bass", song.programs[1], False), ("drums", 0, True),
    ]  # fmt: skip
    (meter,) = heard.time_signature_changes
    assert (meter.numerator, meter.denominator) == (4, 4)
    (key,) = heard.key_signature_changes
    assert key.key_number == song.key.tonic % 12 + 12 * (song.key.third == "minor")
    assert heard.get_tempo_changes()[1] == pytest.approx([song.tempo], rel=1e-4)
    step = 60 / heard.get_tempo_changes()[1][0] / 4
    for notes, instrument in zip((song.melody, song.bass, song.drums), heard.instruments, strict=True):
        found = sorted((round(n.start / step), round((n.end - n.start) / step), n.pitch, n.velocity) for n in instrument.notes)
        assert found == sorted(tuple(note) for note in notes.tolist())


def test_the_bytes_by_the_standard() -> None:
    data = content(made("test").files[0])
    assert struct.unpack(">4sLHHH", data[:14]) == (b"MThd", 6, 1, 4, 96)
    tracks = mido.MidiFile(file=io.BytesIO(data)).tracks
    for track, channel in zip(tracks[1:], (0, 1, 9), strict=True):
        sounding: Counter[int] = Counter()
        for message in track:
            if message.type in ("note_on", "note_off"):
                assert message.channel == channel
                sounding[message.note] += 1 if message.type == "note_on" else -1
                assert sounding[message.note] in (0, 1)  # no note begins before the one like it has ended
        assert not +sounding
        assert sum(message.time for message in track) <= 32 * 4 * 96


@pytest.mark.parametrize("kind", ["melody", "drums", "trio"])
def test_every_song_trains_every_model(kind: str) -> None:
    setting = Setting(bars=16, programs=(0, 31)) if kind == "melody" else Setting(bars=16)
    for file in made("valid").files:
        assert len(report.KINDS[kind](midi.read(content(file)), setting).tokens) == 17  # one from each of bars 1 to 17 of 32


# -- as music ---------------------------------------------------------------------------------------------------------


def test_songs_end_on_the_tonic_over_its_chord() -> None:
    for song in songs():
        onset, duration, pitch, _ = song.melody[-1].tolist()
        assert (onset, duration) == (31 * 16, 16)
        assert (pitch - song.key.tonic) % 12 == 0
        assert song.chords[-1] == song.chords[-2] == Chord(0)
        assert (song.bass[-1, 2] - song.key.tonic) % 12 == 0


def test_melodies_keep_to_their_scale() -> None:
    for song in songs():
        scale = {(song.key.tonic + s) % 12 for s in SCALES[song.key.mode]}
        if song.key.mode == "minor":
            scale.add((song.key.tonic - 1) % 12)  # the leading tone
        assert np.isin(song.melody[:, 2] % 12, list(scale)).mean() > 0.9


def test_strong_beats_have_tones_of_the_chord() -> None:
    beats = []
    for song in songs():
        on = {m: [p % 12 in tones(song, o) for o, _, p, _ in song.melody.tolist() if o % m == 0] for m in (8, 4)}
        assert np.mean(on[8]) > 0.95
        beats.append(np.mean(on[4]))
    assert min(beats) > 0.7
    assert np.mean(beats) < 0.99  # and yet there are suspensions


def test_other_tones_are_passed_through() -> None:
    """Come to and left by a step, two semitones at most, or three in a harmonic minor."""
    stepwise = []
    for song in songs()[::5]:
        notes = song.melody.tolist()
        for (_, _, a, _), (o, _, p, _), (_, _, b, _) in zip(notes, notes[1:], notes[2:], strict=False):
            if p % 12 not in tones(song, o):
                stepwise.append(abs(p - a) <= 3 and abs(b - p) <= 3)
    assert len(stepwise) > 1000
    assert np.mean(stepwise) > 0.9


def test_the_leading_tone_goes_to_the_tonic() -> None:
    """Where the last one of a dominant in major is the seventh degree."""
    resolved = []
    for song in (song for song in songs() if song.key.mode == "major"):
        notes = song.melody.tolist()
        for (o, _, p, _), (after, _, b, _) in pairwise(notes):
            dominant = song.chords[o // 8].dominant and not song.chords[after // 8].dominant
            if dominant and (p - song.key.tonic) % 12 == 11 and after % 128:  # not from one section to the next
                resolved.append(b == p + 1)
    assert len(resolved) > 100
    assert np.mean(resolved) > 0.9


def test_melodies_move_as_songs_do() -> None:
    """Mostly by steps, within an octave and a half; Nottingham's have 52 % steps, 11 % repeated tones, 7 % fourths."""
    for song in songs():
        assert np.ptp(song.melody[:, 2]) <= 18
        assert song.melody[:, 2].min() >= 50
        assert song.melody[:, 2].max() <= 88
    leaps = Counter(abs(n) for song in songs() for n in np.diff(song.melody[:, 2]).tolist())
    share = {n: count / leaps.total() for n, count in leaps.items()}
    assert 0.5 < share[1] + share[2] < 0.7
    assert 0.05 < share[0] < 0.15
    assert share[6] < 0.01  # tritones


def windows(bars: int) -> np.ndarray:
    """Melodies of the test songs, one window from every bar."""
    setting = Setting(bars=bars, programs=(0, 31))
    return np.concatenate([report.KINDS["melody"](midi.read(content(file)), setting).tokens for file in made("test").files])


def test_melodies_are_such_as_people_have() -> None:
    """What Nottingham's held-out windows have: .991 in scale, 11.3 notes in 2 bars, 5 % leaps; of 7 bars 1.5 and 3.3 repeat."""
    short, long = windows(2).astype(np.int64), windows(8).astype(np.int64)
    of = figures.notes(short)
    assert figures.in_scale(of, len(short)).mean() == pytest.approx(0.99, abs=0.01)
    assert len(of.pitch) / len(short) == pytest.approx(11.2, abs=0.4)
    assert 0.02 < (np.abs(figures.intervals(of)) > figures.LEAP).mean() < 0.07
    assert figures.in_scale(figures.notes(long), len(long)).mean() > 0.97
    assert 0.9 < figures.repeats(long, 16).mean() < 1.8
    assert 2.8 < figures.repeats(long, 16, rhythm=True).mean() < 3.8
    assert of.length.max() <= 24  # a bar and a half


def test_an_answer_begins_as_its_question() -> None:
    """Parallel periods: of each first section the second four bars have the first two bars' chords again, nearly always."""
    alike = [song.chords[:4] == song.chords[8:12] for song in songs()]
    assert np.mean(alike) > 0.8
    question, answer = (
        [chord(numeral, "minor") for numeral in bars]
        for bars in (["i", "i", "VII", "VII", "VI", "VI", "V", "V"], ["i", "i", "VII", "VII", "VI", "V7", "i", "i"])
    )
    assert all(progression("minor", "close", Dice(seed), question) == answer for seed in range(9))


def test_phrases_end_on_long_tones_and_sections_come_again() -> None:
    for song in songs():
        onset, duration = song.melody[:, 0], song.melody[:, 1]
        for section in range(4):
            assert duration[onset // 16 == 8 * section + 7].max() >= 6
        rhythms = [tuple(onset[onset // 128 == i] % 128) for i in range(4)]
        again = next(i for i in range(1, 4) if song.form[i] == "A")
        assert len(set(rhythms[0]) & set(rhythms[again])) > 0.8 * len(rhythms[0])
        bars = [tuple(onset[onset // 16 == b] % 16) for b in range(32)]
        assert len(set(bars)) < 24  # motives


def test_the_bass_has_the_root_where_a_chord_begins() -> None:
    for song in songs():
        at = {o: p for o, _, p, _ in song.bass.tolist()}
        roots = [at[8 * i] % 12 == _root(song, i) for i in range(64) if 8 * i in at]
        assert np.mean(roots) > 0.9  # a half bar may begin with a rest, or with its last note alone
        assert song.bass[:, 2].min() >= 28
        assert song.bass[:, 2].max() <= 60


def _root(song: Song, i: int) -> int:
    return (song.key.tonic + SCALES[song.key.mode][song.chords[i].degree]) % 12


def test_drums_keep_time_and_mark_the_form() -> None:
    for song in songs():
        hits = {(o, p) for o, _, p, _ in song.drums.tolist()}
        assert len(hits) == len(song.drums)  # none twice
        assert all((128 * section, PITCHES["crash"]) in hits for section in (1, 2, 3))
        assert {p for o, p in hits if o >= 31 * 16} == {PITCHES["kick"], PITCHES["crash"]}
        assert len({o // 16 for o, _ in hits}) == 32
        if song.style in ("rock", "disco"):
            backbeat = [(16 * bar + 4, PITCHES["snare"]) in hits for bar in range(31)]
            assert all(backbeat)


# -- the rules --------------------------------------------------------------------------------------------------------


def test_positions_by_hand() -> None:
    a_minor = Key(69, "minor")
    up = np.arange(4, 8)  # e f g a
    assert a_minor.pitch(up, np.zeros(4, bool)).tolist() == [76, 77, 79, 81]
    assert a_minor.pitch(up, np.ones(4, bool)).tolist() == [76, 78, 80, 81]  # melodic minor under a dominant
    down = np.array([7, 5, 4])
    assert a_minor.pitch(down, np.ones(3, bool)).tolist() == [81, 77, 76]  # the sixth alone is not raised
    assert Key(60, "dorian").pitch(np.arange(-1, 7), np.ones(8, bool)).tolist() == [58, 60, 62, 63, 65, 67, 69, 70]


def test_chords_by_hand() -> None:
    assert chord("V7", "minor") == Chord(4, seventh=True, dominant=True)
    assert chord("V7", "minor").degrees == (4, 6, 1, 3)
    assert chord("v", "mixolydian") == Chord(4)
    assert chord("VII", "minor") == Chord(6)
    for mode, roles in PROGRESSIONS.items():
        for role, phrases in roles.items():
            for phrase in phrases:
                bars = phrase.split()
                assert len(bars) == 4
                assert all(chord(numeral, mode).degree in range(7) for bar in bars for numeral in bar.split("-"))
                assert (bars[-1].upper() == "I") == (role == "close") or role == "away"


def test_rhythms_by_hand() -> None:
    onset, duration = rhythm("x-x-..x-")
    assert onset.tolist() == [0, 2, 6]
    assert duration.tolist() == [2, 2, 2]
    assert rhythm("x---------------")[1].tolist() == [16]


def test_the_cheapest_path_by_hand() -> None:
    """From the lowest to a place a third above: by the step between, and it does not turn back."""
    tone = np.full((3, RANGE), 50)
    tone[0, 0], tone[1], tone[2, 2] = 0, 0, 0
    assert cheapest(tone, np.stack([moves_of(SCALES["major"], 0)] * 2)).tolist() == [0, 1, 2]
    tone[2], tone[2, 0] = 50, 0  # back to the first: to stand still costs 4 + 4, to go a step and turn back 4
    assert cheapest(tone, np.stack([moves_of(SCALES["major"], 0)] * 2)).tolist() == [0, 1, 0]


def test_a_tritone_is_dearer_than_a_fourth() -> None:
    cost = moves_of(SCALES["major"], 0)
    assert cost[3, 6] == cost[0, 3] + 8  # f to b, c to f
    assert cost[0, 8] > 50
    assert (cost == cost.T).all()


def test_patterns_are_as_long_as_their_bars() -> None:
    for style in STYLES.values():
        assert all(len(p) == 8 for p in (*style.melody, *style.bass, *style.fills))
        assert all(len(p) in (0, BAR) for drums in (style.drums, style.middle) for p in sum(drums.values(), ()))
        assert all(0 <= p <= 31 for p in style.programs)
        assert all(32 <= p <= 39 for p in style.basses)
        assert set("".join(style.fills)) <= {*FILL, "."}
        assert {drum for drums in (style.drums, style.middle) for drum in drums} <= set(PITCHES)
        assert set("".join(sum(style.drums.values(), ()))) <= {*LOUDNESS, "."}


def test_dice_are_fair() -> None:
    dice = Dice(7)
    counts = np.bincount(dice.array(6, 6000))
    assert len(counts) == 6
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000)  # five sigma, nearly
    assert {dice.between(2, 4) for _ in range(100)} == {2, 3, 4}
    assert not any(dice.chance(0) for _ in range(100))
    assert all(dice.chance(100) for _ in range(100))
