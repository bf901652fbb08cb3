"""Whole files of data sets, for samplers over sequences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from genae.data.domain import Domain
from genae.data.examples import File, Found, Piece, Split
from genae.data.pieces import read_piece, read_pieces
from genae.errors import GenaeError, Rejected


class Lines(Domain):
    """A number a line, two to an example."""

    suffixes = (".txt",)
    event = (2,)
    fields: ClassVar = {"first": 1}

    def read(self, file):
        x = torch.tensor([float(line) for line in file.read().split()]).view(-1, 2)
        return Found(x, {"odd lines": 1}, {"first": x[:, 0]})

    def write(self, example, path):
        path.write_text("\n".join(f"{n:g}" for n in example.tolist()))


class Both(Lines):
    """The first half of a file sounds with its second."""

    def piece(self, file):
        found = self.read(file)
        return Piece(found.x, {"a": 1}, found.x.sum(1) == 0, 2)


@dataclass
class Set:
    one: Split
    name: str = "some"
    domain: str = "lines"
    about: str = ""

    def split(self, name):
        return self.one


def text(content: str, label: str = "") -> File:
    return File(Path("a.txt"), content=content.encode(), label=label)


def test_a_piece_is_by_default_what_read_gives():
    piece = read_piece(text("1 2 3 4"), Lines())
    assert piece.x.tolist() == [[1, 2], [3, 4]]
    assert piece.fields["first"].tolist() == [[1], [3]]
    assert piece.lost == {"odd lines": 1}
    assert piece.resting.tolist() == [False, False]


def test_files_that_give_no_piece_are_counted():
    files = [text("1 2 3 4", "b"), text(""), text("nan 1"), text("5 6", "a"), File(Path("a.png"))]
    pieces = read_pieces(Set(Split(files, classes=("a", "b"))), "train", Lines())
    assert [voice.x.tolist() for voice in pieces.voices] == [[[1, 2], [3, 4]], [[5, 6]]]
    assert [voice.known.labels.tolist() for voice in pieces.voices] == [[1, 1], [0]]
    assert [voice.known.fields["first"].tolist() for voice in pieces.voices] == [[[1], [3]], [[5]]]
    assert (pieces.files, pieces.used) == (5, 2)
    assert pieces.lost == {"odd lines": 3, "files that give no example": 1, "holds a NaN or an infinity": 1}


def test_what_sounds_at_once_is_a_sequence_each():
    pieces = read_pieces(Set(Split([text("1 2 0 0 5 6 7 8")])), "train", Both())
    assert [voice.x.tolist() for voice in pieces.voices] == [[[1, 2], [0, 0]], [[5, 6], [7, 8]]]
    assert [voice.rests.tolist() for voice in pieces.voices] == [[False, True], [False, False]]


def test_decoded_examples_are_a_piece_each():
    pieces = read_pieces(Set(Split(array=np.ones((3, 2)), labels=np.array([0, 1, 0]), classes=("a", "b"))), "train", Lines())
    assert [tuple(voice.x.shape) for voice in pieces.voices] == [(1, 2)] * 3
    assert [voice.known.labels.tolist() for voice in pieces.voices] == [[0], [1], [0]]


def test_a_longer_example_has_no_parts_where_the_domain_names_none():
    assert Lines().part(torch.zeros(2)).shape == (1, 2)
    with pytest.raises(GenaeError, match=r"examples have shape \(4,\), this run's have \(2,\)"):
        Lines().part(torch.zeros(4))


def test_a_piece_of_nothing_is_refused():
    with pytest.raises(Rejected, match=r"^a\.txt: gives no example"):
        read_piece(text(""), Lines())
