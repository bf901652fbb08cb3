"""Pipes, sockets and devices in place of files: never opened, since they might never end; one line says what is there."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from PIL import Image

from genae.data.examples import File
from genae.errors import Rejected

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and devices of a POSIX system")
KINDS = {"pipe": "a pipe", "socket": "a socket", "device": "a device"}
SECONDS = 120  # on a machine that does much else
VERBS = {
    "train --data": (".png", ["train", "mnist-mlp", "--data", "IT", "--out", "OUT"]),
    "train --data, of IDX": ("-idx3-ubyte", ["train", "mnist-mlp", "--data", "IT", "--out", "OUT"]),
    "data inspect": (".zip", ["data", "inspect", "IT"]),
    "data tokens": (".png", ["data", "tokens", "IT", "--preset", "mnist-mlp"]),
    "reconstruct": (".png", ["reconstruct", "RUN", "IT", "--out", "OUT"]),
    "encode": (".png", ["encode", "RUN", "IT", "--out", "OUT.npz"]),
    "encode --data": (".png", ["encode", "RUN", "--data", "IT", "--out", "OUT.npz"]),
    "sample --like": (".png", ["sample", "RUN", "--like", "IT", "--out", "OUT"]),
    "an item": (".png", ["reconstruct", "RUN", "IT:test:1", "--out", "OUT"]),
    "decode": (".npz", ["decode", "RUN", "IT", "--out", "OUT"]),
}


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """What waits for a pipe that nobody writes to fails."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"still waiting after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def made(kind: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Something that is no file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as one, monkeypatch.context() as patch:
            patch.chdir(path.parent)  # a socket's whole path may have 107 characters
            one.bind(path.name)
    return path


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused(
    refused: Callable[..., str], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, kind: str
) -> None:
    suffix, words = VERBS[verb]
    it = made(kind, tmp_path / f"it{suffix}", monkeypatch)
    names = {"RUN": trained, "IT": it, "OUT": tmp_path / "out"}
    line = refused(*(_put(word, names) for word in words))
    assert line.startswith(f"genae: {it} is {KINDS[kind]}, not a file; give ")
    assert not (tmp_path / "out").exists()


def _put(word: str, names: dict[str, Path]) -> str:
    for name, path in names.items():
        if word.startswith(name):
            return word.replace(name, str(path), 1)
    return word


@pytest.mark.parametrize("kind", KINDS)
def test_inside_a_folder_it_is_counted_and_named(
    answer: Callable[..., dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "photos").mkdir()
    for i in range(4):
        Image.fromarray(np.full((28, 28), 60 * i, np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    it = made(kind, tmp_path / "photos" / "it.png", monkeypatch)
    told = answer("data", "inspect", tmp_path / "photos")
    assert told["skipped"] == [f"{it}: neither files nor folders"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_domain_never_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    file = File(made(kind, tmp_path / "it.png", monkeypatch))
    for look in (file.read, file.open):
        with pytest.raises(Rejected, match=rf"it.png: cannot be read \(it is {KINDS[kind]}, not a file\)"):
            look()


@pytest.mark.parametrize("verb", [["plot", "RUN", "--kind", "curves", "--out"], ["encode", "RUN", "BARS:test:0", "--out"]])
def test_what_is_written_takes_the_place_of_a_link(
    genae: Callable[..., object], trained: Path, bars: Path, tmp_path: Path, verb: list[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    out = tmp_path / ("out.png" if verb[0] == "plot" else "out.npz")
    out.symlink_to(tmp_path / "mine")
    genae(*(_put(word, {"RUN": trained, "BARS": bars}) for word in verb), out)
    assert (tmp_path / "mine").read_text() == "mine"
    assert not out.is_symlink()
    assert out.stat().st_size > 0


def test_a_plugin_that_is_a_link_to_itself(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "mine.py").symlink_to("mine.py")
    assert "no such file" in refused("train", "mnist-mlp", "--plugin", tmp_path / "mine.py")
