"""What other people's bug reports were about, as a user meets it: folders, links, names, data that change, runs that move."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from genae.data.layout import WORDS

Answer = Callable[..., dict[str, Any]]
Genae = Callable[..., Result]
Refused = Callable[..., str]

TRAIN = ("mnist-mlp", "--steps", 2, "--set", "network.hidden=[8]")
SPLITS = ("train", "valid", "test")
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
bytes_are_names = pytest.mark.skipif(sys.platform != "linux", reason="names are text there")


def pictures(folder: Path, names: Iterable[str], level: int = 100) -> Path:
    """Grey pictures with a little noise, each another."""
    random = np.random.default_rng(level)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noisy = random.normal(level, 10, (28, 28)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / name)
    return folder


def numbered(folders: Iterable[str], n: int) -> list[str]:
    return [f"{folder}/{i:03}.png" for folder in folders for i in range(n)]


def sizes(found: dict[str, Any]) -> tuple[int, ...]:
    """How many examples each split has, after the sum over files was looked at."""
    assert found["given"] == found["used"] + sum(found["named"].values())
    return tuple(found["splits"][split]["examples"] for split in SPLITS)


def classes(found: dict[str, Any]) -> dict[str, int]:
    """How many examples each class has in all splits."""
    return dict(sum((Counter(found["splits"][split]["classes"]) for split in SPLITS), Counter[str]()))


# -- 13 split words (huggingface/datasets #5021, #7529) ---------------------------------------------------------------


@pytest.mark.parametrize("word", [form(word) for word in WORDS for form in (str, str.upper, str.title)])
def test_split_words_that_are_a_class(answer: Answer, tmp_path: Path, word: str) -> None:
    folder = pictures(tmp_path / "vehicles", numbered(("bus", "car", word), 10))
    found = answer("data", "inspect", folder)
    assert sizes(found) == (24, 3, 3)
    assert classes(found) == {"bus": 10, "car": 10, word: 10}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"training": 6, "testing": 3}, (12, 0, 6)),
        ({"train": 6, "dev": 3, "eval": 3}, (12, 6, 6)),
        ({"Train": 5, "Validation": 2, "TEST": 2}, (10, 4, 4)),
        ({"TRAINING": 5, "val": 2}, (10, 4, 0)),
        ({"train": 5, "valid": 2, "Evaluation": 3}, (10, 4, 6)),
        ({"train": 5, "eval": 2, "test": 3}, (10, 4, 6)),
    ],
)
@pytest.mark.parametrize("around", ["", "set/", "a/b/"])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_split_words_that_are_splits(
    answer: Answer, tmp_path: Path, names: dict[str, int], expected: tuple[int, ...], around: str, packed: bool
) -> None:
    folder = tmp_path / "mine"
    for name, n in names.items():
        pictures(folder, numbered((f"{around}{name}/0", f"{around}{name}/1"), n))
    path = Path(shutil.make_archive(str(folder), "zip", folder)) if packed else folder
    found = answer("data", "inspect", path)
    assert sizes(found) == expected
    assert found["used"] == found["given"] == sum(expected)
    assert classes(found) == {"0": sum(expected) // 2, "1": sum(expected) // 2}


# -- 15 a stray picture, 17 what Macs, notebooks and Windows leave (pytorch/vision #2831) -----------------------------


@pytest.mark.parametrize("stray", ["preview.png", "Übersicht.png", "a.png"])
def test_stray_picture_beside_the_classes(answer: Answer, genae: Genae, tmp_path: Path, stray: str) -> None:
    folder = pictures(tmp_path / "pets", [*numbered(("cat", "dog"), 10), stray])
    found = answer("data", "inspect", folder)
    assert classes(found) == {"cat": 10, "dog": 10}
    assert sum(found["splits"][split]["unlabelled"] for split in SPLITS) == 1
    assert found["used"] == found["given"] == 21
    done = genae("train", *TRAIN, "--data", folder, "--set", "condition=label", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["condition"]["classes"] == ["cat", "dog"]


def test_mac_and_jupyter_junk(answer: Answer, tmp_path: Path) -> None:
    junk = (".ipynb_checkpoints/cat_000-checkpoint.png", "cat/.ipynb_checkpoints/cat_001-checkpoint.png")
    folder = pictures(tmp_path / "pets", [*numbered(("cat", "dog"), 10), *junk])
    for name in (".DS_Store", "cat/._000.png", "Thumbs.db"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        for name in numbered(("cat", "dog"), 10):
            archive.write(folder / name, f"photos/{name}")
            archive.writestr(f"__MACOSX/photos/{name.replace('/', '/._')}", b"\0\5\x16\7")
    for path, left in ((folder, 5), (tmp_path / "mac.zip", 20)):
        found = answer("data", "inspect", path)
        assert classes(found) == {"cat": 10, "dog": 10}
        assert (found["used"], sum(found["named"].values())) == (20, left)


# -- 16 links (huggingface/datasets #5098) ----------------------------------------------------------------------------


@needs_links
def test_symlinks_are_what_they_lead_to(answer: Answer, tmp_path: Path) -> None:
    store = pictures(tmp_path / "store", numbered((".",), 40))
    for name, own in (("curated/a", 0), ("curated/b", 20), ("half/b", 0)):
        (tmp_path / name).mkdir(parents=True)
        for i in range(own, own + 20):
            (tmp_path / name / f"{i:03}.png").symlink_to(store / f"{i:03}.png")
    pictures(tmp_path / "half", numbered(("a",), 20))
    (tmp_path / "dirs").mkdir()
    for name in "ab":
        (tmp_path / "dirs" / name).symlink_to(tmp_path / "half" / "a")
    (tmp_path / "relative").symlink_to("curated")
    for folder in ("curated", "half", "dirs", "relative"):
        found = answer("data", "inspect", tmp_path / folder)
        assert classes(found) == {"a": 20, "b": 20}
        assert found["used"] == found["given"] == 40


@needs_links
@pytest.mark.parametrize("target", ["..", ".", "../b", "../../pets"])
def test_symlinks_in_a_circle_end_and_are_named(answer: Answer, tmp_path: Path, target: str) -> None:
    folder = pictures(tmp_path / "pets", numbered(("a", "b"), 10))
    (folder / "a" / "again").symlink_to(target)
    (folder / "b" / "gone.png").symlink_to("nowhere.png")
    found = answer("data", "inspect", folder)
    if target == "../b":  # another class's pictures, and its broken link once more
        assert (found["used"], found["named"]) == (30, {"links that lead nowhere": 2})
    else:
        assert (found["used"], found["named"]) == (20, {"links that lead nowhere": 1, "links to a folder around them": 1})


# -- 20 names of bytes, 21 output in an encoding that lacks them ------------------------------------------------------


@bytes_are_names
@pytest.mark.parametrize("name", [b"caf\xe9.png", b"\x83e\x83X\x83g.png", b"\xff\xfe.png", b"a\nb.png", b"\x1b[31m.png"])
def test_latin1_file_name(answer: Answer, genae: Genae, tmp_path: Path, name: bytes) -> None:
    folder = pictures(tmp_path / "old", numbered((".",), 12))
    (folder / "003.png").rename(folder / os.fsdecode(name))
    assert sizes(answer("data", "inspect", folder)) == (10, 1, 1)
    (folder / os.fsdecode(name)).write_bytes(b"no picture")
    told = genae("data", "inspect", folder).stdout
    assert "\x1b" not in told
    assert "11 used" in told


@bytes_are_names
def test_class_names_in_either_form_are_one_class(answer: Answer, tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "Grün Å 한") for form in ("NFC", "NFD")]
    folder = pictures(tmp_path / "mine", numbered((*forms, "blau"), 10))
    assert classes(answer("data", "inspect", folder)) == {forms[0]: 20, "blau": 10}


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis"])
def test_cp1252_redirect_of_every_report(tmp_path: Path, encoding: str) -> None:
    folder = pictures(tmp_path / "jp", ["a.png"])
    (folder / "日本語 é ×.png").write_bytes(b"no picture")
    env = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "genae_cli", "data", "inspect", str(folder)]
    with (tmp_path / "out.txt").open("wb") as out:
        done = subprocess.run(words, env=env, stdout=out, stderr=subprocess.PIPE, timeout=120, check=False)
    text = (tmp_path / "out.txt").read_bytes().decode(encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "2 files given, 1 used" in text
    assert ("日本語" if encoding == "shift_jis" else r"\u65e5\u672c\u8a9e") in text


# -- 28 other data, 29 a relative path, 30 a run inside its data ------------------------------------------------------


def test_resume_other_data_is_refused_with_both_numbers(genae: Genae, refused: Refused, tmp_path: Path) -> None:
    folder, run = pictures(tmp_path / "grow", numbered((".",), 40)), tmp_path / "run"
    assert genae("train", *TRAIN, "--data", folder, "--out", run).exit_code == 0
    weights = (run / "weights.safetensors").read_bytes()
    pictures(folder, (f"b{i}.png" for i in range(44)), level=220)
    line = refused("train", "--resume", run)
    assert "train: 32 examples of 32 files, now 68 examples of 68 files" in line
    assert (run / "weights.safetensors").read_bytes() == weights
    assert "train: 32 examples of 32 files, now 68" in genae("evaluate", run, "--samples", 2).stderr
    assert genae("train", "--resume", run, "--data-changed").exit_code == 0


def test_relative_data_path_from_another_folder(
    genae: Genae, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, level in (("a", 40), ("b", 220)):
        pictures(tmp_path / place / "photos", numbered((".",), 20), level)
    monkeypatch.chdir(tmp_path / "a")
    assert genae("train", *TRAIN, "--data", "photos", "--out", "../run").exit_code == 0
    trained_on = answer("evaluate", "../run", "--samples", 2)["elbo"]
    for place in ("..", "../b", "photos"):
        monkeypatch.chdir(tmp_path / "a" / place)
        done = genae("evaluate", tmp_path / "run", "--samples", 2, "--json")
        assert json.loads(done.stdout)["elbo"] == trained_on
        assert "where it was trained" in done.stderr


def test_run_inside_data_is_no_data(genae: Genae, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pictures(tmp_path / "photos", numbered((".",), 40)))
    for out in ("runs/one", "two"):
        assert "36 used" in genae("train", *TRAIN, "--data", ".", "--out", out).stderr
        assert answer("sample", out, "-n", 3, "--out", f"{out}-samples")["files"]
    found = answer("data", "inspect", ".")
    assert sizes(found) == (32, 4, 4)
    assert [*found["named"]] == ["files that genae wrote itself"]
    assert genae("train", "--resume", "runs/one").exit_code == 0


# -- 31 what may happen to a run --------------------------------------------------------------------------------------


def test_nan_collapse_moved_readonly_runs(
    trained: Path, plane: Path, answer: Answer, refused: Refused, tmp_path: Path, bars: Path
) -> None:
    moved = Path(shutil.copytree(trained, tmp_path / "another name é"))
    for path in moved.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    moved.chmod(0o555)
    for run, out in ((trained, "there"), (moved, "here")):
        answer("sample", run, "-n", 2, "--out", tmp_path / out)
    for name in ("grid.png", "sample-1.png", "sample-2.png"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    moved.chmod(0o755)
    zoo = pictures(tmp_path / "zoo", numbered(("0", "bird"), 12))
    assert "no class 'bird'; known: 0, 1" in refused("evaluate", plane, "--data", zoo, "--samples", 2)
    assert "no class 'bird'; known: 0, 1" in refused("sample", plane, "--condition", "bird", "--out", tmp_path / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_file_larger_than_is_allowed_leaves_nothing_half_written(bars: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from genae_cli.main import cli; cli(sys.argv[1:])"
    )
    words = [sys.executable, "-c", code, "train", *map(str, TRAIN), "--data", str(bars), "--out", str(tmp_path / "run")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "the file would be larger than is allowed" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.safetensors*"))
