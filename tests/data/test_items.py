"""Items: several of a split read it once, and no more of it than they need."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from genae.data.domain import Reading
from genae.data.examples import Split
from genae.data.items import read_items
from genae.data.reading import read_split
from genae.errors import GenaeError
from genae.recipe import registry


@dataclass
class Counted:
    """A data set of an array that counts how often it is asked."""

    array: np.ndarray
    name: str = "counted"
    domain: str = "dots"
    about: str = "counted"
    asked: Counter = field(default_factory=Counter)

    def split(self, name):
        self.asked[name] += 1
        n = len(self.array)
        return Split(array=self.array, labels=np.arange(n) % 3, classes=("a", "b", "c"), fields={"at": np.arange(n)})


def _counting(dots, monkeypatch):
    rows = []
    plain = dots.adapt
    monkeypatch.setattr(dots, "adapt", lambda self, array: rows.append(len(array)) or plain(self, array))
    return rows


def test_items_of_an_array_prepare_their_rows_alone(dots, monkeypatch):
    rows, data = _counting(dots, monkeypatch), Counted(np.arange(2000).reshape(1000, 2))
    with registry.override("dataset", "counted", data):
        found = read_items(["counted:test:998", "counted:test:4", "counted:test:998"], dots())
    assert [one.x.tolist() for one in found] == [[[1996, 1997]], [[8, 9]], [[1996, 1997]]]
    assert [one.labels.tolist() for one in found] == [[2], [1], [2]]
    assert [one.fields["at"].tolist() for one in found] == [[[998]], [[4]], [[998]]]
    assert data.asked == {"test": 1}
    assert rows == [2]


@pytest.mark.parametrize("bad", [(), (2,), (7,), (2, 4)])
def test_items_are_counted_without_what_is_not_finite(dots, bad):
    array = np.arange(20, dtype=np.float64).reshape(10, 2)
    array[list(bad), 1] = np.nan
    data = Counted(array)
    with registry.override("dataset", "counted", data):
        whole = read_split(data, "train", dots())
        for i in (0, 3, len(whole) - 1):
            (one,) = read_items([f"counted:train:{i}"], dots())
            assert one.x.tolist() == whole.x[i : i + 1].tolist()
            assert one.fields["at"].tolist() == whole.fields["at"][i : i + 1].tolist()
        with pytest.raises(
            GenaeError, match=rf"item 'counted:train:10': .* has {10 - len(bad)} examples, 0 to {9 - len(bad)}$"
        ):
            read_items(["counted:train:0", "counted:train:10"], dots())


def _folder(path, n):
    (path / "train").mkdir(parents=True)
    for i in range(n):
        (path / "train" / f"{i:03}.txt").write_text("?" if i % 10 == 5 else f"{i} 0 {i} 1")  # two examples each
    return path


@pytest.mark.parametrize(("wanted", "most"), [((0,), 1), ((17, 3), 18), ((399,), 600), ((39, 0), 40)])
def test_items_of_files_read_what_is_needed(tmp_path, dots, monkeypatch, wanted, most):
    folder, read, plain = _folder(tmp_path / "d", 600), [], dots.read
    monkeypatch.setattr(dots, "read", lambda self, file: read.append(file.name) or plain(self, file))
    usable = [i for i in range(600) if i % 10 != 5]
    found = read_items([f"{folder}:train:{i}" for i in wanted], dots())
    assert [one.x.tolist() for one in found] == [[[usable[i // 2], i % 2]] for i in wanted]
    assert len(set(read)) == len(read) <= most
    assert all(name.endswith(f"{i:03}.txt") for i, name in enumerate(sorted(read)))


def test_where_splits_are_compared_items_are_of_what_is_left(tmp_path, dots, monkeypatch):
    monkeypatch.setattr(dots, "reading", Reading(distinct=True))
    for name, text in {"train/a": "1 2 3 4", "test/b": "3 4 5 6 1 2 7 8"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_text(text)
    found = read_items([f"{tmp_path}:test:{i}" for i in (1, 0)], dots())
    assert [one.x.tolist() for one in found] == [[[7, 8]], [[5, 6]]]
