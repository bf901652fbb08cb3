"""Models whose scores are known by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, Point
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.vae import Encoded
from genae_music import drums
from genae_music.agreement import accuracy, classes, onset_f1, streams
from genae_music.assess import assess
from genae_music.baselines import Ngrams
from genae_music.morph import blend, cost, rising, smoothness

C = 50.0  # how far from the centre codes are: σ = 1 never confuses two
SPARE = 3  # latent dimensions that say nothing


class Truth:
    """p(x | z): the window that z is the code of; teacher-forced it repeats the step before."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def sample(self, temperature: float) -> Tensor:
        return self.x

    def predict(self, x: Tensor) -> Tensor:
        return x.roll(1, -1)


class Warm(Truth):
    """Right only at temperature 0."""

    def sample(self, temperature: float) -> Tensor:
        return self.x if temperature == 0 else torch.zeros_like(self.x)


class Other:
    """Without teacher forcing."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def sample(self, temperature: float) -> Tensor:
        return self.x


class Table:
    """A posterior that is a look-up, and a decoder that looks it up again."""

    def __init__(self, windows: Tensor, p: type[Any] = Truth, plain: bool = False) -> None:
        self.windows, self.p, self.kind = windows, p, "point" if plain else "density"
        self.prior = StandardNormal(Space((len(windows) + SPARE,)))
        self.space = self.prior.space

    def infer(self, x: Tensor, condition: Tensor | None = None) -> Encoded:
        same = (x[:, None] == self.windows[None]).flatten(2).all(2).float()
        mean = torch.cat([C * same, torch.zeros(len(x), SPARE)], 1)
        return Encoded(self, Point(mean) if self.kind == "point" else DiagonalGaussian(mean, torch.zeros_like(mean)), condition)

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Truth:
        return self.p(self.windows[z[:, : len(self.windows)].argmax(1)])


class Deaf(Table):
    """A decoder that knows no z: the first window, always."""

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Truth:
        return self.p(self.windows[:1].expand(len(z), *self.windows.shape[1:]))


def steady(n: int, length: int = 32) -> Tensor:
    """Window i strikes a pitch of its own at every step: no two agree anywhere."""
    return torch.arange(2, 2 + n).float()[:, None].repeat(1, length)


@pytest.mark.parametrize("seed", range(5))
def test_truth_and_its_derangement(seed: int) -> None:
    torch.manual_seed(seed)
    x = steady(7)
    scores = assess(Table(x), x, x, kind="melody")
    for way in ("sampled", "greedy", "teacher_forced"):
        assert scores[f"{way}_accuracy"] == 1
    assert scores["onset_f1"] == scores["greedy_onset_f1"] == scores["own_minus_shuffled"] == 1
    assert scores["shuffled_accuracy"] == scores["shuffled_onset_f1"] == 0  # each has another's z
    assert (scores["assessed"], scores["morph_pairs"]) == (7, 3)


def test_use_of_the_latent_by_hand() -> None:
    """KL(N(50, 1) ‖ N(0, 1)) = 50²/2 nats in one dimension of each example; three dimensions never move."""
    x = steady(7)
    scores = assess(Table(x), x, x, kind="melody")
    assert scores["rate_bits"] == pytest.approx(C**2 / 2 / math.log(2))
    assert scores["active_units"] == 7


def test_more_windows_than_a_batch() -> None:
    x = torch.cat([steady(80), 80 + steady(80), 160 + steady(80), 240 + steady(80)])  # not music, but tokens all the same
    scores = assess(Table(x), x, x, kind="melody")
    assert (scores["sampled_accuracy"], scores["own_minus_shuffled"], scores["assessed"]) == (1, 1, 320)


def test_a_decoder_without_z() -> None:
    x = steady(4)
    scores = assess(Deaf(x), x, x, kind="melody")
    assert scores["sampled_accuracy"] == scores["shuffled_accuracy"] == 0.25  # right for one window of four
    assert scores["own_minus_shuffled"] == 0
    assert (scores["morph_monotone"], scores["morph_rise"]) == (1, 0)  # it never falls, as it never moves
    assert scores["morph_cost_ratio"] == 1


def test_greedy_is_cold_and_sampling_is_not() -> None:
    x = steady(4)
    scores = assess(Table(x, Warm), x, x, kind="melody")
    assert (scores["greedy_accuracy"], scores["sampled_accuracy"], scores["shuffled_accuracy"]) == (1, 0, 0)
    assert (scores["morph_distance_0"], scores["morph_distance_8"]) == (0, 1)


def test_teacher_forcing_and_trivial_scores_by_hand() -> None:
    """Two bars of a note held: repeating the step before fails at the onset, at the step after it and where another begins."""
    x = torch.zeros(2, 32)
    x[0, 0], x[1, 0], x[1, 16] = 40, 50, 51
    scores = assess(Table(x), x, x, kind="melody")
    assert scores["teacher_forced_accuracy"] == pytest.approx(1 - (2 + 4) / 64)
    assert scores["teacher_forced_onset_f1"] == 0
    assert scores["always_hold_accuracy"] == pytest.approx(1 - 3 / 64)
    assert scores["trigram_accuracy"] == pytest.approx(1 - 2 / 64)  # of equals it takes the lower: 40 for 50, 0 for 51
    assert scores["trigram_onset_f1"] == pytest.approx(2 * 1 / (3 + 2))
    assert scores["sampled_minus_trigram"] == pytest.approx(2 / 64)
    assert scores["teacher_forced_minus_sampled"] == pytest.approx(-6 / 64)


def test_trio_by_stream() -> None:
    melody, bass, kit = steady(4), 20 + steady(4), torch.arange(4.0)[:, None].repeat(1, 32)
    x = torch.stack([melody, bass, kit], 1)
    vae = Table(x)
    decode = vae.decode

    def without_bass(z: Tensor) -> Truth:
        p = decode(z)
        p.x = torch.stack([p.x[:, 0], torch.zeros_like(p.x[:, 1]), p.x[:, 2]], 1)
        return p

    vae.decode = without_bass  # type: ignore[method-assign]
    scores = assess(vae, x, x, kind="trio")
    assert [scores[f"sampled_accuracy_{part}"] for part in ("melody", "bass", "drums")] == [1, 0, 1]
    assert [scores[f"onset_f1_{part}"] for part in ("melody", "bass", "drums")] == [1, 0, 1]
    assert scores["sampled_accuracy"] == pytest.approx(2 / 3)
    assert scores["always_hold_accuracy_drums"] == 0.25  # the most common label, not label 0
    assert scores["own_minus_shuffled"] == pytest.approx(2 / 3)


def test_full_kit_is_its_bits() -> None:
    roll = torch.zeros(2, 32, len(drums.FULL))
    roll[0, 4, [0, 60]], roll[1, 8, 59] = 1, 1
    tokens = streams(roll, "drums")["drums"]
    assert tokens[0, 4] == 1 + (1 << 60)
    assert tokens.sum() == 1 + (1 << 60) + (1 << 59)
    scores = assess(Table(roll), roll, roll, kind="drums")
    assert scores["sampled_accuracy"] == scores["onset_f1"] == 1
    assert scores["always_hold_accuracy"] == pytest.approx(1 - 2 / 64)
    json.dumps(scores, allow_nan=False)


def test_what_a_model_does_not_have() -> None:
    x = steady(4)
    scores = assess(Table(x, Other, plain=True), x, x, kind="melody")
    absent = {name for name, value in scores.items() if value is None}
    assert absent == {
        "teacher_forced_accuracy", "teacher_forced_onset_f1", "teacher_forced_minus_sampled", "rate_bits"
    }  # fmt: skip
    json.dumps(scores, allow_nan=False)


def test_one_window() -> None:
    x = steady(1)
    scores = assess(Table(x), x, x, kind="melody")
    assert scores["sampled_accuracy"] == 1
    assert scores["own_minus_shuffled"] is scores["shuffled_accuracy"] is scores["active_units"] is None
    assert (scores["morph_pairs"], "morph_monotone" in scores) == (0, False)


def test_no_window() -> None:
    with pytest.raises(GenaeError, match="not 0 and 3"):
        assess(Table(steady(3)), steady(0), steady(3), kind="melody")


def test_at_most_so_many_and_the_seed_decides_which() -> None:
    x = torch.randint(0, 4, (40, 32), generator=torch.Generator().manual_seed(0)).float()
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(assess(Deaf(x), x, x, kind="melody", most=12, pairs=4))
    assert (runs[0]["assessed"], runs[0]["morph_pairs"]) == (12, 4)
    assert runs[0] == runs[1]
    assert runs[0]["sampled_accuracy"] != runs[2]["sampled_accuracy"]


def test_onset_f1_by_hand() -> None:
    """Melody: of two onsets and three, one agrees; a hold or a note-off that agrees is none. Drums: one hit of two and two."""
    first, second = torch.tensor([[41, 0, 43, 1, 0]]), torch.tensor([[41, 43, 44, 1, 0]])
    assert onset_f1({"melody": first}, {"melody": second}) == {"melody": pytest.approx(2 / 5)}
    assert accuracy({"melody": first}, {"melody": second}) == {"melody": pytest.approx(3 / 5)}
    assert onset_f1({"drums": torch.tensor([[3, 0]])}, {"drums": torch.tensor([[1, 4]])}) == {"drums": pytest.approx(1 / 2)}
    silence = {"bass": torch.tensor([[0, 1]])}
    assert onset_f1(silence, silence) == {"bass": 1}


def test_classes() -> None:
    assert [classes(*of) for of in (("melody",), ("bass",), ("drums",), ("drums", True))] == [90, 90, 512, 1 << 61]


def test_a_morph_that_goes_step_by_step() -> None:
    """At the fraction f of the arc the first 8 f steps are b's: the distance to a grows by an eighth at each of nine places."""
    a, b = torch.full((1, 8), 10.0), torch.arange(20.0, 28.0)[None]

    def decode(z: Tensor) -> Tensor:
        arrived = torch.arange(8) < (torch.atan2(z[:, 1], z[:, 0]) / (math.pi / 2) * 8).round()[:, None]
        return torch.where(arrived, b, a)

    models = {"melody": Ngrams(torch.cat([a, b]), 8, 90)}
    means = (torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 5.0]]))
    found = smoothness(decode, means, (a, b), models, "melody")
    assert [found[f"morph_distance_{i}"] for i in range(9)] == pytest.approx([i / 8 for i in range(9)])
    assert (found["morph_monotone"], found["morph_largest_drop"], found["morph_rise"]) == (1, 0, 1)
    half = torch.tensor([[20, 21, 22, 23, 10, 10, 10, 10]])
    assert found["morph_cost_bits"] == pytest.approx(models["melody"].cost(half)[0])
    ends = models["melody"].cost(torch.cat([a, b])).mean()
    assert found["morph_cost_ratio"] == pytest.approx(found["morph_cost_bits"] / ends)
    assert found["morph_cost_ratio"] > 1


def test_a_blend_of_two_scales_is_dearer_than_either() -> None:
    torch.manual_seed(0)
    up, down = torch.arange(10, 42).repeat(50, 1), torch.arange(80, 48, -1).repeat(50, 1)
    models = {"melody": Ngrams(torch.cat([up, down]), 16, 90)}
    mixed = blend({"melody": up}, {"melody": down})
    assert ((mixed["melody"] == up) | (mixed["melody"] == down)).all()
    assert (mixed["melody"] == up).float().mean() == pytest.approx(0.5, abs=0.05)  # 1600 coins: four standard deviations
    assert cost(mixed, models) > 3 * cost({"melody": up}, models)


def test_rising_by_hand() -> None:
    found = rising([0.0, 0.5, 0.25, 0.25, 1.0])
    assert (found["morph_monotone"], found["morph_largest_drop"], found["morph_rise"]) == (3 / 4, 0.25, 1)
