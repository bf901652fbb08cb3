"""Which folders are splits, which are classes, and which files are drawn together."""

import itertools
import unicodedata
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genae.data.examples import SPLITS, File
from genae.data.layout import WORDS, drawn, laid_out

WORD_PAIRS = [(word, form(word)) for word, form in itertools.product(WORDS, (str, str.upper, str.title))]


def _laid(*names):
    return laid_out([(PurePosixPath(name), File(Path(name))) for name in names])


def _placed(found):
    return {split: [file.name for file in files] for split, files in found.placed.items() if files}


def _labels(found):
    return {file.name: file.label for files in found.placed.values() for file in files}


@pytest.mark.parametrize(("word", "written"), WORD_PAIRS)
def test_a_word_in_any_case_is_a_split_where_all_are(word, written):
    other = "test" if WORDS[word] == "train" else "train"
    for around in ("", "set/", "a/b/"):
        found = _laid(f"{around}{written}/cat/1.png", f"{around}{other}/dog/2.png")
        assert _placed(found) == {WORDS[word]: [f"{around}{written}/cat/1.png"], other: [f"{around}{other}/dog/2.png"]}
        assert found.classes == ("cat", "dog")
        assert f"{written}" in found.rules[0]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_a_class_beside_other_classes(word):
    names = [f"{around}{c}/{i}.png" for around in ("",) for c in ("bus", "car", word) for i in range(10)]
    found = _laid(*names)
    assert found.classes == tuple(sorted(("bus", "car", word)))
    assert sum(map(len, found.placed.values())) == 30
    assert found.left == ()
    assert any(word in rule for rule in found.rules[1:])


def test_splits_below_classes_are_plain_folders():
    names = [f"{c}/{s}/{i}.png" for c in ("cat", "dog") for s in ("train", "test") for i in range(10)]
    found = _laid(*names)
    assert {split: len(files) for split, files in found.placed.items()} == {"train": 32, "valid": 4, "test": 4}
    assert found.classes == ("cat", "dog")


def test_eval_is_valid_beside_test():
    assert _placed(_laid("train/a.png", "eval/b.png", "test/c.png")) == {
        "train": ["train/a.png"], "valid": ["eval/b.png"], "test": ["test/c.png"],
    }  # fmt: skip
    assert _placed(_laid("train/a.png", "dev/b.png", "eval/c.png"))["test"] == ["eval/c.png"]


def test_other_kinds_of_file_beside_splits_do_not_undo_them():
    found = _laid("set/train/a.png", "set/test/b.png", "set/notes/c.txt", "set/README.md", "set/d.png", "LICENCE")
    assert _placed(found) == {"train": ["set/train/a.png"], "test": ["set/test/b.png"]}
    assert len(found.left) == 4


def test_single_files_beside_a_test_folder_are_for_training():
    found = _laid("a.png", "b.png", "test/c.png")
    assert _placed(found) == {"train": ["a.png", "b.png"], "test": ["test/c.png"]}


def test_a_folder_around_class_folders_is_no_class():
    assert _laid("pets/cat/1.png", "pets/dog/2.png", "README.md").classes == ("cat", "dog")
    assert _laid("cat/1.png", "cat/2.png").classes == ("cat",)
    assert _labels(_laid("cat/1.png", "cat/old/2.png")) == {"cat/1.png": "cat", "cat/old/2.png": "cat"}


def test_one_file_beside_class_folders_has_no_class():
    found = _laid("cat/1.png", "dog/2.png", "preview.png")
    assert _labels(found) == {"cat/1.png": "cat", "dog/2.png": "dog", "preview.png": ""}
    assert found.classes == ("cat", "dog")


def test_a_class_in_two_forms_is_one():
    names = [f"{unicodedata.normalize(form, 'café')}/{i}.png" for i, form in enumerate(("NFC", "NFD"))]
    assert names[0].split("/")[0] != names[1].split("/")[0]
    found = _laid(*names, "dog/3.png")
    assert found.classes == ("café", "dog")
    assert [_labels(found)[name] for name in names] == ["café"] * 2


# -- groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 11, 14, 15, 37, 100, 1000])
@pytest.mark.parametrize("name", ["one.mid", "{}.mid", "a/{}.mid"])
def test_same_names_in_many_folders_are_spread(n, name):
    found = _laid(*(f"piece{i:04}/{name.format(i)}" for i in range(n)))
    sizes = {split: len(files) for split, files in found.placed.items()}
    assert sizes["test"] == sizes["valid"] == (n + 5) // 10
    assert sum(sizes.values()) == n


@pytest.mark.parametrize(
    "parts", [("bass", "drums", "voice"), ("track1", "track2", "track3", "track4"), ("mix", "stems/S00", "stems/S01")]
)
@pytest.mark.parametrize("around", ["", "rock/"])
def test_parts_of_one_thing_stay_together(parts, around):
    names = [f"{around}piece{i:02}/{part}.wav" for i in range(20) for part in parts]
    found = _laid(*names)
    where = {name: split for split, names in _placed(found).items() for name in names}
    pieces = {i: {where[f"{around}piece{i:02}/{part}.wav"] for part in parts} for i in range(20)}
    assert {len(splits) for splits in pieces.values()} == {1}
    assert Counter(next(iter(splits)) for splits in pieces.values()) == {"train": 16, "valid": 2, "test": 2}
    assert "folders that hold the same files: 16 train" in found.rules[0].replace(", in the order of their SHA-256", "")


@pytest.mark.parametrize(("classes", "each"), [(2, 20), (10, 6), (20, 30), (40, 10)])
def test_numbered_files_of_classes_are_no_parts(classes, each):
    found = _laid(*(f"s{c}/{i:03}.png" for c in range(classes) for i in range(each)))
    sizes = {split: len(files) for split, files in found.placed.items()}
    assert sizes["test"] == sizes["valid"] == (classes * each + 5) // 10
    assert {file.label for file in found.placed["train"]} == {*found.classes}


def test_one_path_with_two_suffixes_is_one_group():
    found = _laid(*(f"{i}.{suffix}" for i in range(40) for suffix in ("mid", "kar")))
    for files in _placed(found).values():
        assert {n for n, count in Counter(name.split(".")[0] for name in files).items() if count != 2} == set()


def test_a_few_other_files_are_never_all_of_a_split():
    for stray in ("README.md", "labels.csv", "z.txt"):
        found = _laid(*(f"{i}.png" for i in range(10)), stray)
        assert [len(found.placed[split]) for split in SPLITS] == [9, 1, 1]
        assert stray in _placed(found)["train"]


@given(st.sets(st.text(max_size=5), min_size=1, max_size=200), st.randoms(use_true_random=False))
def test_no_split_is_empty_from_ten_groups_on(keys, random):
    groups = {key: [random.choice([".a", ".b", ".c"])] for key in keys}
    count = Counter(drawn(groups).values())
    assert sum(count.values()) == len(groups)
    if len(groups) < 10:
        assert count == {"train": len(groups)}
    else:
        assert min(count[split] for split in SPLITS) >= 1
        assert abs(count["test"] - len(groups) / 10) <= 1.5
        assert count["valid"] == count["test"]


def test_the_split_is_the_same_in_either_form_of_a_name():
    names = [f"café {i}.png" for i in range(50)]
    apart = [unicodedata.normalize("NFD", name) for name in names]
    assert {s: [unicodedata.normalize("NFC", n) for n in files] for s, files in _placed(_laid(*apart)).items()} == _placed(
        _laid(*names)
    )
