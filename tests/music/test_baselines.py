"""N-grams counted by hand, and what they score on real music."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import math
from collections.abc import Iterable

import numpy as np
import pytest
import torch

from genae.errors import GenaeError
from genae_music import drums, melody, midi, report
from genae_music.baselines import Ngrams
from genae_music.quantise import Setting
from genae_music.reasons import Unusable


def ngrams(*windows: list[int], bar: int = 16, classes: int = 90) -> Ngrams:
    return Ngrams(torch.tensor(windows), bar, classes)


def last(model: Ngrams, *window: int) -> int:
    """The guess at a window's last step."""
    return int(model.predict(torch.tensor([window]))[0, -1])


def test_trigram_by_hand() -> None:
    model = ngrams([5, 0, 0, 6], [5, 0, 0, 6], [5, 0, 0, 7])
    assert model.predict(torch.tensor([[9.0, 9, 0, 0], [5, 0, 0, 9]])).tolist() == [[5, 0, 0, 0], [5, 0, 0, 6]]
    assert model.most_common() == 0


@pytest.mark.parametrize("window, guess", [
    ((1, 2, 0), 3),  # seen at this place
    ((8, 8, 1, 2, 0), 3),  # seen at this place of another bar
    ((8, 1, 2, 0), 9),  # likewise
    ((8, 8, 2, 3, 0), 1),  # seen at no such place of a bar: x_{t−2}, x_{t−1}
    ((8, 3, 0), 1),  # x_{t−1} alone
    ((8, 8, 0), 1),  # nothing: the most common, the lowest of equals
])  # fmt: skip
def test_trigram_gives_way(window: tuple[int, ...], guess: int) -> None:
    assert last(ngrams([1, 2, 3, 1, 2, 9], bar=2), *window) == guess


def test_cost_by_hand() -> None:
    """p(0) = (2 + 2/4)/5, p(1) = (1 + 2/4)/5; p(1 | 0) = (1 + 2·.3)/4; p(1 | 0, 0) = (1 + .4)/2; and so on."""
    model = ngrams([0, 0, 1], classes=4)
    bits = [[-math.log2(p) for p in ps] for ps in ((0.875, 0.75, 0.7), (0.875, 0.75, 0.25), (0.025, 0.1, 0.1))]
    cost = model.cost(torch.tensor([[0, 0, 1], [0, 0, 0], [3, 3, 2]]))
    assert cost == pytest.approx([sum(b) / 3 for b in bits])


def test_probabilities_of_all_windows_sum_to_one() -> None:
    model = ngrams([0, 1, 1], [1, 0, 1], [0, 0, 0], classes=4)
    every = torch.tensor(list(itertools.product(range(4), repeat=3)))
    assert (2.0 ** (-3 * model.cost(every))).sum() == pytest.approx(1)


def test_training_windows_are_cheaper_than_their_reverse() -> None:
    scale = torch.arange(10, 26).repeat(4, 1)
    model = Ngrams(scale, 16, 90)
    assert (model.cost(scale) < model.cost(scale.flip(1))).all()
    assert (model.predict(scale) == scale.numpy()).all()


@pytest.mark.parametrize("train", [torch.zeros(0, 32), torch.zeros(3, 0), torch.zeros(32)])
def test_nothing_to_count(train: torch.Tensor) -> None:
    with pytest.raises(GenaeError, match="need training windows"):
        Ngrams(train, 16, 90)


def test_too_many_tokens_for_a_key() -> None:
    with pytest.raises(GenaeError, match="60,000 different tokens"):
        Ngrams(torch.arange(60_000)[None], 16, 1 << 61)


def cut(files: Iterable[bytes], kind: str, setting: Setting) -> np.ndarray:
    found = []
    for data in files:
        try:
            found.append(report.KINDS[kind](midi.read(data), setting).tokens)
        except Unusable:
            continue
    return np.concatenate(found)


def scores(train: np.ndarray, test: np.ndarray, classes: int) -> tuple[float, float]:
    """Always and trigram on the test windows that are not in train."""
    seen = {window.tobytes() for window in train}
    held = torch.from_numpy(np.stack([window for window in test if window.tobytes() not in seen]))
    model = Ngrams(torch.from_numpy(train), 16, classes)
    return float((held == model.most_common()).float().mean()), float((model.predict(held) == held.numpy()).mean())


@pytest.mark.parametrize("bars, always, trigram", [(2, 0.647, 0.681), (16, 0.637, 0.671)])
def test_nottingham_by_tune(real, bars: int, always: float, trigram: float) -> None:
    files: dict[bool, list[bytes]] = {True: [], False: []}
    for path, data in real("nottingham-midi.zip", "/MIDI/melody/"):
        tenth = int(hashlib.sha256(path.rsplit("/", 1)[1].encode()).hexdigest(), 16) % 10
        if tenth != 1:
            files[tenth == 0].append(data)
    train, test = (cut(files[held], "melody", Setting(bars)) for held in (False, True))
    assert scores(train, test, melody.CLASSES) == pytest.approx((always, trigram), abs=0.0006)


@pytest.mark.parametrize("grid, always, trigram", [("default", 0.217, 0.406), ("magenta", 0.215, 0.411)])
def test_groove_official_split(archive, grid: str, always: float, trigram: float) -> None:
    files: dict[str, list[bytes]] = {"train": [], "validation": [], "test": []}
    with archive("groove-midionly.zip") as folder:
        info = next(name for name in folder.namelist() if name.endswith("info.csv"))
        for row in csv.DictReader(io.StringIO(folder.read(info).decode())):
            files[row["split"]].append(folder.read(info.replace("info.csv", row["midi_filename"])))
    train, test = (cut(files[split], "drums", Setting(grid=grid)) for split in ("train", "test"))
    assert scores(train, test, drums.LABELS) == pytest.approx((always, trigram), abs=0.0006)
