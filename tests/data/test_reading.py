"""Reading: in processes, from the cache, distinct across splits, with a sum of what was lost."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from genae import Training
from genae.data import pool, reading
from genae.data.domain import Domain, Reading
from genae.data.examples import File, Found, require, sum_of
from genae.data.inspecting import stored
from genae.data.local import Local
from genae.data.reading import read_split
from genae.errors import GenaeError, Rejected
from genae.files import cache_folder
from genae.recipe import recipe, registry


@dataclass(frozen=True)
class Words(Domain):
    """Pairs of neighbouring numbers of a text file; odd ones are not used."""

    largest: int = 100

    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    reading: ClassVar[Reading] = Reading(cached=True, distinct=True, least=3, advice="write more numbers")

    @property
    def event(self):
        return (2,)

    def read(self, file):
        text = file.read().decode()
        if "?" in text:
            raise Rejected(f"{file.name}: holds '{text}'", "holds a question")
        numbers = [int(word) for word in text.split()]
        good = [n for n in numbers if n <= self.largest]
        lost = {"numbers too large": len(numbers) - len(good)} if len(good) < len(numbers) else {}
        pairs = list(itertools.pairwise(good))
        return Found(torch.tensor(pairs, dtype=torch.uint8).view(-1, 2), lost)

    def write(self, example, path):
        path.write_text(" ".join(str(int(n)) for n in example))


def _folder(path, **texts):
    for name, text in texts.items():
        split, _, stem = name.partition("_")
        (path / split).mkdir(parents=True, exist_ok=True)
        (path / split / f"{stem}.txt").write_text(text)
    return Local(path)


def test_what_was_lost_is_summed(tmp_path):
    data = _folder(tmp_path / "d", train_a="1 2 3 200", train_b="500 501", train_c="what?", train_d="4 5 900")
    found = read_split(data, "train", Words())
    assert found.x.tolist() == [[1, 2], [2, 3], [4, 5]]
    assert found.lost == {"numbers too large": 4, "files that give no example": 1, "holds a question": 1}
    assert (found.files, found.used) == (4, 2)
    assert sum_of(found)[:2] == ["3 examples from 2 of 4 files", "  not used: 4 × numbers too large"]
    assert found.skipped[0].endswith("b.txt: gives no example (2 numbers too large)")


def test_too_little_is_refused_with_numbers_and_a_remedy(tmp_path):
    found = read_split(_folder(tmp_path / "d", train_a="1 2 300", train_b="?"), "train", Words())
    with pytest.raises(GenaeError, match=r"^mine has only 1 usable examples from 1 of 2 files \(1 × numbers too large; "
                       r"1 × holds a question\); at least 3 are needed to train; write more numbers$"):  # fmt: skip
        require(found, "mine", Words.reading.least, Words.reading.advice)
    with pytest.raises(GenaeError, match=r"^mine has no usable example \(1 × holds a question\); write more numbers$"):
        require(read_split(_folder(tmp_path / "e", train_b="?"), "train", Words()), "mine", 3, Words.reading.advice)


def test_training_refuses_too_little(tmp_path):
    _folder(tmp_path / "d", train_a="1 2 3")
    preset = {"domain": {"name": "words"}, "network": {"name": "mlp", "hidden": [4]}, "likelihood": {"name": "gaussian"}}
    with registry.override("domain", "words", Words), registry.override("preset", "words", preset):
        with pytest.raises(GenaeError, match="only 2 usable examples from 1 of 1 files; at least 3"):
            Training("words", data=str(tmp_path / "d"), out=tmp_path / "run")
        assert recipe.compose("words").domain == {"name": "words", "largest": 100}


def test_a_second_start_reads_nothing(tmp_path, monkeypatch):
    data = _folder(tmp_path / "d", train_a="1 2 3 200", train_b="7 8", train_c="?")
    first = read_split(data, "train", Words())
    monkeypatch.setattr(Words, "read", lambda self, file: pytest.fail("was read again"))
    again = read_split(data, "train", Words())
    assert torch.equal(first.x, again.x)
    assert (first.names, first.skipped, first.lost, first.files, first.used) == (
        again.names, again.skipped, again.lost, again.files, again.used,
    )  # fmt: skip


@pytest.mark.parametrize("change", ["content", "options", "file"])
def test_the_cache_knows_content_and_options(tmp_path, change):
    data = _folder(tmp_path / "d", train_a="1 2 3", train_b="7 8")
    read_split(data, "train", Words())
    if change == "content":
        _folder(tmp_path / "d", train_a="1 2 4")
    elif change == "file":
        _folder(tmp_path / "d", train_c="9 9")
    found = read_split(data, "train", Words(largest=2 if change == "options" else 100))
    assert found.x.tolist() == {
        "content": [[1, 2], [2, 4], [7, 8]], "options": [[1, 2]], "file": [[1, 2], [2, 3], [7, 8], [9, 9]],
    }[change]  # fmt: skip


def test_a_damaged_cache_is_only_a_cache(tmp_path):
    data = _folder(tmp_path / "d", train_a="1 2 3")
    first = read_split(data, "train", Words()).x  # nobody has the examples any more
    (kept,) = (cache_folder() / "read").iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    assert torch.equal(read_split(data, "train", Words()).x, first)


def test_held_out_examples_are_not_in_an_earlier_split(tmp_path):
    data = _folder(tmp_path / "d", train_a="1 2 3", valid_a="2 3 4", test_a="1 2", test_b="3 4 5")
    found = {split: read_split(data, split, Words()) for split in ("train", "valid", "test")}
    assert found["train"].x.tolist() == [[1, 2], [2, 3]]
    assert found["valid"].x.tolist() == [[3, 4]]
    assert found["test"].x.tolist() == [[4, 5]]
    assert found["test"].lost == {reading.AGAIN: 2}
    assert len(found["test"].names) == 1


@pytest.mark.parametrize("refusing", [lambda **_: _Refusing(), lambda **_: _Dying()], ids=["refusing", "dying"])
def test_files_are_read_here_when_other_processes_cannot_start(tmp_path, monkeypatch, refusing):
    texts = {f"train_{i:02}": f"{i} {i + 1} {i % 3 * 90}" for i in range(40)} | {"train_x": "?"}
    data = _folder(tmp_path / "d", **texts)
    expected = read_split(data, "train", Words())
    monkeypatch.setattr(pool, "MANY", 1)
    monkeypatch.setattr(pool, "ProcessPoolExecutor", refusing)
    monkeypatch.setenv("GENAE_CACHE", str(tmp_path / "other"))
    found = read_split(data, "train", Words())  # tests/music reads in processes that start
    assert torch.equal(found.x, expected.x)
    assert found.skipped == expected.skipped


class _Refusing(pool.ThreadPoolExecutor):
    def submit(self, *arguments, **options):
        raise pool.BrokenProcessPool


class _Dying(pool.ThreadPoolExecutor):
    def submit(self, *arguments, **options):
        future = pool.Future()
        future.set_exception(pool.BrokenProcessPool())
        return future


@pytest.mark.parametrize(("most", "ahead"), [(1 << 28, 4), (0, 0)])
def test_bytes_in_flight_are_bounded(monkeypatch, most, ahead):
    """Two threads are at most four files ahead of what was taken, and none where there is no room for a byte."""
    files, begun = [File(Path(f"{i}.txt"), content=b"1 2") for i in range(40)], []

    def read(file, domain):
        begun.append(file.name)
        return Found(torch.zeros(50))

    monkeypatch.setattr(pool, "BYTES", most)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for done, (file, one) in enumerate(pool.each(files, Words(), read), 1):
        assert file is files[done - 1]
        assert len(one.x) == 50
        assert done <= len(begun) <= done + ahead
    assert len(begun) == 40


def test_progress_counts_files(tmp_path):
    data, seen = _folder(tmp_path / "d", train_a="1 2", train_b="3 4"), []
    read_split(data, "train", Words(), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_stored_examples_by_path(tmp_path):
    _folder(tmp_path / "d", train_a="5 6 1 2", valid_b="?")
    preset = {"domain": {"name": "words"}, "network": {"name": "mlp", "hidden": [4]}, "likelihood": {"name": "gaussian"}}
    with registry.override("domain", "words", Words), registry.override("preset", "words", preset):
        assert stored(tmp_path / "d", "words") == {"train/a.txt": [[1, 2], [5, 6], [6, 1]], "valid/b.txt": []}
        assert stored(tmp_path / "d", "words", ["domain.largest=5"])["train/a.txt"] == [[1, 2], [5, 1]]
        (tmp_path / "none").mkdir()
        with pytest.raises(GenaeError, match=r"holds no file that preset 'words' reads \(\.txt\)"):
            stored(tmp_path / "none", "words")


def test_whatever_read_raises_names_the_file_and_reading_goes_on(tmp_path, monkeypatch):
    def read(self, file):
        if file.name.endswith("b.txt"):
            raise KeyError("no such\nkey")
        if file.name.endswith("c.txt"):
            return torch.tensor([1.0, 2.0, 3.0])[5:][0]
        return torch.tensor([[1, 2]], dtype=torch.uint8)

    monkeypatch.setattr(Words, "read", read)
    found = read_split(_folder(tmp_path / "d", train_a="1", train_b="2", train_c="3", train_d="4"), "train", Words())
    assert len(found) == 2
    assert [line.split(", ")[0].rsplit("/")[-1] for line in found.skipped] == [
        "b.txt: Words.read failed on it",
        "c.txt: Words.read failed on it",
    ]
    assert "KeyError: 'no such" in found.skipped[0]
    assert "IndexError" in found.skipped[1]


def test_a_rejected_file_prints_as_its_line():
    assert str(Rejected("a.txt: is empty", "empty", {"x": 1})) == "a.txt: is empty"


def test_a_file_too_large_to_be_loaded_is_known_by_its_content_too(tmp_path, monkeypatch):
    from genae.data import examples as data
    from genae.data.kept import contents

    monkeypatch.setattr(data, "LARGEST_FILE", 10)
    path, prints = tmp_path / "large.wav", []
    for content in (b"a" * 100, b"b" * 100):
        path.write_bytes(content)
        prints += contents([data.File(path), data.File(path, content=b"a" * 100)])
    assert prints[0] == prints[1] == prints[3]
    assert prints[2] not in ("", prints[0])
