"""Nottingham, Groove and POP909: as they are packed, unpacked and wrapped, and damaged."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from genae.data.examples import SPLITS, Split
from genae.errors import GenaeError
from genae_datasets.bands import bands
from genae_datasets.midi import Archived, groove, nottingham, pop909
from genae_datasets.tunes import SIZES, tunes

INFO = "drummer,style,midi_filename,split\n"
ROWS = """d1,"rock/half, slow",d1/a.mid,train
d1,funk,d1/b.mid,validation
d1,rock/fast,"d1/c, live.mid",test
d1,rock,d1/d.mid,train
"""
PLAYED = ("d1/a.mid", "d1/b.mid", "d1/c, live.mid", "d1/d.mid")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty $GENAE_DATA."""
    monkeypatch.setenv("GENAE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def fill(folder: Path, *names: str, **contents: str) -> Path:
    """A folder of files whose content is their name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(contents.get(name.rpartition("/")[2].partition(".")[0], name))
    return folder


def pack(folder: Path, archive: Path, wrap: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(folder.rglob("*")):
            opened.write(path, wrap + path.relative_to(folder).as_posix())
    return archive


def names(split: Split) -> list[str]:
    return [file.member.rpartition("/")[2] or file.path.name for file in split.files]


# -- the real ones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dataset, archive, sizes",
    [
        (nottingham, "nottingham-midi.zip", (846, 99, 89)),  # 1034 melodies
        (groove, "groove-midionly.zip", (897, 124, 129)),  # its home's own split of 1150 performances
        (pop909, "pop909.zip", (643, 72, 85)),  # songs 1 to 800
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_real_archives(real, dataset: Archived, archive: str, sizes: tuple[int, ...]) -> None:
    path = real(archive)
    splits = [dataset.split(name) for name in SPLITS]
    assert tuple(len(split.files) for split in splits) == sizes
    files = [file for split in splits for file in split.files]
    assert {file.path for file in files} == {path}
    assert len({file.member for file in files}) == sum(sizes)  # none is in two splits
    assert files[0].read().startswith(b"MThd")


def test_real_tunes_are_split_by_the_hash_of_their_names(real) -> None:
    real("nottingham-midi.zip")
    for split, digits in ("test", {0}), ("valid", {1}), ("train", set(range(2, 10))):
        files = nottingham.split(split).files
        assert all("/MIDI/melody/" in file.member for file in files)
        found = {int(hashlib.sha256(file.member.rpartition("/")[2].encode()).hexdigest(), 16) % 10 for file in files}
        assert found == digits


def test_bands_are_the_songs_of_pop909_and_as_many_composed(data: Path) -> None:
    """Each split is that of both sets; the archive is found where it was downloaded for pop909."""
    archive = fill(data / "made", *(f"POP909/{n:03}/{n:03}.mid" for n in range(1, 21)))
    (data / "pop909").mkdir()
    pack(archive, data / "pop909/songs.zip")
    for name in SPLITS:
        split, played = bands.split(name), pop909.split(name)
        assert [file.member for file in split.files[: len(played.files)]] == [file.member for file in played.files]
        assert [file.path for file in split.files[len(played.files) :]] == [file.path for file in tunes.split(name).files]
        assert [file.label for file in split.files] == ["played"] * len(played.files) + ["composed"] * SIZES[name]
        assert split.classes == ("composed", "played")


def test_real_grooves_have_the_styles_of_their_home(real) -> None:
    real("groove-midionly.zip")
    train = groove.split("train")
    assert len(train.classes) == 18  # https://www.tensorflow.org/datasets/catalog/groove
    assert list(train.classes) == sorted(train.classes)
    first = train.files[0]
    assert (first.label, first.member) == ("funk", "groove/drummer1/session1/1_funk_80_beat_4-4.mid")
    assert {file.label for file in train.files} <= set(train.classes)


@pytest.mark.parametrize("dataset", [nottingham, groove, pop909], ids=lambda d: d.name)
def test_an_unpacked_folder_gives_the_same(real, data: Path, dataset: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = real({"nottingham": "nottingham-midi", "groove": "groove-midionly"}.get(dataset.name, dataset.name) + ".zip")
    packed = {name: dataset.split(name) for name in SPLITS}
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(data / dataset.name)
    monkeypatch.setenv("GENAE_DATA", str(data))
    for name, split in packed.items():
        found = dataset.split(name)
        assert found.classes == split.classes
        inside = [(file.path.relative_to(data / dataset.name).as_posix(), file.label) for file in found.files]
        assert inside == [(file.member, file.label) for file in split.files]


# -- where they are ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", ["", "nottingham-dataset-0992bb6/", "a/b/"])
@pytest.mark.parametrize("place", ["nottingham/any.zip", "nottingham/nottingham-dataset.zip", "nottingham-dataset-master.zip"])
def test_an_archive_is_found_however_it_is_wrapped(data: Path, tmp_path: Path, place: str, wrap: str) -> None:
    tunes = [f"MIDI/melody/jigs{i}.mid" for i in range(20)]
    made = fill(tmp_path / "made", *tunes, "MIDI/jigs0.mid", "MIDI/chords/jigs0.mid", "MIDI/melody/._jigs1.mid", "README.md")
    (data / "nottingham").mkdir()
    pack(made, data / place, wrap)
    splits = {name: nottingham.split(name) for name in SPLITS}
    assert sorted(n for split in splits.values() for n in names(split)) == sorted(Path(t).name for t in tunes)
    assert splits["train"].files[0].read().decode() == "MIDI/melody/jigs0.mid"


def test_another_archive_beside_the_folder_is_not_taken(data: Path, tmp_path: Path) -> None:
    pack(fill(tmp_path / "made", "melody/a.mid"), data / "my-tunes.zip")
    with pytest.raises(GenaeError, match="is not in"):
        nottingham.split("train")


def test_songs_of_pop909_without_their_versions(data: Path) -> None:
    songs = [f"POP909/{i:03}/{i:03}.mid" for i in range(1, 13)]
    fill(data / "pop909", *songs, "POP909/001/versions/001-v1.mid", "POP909/001/002.mid", "POP909/index.xlsx", "1001/1001.mid")
    found = sorted(n for name in SPLITS for n in names(pop909.split(name)))
    assert found == [f"{i:03}.mid" for i in range(1, 13)]


def test_a_table_is_read_with_its_quotes(data: Path) -> None:
    fill(data / "groove" / "wrapped", "info.csv", *PLAYED, info=INFO + ROWS)
    train, valid, test = (groove.split(name) for name in SPLITS)
    assert [(f.path.name, f.label) for f in train.files] == [("a.mid", "rock"), ("d.mid", "rock")]
    assert [(f.path.name, f.label) for f in valid.files] == [("b.mid", "funk")]
    assert [(f.path.name, f.label) for f in test.files] == [("c, live.mid", "rock")]
    assert train.classes == valid.classes == test.classes == ("funk", "rock")


def test_the_users_folder_comes_before_the_cache(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAE_CACHE", str(tmp_path / "cache"))
    made = fill(tmp_path / "made", "info.csv", *PLAYED, info=INFO + ROWS)
    shutil.copytree(made, tmp_path / "cache" / "data" / "groove")
    assert groove.split("test").files[0].path.is_relative_to(tmp_path / "cache")
    pack(made, data / "groove-v1.0.0-midionly.zip", "groove/")
    assert groove.split("test").files[0].member == "groove/d1/c, live.mid"


# -- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", [nottingham, groove, pop909], ids=lambda d: d.name)
def test_absent_says_where_it_looked_and_how_to_get_it(data: Path, dataset: Archived) -> None:
    with pytest.raises(GenaeError) as caught:
        dataset.split("test")
    for part in (str(data / dataset.name), "cache", f"genae data get {dataset.name}"):
        assert part in str(caught.value)
    with pytest.raises(GenaeError, match="no split 'training'; known: test, train, valid"):
        dataset.split("training")


def test_what_is_there_but_not_it_is_named(data: Path) -> None:
    (data / "pop909.zip").write_bytes(b"PK\3\4 cut short")
    with pytest.raises(GenaeError, match=r"pop909\.zip holds none of its files\); get it with: genae data get pop909"):
        pop909.split("train")


@pytest.mark.parametrize(
    "table, message",
    [
        (None, "info.csv is missing"),
        (INFO, "no column 'midi_filename'"),
        ("style,split\nrock,train\n", "no column 'midi_filename'"),
        (INFO + "d1,rock\n", "no column 'midi_filename', or a row without it"),
        (INFO + ROWS + "d1,rock,d1/e.mid,train\n", r"names 1 files that are not there \(d1/e\.mid, …\); get it again"),
        (INFO + "d1,rock,../secret.mid,train\n", r"not there \(\.\./secret\.mid"),
    ],
)
def test_a_broken_table_is_told_in_one_line(data: Path, table: str | None, message: str) -> None:
    fill(data / "groove", *PLAYED, *(["info.csv"] if table else []), info=table or "")
    fill(data, "secret.mid")
    with pytest.raises(GenaeError, match=message) as caught:
        groove.split("train")
    assert "\n" not in str(caught.value)


def test_a_table_that_is_no_text(data: Path) -> None:
    (fill(data / "groove", *PLAYED) / "info.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GenaeError, match=r"info\.csv: not a table"):
        groove.split("train")


# -- their homes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", [nottingham, groove, pop909], ids=lambda d: d.name)
def test_downloads_are_fixed(dataset: Archived) -> None:
    """To a published checksum, or to a commit."""
    (download,) = dataset.downloads
    (url,) = download.urls
    assert url.startswith("https://")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", download.checksum) or re.search(r"/archive/[0-9a-f]{40}\.zip$", url)
    assert download.file.endswith(".zip")
    assert dataset.domain == "music"
    assert dataset.about
    assert dataset.licence
    assert dataset.home.startswith("https://")
