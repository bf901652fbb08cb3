"""From files to examples: folders and zips, splits, classes, items; what cannot be used is named, counted and skipped."""

import hashlib
import zipfile
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from genae.data import examples as data
from genae.data import store
from genae.data.examples import Examples, File, Split, require
from genae.data.inspecting import inspect
from genae.data.items import best_split, gathered, read_items
from genae.data.local import Local, files_of
from genae.data.opening import open_data
from genae.data.reading import read_split
from genae.errors import GenaeError, Rejected, Remark
from genae.recipe import registry
from genae.testing.sets import claiming_no_others


def _write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture(params=["folder", "zip"])
def make(request, tmp_path):
    """Makes a folder or a zip of text files."""
    if request.param == "folder":
        return lambda files: _write(tmp_path / "points", files)
    return lambda files: _zip(tmp_path / "points.zip", files)


def read_item(item, domain):
    return read_items([item], domain)[0]


def _all(path, domain, splits=data.SPLITS):
    return {split: read_split(Local(path), split, domain) for split in splits}


@dataclass(frozen=True)
class Points:
    """A data set of decoded arrays."""

    arrays: dict = field(default_factory=dict)
    name: str = "points"
    domain: str = "dots"
    about: str = "points"

    def split(self, name):
        array = self.arrays.get(name, np.empty((0, 2), np.float32))
        return Split(array=array, labels=np.arange(len(array)) % 2, classes=("even", "odd"))


# -- folders and zips -------------------------------------------------------------------------------------------------


def test_classes_are_sub_folders(make, dots):
    path = make({f"{c}/{i}.txt": f"{i} {n}" for n, c in enumerate(("cat", "dog", "emu")) for i in range(20)})
    found = _all(path, dots())
    assert sum(map(len, found.values())) == 60
    for examples in found.values():
        assert examples.classes == ("cat", "dog", "emu")
        assert torch.equal(examples.labels, examples.x[:, 1].long())
        assert len(examples.names) == len(examples)


def test_split_folders_are_the_splits(make, dots):
    files = {"Train/cat/a.txt": "1 1", "train2.txt": "9 9", "val/dog/b.txt": "2 2", "test/cat/c.txt": "3 3"}
    found = _all(make(files), dots())
    assert {split: e.x.tolist() for split, e in found.items()} == {"train": [[1, 1]], "valid": [[2, 2]], "test": [[3, 3]]}
    assert {split: e.labels.tolist() for split, e in found.items()} == {"train": [0], "valid": [1], "test": [0]}
    assert found["train"].classes == ("cat", "dog")


def _digest(name):
    return hashlib.sha256(name.removesuffix(".txt").encode()).digest()


@pytest.mark.parametrize(("n", "held"), [(9, 0), (10, 1), (14, 1), (15, 2), (40, 4), (200, 20)])
def test_otherwise_paths_are_split_in_the_order_of_their_digests(make, dots, n, held):
    names = [f"{i}.txt" for i in range(n)]
    found = _all(make({name: f"{i} 0" for i, name in enumerate(names)}), dots())
    ordered = [names.index(name) for name in sorted(names, key=_digest)]
    wanted = {"test": ordered[:held], "valid": ordered[held : 2 * held], "train": ordered[2 * held :]}
    assert {split: sorted(e.x[:, 0].tolist()) for split, e in found.items()} == {s: sorted(i) for s, i in wanted.items()}
    assert found["train"].labels is None


def test_more_files_move_few_of_the_others(make, dots):
    few = {f"{i}.txt": f"{i} 0" for i in range(100)}
    before = _all(make(few), dots())
    after = _all(make(few | {f"{i}.txt": f"{i} 0" for i in range(100, 300)}), dots())
    stayed = sum(len({*before[split].x[:, 0].tolist()} & {*after[split].x[:, 0].tolist()}) for split in before)
    assert stayed >= 90  # a share of 100 in 300 varies by .03 √(2 / 3) about a tenth


def test_hidden_files_are_not_seen(make, dots):
    path = make({"a.txt": "1 2", ".hidden.txt": "8 8", ".git/b.txt": "9 9", "__MACOSX/._a.txt": "junk"})
    assert [str(relative) for relative, _ in files_of(path)] == ["a.txt"]
    assert _all(path, dots())["train"].x.tolist() == [[1, 2]]  # a single file is for training


def test_a_folder_around_everything_in_a_zip_is_no_class(tmp_path):
    path = _zip(tmp_path / "a.zip", {"photos/cat/a.txt": "", "photos/dog/b.txt": "", "__MACOSX/photos/._a.txt": ""})
    assert [str(relative) for relative, _ in files_of(path)] == ["cat/a.txt", "dog/b.txt"]
    path = _zip(tmp_path / "b.zip", {"set/train/a.txt": "", "set/train/b.txt": ""})
    assert [str(relative) for relative, _ in files_of(path)] == ["train/a.txt", "train/b.txt"]


@pytest.mark.parametrize("name", ["../a.txt", "b/../../a.txt", "/etc/a.txt", "C:/a.txt"])
def test_names_that_escape_a_zip_are_refused_whole(tmp_path, name):
    path = _zip(tmp_path / "points.zip", {"good.txt": "1 2", name: "3 4"})
    with pytest.raises(GenaeError, match="holds names that escape its folder"):
        files_of(path)


def test_a_member_that_unpacks_to_too_much_is_refused_unread(tmp_path, dots, monkeypatch):
    monkeypatch.setattr(data, "LARGEST_FILE", 1000)
    path = _zip(tmp_path / "points.zip", {"train/bomb.txt": "0 " * 50_000, "train/good.txt": "1 2"})
    assert path.stat().st_size < 1000
    examples = read_split(Local(path), "train", dots())
    assert examples.x.tolist() == [[1, 2]]
    assert len(examples.skipped) == 1
    assert "bomb.txt: would unpack to more than" in examples.skipped[0]


def test_a_member_that_lies_about_its_size_is_refused(tmp_path):
    path = _zip(tmp_path / "points.zip", {"bomb.txt": "0 " * 50_000})
    content = path.read_bytes()
    real, told = (100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert content.count(real) == 2
    path.write_bytes(content.replace(real, told))
    with pytest.raises(Rejected, match="cannot be read"):
        File(path, "bomb.txt").read()


def test_a_large_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "LARGEST_FILE", 10)
    (tmp_path / "a.txt").write_text("0 " * 10)
    with pytest.raises(Rejected, match=r"a.txt: larger than"):
        File(tmp_path / "a.txt").read()


def test_damaged_members_are_rejected_wherever_the_damage_is(tmp_path):
    text = " ".join(str(n * n % 9973) for n in range(300))
    path = _zip(tmp_path / "points.zip", {"a.txt": text, "b.txt": "1 2"})
    whole = path.read_bytes()
    start = whole.index(b"a.txt") + 5
    for at in range(start, start + 400, 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with pytest.raises(Rejected, match=r"points.zip/a.txt: cannot be read"):
            File(path, "a.txt").read()
        assert File(path, "b.txt").read() == b"1 2"


def test_a_damaged_directory_is_one_clear_line(tmp_path):
    path = _zip(tmp_path / "points.zip", {"a.txt": "1 2"})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"PK\x01\x02", b"PK\x01\x09"))
    with pytest.raises(GenaeError, match=r"points.zip cannot be read as a zip"):
        files_of(path)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(Rejected, match="no such file"):
        File(tmp_path / "absent.txt").read()
    path = _zip(tmp_path / "points.zip", {"a.txt": "1"})
    with pytest.raises(Rejected, match="cannot be read"):
        File(path, "absent.txt").read()
    with pytest.raises(GenaeError, match="no such file or folder"):
        files_of(tmp_path / "absent")


def test_the_name_and_suffix_of_a_file(tmp_path):
    assert File(tmp_path / "A.TXT").suffix == ".txt"
    inside = File(tmp_path / "a.zip", "b/c.Png")
    assert inside.suffix == ".png"
    assert inside.name == f"{tmp_path / 'a.zip'}/b/c.Png"
    assert File(tmp_path / "a", content=b"x").read() == b"x"


# -- reading ----------------------------------------------------------------------------------------------------------


def test_bad_files_among_good_are_named_and_counted(make, dots):
    files = {f"train/{i}.txt": f"{i} {i}" for i in range(300)}  # more than are read at once
    files |= {
        "train/7.txt": "",
        "train/299.txt": "one two",
        "train/note.md": "no",
        "train/nan.txt": "1 nan",
        "train/inf.txt": "inf 1",
    }
    examples = read_split(Local(make(files)), "train", dots())
    assert sorted(examples.x[:, 0].tolist()) == [float(i) for i in range(300) if i not in (7, 299)]
    assert len(examples.skipped) == 5
    for name, told in {
        "7.txt": "not a multiple of 2 numbers",
        "299.txt": "not numbers",
        "note.md": "not a file that this domain reads (.txt)",
        "nan.txt": "holds a NaN or an infinity",
        "inf.txt": "holds a NaN or an infinity",
    }.items():
        assert sum(f"/{name}: {told}" in line for line in examples.skipped) == 1


def test_a_file_of_several_examples(tmp_path, dots):
    folder = _write(tmp_path / "points", {"train/cat/a.txt": "1 2 3 4 5 6", "train/dog/b.txt": "7 8"})
    examples = read_split(Local(folder), "train", dots())
    assert examples.x.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert examples.labels.tolist() == [0, 0, 0, 1]
    assert [name.rsplit("/", 1)[1] for name in examples.names] == ["a.txt"] * 3 + ["b.txt"]


def test_a_file_without_a_class_leaves_the_others_theirs(tmp_path, dots):
    folder = _write(tmp_path / "points", {"train/cat/a.txt": "1 2", "train/b.txt": "3 4 5 6"})
    examples = read_split(Local(folder), "train", dots())
    assert examples.x.tolist() == [[3, 4], [5, 6], [1, 2]]
    assert examples.labels.tolist() == [-1, -1, 0]
    assert examples.classes == ("cat",)
    labelled = examples.labelled()
    assert (labelled.x.tolist(), labelled.labels.tolist()) == ([[1, 2]], [0])
    assert labelled.lost == {data.UNLABELLED: 2}
    assert (labelled.files, labelled.used, labelled.unused) == (2, 1, {data.UNLABELLED: 1})
    assert labelled.labelled() is labelled


@pytest.mark.parametrize("memory", [0, 8, 24, 1000])
def test_a_set_larger_than_memory_is_the_same(tmp_path, dots, monkeypatch, memory):
    folder = _write(tmp_path / "points", {f"train/{i:02}.txt": f"{i} {-i} {i} 0" for i in range(12)})
    expected = read_split(Local(folder), "train", dots())
    monkeypatch.setattr(store, "MEMORY", memory)
    examples = read_split(Local(folder), "train", dots())
    assert torch.equal(examples.x, expected.x)
    assert examples.names == expected.names
    assert torch.equal(examples.take(torch.tensor([23, 0])).x, expected.x[[23, 0]])
    assert (examples.to(torch.device("cpu")) is examples) == (expected.x.nbytes > memory)


def test_arrays_with_bad_values_lose_those_examples_by_name(dots):
    array = np.arange(10, dtype=np.float32).reshape(5, 2)
    array[1, 0], array[3, 1] = np.nan, -np.inf
    examples = read_split(Points({"train": array}), "train", dots())
    assert examples.x.tolist() == [[0, 1], [4, 5], [8, 9]]
    assert examples.labels.tolist() == [0, 0, 0]
    assert examples.skipped == tuple(f"points:train:{i}: holds a NaN or an infinity" for i in (1, 3))


def test_arrays_of_another_shape_are_refused(dots):
    with pytest.raises(GenaeError, match=r"examples have shape \(2,\), this model's have \(3,\)"):
        read_split(Points({"train": np.zeros((4, 2), np.float32)}), "train", dots(size=3))


def test_nothing_usable_says_why(tmp_path, dots):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GenaeError, match=r"photos has no usable example \(it is empty\)"):
        require(read_split(Local(tmp_path / "empty"), "train", dots()), "photos")
    folder = _write(tmp_path / "bad", {"train/a.txt": "1 2 3", "train/b.txt": "5", "train/c.md": ""})
    with pytest.raises(GenaeError, match=r"no usable example \(2 × not a multiple of 2 numbers; 1 × not a file"):
        require(read_split(Local(folder), "train", dots()), "photos")
    some = Examples(torch.zeros(1, 2))
    assert require(some, "photos") is some


def test_the_best_split_is_the_first_that_holds_anything(dots):
    points = Points({"train": np.zeros((4, 2), np.float32), "valid": np.zeros((2, 2), np.float32)})
    assert best_split(points, dots(), ("test", "valid", "train"))[0] == "valid"
    with pytest.raises(GenaeError, match="points has no usable example"):
        best_split(points, dots(), ("test",))


def test_taking_examples():
    examples = Examples(torch.arange(6.0).view(3, 2), torch.tensor([5, 6, 7]), ("a",), ("skipped",), ("x", "y", "z"))
    taken = examples.take(torch.tensor([2, 0]))
    assert taken.x.tolist() == [[4, 5], [0, 1]]
    assert taken.labels.tolist() == [7, 5]
    assert taken.names == ("z", "x")
    assert taken.classes == ("a",)


# -- names, paths and items -------------------------------------------------------------------------------------------


@pytest.fixture
def points(dots):
    points = Points({"train": np.arange(8, dtype=np.float32).reshape(4, 2)})
    with registry.override("dataset", "points", points):
        yield points


def test_data_by_name_and_by_path(tmp_path, points, dots):
    assert open_data("points") is points
    with registry.override("dataset", "points", Points):  # a class is as good as an object
        assert isinstance(open_data("points"), Points)
    folder = _write(tmp_path / "mine", {"a.txt": "1 2"})
    assert open_data(str(folder)) == Local(folder)
    with pytest.raises(GenaeError, match=r"no data set or path 'pionts'; known: .*did you mean 'points'\?"):
        open_data("pionts")


def test_a_data_set_may_claim_a_path(tmp_path, points):
    def claim(path):
        return Points(name="claimed") if path.suffix == ".dat" else None

    (tmp_path / "a.dat").write_text("")
    (tmp_path / "a.txt").write_text("1 2")
    with registry.override("claim", "claims", claim):
        assert open_data(str(tmp_path / "a.dat")).name == "claimed"
        assert isinstance(open_data(str(tmp_path / "a.txt")), Local)


def test_opening_a_path_imports_what_claims_paths_alone(tmp_path, python):
    _write(tmp_path / "mine", {"a.txt": "1 2"})
    code = (
        "import sys; from genae.data.opening import open_data; from genae.recipe import registry\n"
        "print(open_data('mine').name, *sorted(m for m in sys.modules if m.startswith('genae_')))"
    )
    assert python(code).split() == ["mine", "genae_datasets", "genae_datasets.idxfile", "genae_datasets.idxfolder"]


def test_a_claim_of_everything_fails_its_check(tmp_path):
    class Target:
        def __init__(self, claim):
            self.claim = claim

        def plugin(self, kind, name):
            return self.claim

    claiming_no_others(Target(lambda path: None), "claim", "modest")
    for greedy, told in ((lambda path: path, "it claims empty"), (lambda path: path.is_file() or None, "it claims of.nobody")):
        with pytest.raises(AssertionError, match=told):
            claiming_no_others(Target(greedy), "claim", "greedy")


def test_an_item_is_a_file_or_one_of_a_set(tmp_path, points, dots):
    (tmp_path / "a.txt").write_text("1 2 3 4")
    with pytest.warns(Remark, match=r"a.txt: the first of its 2 examples is taken"):
        assert gathered([str(tmp_path / "a.txt")], dots())[0].examples[0].x.tolist() == [[1, 2]]
    assert read_items(["points:train:0"], dots())[0].x.tolist() == [[0, 1]]
    assert read_items(["points:train:3"], dots())[0].x.tolist() == [[6, 7]]
    folder = _write(tmp_path / "mine", {"train/a.txt": "5 6"})
    assert read_items([f"{folder}:train:0"], dots())[0].x.tolist() == [[5, 6]]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("points:train:4", "points:train has 4 examples, 0 to 3"),
        ("points:train:-1", "points:train has 4 examples, 0 to 3"),
        ("pionts:train:1", r"did you mean 'points'\?"),
        ("points:trian:1", "no such file or item"),
        ("points:train:x", "no such file or item"),
        ("points:train:--5", "no such file or item"),
        ("points:train:²", "no such file or item"),
        ("points:train:", "no such file or item"),
        ("points:1", "no such file or item"),
        ("absent.txt", "no such file or item: 'absent.txt'; give a file, or an item such as mnist:test:7"),
        ("", "no such file or item"),
    ],
)
def test_items_that_are_not(points, dots, item, told):
    with pytest.raises(GenaeError, match=told):
        read_items([item], dots())


@pytest.mark.parametrize(("text", "told"), [("one", "not numbers"), ("1 nan", "holds a NaN"), ("", "multiple of 2")])
def test_an_item_that_cannot_be_used_is_one_clear_line(tmp_path, dots, text, told):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(GenaeError, match=rf"a.txt: .*{told}") as caught:
        gathered([str(tmp_path / "a.txt")], dots())
    assert not isinstance(caught.value, Rejected)


def test_inspecting(tmp_path, dots):
    files = {"train/cat/a.txt": "1 2", "train/dog/b.txt": "3 4 5 6", "test/dog/c.txt": "x", "test/dog/d.txt": "7 8"}
    found = inspect(str(_write(tmp_path / "mine", files)), "dots")
    assert found["domain"] == "dots"
    assert found["event"] == [2]
    train = found["splits"]["train"]
    assert (train["examples"], train["classes"], train["skipped"]) == (3, {"cat": 1, "dog": 2}, 0)
    assert (train["files"], train["used"], train["sum"]) == (2, 2, ["3 examples from 2 of 2 files"])
    test = found["splits"]["test"]
    assert (test["examples"], test["classes"], test["skipped"]) == (1, {"cat": 0, "dog": 1}, 1)
    assert sum(test["lost"].values()) == 1
    assert found["splits"]["valid"]["examples"] == 0
    assert len(found["skipped"]) == 1


def test_the_domain_of_a_folder_is_the_one_that_reads_most_of_it(tmp_path, dots):
    folder = _write(tmp_path / "mine", {f"{i}.txt": "1 2" for i in range(5)})
    assert inspect(str(folder))["domain"] == "dots"
    other = _write(tmp_path / "other", {"a.nothing": "", "b.nothing": ""})
    with pytest.raises(GenaeError, match=r"other holds nothing that a domain reads \(\.nothing\)"):
        inspect(str(other))
