"""Bar lines that 1/4 does not give: of songs made by hand, and against POP909's annotation."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genae.data.examples import File
from genae_music import midi, quantise, reader, report
from genae_music.downbeats import downbeats
from genae_music.quantise import Setting


def inspected(name: str, data: bytes, *options: object) -> report.FileReport:
    """Of a file in memory."""
    return report.inspect(File(Path(name), content=data), *options)


BEAT = 480
CHORDS = ((48, 64, 67), (45, 60, 64), (41, 60, 65), (43, 59, 62))  # C, a, F, G


def song(bars: list[int], shift: int = 0) -> list[tuple[int, int, int]]:
    """Bars of so many beats: a chord held through each, over it a note a beat; `shift` ticks late."""
    notes, at = [], shift
    for i, beats in enumerate(bars):
        chord = CHORDS[i % 4]
        notes += [(at, at + beats * BEAT, pitch) for pitch in chord]
        notes += [(at + b * BEAT, at + (b + 1) * BEAT, 12 + chord[1 + (b + i) % 2]) for b in range(beats)]
        at += beats * BEAT
    return notes


def columns(notes: list[tuple[int, int, int]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*sorted(notes), strict=True)]


@pytest.mark.parametrize("shift", [0, 100, BEAT, 900, 3 * BEAT - 20])
@pytest.mark.parametrize("resolution", [480, 10080])
def test_bars_begin_where_the_harmony_changes(shift: int, resolution: int) -> None:
    onset, offset, pitch = columns(song([4] * 24, shift))
    scale = resolution // BEAT
    lines = downbeats(onset * scale, offset * scale, pitch, BEAT * scale)
    assert lines is not None
    assert np.abs(lines / scale - (shift + 4 * BEAT * np.arange(24))).max() <= 1


def test_a_bar_of_two_beats_moves_those_after_it() -> None:
    lines = downbeats(*columns(song([4] * 20 + [2] + [4] * 20)), BEAT)
    assert lines is not None
    assert {beat * BEAT for beat in (*range(0, 80, 4), *range(82, 162, 4))} <= set(lines.tolist())


def test_too_little_music_and_none_of_a_steady_beat_have_no_bars() -> None:
    assert downbeats(*columns(song([4] * 15)), BEAT) is None
    assert downbeats(*[np.zeros(0, np.int64)] * 3, BEAT) is None
    random = np.random.default_rng(0)
    onset = np.sort(random.integers(0, 100 * BEAT, 500))
    assert downbeats(onset, onset + BEAT, random.integers(40, 80, 500), BEAT) is None


def test_windows_of_a_song_in_beats_begin_on_its_bars(raw) -> None:
    """The bass alone: a note a bar, so each window has one at its beginning and one in its middle."""
    notes = [note for note in song([4] * 24, 700) if note[2] > 48 or note[2] in (48, 45, 41, 43)]
    for meter in (raw.meter(1, 4), raw.meter(1, 4) + raw.meter(4, 4, wait=100 * BEAT)):
        score = midi.read(raw.file(meter, raw.notes(*notes)))
        steps = quantise.quantise(score, Setting())
        assert ((steps.start - steps.start.min()) % 4 == 0).all()
        assert (steps.start[score.pitch <= 48] % 16 == 0).all()
        assert (steps.start >= 0).all()
    lines = inspected("a.mid", raw.file(raw.meter(1, 4), raw.notes(*notes)), Setting()).lines
    assert (
        "1/4 gives no bars: they are estimated from the notes, the first line 1.46 quarters after the start; 24 of 4"
        in lines[0]
    )
    few = inspected("a.mid", raw.file(raw.meter(1, 4), raw.notes(*song([4] * 4))), Setting()).lines
    assert "too little music, or of no steady beat, to estimate them: 4 beats each" in few[0]
    usual = inspected("a.mid", raw.file(raw.meter(4, 4), raw.notes(*notes)), Setting()).lines
    assert "1/4" not in usual[0]
    assert "estimated" not in inspected("a.mid", raw.file(raw.meter(1, 4), raw.notes(*notes)), Setting(grid="magenta")).lines[0]


@pytest.mark.parametrize("bars", [[4] * 24, [4] * 12 + [2] + [4] * 12, [4] * 12 + [6] + [4] * 12])
@pytest.mark.parametrize("shift", [0, 700])
def test_estimated_bars_are_written_as_such(raw, bars: list[int], shift: int) -> None:
    """Meters of four beats, from which the same pieces are read, whatever the notes are then."""
    score = midi.read(raw.file(raw.meter(1, 4), raw.notes(*song(bars, shift))))
    again = replace(score, meters=quantise.written(score))
    steps, same = (quantise.quantise(s, Setting()) for s in (score, again))
    assert {str(meter) for meter in again.meters} == {"4/4"}
    assert (same.start.tolist(), same.piece.tolist()) == (steps.start.tolist(), steps.piece.tolist())
    assert same.origin.tolist() == steps.origin.tolist()


def test_the_downbeats_of_pop909(archive) -> None:
    """of the annotated downbeats are bar lines; by chance 6 %, and from tick 0 on 4 %."""
    with archive("pop909.zip") as songs:
        shares = []
        for name in sorted(n for n in songs.namelist() if n.endswith(".mid"))[::6]:
            score = midi.read(songs.read(name))
            if {str(meter) for meter in score.meters} != {"1/4"}:
                continue
            beats = np.array([line.split() for line in songs.read(f"{name[:11]}beat_midi.txt").decode().splitlines()], float)
            annotated = score.ticks(beats[beats[:, 2] == 1, 0])
            lines = quantise.estimated(score, 0, score.length)
            near = np.abs(annotated[:, None] - (np.zeros(1) if lines is None else lines)).min(1)
            shares.append((near < score.resolution / 8).mean())
    assert len(shares) > 80
    assert np.mean(shares) > 0.7


# -- bar lines beside a file ------------------------------------------------------------------------------------------


def annotation(first: float, bars: int, beats: int = 4, seconds: float = 0.5) -> str:
    """A beat every half second, 480 ticks, and a bar of so many."""
    return "".join(f"{first + seconds * i} {1.0 - i % 2} {float(i % beats == 0)}\n" for i in range(bars * beats))


def test_bars_are_those_of_the_annotation_beside_a_file(raw, tmp_path) -> None:
    """One beat later than the notes say, which is where windows then begin."""
    data = raw.file(raw.meter(1, 4), raw.notes(*song([4] * 24)))
    (tmp_path / "song.mid").write_bytes(data)
    (tmp_path / "beat_midi.txt").write_text(annotation(0.5, 24))
    score = reader.read(File(tmp_path / "song.mid"))
    assert quantise.estimated(score, 0, score.length).tolist() == [BEAT + 4 * BEAT * i for i in range(24)]
    assert quantise.quantise(score, Setting()).origin.tolist() == [-3 * BEAT]
    told = report.inspect(File(tmp_path / "song.mid"), Setting()).lines[0]
    assert "1/4 gives no bars: they are those of beat_midi.txt beside it, the first line 1.00 quarters after the start" in told
    with zipfile.ZipFile(tmp_path / "songs.zip", "w") as archive:
        archive.write(tmp_path / "song.mid", "001/001.mid")
        archive.write(tmp_path / "beat_midi.txt", "001/beat_midi.txt")
    packed = reader.read(File(tmp_path / "songs.zip", "001/001.mid", content=data))
    assert packed.lines.tolist() == score.lines.tolist()


@pytest.mark.parametrize("text", ["", "no numbers", "0.5 1.0\n", "nan 1 1\n" * 9, "-1 1 1\n" * 9, annotation(0.5, 24, 6)])
def test_what_is_no_annotation_of_a_file_is_left(raw, tmp_path, text: str) -> None:
    (tmp_path / "song.mid").write_bytes(raw.file(raw.meter(1, 4), raw.notes(*song([4] * 24))))
    (tmp_path / "beat_midi.txt").write_text(text)
    assert not len(reader.read(File(tmp_path / "song.mid")).lines)
    assert "estimated from the notes" in report.inspect(File(tmp_path / "song.mid"), Setting()).lines[0]


def test_a_file_with_bars_of_its_own_keeps_them(raw, tmp_path) -> None:
    (tmp_path / "song.mid").write_bytes(raw.file(raw.meter(4, 4), raw.notes(*song([4] * 24))))
    (tmp_path / "beat_midi.txt").write_text(annotation(0.5, 24))
    assert not len(reader.read(File(tmp_path / "song.mid")).lines)


def test_songs_of_pop909_have_the_bars_of_their_annotation(archive) -> None:
    with archive("pop909.zip") as songs:
        shares = []
        for name in sorted(n for n in songs.namelist() if n.endswith(".mid"))[::24]:
            score = reader.read(File(Path(songs.filename), name))
            if not quantise.unbarred(score):
                continue
            beats = np.array([line.split() for line in songs.read(f"{name[:11]}beat_midi.txt").decode().splitlines()], float)
            annotated = score.ticks(beats[beats[:, 2] == 1, 0])
            lines = quantise.estimated(score, 0, score.length)
            shares.append((np.abs(annotated[annotated < score.length][:, None] - lines).min(1) == 0).mean())
    assert len(shares) > 20
    assert np.mean(np.array(shares) == 1) > 0.9
