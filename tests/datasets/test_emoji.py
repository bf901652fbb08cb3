"""Emoji by name: in folders of their categories, and as their home packs them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from genae.data.examples import SPLITS
from genae.errors import GenaeError
from genae_datasets.download import Download, repacked
from genae_datasets.emoji import CATEGORIES, WANTED, emoji


def test_the_real_set_is_split_by_name_and_labelled_by_category(real) -> None:
    real("emoji-64.zip")
    splits = {name: emoji.split(name) for name in SPLITS}
    assert {name: len(split.files) for name, split in splits.items()} == {"train": 1560, "valid": 169, "test": 182}
    files = [file for split in splits.values() for file in split.files]
    assert sum(file.label == "flags" for file in files) == 270
    assert {file.label for file in files} == {*CATEGORIES} == {*splits["test"].classes}


def packed(path: Path) -> Path:
    """Forty emoji of two categories as their home packs them, with a tone of skin and a sheet beside."""
    rows = [
        {"image": f"{i:04x}.png", "short_name": f"e{i}", "category": "Smileys & Emotion" if i % 2 else "Flags"}
        for i in range(40)
    ]
    inside = {f"package/img/google/64/{row['image']}": row["short_name"].encode() for row in rows}
    inside |= {"package/img/google/64/0001-1f3fb.png": b"", "package/img/google/sheets/64.png": b""}
    inside |= {"package/emoji.json": json.dumps(rows).encode()}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in inside.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_what_its_home_packs_is_the_same_set(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GENAE_DATA", str(tmp_path))
    (tmp_path / "emoji").mkdir()
    one = Download("emoji.tgz", (), "", repack=WANTED)
    made = repacked(packed(tmp_path / "emoji" / "emoji.tgz"), one)
    with zipfile.ZipFile(made) as archive:
        assert len(archive.namelist()) == 42  # without the sheet
    home = {name: {file.read().decode(): file.label for file in emoji.split(name).files} for name in SPLITS}
    made.unlink()
    with zipfile.ZipFile(tmp_path / "emoji-64.zip", "w") as archive:
        for i in range(40):
            archive.writestr(f"{'smileys-emotion' if i % 2 else 'flags'}/e{i}.png", f"e{i}")
    folders = {name: {file.read().decode(): file.label for file in emoji.split(name).files} for name in SPLITS}
    assert home == folders
    assert sum(map(len, home.values())) == 40
    assert home["train"]["e1"] == "smileys-emotion"


def test_another_table_is_refused_in_a_line(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GENAE_DATA", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "emoji-64.zip", "w") as archive:
        archive.writestr("emoji.json", '[{"image": 3}]')
    with pytest.raises(GenaeError, match=r"emoji\.json: not the table of names"):
        emoji.split("train")
