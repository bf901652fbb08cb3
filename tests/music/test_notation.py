"""ABC notation against what the standard says of it: notes by hand, bar lines, and what cannot be read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genae.data.examples import File
from genae.data.listing import listing
from genae.errors import Rejected
from genae_music.domain import Music
from genae_music.notation import books, scores
from genae_music.notation.form import expanded
from genae_music.reasons import Unusable
from genae_music.score import Key

HEAD = "X:1\nT:a tune\nM:4/4\nL:1/4\n"

# written as pitch@onset:length in quarters, a length of 1 left out
TUNES = {
    "repeat": ("|:C D E F:|G4|", "C0 D1 E2 F3 C4 D5 E6 F7 G8:4"),
    "repeat without a beginning": ("C4:|G4:|", "C0:4 C4:4 G8:4 G12:4"),
    "from the last double bar": ("C4||G4:|", "C0:4 G4:4 G8:4"),
    "double bar inside a repeat": ("|:C4||G4:|", "C0:4 G4:4 C8:4 G12:4"),
    "double repeat": ("|:C4::G4:|", "C0:4 C4:4 G8:4 G12:4"),
    "three times": ("|::C4::|G4|", "C0:4 C4:4 C8:4 G12:4"),
    "endings": ("|:C4|1 D4:|2 E4||F4|", "C0:4 D4:4 C8:4 E12:4 F16:4"),
    "endings in brackets": ("C4|[1 D4:|[2 E4|]", "C0:4 D4:4 C8:4 E12:4"),
    "an ending of two passes": ("|:C4|1,3 D4:|2 E4:|", "C0:4 D4:4 C8:4 E12:4 C16:4 D20:4"),
    "endings again": ("C4|1 D4:|2 E4:|F4|1 G4:|2 A4:|", "C0:4 D4:4 C8:4 E12:4 F16:4 G20:4 F24:4 A28:4"),
    "tie": ("C2-C2|D4-|D4|", "C0:4 D4:8"),
    "tie that is a slur": ("^C2-D2|C4|", "^C0:2 D2:2 C4:4"),
    "accidental over a tie": ("^F4-|F4|F4|", "^F0:8 F8:4"),
    "accidental to the end of its bar": ("F ^F F f|F4|", "F0 ^F1 ^F2 ^f3 F4:4"),
    "triplet": ("(3CDE F2|", "C0:2/3 D2/3:2/3 E4/3:2/3 F2:2"),
    "group of its own": ("(3:2:2C2D E2|", "C0:4/3 D4/3:2/3 E2:2"),
    "broken": ("C>D E<F|C>>D E2|", "C0:3/2 D3/2:1/2 E2:1/2 F5/2:3/2 C4:7/4 D23/4:1/4 E6:2"),
    "lengths": ("C/D/E//F3/4 G3/2", "C0:1/2 D1/2:1/2 E1:1/4 F5/4:3/4 G2:3/2"),
    "octaves": ("C, C c c'|", "C,0 C1 c2 c'3"),
    "grace notes, ornaments, words": ('{dc}C "Am".D ~E !trill!F|', "C0 D1 E2 F3"),
    "rests": ("z C x D|Z|E4|", "C1 D3 E8:4"),
    "chord": ("[CEG]2 [C2E]|", "C0:2 E0:2 G0:2 C2:2 E2"),
    "two lines of a bar": ("C D E F & c4|G4|", "C0 D1 E2 F3 c0:4 G4:4"),
    "lines of text": ("C D %comment\nw:la la\nE F|\\\nG4|", "C0 D1 E2 F3 G4:4"),
    "meter, key and unit": ("F4|[M:3/4][K:D]F C F|[L:1/8]F2 C4|", "F0:4 ^F4 ^C5 ^F6 ^F7 ^C8:2"),
}  # fmt: skip
LETTERS = dict(zip("CDEFGAB", (60, 62, 64, 65, 67, 69, 71), strict=True))


def tune(body: str, key: str = "C", head: str = HEAD) -> bytes:
    return f"{head}K:{key}\n{body}\n".encode()


def pitch(name: str) -> int:
    letter = name.strip("^_=,'")
    return LETTERS[letter.upper()] + 12 * (letter.islower() + name.count("'") - name.count(",")) + name.count("^")


def expected(text: str) -> list[tuple[float, float, int]]:
    found = []
    for note in text.split():
        name = note.rstrip("0123456789/:")
        at, _, length = note[len(name) :].partition(":")
        found.append((float(Fraction(at)), float(Fraction(length or 1)), pitch(name)))
    return sorted(found)


def heard(data: bytes) -> list[tuple[float, float, int]]:
    s = scores.score(data)
    times = np.stack([s.onset, s.offset - s.onset], 1) / s.resolution
    return sorted((*row, p) for row, p in zip(times.tolist(), s.pitch.tolist(), strict=True))


@pytest.mark.parametrize("name", TUNES)
def test_notes_sound_when_and_how_long_the_standard_says(name: str) -> None:
    body, notes = TUNES[name]
    assert np.array(heard(tune(body))) == pytest.approx(np.array(expected(notes)), abs=1e-9)


@pytest.mark.parametrize(
    ("key", "scale"),
    [
        ("C", "CDEFGAB"), ("Ddor", "CDEFGAB"), ("F# minor", "^C D E ^F ^G A B"), ("Amix", "^C D E ^F G A B"),
        ("E Lydian", "^C ^D E ^F ^G ^A B"), ("D exp ^g", "C D E F ^G A B"), ("C =b ^f", "C D E ^F G A B"),
        ("HP", "^C D E ^F G A B"), ("none", "CDEFGAB"),
    ],
)  # fmt: skip
def test_keys(key: str, scale: str) -> None:
    names = scale.split() if " " in scale else list(scale)
    assert [p for _, _, p in heard(tune("CDEFGAB", key))] == [pitch(name) for name in names]


def test_flat_keys_and_what_a_score_is_told_of_keys() -> None:
    assert [p for _, _, p in heard(tune("EAB", "Eb"))] == [63, 68, 70]
    assert scores.score(tune("C4|[K:Ador]C4|[K:A minor]C4|[K:none]C4|", "G")).keys == (
        Key(0, 7, 0), Key(40320, 9, -2), Key(80640, 9, -3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("head", "quarters"),
    [("M:6/8\n", 0.5), ("M:2/4\n", 0.25), ("M:C|\n", 0.5), ("M:2/4\nL:1/8\n", 0.5), ("", 0.5)],
)
def test_a_unit_that_is_not_given_is_that_of_the_meter(head: str, quarters: float) -> None:
    assert heard(tune("C", head="X:1\n" + head)) == [(0.0, quarters, 60)]


def test_groups_are_in_the_time_of_three_where_the_meter_is() -> None:
    six = tune("(2CD (5CDEFG|", head="X:1\nM:6/8\nL:1/4\n")
    assert [length for _, length, _ in heard(six)] == pytest.approx([1.5] * 2 + [3 / 5] * 5)


@pytest.mark.parametrize(
    ("text", "qpm"),
    [("1/4=90", 90), ('"Fast" 3/8=100', 150), ("1/2=112", 224), ("100", 100), ("1/4 1/8=100", 150), ('"Andante"', 120)],
)
def test_tempo_is_in_quarters(text: str, qpm: float) -> None:
    assert scores.score(tune("C", head=HEAD + f"Q:{text}\n")).tempo(0) == qpm


def test_voices_sound_together_under_their_names() -> None:
    found = scores.score(tune("[V:1]c4|g4|\n[V:2]C4|E4|\n[V:1]c4|", head=HEAD + 'V:1 name="Fiddle"\nV:2\n'))
    assert [i.name for i in found.instruments] == ["Fiddle", "2"]
    assert found.instrument.tolist() == [0, 0, 0, 1, 1]
    assert (found.onset // 40320).tolist() == [0, 1, 2, 0, 1]
    assert scores.score(tune("C")).instruments[0].name == "a tune"


def test_parts_are_played_in_the_order_of_the_header() -> None:
    body = "P:A\nC4:|\nP:B\nG4|\n"
    assert [p for _, _, p in heard(tune(body, head=HEAD + "P:ABA\n"))] == [60, 60, 67, 60, 60]
    assert [p for _, _, p in heard(tune(body))] == [60, 60, 67]
    assert expanded("(AB)2C3") == "ABABCCC"
    assert expanded("((AB)2.C)2") == "ABABCABABC"


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("C4|C4|", [0]),
        ("G|C4|C4|", [0, 1]),  # an anacrusis
        ("G|C4|C3:|G|C4|C3:|", [0, 1]),  # the end of a repeat and the anacrusis are a bar
        ("G|C4|C [1 C2:|[2 C3|]", [0, 1]),  # so are three parts
        ("C4|C5|C4|", [0, 9]),  # a bar too long
    ],
)
def test_bar_lines_are_where_the_notation_has_them(body: str, lines: list[int]) -> None:
    assert [m.tick / 10080 for m in scores.score(tune(body)).meters] == lines


def test_windows_begin_on_the_bars_of_a_tune() -> None:
    """An anacrusis, then a note a bar: every window has one at its beginning and one in its middle."""
    found = Music(bars=2).read(File(Path("a.abc"), content=tune("G|C4|D4|E4|F4|G4|")))
    first = found.x[1:]  # the first begins with the bar of the anacrusis
    assert (first[:, [0, 16]] > 1).all()
    assert (found.x[0] > 1).nonzero()[:, 0].tolist() == [12, 16]


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_book_is_its_tunes_each_a_file_of_its_own(tmp_path: Path) -> None:
    text = "M:3/4\n\n" + "\n\n".join(f"X:{n}\nL:1/4\nK:C\n{'CDE|' * 8}" for n in (1, 2, 2)) + "\n\nX:7\nK:\nT:no key\nABC\n"
    (tmp_path / "book.abc").write_text(text)
    (tmp_path / "one.abc").write_bytes(tune("C4|" * 4))
    found = listing(tmp_path).files
    assert [str(inside) for inside, _ in found] == ["book-1.abc", "book-2.abc", "book-2-2.abc", "book-7.abc", "one.abc"]
    assert [file.member for _, file in found] == ["1.abc", "2.abc", "2-2.abc", "7.abc", ""]
    assert scores.score(found[1][1].read()).meters[0][1:3] == (3, 4)  # the header of the file is that of each tune


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("X:1\nM:4/4\nABC|\n", "line 3: ends without K:"),
        ("X:1\nK:H\nABC|\n", "line 2: 'H' is no key"),
        ("X:1\nM:4/5\nK:C\nABC|\n", "line 2: '4/5' is no meter"),
        ("X:1\nL:0/8\nK:C\nABC|\n", "line 2: '0/8' is no length"),
        ("X:1\nK:C\nABC|\nA/0|\n", "line 4: '/0' is no length"),
        ("X:1\nK:C\n[ABC|\n", "line 3: a chord that does not end"),
        ('X:1\nK:C\nA"m B|\n', "line 3: a quotation mark that is not closed"),
        ("X:1\nK:C\nA{B|\n", "line 3: a brace that is not closed"),
        ("X:1\nK:C\nc''''''|\n", "line 3: c'''''' is no pitch"),
        ("X:1\nK:C\nA|99 B|\n", "line 3: '99' is no ending"),
        ("X:1\nK:C\nz4|\n", "has no notes"),
        ("X:1\nK:C\nA|\n\nX:2\nK:C\nB|\n", "holds 2 tunes"),
        ("no notation at all\n", "no ABC notation"),
        ("", "has 0 bytes"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(body: str, told: str) -> None:
    with pytest.raises(Unusable, match=r"\A" + told.replace("'", "'")) as error:
        scores.score(body.encode())
    assert "\n" not in str(error.value)


def test_the_line_of_a_tune_in_a_book_is_that_of_the_book() -> None:
    data = b"%abc-2.1\n\nX:1\nK:C\nABC|\n\nX:2\nM:4/4\nK:Q\nABC|\n"
    (_, _), (name, second) = books.tunes(data)
    with pytest.raises(Rejected, match=r"book.abc/2.abc: line 9: 'Q' is no key"):
        Music().read(File(Path("book.abc"), name, content=second))


@given(st.text(alphabet="XKLMPQV:12345/|[]{}()<>\"'!,-^_=&~.ABCGabcz \n", max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_notes_or_one_line(text: str) -> None:
    data = ("X:1\nK:C\n" + text).encode()
    try:
        found = [scores.score(part) for _, part in books.tunes(data)] or [scores.score(data)]
    except Unusable:
        return
    for score in found:
        assert (score.offset > score.onset).all()
        assert (score.onset >= 0).all()
        assert {*score.pitch.tolist()} <= {*range(128)}
