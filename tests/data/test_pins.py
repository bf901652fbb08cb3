"""A run knows what it was trained on: where it lies, how much it is, and whether it is the same."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import torch

import genae
from genae import Training
from genae.data import pins
from genae.data.local import Local
from genae.data.reading import read_split
from genae.errors import GenaeError, Remark

OPTIONS = {"steps": 2, "settings": ["network.hidden=[4]"]}


def _points(folder, n=20, start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        (folder / f"{i:03}.txt").write_text(f"{i + start} 1")
    return folder


def _train(data, out, **options):
    training = Training("dots", data=str(data), out=out, **OPTIONS, **options)
    for _ in training:
        pass
    return training


def _pin(place, read=None):
    return pins.pinned(str(place), str(place), Local(place), read or {})


@pytest.fixture
def trained(tmp_path, monkeypatch, dots):
    """A run that was trained on `mine` in the folder `a`, and the current folder is that."""
    _points(tmp_path / "a" / "mine")
    monkeypatch.chdir(tmp_path / "a")
    _train("mine", tmp_path / "run")
    return tmp_path / "run"


def test_a_run_keeps_where_how_much_and_a_digest(trained, tmp_path):
    pin = json.loads((trained / "data.json").read_text())
    assert (pin["data"], pin["path"]) == ("mine", str((tmp_path / "a" / "mine").resolve()))
    assert {name: (pin[name]["files"], pin[name]["examples"]) for name in ("train", "valid", "test")} == {
        "train": (16, 16), "valid": (2, 2), "test": (2, 0),
    }  # fmt: skip
    assert len({pin[name]["digest"] for name in ("train", "valid", "test")}) == 3
    assert pins.kept(trained).parts["train"].digest == pin["train"]["digest"]
    assert pins.kept(tmp_path) is None


def test_a_digest_is_of_content_and_class_not_of_place(tmp_path):
    one, other = _pin(_points(tmp_path / "one")), _pin(_points(tmp_path / "deep" / "other"))
    assert one.parts == other.parts
    assert pins.differences(one, other) == []
    (tmp_path / "one" / "007.txt").write_text("7 2")
    (differing,) = pins.differences(other, _pin(tmp_path / "one"))
    assert differing.endswith("files of other content")
    labelled = [_pin(_points(tmp_path / name / c).parent) for name, c in (("x", "cat"), ("y", "dog"))]
    assert pins.differences(*labelled)


def test_a_zip_of_the_same_files_on_another_machine(tmp_path):
    for name in ("one.zip", "two.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for i in range(20):
                archive.writestr(zipfile.ZipInfo(f"{i}.txt", (2000 + len(name) + i, 1, 1, 0, 0, 0)), f"{i} 1")
    assert _pin(tmp_path / "one.zip").parts == _pin(tmp_path / "two.zip").parts


def test_what_has_no_files_is_digested_as_it_was_read(dots):
    digests = []
    for x in (np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32), np.zeros((3, 2), np.float32)):
        dataset = genae.data.opening.as_dataset(x)
        digests.append(pins.pinned("", "", dataset, {"train": read_split(dataset, "train", dots())}).parts["train"])
    assert digests[0] == digests[2] != digests[1]
    assert digests[0].examples == 3
    assert pins.pinned("", "", dataset, {}).parts == {}


def test_resuming_with_other_data_is_refused_until_it_is_meant(trained, tmp_path):
    _points(tmp_path / "a" / "mine", 40, start=5)
    with pytest.raises(GenaeError, match=r"not those of before \(train: 16 examples of 16 files, now 32 examples of 32 "):
        Training(resume=trained)
    with pytest.warns(Remark, match="goes on with other data"):
        training = Training(resume=trained, data_changed=True)
    assert len(training.examples) == 32
    for _ in training:
        pass
    assert pins.kept(trained).parts["train"].files == 32
    Training(resume=trained)  # these are now those of before


def test_resuming_with_the_same_data_says_nothing(trained):
    assert len(Training(resume=trained).examples) == 16


def test_evaluating_tells_of_other_data(trained, tmp_path, recwarn):
    run = genae.load(trained)
    assert run.evaluate(samples=2)["changed"] == []
    assert not [w for w in recwarn if issubclass(w.category, Remark)]
    (tmp_path / "a" / "mine" / "007.txt").write_text("100 100")
    with pytest.warns(Remark, match=r"the data are not those that .*run was trained on"):
        numbers = run.evaluate(samples=2)
    assert len(numbers["changed"]) == 1
    assert run.evaluate(str(tmp_path / "a" / "mine"), samples=2)["changed"] == []  # those were asked for


def test_a_relative_path_is_found_from_anywhere(trained, tmp_path, monkeypatch):
    _points(tmp_path / "b" / "mine", start=1000)
    expected = genae.load(trained).held_out()[1].x
    for place, told in (
        (tmp_path, r"mine is .*a.mine, where it was trained$"),
        (tmp_path / "b", "not the mine in this folder"),
    ):
        monkeypatch.chdir(place)
        with pytest.warns(Remark, match=told):
            assert torch.equal(genae.load(trained).held_out()[1].x, expected)
        with pytest.warns(Remark, match=told):
            assert len(Training(resume=trained).examples) == 16


def test_data_that_moved_are_compared(trained, tmp_path, monkeypatch):
    shutil.move(tmp_path / "a", tmp_path / "c")
    monkeypatch.chdir(tmp_path / "c")
    with pytest.warns(Remark, match="which is not there any more; that of this folder is read"):
        assert genae.load(trained).evaluate(samples=2)["changed"] == []
    _points(tmp_path / "b" / "mine", start=1000)
    monkeypatch.chdir(tmp_path / "b")
    with pytest.warns(Remark, match="not there any more"), pytest.raises(GenaeError, match="not those of before"):
        Training(resume=trained)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GenaeError, match=r"no data set or path 'mine': it was .*mine in training"):
        genae.load(trained).evaluate(samples=2)


def test_a_damaged_pin_is_one_line(trained):
    for text in ("{", "[]", '{"data": "mine"}', '{"data": "mine", "path": "", "train": {"files": 1, "x": 2}}'):
        (trained / "data.json").write_text(text)
        with pytest.raises(GenaeError, match=r"data.json cannot be read") as caught:
            Training(resume=trained)
        assert "\n" not in str(caught.value)


def test_a_run_without_a_pin_gets_one(trained):
    (trained / "data.json").unlink()
    for _ in Training(resume=trained):
        pass
    assert pins.kept(trained).parts["train"].files == 16
