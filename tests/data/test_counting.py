"""Files given are files used and files named with a reason, in any folder and zip."""

import os
import random
import shutil
import sys
import zipfile
from collections import Counter

import pytest

from genae.data.counting import Count, counted
from genae.data.examples import SPLITS
from genae.data.inspecting import inspect
from genae.data.layout import WORDS
from genae.data.local import Local
from genae.data.reading import read_split

FOLDERS = [*WORDS, "Train", "TEST", "Val", "cat", "dog", "piece1", "piece2", "1", "2", "é", "e\u0301", "a b", ".hidden",
           "__MACOSX", "info", "runs"]  # fmt: skip
FILES = ["a.txt", "b.txt", "1.txt", "02.txt", "é.txt", "e\u0301.txt", "README.md", "x.csv", "Thumbs.db", ".DS_Store", "._a.txt",
         "noend", "recipe.json", "weights.safetensors", ".genae", "line\nbreak.txt", "bad.txt"]  # fmt: skip
CONTENT = {"bad.txt": "no number", "b.txt": "1 2 3 4"}
BYTES = sys.platform == "linux"  # where names are bytes, of any case and form, and links are free


class Layouts:
    """Random folders and zips, each with how many files are in it."""

    def __init__(self, seed, place):
        self.random, self.place = random.Random(seed), place
        self.store = place / "store"
        for name in ("1.txt", "2.txt", "deep/3.txt"):
            (self.store / name).parent.mkdir(parents=True, exist_ok=True)
            (self.store / name).write_text("1 2")

    def paths(self):
        """Some paths of files, of which none is a folder of another."""
        found = set()
        for _ in range(self.random.choice([1, 3, 6, 12])):
            folders = self.random.choices(FOLDERS, k=self.random.choice([0, 0, 1, 1, 2, 3]))
            found |= {(*folders, name) for name in self.random.sample(FILES, self.random.randint(1, 3))}
        return sorted(found)

    def folder(self):
        """A folder with links, and how many files it holds."""
        root = self.place / "layout"
        shutil.rmtree(root, ignore_errors=True)
        paths = self.paths()
        for path in paths:
            (root.joinpath(*path)).parent.mkdir(parents=True, exist_ok=True)
            (root.joinpath(*path)).write_text(CONTENT.get(path[-1], "1 2"))
        folders = [root, *(folder for folder in root.rglob("*") if folder.is_dir())]
        links = self.random.choice([0, 0, 1, 4])
        return root, len(paths) + sum(self._link(self.random.choice(folders), i) for i in range(links))

    def _link(self, folder, i):
        """A link, or a name of bytes, in a folder; how many files that gives."""
        kind = self.random.choice(["file", "folder", "up", "nowhere", "bytes"])
        name = folder / f"link {i}.txt"
        if kind == "bytes":
            (folder / os.fsdecode(b"caf\xe9 %d.txt" % i)).write_text("1 2")
        elif kind == "file":
            name.symlink_to(self.store / "1.txt")
        else:
            name.symlink_to({"folder": self.store, "up": folder, "nowhere": self.place / "gone"}[kind])
        return 3 if kind == "folder" else 1

    def zip(self):
        path, paths = self.place / "layout.zip", self.paths()
        slash = self.random.choice("//\\")
        wrapper = self.random.choice([(), (), ("set",), ("a", "b")])
        with zipfile.ZipFile(path, "w") as archive:
            for folders in {path[:-1] for path in paths} - {()}:
                archive.writestr(slash.join((*wrapper, *folders)) + "/", "")
            for inside in paths:
                archive.writestr(slash.join((*wrapper, *inside)), CONTENT.get(inside[-1], "1 2"))
        return path, len(paths)

    def next(self):
        return self.zip() if not BYTES or self.random.random() < 0.3 else self.folder()


def _sums_up(path, given, domain):
    local = Local(path)
    read = {split: read_split(local, split, domain) for split in SPLITS}
    count = counted(local, read)
    assert count.given == given
    assert count.given == count.used + sum(count.named.values())
    assert count.used == sum(len({*examples.names}) for examples in read.values())
    assert len(count.lines) == sum(count.named.values())
    names = Counter(file.name for split in SPLITS for file in local.split(split).files)
    assert max(names.values(), default=1) == 1


@pytest.mark.parametrize("seed", range(3))
def test_given_is_used_and_named_whatever_the_layout(tmp_path, dots, seed):
    _many(tmp_path, dots, seed, 100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_given_is_used_and_named_in_many_more(tmp_path, dots, seed):
    _many(tmp_path, dots, seed, 2000)


def _many(tmp_path, dots, seed, n):
    layouts = Layouts(seed, tmp_path)
    for _ in range(n):
        _sums_up(*layouts.next(), dots())


def test_the_sum_of_a_folder(tmp_path, dots):
    files = {"train/cat/a.txt": "1 2", "train/cat/b.txt": "x", "train/c.txt": "3 4", "test/d.txt": "5 6", "README.md": "",
             "train/.DS_Store": ""}  # fmt: skip
    for name, text in files.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(text)
    found = inspect(str(tmp_path / "d"), "dots")
    assert (found["given"], found["used"]) == (6, 3)
    assert sum(found["named"].values()) == 3
    assert found["rules"] == ["the splits are the folders test, train"]
    assert found["count"][1] == "6 files given, 3 used"
    assert [found["splits"][split]["unlabelled"] for split in SPLITS] == [1, 0, 0]
    local = Local(tmp_path / "d")
    count = counted(local, {"train": read_split(local, "train", dots())})
    assert (count.given, count.used, count.named["held out: files of the test split"]) == (6, 2, 1)


def test_a_data_set_without_files_has_nothing_to_count():
    assert Count().told == []
