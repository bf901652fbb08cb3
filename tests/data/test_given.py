"""What Python has, as data: tensors, arrays, torch's data sets and genae's own, of any type of number."""

import hashlib

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset, TensorDataset

from genae import Examples
from genae.data.examples import SPLITS
from genae.data.items import best_split
from genae.data.local import Local
from genae.data.opening import as_dataset
from genae.data.reading import read_split
from genae.errors import GenaeError
from genae_image.domain import Image


def _places(n):
    digits = [int(hashlib.sha256(str(i).encode()).hexdigest(), 16) % 10 for i in range(n)]
    return {split: [i for i in range(n) if {0: "test", 1: "valid"}.get(digits[i], "train") == split] for split in SPLITS}


X = np.arange(400).reshape(200, 2)


class Items(TorchDataset):
    """Two numbers and what is done to them."""

    def __init__(self, item, n=200):
        self.item, self.n = item, n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.item(i)


class Stream(IterableDataset):
    """Endless."""

    def __iter__(self):
        return iter(X)


@pytest.mark.parametrize(
    "data",
    [
        X, X.astype(np.float32), X.astype(np.float64), X.astype(">i4"), torch.tensor(X), torch.tensor(X).double(),
        Examples(X), Examples(torch.tensor(X).half()), TensorDataset(torch.tensor(X)), Items(lambda i: X[i]),
        Items(lambda i: (torch.tensor(X[i]),)), torch.tensor(X).float().requires_grad_(),
    ],
    ids=lambda data: type(data).__name__,
)  # fmt: skip
def test_everything_that_holds_numbers_is_a_data_set(dots, data):
    dataset = as_dataset(data)
    for split, places in _places(200).items():
        found = read_split(dataset, split, dots())
        assert found.x.tolist() == X[places].tolist()
        assert found.labels is None
        assert dots().prepare(found.x, "train").dtype == torch.float32
    assert [len(found) for found in _places(200).values()] == [166, 18, 16]


@pytest.mark.parametrize(
    "data",
    [
        Examples(X, np.arange(200) % 3, ("a", "b", "c")), Examples(torch.tensor(X), torch.arange(200) % 3, ("a", "b", "c")),
        Items(lambda i: (X[i], "abc"[i % 3])),
    ],
)  # fmt: skip
def test_labels_come_with_their_classes(dots, data):
    for split, places in _places(200).items():
        found = read_split(as_dataset(data), split, dots())
        assert found.classes == ("a", "b", "c")
        assert found.labels.tolist() == [i % 3 for i in places]


@pytest.mark.parametrize("label", [lambda i: i % 3, lambda i: torch.tensor(i % 3), lambda i: np.uint8(i % 3)])
def test_numbers_are_the_classes_of_labels_that_have_none(dots, label):
    found = read_split(as_dataset(Items(lambda i: [X[i], label(i)])), "train", dots())
    assert found.classes == ("0", "1", "2")
    assert found.labels.tolist() == [i % 3 for i in _places(200)["train"]]


def test_fields_come_too(dots):
    found = read_split(as_dataset(Examples(X, fields={"hour": np.arange(200)})), "test", dots())
    assert found.fields["hour"].tolist() == [[i] for i in _places(200)["test"]]


def test_few_are_all_for_training(dots):
    dataset = as_dataset(X[:9])
    assert [len(read_split(dataset, split, dots())) for split in SPLITS] == [9, 0, 0]
    assert best_split(dataset, dots(), ("valid", "test", "train"))[0] == "train"


def test_more_behind_them_do_not_move_the_others(dots):
    for split in SPLITS:
        few, many = (read_split(as_dataset(x), split, dots()).x.tolist() for x in (X[:50], X))
        assert many[: len(few)] == few


def test_what_is_a_data_set_already_is_itself(tmp_path):
    local = Local(tmp_path)
    assert as_dataset(local) is local
    assert as_dataset(str(tmp_path)) == as_dataset(tmp_path) == local


@pytest.mark.parametrize("levels", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(20, 1, 28, 28), (20, 28, 28), (20, 28, 28, 1)])
def test_pictures_of_any_type_and_either_order(levels, shape):
    grey = np.random.default_rng(0).integers(0, 256, shape)
    data = grey.astype(np.uint8) if levels is np.uint8 else (grey / 255).astype(levels)
    found = read_split(as_dataset(torch.from_numpy(data)), "train", Image())
    assert found.x.dtype == torch.uint8
    assert torch.equal(found.x[:, 0], torch.from_numpy(grey.reshape(20, 28, 28)[_places(20)["train"]]))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([1, 2], "^data must be a name, a path, a tensor or array .*, not list$"),
        (None, "not NoneType$"),
        (3, "not int$"),
        (torch.tensor(3.0), r"examples have shape \(N, \*event\), a single number has none"),
        (np.array(["a", "b"]), "data are a tensor or an array of real numbers, not <U1"),
        (torch.zeros(3, dtype=torch.complex64), "of real numbers, not torch.complex64"),
        (X[:0], r"data has no usable example \(it is empty\)"),
        (Items(lambda i: X[i], 0), "data has no usable example"),
        (Items(lambda i: X[i][: 1 + (i < 7)]), r"item 7 of Items has torch.int64 \(1,\), the first has torch.int64 \(2,\)"),
        (Items(lambda i: (X[i], 0, 1)), "item 0 of Items has 3 parts; give x, or x and its label"),
        (Items(lambda i: (X[i], 0.5)), "labels are whole numbers or names, not 0.5"),
        (Items(lambda i: "text"), "items of Items are a tensor or an array of real numbers"),
        (Stream(), "Stream has no length"),
    ],
)
def test_bad_data_is_one_clear_line(data, told):
    with pytest.raises(GenaeError, match=told) as caught:
        as_dataset(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "classes", "told"),
    [
        (np.zeros(3, int), (), r"labels are 200 whole numbers, one for each example, not torch.int64 \(3,\)"),
        (np.zeros(200), (), "whole numbers, one for each example, not torch.float64"),
        (["a"] * 200, (), "labels are a tensor or an array of real numbers, not list"),
    ],
)
def test_examples_check_their_shapes(labels, classes, told):
    with pytest.raises(GenaeError, match=told):
        Examples(X, labels, classes)


@pytest.mark.parametrize(("low", "classes"), [(-1, ()), (0, ("a", "b"))])
def test_labels_beyond_the_classes(low, classes):
    with pytest.raises(GenaeError, match=rf"labels go from {low} to 2; "):
        as_dataset(Examples(X, np.arange(200) % (3 - low) + low, classes))


def test_a_read_only_array_is_no_trouble():
    x = X.astype(np.float64)
    x.flags.writeable = False
    assert Examples(x).x.dtype == torch.float64
