"""Conditions: labels to one-hot vectors, hidden from some training examples."""

import pytest
import torch

from genae.data.examples import Known
from genae.errors import GenaeError
from genae.model.conditions import Label, Unconditional
from genae.recipe.parts import instantiate

CLASSES = ("cat", "dog", "emu")


def told(labels):
    return Known(labels, CLASSES)


def test_one_hot():
    vector = Label(CLASSES)(told(torch.tensor([2, 0])))
    assert vector.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert vector.dtype == torch.float32


def test_by_name():
    condition = Label(CLASSES)
    assert condition.size == 3
    assert condition.named("dog").tolist() == [[0, 1, 0]]
    with pytest.raises(GenaeError, match=r"no class 'dgo'; known: cat, dog, emu; did you mean 'dog'\?"):
        condition.named("dgo")


def test_dropout_hides_whole_labels_while_training_alone():
    torch.manual_seed(0)
    condition, labels = Label(CLASSES, dropout=0.25), torch.randint(3, (20_000,))
    assert torch.equal(condition(told(labels)).argmax(1), labels)
    vector = condition(told(labels), train=True)
    shown = vector.sum(1)
    assert set(shown.tolist()) == {0, 1}
    assert shown.mean().item() == pytest.approx(0.75, abs=0.0125)  # 4 standard errors
    assert torch.equal(vector[shown == 1].argmax(1), labels[shown == 1])


def test_without_dropout_training_sees_every_label():
    labels = torch.randint(3, (100,))
    assert Label(CLASSES)(told(labels), train=True).sum() == 100


def test_labels_are_needed():
    with pytest.raises(GenaeError, match="these examples have none"):
        Label(CLASSES)(Known())


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_impossible_dropout(dropout):
    with pytest.raises(GenaeError, match=r"condition\.dropout must be at least 0 and below 1"):
        instantiate("condition", {"name": "label", "classes": CLASSES, "dropout": dropout})


def test_no_condition():
    condition = Unconditional()
    assert condition.size == 0
    assert condition(told(torch.tensor([1]))) is None
    assert condition(Known(), train=True) is None
    with pytest.raises(GenaeError, match="--set condition=label"):
        condition.named("cat")
