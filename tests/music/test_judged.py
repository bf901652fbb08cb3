"""How generated music is judged: figures counted by hand, and those of real tunes."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from genae.data.opening import open_data
from genae.data.reading import read_split
from genae.errors import GenaeError
from genae_music import figures
from genae_music.agreement import Kind
from genae_music.domain import Music
from genae_music.judged import CHAIN, HELD, TRAINING, Figures, Judge
from genae_music.melody import OFF
from genae_music.ngram import NGram


def line(*tokens: tuple[int, int], steps: int = 32) -> Tensor:
    """A window of (step, MIDI pitch), a pitch of 0 for a note-off."""
    x = torch.zeros(steps, dtype=torch.int64)
    for step, pitch in tokens:
        x[step] = pitch - 19 if pitch else OFF
    return x


def windows(*each: Tensor) -> Tensor:
    return torch.stack(each)


def judge(samples: Tensor, train: Tensor, held: Tensor, kind: Kind) -> Figures:
    return Judge(train, held, kind)(samples)


SCALE = line(*((4 * i, pitch) for i, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72))))  # C major, a bar of each half


# -- figures ----------------------------------------------------------------------------------------------------------


def test_notes_by_hand() -> None:
    """One that is ended, one that lasts, one that begins in the last step; the orphan note-off is none."""
    of = figures.notes(np.stack([line((4, 60), (6, 0), (8, 62)).numpy(), line((0, 0), (31, 64)).numpy()]))
    assert [tuple(part.tolist()) for part in of] == [(0, 0, 1), (4, 8, 31), (2, 24, 1), (60, 62, 64)]


def test_scales_by_hand() -> None:
    """C# sounds for 4 of 32 steps over C major's notes; a chromatic run fits no scale better than by seven of twelve."""
    sharp = line(*((4 * i, p) for i, p in enumerate((60, 62, 64, 65, 67, 69, 71, 61))))
    chromatic = line(*((i, 60 + i) for i in range(12)), (12, 0))
    silent = line()
    x = windows(SCALE, sharp, chromatic, silent).numpy()
    assert figures.in_scale(figures.notes(x), 4) == pytest.approx([1, 28 / 32, 7 / 12])


def test_a_tonic_is_told_by_its_triad() -> None:
    """A minor and C major have the same notes: the long a, c and e, or c, e and g, decide."""
    major, minor = line((0, 60), (8, 64), (16, 67), (24, 62)), line((0, 57), (8, 60), (16, 64), (24, 62))
    of = figures.notes(windows(major, minor).numpy())
    assert figures.degrees(of, 2).tolist() == [0, 4, 7, 2, 0, 3, 7, 5]


def test_intervals_stay_within_windows() -> None:
    of = figures.notes(windows(line((0, 60), (4, 72), (8, 65)), line((0, 40), (4, 47))).numpy())
    assert figures.intervals(of).tolist() == [12, -7, 7]
    assert len(figures.trigrams(of)) == 0
    up = figures.trigrams(figures.notes(windows(SCALE, SCALE).numpy()))
    assert (len(up), len(set(up.tolist()))) == (10, 4)  # 2212 221: 221, 212, 122, 222, 221 in each


def test_repeats_by_hand() -> None:
    """Bars a a b silence b′: the second is the first again, the last has the third's rhythm; silence is none."""
    bars = [line((0, 60), (8, 62), steps=16)] * 2 + [
        line((0, 60), (4, 62), steps=16),
        line(steps=16),
        line((0, 65), (4, 67), steps=16),
    ]
    x = torch.cat(bars)[None].numpy()
    assert figures.repeats(x, 16).tolist() == [1]
    assert figures.repeats(x, 16, rhythm=True).tolist() == [2]


def test_border_leaps_by_hand() -> None:
    x = torch.cat([line((0, 60), (28, 62)), line((4, 67), (8, 60)), line((0, 58))])[None].numpy()
    assert figures.border_leap(figures.notes(x), 32).tolist() == [5, 2]


def test_distances_by_hand() -> None:
    few, many = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3])
    assert figures.distance(few, many) == pytest.approx(0.5)
    assert figures.distance(few, few) == 0
    assert figures.distance(few, np.array([7])) == 1
    assert figures.distance(few, few[:0]) == 1


# -- n-grams ----------------------------------------------------------------------------------------------------------


def test_nll_by_hand() -> None:
    """p(0) = (2 + 2/4)/5, p(1) = (1 + 2/4)/5; p(1 | 0) = (1 + 2·.3)/4; p(1 | 0, 0) = (1 + .4)/2; and so on."""
    model = NGram.of(torch.tensor([[0, 0, 1]]), 1, 4, order=3)
    p = [0.875 * 0.75 * 0.7, 0.875 * 0.75 * 0.25, 0.025 * 0.1 * 0.1]
    assert model.nll(torch.tensor([[0, 0, 1], [0, 0, 0], [3, 3, 2]])) == pytest.approx([-math.log(each) for each in p])


@pytest.mark.parametrize("bar, order", [(1, 1), (1, 3), (2, 3), (2, 5)])
def test_probabilities_of_all_windows_sum_to_one(bar: int, order: int) -> None:
    model = NGram.of(torch.tensor([[0, 1, 1, 0], [1, 0, 1, 1], [0, 0, 0, 0]]), bar, 3, order=order)
    every = torch.tensor(list(itertools.product(range(3), repeat=4)))
    assert np.exp(-model.nll(every)).sum() == pytest.approx(1)


def test_the_place_in_the_bar_is_heard() -> None:
    """A token that always stands at the bar's second step is likely there alone."""
    model = NGram.of(torch.tensor([[0, 9, 0, 9]] * 10), 2, 90, order=1)
    assert model.nll(torch.tensor([[0, 9, 0, 9]])) < 1
    assert model.nll(torch.tensor([[9, 0, 9, 0]])) > 4 * math.log(20)


def test_a_chain_samples_what_it_counted() -> None:
    """Every trigram is one of training, and each first token comes as often as there: four sigma."""
    torch.manual_seed(0)
    train = torch.tensor([[1, 2, 3, 1, 2], [2, 3, 1, 2, 3], [2, 3, 1, 1, 2]])
    made = NGram.of(train, 1, 90, order=3).sample(3000, 5)
    seen = {tuple(run) for x in train.tolist() for run in zip(x, x[1:], x[2:], strict=False)}
    assert {tuple(run) for x in made.tolist() for run in zip(x, x[1:], x[2:], strict=False)} == seen
    assert (made[:, 0] == 2).float().mean() == pytest.approx(2 / 3, abs=4 * math.sqrt(2 / 9 / 3000))


# -- sets of windows --------------------------------------------------------------------------------------------------


def test_copies_and_transposed_copies() -> None:
    up = SCALE + 5 * (SCALE > OFF)
    made = judge(windows(SCALE, up, up, line((0, 50))), windows(SCALE, line((0, 60))), windows(SCALE), "melody")
    assert (made["copies"], made["moved_copies"], made["distinct"]) == (1 / 4, 1, 3 / 4)


def test_a_melody_by_hand() -> None:
    leaping = line((0, 60), (4, 72), (8, 60), (16, 64), (24, 0))
    made = judge(windows(SCALE, leaping), windows(SCALE), windows(SCALE), "melody")
    assert (made["in_scale"], made["one_scale"], made["notes"]) == (1, 1, 6)
    assert made["leaps"] == 2 / 10
    assert made["scale_trigrams"] == 5 / 6  # one run of the second window's four notes, which training does not have
    assert made["lengths"] == pytest.approx(2 / 12)  # two of twelve notes are longer than a quarter
    assert made["onsets"] == pytest.approx(0.5 * (4 * abs(2 / 12 - 1 / 8) + 4 * abs(1 / 12 - 1 / 8)))
    assert "border_leap" not in made


def test_drums_by_hand() -> None:
    """A kick on every bar's first step and a snare; the second bar of the other has one hit less of three, and no kick."""
    bar = torch.zeros(16, dtype=torch.int64)
    bar[0], bar[4], bar[8] = 1, 2, 1
    same, other = torch.cat([bar, bar]), torch.cat([bar, bar])
    other[16] = 0
    made = judge(windows(same, other), windows(same), windows(same), "drums")
    assert (made["hits"], made["kick"], made["bar_two"]) == (5.5, 3 / 4, 31 / 32)
    assert made["placement"] == pytest.approx(0.5 * (5 * (2 / 11 - 1 / 6) + (1 / 6 - 1 / 11)))


def test_longer_examples_are_judged_by_their_windows() -> None:
    long = torch.cat([SCALE, SCALE])[None]
    made = judge(long, windows(SCALE), long, "melody")
    assert (made["notes"], made["copies"], made["distinct"], made["border_leap"]) == (8, 1, 1 / 2, 12)
    assert made["bar_repeats"] == 2  # the third bar and the fourth are the first and the second


def test_streams_are_told_apart() -> None:
    kit = torch.zeros(32, dtype=torch.int64)
    kit[0] = 1
    x = torch.stack([SCALE, line((0, 40)), kit])[None]
    made = judge(x, x, x, "trio")
    assert (made["notes_melody"], made["notes_bass"], made["hits_drums"], made["kick_drums"]) == (8, 1, 1, 0.5)


def test_nothing_to_judge_by() -> None:
    with pytest.raises(GenaeError, match="not 0 and 1"):
        Judge(windows(SCALE), windows(SCALE)[:0], "melody")


def test_silence_has_no_scale() -> None:
    made = judge(windows(line()), windows(SCALE), windows(SCALE), "melody")
    assert math.isnan(made["in_scale"])
    assert (made["notes"], made["lengths"]) == (0, 1)


# -- real tunes -------------------------------------------------------------------------------------------------------


def test_nottingham(archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held-out windows, a 3-gram chain and a 5-gram's nats."""
    with archive("nottingham-midi.zip") as file:
        monkeypatch.setenv("GENAE_DATA", str(Path(file.filename).parent))
    music, nottingham = Music(bars=2), open_data("nottingham")
    train, held = (read_split(nottingham, split, music).x for split in ("train", "test"))
    torch.manual_seed(0)
    ways = Judge(train, held, "melody").baselines(256)
    for figure, real, chain, tolerance in (
        ("in_scale", 0.990, 0.955, 0.01), ("one_scale", 0.895, 0.54, 0.07), ("scale_trigrams", 0.97, 0.817, 0.03),
        ("leaps", 0.055, 0.10, 0.02), ("notes", 11.2, 11.3, 0.5), ("lengths", 0.02, 0.20, 0.03), ("ngram_nll", 35.6, 110, 6),
    ):  # fmt: skip
        assert ways[HELD][figure] == pytest.approx(real, abs=tolerance)
        assert ways[CHAIN][figure] == pytest.approx(chain, abs=tolerance)
    assert ways[TRAINING]["copies"] == 1
