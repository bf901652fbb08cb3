"""Names that are no text, in another form, or hold what a terminal obeys; and output in an encoding that lacks them."""

import json
import os
import subprocess
import sys
import unicodedata

import pytest
from PIL import Image

from genae.names import composed, encoded, shown

TRAIN = ("mnist-mlp", "--steps", 2, "--set", "network.hidden=[8]")
bytes_are_names = pytest.mark.skipif(sys.platform != "linux", reason="names are text there")


def _pictures(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (28, 28), 100).save(folder / name)
    return folder


def _latin(folder, n=12):
    """So many pictures, one of which, and the folder of which, has a name in Latin 1."""
    _pictures(folder, *(f"cat/{i:03}.png" for i in range(n)))
    (folder / "cat" / "003.png").rename(folder / "cat" / os.fsdecode(b"caf\xe9.png"))
    (folder / "cat").rename(folder / os.fsdecode(b"chat\xe9"))
    return folder


def test_escapes():
    assert (
        shown("caf\udce9 \x1b[31m\n\r\x00\u202e\u2028\ud800 日本 é\t×") == r"caf\xe9 \x1b[31m\n\r\x00\u202e\u2028\ud800 日本 é"
        "\t×"
    )
    assert composed("e\u0301") == "é"
    assert encoded("e\u0301") == "é".encode()
    assert encoded("\udce9") == b"\xed\xb3\xa9"


@bytes_are_names
def test_names_of_bytes_are_read_and_printed(genae, answer, tmp_path):
    folder = _latin(tmp_path / "old")
    found = answer("data", "inspect", folder)
    assert (found["given"], found["used"]) == (12, 12)
    assert sum(found["splits"][split]["classes"]["chat\udce9"] for split in found["splits"]) == 12
    assert r"chat\xe9 10" in genae("data", "inspect", folder).stdout
    assert genae("data", "tokens", folder, "--preset", "mnist-mlp", "--json").exit_code == 0
    (folder / os.fsdecode(b"\xff.txt")).write_text("")
    assert r"skipped" in genae("data", "inspect", folder).stdout
    assert r"\xff.txt: not a file" in genae("data", "inspect", folder).stdout


@bytes_are_names
def test_training_on_names_of_bytes(genae, answer, tmp_path):
    folder, run = _latin(tmp_path / "old"), tmp_path / "run"
    for i in range(3):
        (folder / os.fsdecode(b"a\n%d \xe9.png" % i)).write_bytes(b"nope")
    result = genae("train", *TRAIN, "--data", folder, "--out", run, "--set", "condition=label")
    assert result.exit_code == 0, result.output
    assert r"a\n0 \xe9.png: not" in result.stderr
    assert answer("evaluate", run, "--samples", 2)["examples"] >= 1
    assert genae("train", "--resume", run).exit_code == 0
    moved = folder.rename(tmp_path / os.fsdecode(b"\xe9t\xe9"))
    result = genae("train", *TRAIN, "--data", moved, "--out", tmp_path / "two")
    assert result.exit_code == 0, result.output
    assert answer("evaluate", tmp_path / "two", "--samples", 2)["examples"] >= 1


def test_a_class_is_named_in_any_form(genae, tmp_path):
    apart = unicodedata.normalize("NFD", "café")
    _pictures(tmp_path / "d", *(f"{c}/{i}.png" for c in (apart, "thé") for i in range(6)))
    run = tmp_path / "run"
    assert genae("train", *TRAIN, "--data", tmp_path / "d", "--set", "condition=label", "--out", run).exit_code == 0
    assert json.loads((run / "recipe.json").read_text())["condition"]["classes"] == ["café", "thé"]
    for i, name in enumerate((apart, "café")):
        assert genae("sample", run, "-n", 1, "--condition", name, "--out", tmp_path / f"out{i}").exit_code == 0
    _pictures(tmp_path / "e", *(f"{unicodedata.normalize('NFC', 'café')}/{i}.png" for i in range(12)))
    assert genae("evaluate", run, "--data", tmp_path / "e", "--samples", 2).exit_code == 0


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "latin-1", "utf-8"])
def test_output_in_an_encoding_that_lacks_a_name(tmp_path, encoding):
    folder = _pictures(tmp_path / "日本", "a.png")
    (folder / "日本語 ×.png").write_bytes(b"nope")
    env = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    train = ["train", *map(str, TRAIN), "--data", str(folder), "--out", str(tmp_path / "run")]
    for words in (["data", "inspect", str(folder)], train):
        words = [sys.executable, "-m", "genae_cli", *words]
        done = subprocess.run(words, env=env, capture_output=True, timeout=120, check=False)
        text = (done.stdout + done.stderr).decode(encoding)
        assert done.returncode == 0, text
        assert ("日本語" if encoding == "utf-8" else r"\u65e5\u672c\u8a9e") in text
        assert "Traceback" not in text


def test_a_mistake_with_such_a_name_is_one_line(refused, tmp_path):
    line = refused("data", "inspect", tmp_path / "no\x1b[31m\x7f such")
    assert r"no\x1b[31m\x7f such" in line
