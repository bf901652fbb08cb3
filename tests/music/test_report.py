"""What was used and why the rest was not, as numbers and as lines."""

from __future__ import annotations

from pathlib import Path

from genae.data.examples import File
from genae_music import report
from genae_music.quantise import Setting
from genae_music.reasons import Reason


def inspected(name: str, data: bytes, *options: object) -> report.FileReport:
    """Of a file in memory."""
    return report.inspect(File(Path(name), content=data), *options)


BAR = 1920


def test_a_report_names_every_track_and_reason(raw) -> None:
    tune = b"\x00\xff\x03\x04tune" + raw.notes((0, BAR, 60), (0, BAR, 64), (BAR, 2 * BAR, 62), (4 * BAR, 5 * BAR, 62))
    kick = b"\x00\xff\x03\x04kick" + raw.notes((0, 30, 36), channel=9) + b"\x00\x99\x24\x50"  # the last one never ends
    tune += b"\x00\x90\x24\x50"  # nor does this, of which it matters
    found = inspected("küche.mid", raw.file(raw.meter(4, 4), tune, kick), Setting())
    assert found.windows == 1
    assert [(t.name, t.program, t.is_drum, t.notes, t.windows) for t in found.tracks] == [
        ("tune", 0, False, 4, 1),
        ("kick", 0, True, 2, 0),
    ]
    assert [(x.reason, x.count, x.what) for x in found.tracks[0].losses] == [
        (Reason.POLYPHONY, 1, "notes"),
        (Reason.SHORT, 1, "notes"),
    ]
    assert found.lines == [
        "küche.mid: 1 window; 1 note without an end, or with one at once",
        "  tune (program 0): 4 notes, 1 window; 1 note under a higher one at the same step; "
        "1 note in a passage shorter than 2 bars",
        "  kick (drums): 2 notes, 0 windows; 2 notes of drums",
    ]


def test_what_is_lost_is_counted_in_its_own_kind(raw) -> None:
    good = inspected("a.mid", raw.file(raw.notes((0, 2 * BAR, 60))), Setting())
    seven = inspected("b.mid", raw.file(raw.meter(7, 8) + raw.notes((0, BAR, 60), (BAR, 2 * BAR, 62))), Setting())
    cut = inspected("c.mid", raw.file(b"")[:10], Setting())
    assert [found.windows for found in (good, seven, cut)] == [1, 0, 0]
    assert [(x.reason, x.what, x.count) for x in (*seven.tracks[0].losses, *cut.losses)] == [
        (Reason.METER, "notes", 2),
        (Reason.CUT, "files", 1),
    ]
    assert cut.lines == ["c.mid: the header is cut after 10 of 14 bytes"]
    assert "2 notes in 7/8, which this grid does not have" in seven.lines[1]


def test_a_trio_is_reported_for_each_of_its_parts(raw) -> None:
    data = raw.file(
        raw.notes((0, 2 * BAR, 60)),
        b"\x00\xc2\x21" + raw.notes((0, 2 * BAR, 36), channel=2),
        raw.notes((0, 30, 36), channel=9),
        b"\x00\xc3\x49" + raw.notes((0, 2 * BAR, 80), channel=3),
    )
    found = inspected("band.mid", data, Setting(), "trio")
    assert found.windows == 1
    assert [t.windows for t in found.tracks] == [1, 1, 1, 0]
    assert found.tracks[3].losses[0].reason == Reason.PROGRAM


def test_what_no_preset_has_is_named(raw) -> None:
    """Two bends, a pedal pressed and let go; of sixteen notes three quarters are a third of a step late."""
    wheel, pedal = b"\x00\xe0\x00\x50\x00\xe0\x00\x40", b"\x00\xb0\x40\x7f\x00\xb0\x40\x00"
    straight = raw.notes(*((480 * i, 480 * i + 90, 60) for i in range(16)))
    found = inspected("a.mid", raw.file(wheel + pedal + straight), Setting())
    assert found.remarks[-1] == "2 pitch bends and 2 pedal messages are left out, which no preset has"
    late = raw.file(raw.notes(*((480 * i + 40 * (i % 4 > 0), 480 * i + 200, 60) for i in range(16))))
    said = "75% of its notes lie between steps, where they are put on the nearest: timing is not kept"
    assert inspected("b.mid", late, Setting()).remarks[-1] == said
    assert said not in inspected("b.mid", late, Setting(), "groove").remarks
