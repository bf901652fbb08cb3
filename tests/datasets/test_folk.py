"""Folk tunes in ABC notation: books in an archive, a tune an example's file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from genae.data.examples import SPLITS
from genae_datasets.folk import folk
from genae_music import reader


def book(*numbers: int) -> str:
    return "\n\n".join(f"X:{n:04}\nK:C\n{'C' * (n % 7 + 1)}|" for n in numbers)


def test_tunes_are_split_by_their_number_and_labelled_by_their_collection(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("GENAE_DATA", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "music21-9.zip", "w") as archive:
        archive.writestr("music21-9/music21/corpus/airdsAirs/book1.abc", book(*range(1, 41)))
        archive.writestr("music21-9/music21/corpus/oneills1850/0001-0030.abc", book(*range(1, 31)))
        archive.writestr("music21-9/music21/corpus/oneills1850/0030-0040.abc", book(*range(30, 41)))
        archive.writestr("music21-9/music21/corpus/oneills1850/0041-0041.abc", book(40, 40))
        archive.writestr("music21-9/music21/corpus/essenFolksong/han1.abc", book(1, 2))
    splits = {name: folk.split(name) for name in SPLITS}
    assert sum(len(split.files) for split in splits.values()) == 40 + 30 + 11 + 2
    assert {split.classes for split in splits.values()} == {("aird", "o'neill")}
    where: dict[str, set[str]] = {}
    for name, split in splits.items():
        for file in split.files:
            where.setdefault(Path(file.member).stem.partition("-")[0], set()).add(name)
    assert len(where) == 40
    assert all(len(names) == 1 for names in where.values())
    assert {name for names in where.values() for name in names} == {*SPLITS}


@pytest.mark.slow  # a minute: 3189 tunes
def test_every_tune_of_the_real_set_is_read(real) -> None:
    real("folk-abc.zip")
    files = [file for name in SPLITS for file in folk.split(name).files]
    assert len(files) == 3189
    assert sum(len(reader.read(file).onset) > 8 for file in files) == len(files)
