"""Chords: as people write them, as files have them, as notes suggest them, and as models are told them."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import genae
from genae.data.examples import Examples, File
from genae.errors import GenaeError, Remark
from genae.learn.build import build, learned
from genae.model.fields import Fields
from genae.recipe.recipe import compose
from genae_cli.main import cli
from genae_music import chords, harmony, keys, midi, reader
from genae_music.domain import Music
from genae_music.score import Chord

BAR, QUARTER = 1920, 480
TRIADS = {"C": (60, 64, 67), "Am": (57, 60, 64), "F": (53, 57, 60), "G": (55, 59, 62)}
WAY = ("C", "Am", "F", "G")
TONES = (0, 1, 2, 0, 1, 2, 0, 2)  # of a chord, a quarter each


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("C", "C"), ("F#m", "F#m"), ("Gb", "F#"), ("Bb7", "Bb"), ("Am7/G", "Am"), ("C:min7/b7", "Cm"), ("Dsus4", "D"),
        ("Cmaj9#11", "C"), ("Bm7b5", "Bdim"), ("C:hdim7", "Cdim"), ("Ebo7", "Ebdim"), ("C+", "Caug"), ("C7#5", "Caug"),
        ("C-7", "Cm"), ("CmM7", "Cm"), ("Gadd9", "G"), ("N", "N"), ("N.C.", "N"), ("F##m", "Gm"), ("B♭m", "Bbm"),
    ],
)  # fmt: skip
def test_symbols_are_reduced_to_triads(symbol: str, name: str) -> None:
    chord = chords.parsed(symbol)
    assert chord is not None
    assert chords.named(chord) == name
    assert chords.parsed(chords.named(chord)) == chord


@pytest.mark.parametrize("word", ["H", "Slow", "Fine", "D.C.", "Cx", "c", "", "/", "4"])
def test_words_are_no_chords(word: str) -> None:
    assert chords.parsed(word) is None


def test_all_classes_have_their_names_and_three_tones() -> None:
    assert [chords.parsed(chords.named(c)) for c in range(chords.CLASSES)] == [*range(49)]
    assert chords.tones().sum(1).tolist() == [0, *[3] * 48]
    assert chords.tones()[chords.parsed("Bdim") or 0].nonzero()[0].tolist() == [2, 5, 11]


def test_a_chart_is_a_chord_a_bar_and_goes_round() -> None:
    c, a, f, g = (chords.parsed(name) for name in WAY)
    assert chords.chart("C Am", 4, 2) == [c, c, a, a, c, c, a, a]
    assert chords.chart("| C | F G | % |", 3, 4) == [c, c, c, c, f, f, g, g, f, f, g, g]
    assert chords.chart("C F G", 4, 1) == [c, f, g, c]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("C Hm F", r"chord 2 of 'C Hm F' cannot be read: 'Hm'; it is a root from A to G"),
        ("C | F X", "chord 3 of"),
        ("C Am F G", r"chords 'C Am F G' are 4 bars, and 2 are asked for"),
        ("C | | G", "bar 2 of chords 'C | | G' is empty"),
        ("  ", "there are none"),
    ],
)
def test_a_chart_that_cannot_be_read_says_where(text: str, line: str) -> None:
    with pytest.raises(GenaeError, match=line.replace("|", r"\|")):
        chords.chart(text, 2, 16)


def test_chords_follow_their_notes_when_they_are_transposed() -> None:
    field = torch.tensor([[0.0, 1, 12, 13, 48, float("nan")]])
    assert chords.moved(field, torch.tensor([1]))[0, :5].tolist() == [0, 2, 1, 14, 37]
    assert chords.moved(field, torch.tensor([-12]))[0, :5].tolist() == field[0, :5].tolist()
    assert bool(chords.moved(field, torch.tensor([3])).isnan()[0, 5])


# -- of files ---------------------------------------------------------------------------------------------------------


def melody(raw) -> bytes:
    """Each chord's tones, one after the other, over two bars of each."""
    tones = [(QUARTER * (8 * i + k), TRIADS[w][tone] + 12) for i, w in enumerate(WAY) for k, tone in enumerate(TONES)]
    return raw.file(raw.notes(*((at, at + QUARTER, pitch) for at, pitch in tones)))


def blocks(raw) -> bytes:
    return raw.file(raw.notes(*((2 * i * BAR, 2 * (i + 1) * BAR, p) for i, w in enumerate(WAY) for p in TRIADS[w])))


def archive(tmp_path: Path, **members: bytes) -> Path:
    path = tmp_path / "songs.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def names(found) -> list[tuple[int, str]]:
    return [(chord.tick, chords.named(chord.number)) for chord in found]


def test_an_annotation_beside_the_file(raw, tmp_path: Path) -> None:
    text = b"0.0 4.0 N\n4.0 8.0 A:min7/b7\n8.0 12.0 G:sus4\n"  # two bars are 4 s
    path = archive(tmp_path, **{"P/1/1.mid": melody(raw), "P/1/chord_midi.txt": text})
    file = File(path, "P/1/1.mid")
    found, whence = harmony.known(midi.read(file.read()), file)
    assert whence == "annotated"
    assert names(found) == [(0, "N"), (2 * BAR, "Am"), (4 * BAR, "G"), (6 * BAR, "N")]


@pytest.mark.parametrize("text", [b"", b"0 1\n", b"\xff\xfe", b"a b C\n", b"0 1e400 C\n", b"0 4 N\n"])
def test_what_is_no_annotation_is_left_out(raw, tmp_path: Path, text: bytes) -> None:
    file = File(archive(tmp_path, **{"P/1/1.mid": melody(raw), "P/1/chord_midi.txt": text}), "P/1/1.mid")
    assert harmony.known(midi.read(file.read()), file)[1] == "estimated"


def test_a_chord_track_in_the_file_and_in_the_folder_beside(raw, tmp_path: Path) -> None:
    wanted = [(2 * i * BAR, name) for i, name in enumerate(WAY)]
    (tmp_path / "melody").mkdir()
    (tmp_path / "chords").mkdir()
    for folder, content in {"melody": melody(raw), "chords": blocks(raw)}.items():
        (tmp_path / folder / "a.mid").write_bytes(content)
    beside = File(tmp_path / "melody" / "a.mid")
    assert names(harmony.known(midi.read(beside.read()), beside)[0]) == wanted
    own = File(Path("a.mid"), content=blocks(raw))
    found, whence = harmony.known(midi.read(own.read()), own)
    assert (names(found), whence) == (wanted, "track")


def test_chords_are_estimated_from_notes(raw) -> None:
    file = File(Path("a.mid"), content=melody(raw))
    found, whence = harmony.known(midi.read(file.read()), file)
    assert whence == "estimated"
    assert names(found) == [(2 * i * BAR, name) for i, name in enumerate(WAY)]
    few = File(Path("a.mid"), content=raw.file(raw.notes((0, 480, 60))))
    assert harmony.known(midi.read(few.read()), few) == ((), "")


def test_chords_over_abc_notation() -> None:
    tune = b'X:1\nM:4/4\nL:1/4\nK:C\n"C"CEGE "^Slow"|: "Am7" A2 "G/B"[GBd]2 :| "Fine" C4 |]\n'
    score = reader.read(File(Path("a.abc"), content=tune))
    r = score.resolution
    parts = [(Chord(at * r, chords.parsed(name) or 0)) for at, name in ((0, "C"), (4, "Am"), (6, "G"), (8, "Am"), (10, "G"))]
    assert list(score.chords) == parts
    assert harmony.known(score, File(Path("a.abc"), content=tune))[1] == "written"


# -- as models are told them ------------------------------------------------------------------------------------------


def test_windows_know_the_chord_at_each_step(raw) -> None:
    file = File(Path("a.mid"), content=melody(raw))
    domain = Music(harmony=True)
    for read in (domain.read(file), domain.piece(file)):
        assert read.fields["chords"].shape == (len(read.x), 32)
    classes = domain.piece(file).fields["chords"]
    assert [[chords.named(int(c)) for c in set(row.tolist())] for row in classes] == [[name] for name in WAY]
    assert "chords" not in Music().read(file).fields
    assert domain.inspect(file)[-1] == "  chords C, Am, F, G: estimated from the notes"
    with pytest.raises(GenaeError, match="not drums"):
        Music(kind="drums", harmony=True)


def test_a_chart_goes_on_from_window_to_window_and_holds_against_a_key() -> None:
    condition = told().condition
    assert isinstance(condition, Fields)
    rows = condition.named_along("chords=C | Am | F G", 2)
    _, along = condition.form.split(rows)
    at = along.argmax(2).tolist()
    assert [[chords.named(c) for c in row[::8]] for row in at] == [["C", "C", "Am", "Am"], ["F", "G", "C", "C"]]
    key = condition.named("key=D")
    with pytest.warns(Remark, match=r"of the notes of chords 'C F G' are not in the key F#: the chords hold"):
        off = condition.named_along("chords=C F G,key=F#", 2)
    assert torch.equal(off, condition.named_along("chords=C F G", 2))
    assert torch.equal(condition.named("chords=D,key=D") - condition.named("chords=D"), key)


def told():
    recipe = compose("melody-2bar-chords", {"network.encoder_width": 16, "network.width": 16})
    train = Examples(torch.zeros(1, 32), fields={"chords": torch.ones(1, 32), "key": torch.ones(1, 24)})
    return build(learned(recipe, train))


def test_the_decoder_hears_the_chord_of_a_step_and_no_later_one() -> None:
    torch.manual_seed(0)
    built = told()
    vae, condition = built.vae.eval(), built.condition
    x, z = torch.randint(2, 90, (1, 32)).float(), torch.randn(1, 64)
    plain, changed = (condition.named(f"chords=C | {name}") for name in ("C", "G"))
    p, q = (vae.decode(z, c) for c in (plain, changed))
    steps = p.decoder.head.steps(x)
    apart = (p.decoder.features(p.given, steps) - q.decoder.features(q.given, steps)).abs().amax(2)[0]
    assert bool((apart[:16] == 0).all())
    assert bool((apart[16:] > 0).all())
    assert not torch.equal(vae.encode(x, plain), vae.encode(x, changed))


def test_steps_drawn_one_by_one_are_those_scored_at_once() -> None:
    torch.manual_seed(0)
    built = told()
    z, c = torch.randn(3, 64), built.condition.named("chords=C | F G").expand(3, -1)
    p = built.vae.eval().decode(z, c)
    assert torch.equal(p.predict(p.mean), p.mean)
    walk = p.decoder.steps()
    state, before, made = walk.begin(z, c), walk.blank(3), []
    for t in range(32):
        before, *state = walk(torch.tensor(t), before, torch.full((3, walk.numbers), 0.5), torch.tensor(0.0), *state)
        made.append(before)
    assert torch.equal(walk.events(torch.stack(made, 1)), p.mean)


def test_how_far_notes_keep_to_chords_and_key() -> None:
    c, g = (float(chords.parsed(name) or 0) for name in "CG")
    at = {60: 41, 61: 42, 62: 43, 67: 48}  # pitches as tokens
    line = torch.tensor([[at[60], 0, 1, at[62], at[61], 0, at[67], 0], [0.0] * 8])
    fields = {
        "chords": torch.tensor([[c, c, c, c, g, g, 0, g], [c] * 8]),
        "key": torch.tensor([keys.numbers(0, 0).tolist(), [float("nan")] * 24]),
    }
    for events, domain in ((line, Music()), (torch.stack([line, line * 0, line], 1), Music(kind="trio"))):
        found = domain.kept(events, fields)
        assert found["chords"].nan_to_num(nan=-1).tolist() == pytest.approx([3 / 6, -1])  # C C, G; D, C#, C# not
        assert found["key"].nan_to_num(nan=-1).tolist() == pytest.approx([5 / 7, -1])
    assert Music(kind="drums").kept(line, fields) == {}


@pytest.mark.slow
def test_a_run_is_asked_for_chords_over_as_many_bars_as_are_asked(raw, tmp_path: Path) -> None:
    for by in range(8):
        notes = [(QUARTER * k, QUARTER * (k + 1), 60 + by + (0, 4, 7, 12)[(k * by + k // 8) % 4]) for k in range(32)]
        (tmp_path / f"{by}.mid").write_bytes(raw.file(raw.notes(*notes)))
    small = ["network.encoder_width=16", "network.width=16", "latent=8", "prior=normal"]
    run = genae.train("melody-2bar-chords", data=tmp_path, steps=2, out=tmp_path / "run", settings=small)
    run.fit({"name": "sequence", "width": 16, "layers": 1, "drift": 16, "steps": 3, "variants": 1})
    made = run.sample(2, length=2, condition="chords=C Am F G", sampler="sequence")
    again = run.sample(2, length=2, condition="chords=C Am F G,key=C", sampler="sequence", seed=0)
    assert made.shape == again.shape == (2, 64)
    long = partial(CliRunner().invoke, cli)
    words = ["--bars", "8", "--with", "chords=C Am F G", "--with", "key=D", "--no-audio", "--out"]
    told = long(["sample", str(tmp_path / "run"), "-n", "2", "--sampler", "sequence", *words, str(tmp_path / "clips")])
    assert told.exit_code == 0, told.output
    wrong = long(["sample", str(tmp_path / "run"), "--bars", "2", "--chords", "C Am F", "--out", str(tmp_path / "no")])
    line = "chords 'C Am F' are 3 bars, and 2 are asked for; ask for more bars, or write several chords in one: C Am | F G"
    assert (wrong.exit_code, wrong.stderr) == (2, f"genae: {line}\n")
    more = long(["continue", str(tmp_path / "run"), str(tmp_path / "1.mid"), "--bars", "4", "--chords", "C F", "--no-audio",
                 "--out", str(tmp_path / "more")])  # fmt: skip
    assert more.exit_code == 0, more.output
    items = [str(tmp_path / f"{i}.mid") for i in (1, 2)]
    for way in ("glide", "hold"):
        morph = long(["interpolate", str(tmp_path / "run"), *items, "--steps", "3", "--condition-path", way, "--no-audio",
                      "--out", str(tmp_path / way)])  # fmt: skip
        assert morph.exit_code == 0, morph.output
