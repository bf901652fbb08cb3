"""What an evaluation measures where it is asked, against what is known by hand."""

import math

import pytest
import torch

from genae.data.domain import Features
from genae.data.examples import Examples
from genae.errors import GenaeError
from genae.learn.build import Built
from genae.learn.device import seeded
from genae.model.conditions import Label, Unconditional
from genae.model.fields import Fields
from genae.model.objectives import ELBO
from genae.model.tasks import Reconstruct
from genae.use.evaluate import Scored
from genae.use.information import mutual_information
from genae.use.likeness import kernel_distance, likeness, manifolds, squared_mmd
from genae.use.more import require_groups
from genae.use.obeying import obedience
from genae.use.probing import disentangled, factors, gap, neighbours, probe
from genae.use.ranking import as_csv, rows_of


def _column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


# -- likeness ---------------------------------------------------------------------------------------------------------


def test_balls_counted_by_hand():
    """Real 0, 1, 3 have radii 1, 1, 2; new 0.5, 10, 11 have 9.5, 1, 1. Of the new ones 0.5 alone is in a ball, in two."""
    found = manifolds(_column(0, 1, 3), _column(0.5, 10, 11), k=1)
    assert found == pytest.approx({"precision": 1 / 3, "recall": 1.0, "density": 2 / 3, "coverage": 2 / 3})


def test_the_kernel_distance_by_hand():
    """k(x, y) = (xy + 1)³: within {0, 2} 1, within {1, 1} 8, between 1 and 27, whose mean is 14."""
    assert squared_mmd(_column(0, 2), _column(1, 1)).item() == pytest.approx(1 + 8 - 2 * 14)


def test_samples_of_one_distribution_are_alike_and_others_are_not():
    torch.manual_seed(0)
    real, same, narrow = torch.randn(600, 4), torch.randn(600, 4), 0.1 * torch.randn(600, 4)
    near, far = likeness(real, same), likeness(real, narrow)
    assert near["precision"] > 0.9
    assert near["recall"] > 0.9
    assert abs(near["kernel_distance"]) < 4 * near["kernel_distance_se"]
    assert far["recall"] < 0.1  # all in one place: like the real ones, and hardly any of them
    assert far["precision"] > 0.9
    assert far["kernel_distance"] > 10 * kernel_distance(real, same)["kernel_distance_se"]


# -- information ------------------------------------------------------------------------------------------------------


def test_both_bounds_of_a_gaussian_channel():
    """z = x + s ε, x and ε standard normal: I = ½ ln(1 + 1/s²) for each of two dimensions."""
    torch.manual_seed(0)
    mean = torch.randn(2000, 2, dtype=torch.float64)
    low, high = mutual_information(mean, torch.full_like(mean, math.log(0.5)))
    assert low == pytest.approx(math.log(5), abs=0.08)
    assert high == pytest.approx(math.log(5), abs=0.08)
    assert low < high


def test_information_cannot_be_seen_beyond_the_logarithm_of_the_number():
    mean = torch.arange(50.0, dtype=torch.float64)[:, None]
    low, high = mutual_information(mean, torch.full_like(mean, -5.0))
    assert low == pytest.approx(math.log(50), abs=1e-6)
    assert high > 100


# -- probes -----------------------------------------------------------------------------------------------------------


def test_codes_that_are_the_factors_are_disentangled_and_turned_ones_are_not():
    torch.manual_seed(0)
    v = torch.rand(4000, 2, dtype=torch.float64)
    known = factors(None, {"place": v.float()})
    assert list(known) == ["place_0", "place_1"]
    turned = (v - 0.5) @ torch.tensor([[1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64)
    assert gap(v, known) > 0.95
    assert gap(turned, known) < 0.05
    straight, round_ = (disentangled(codes, known, 0) for codes in (v, turned))
    assert straight["disentanglement"] == pytest.approx(1, abs=0.02)
    assert straight["completeness"] == pytest.approx(1, abs=0.02)
    assert straight["informativeness"] == pytest.approx(1, abs=0.01)
    assert round_["disentanglement"] < 0.05


def test_what_is_not_known_of_some_is_left_out():
    known = factors(torch.tensor([0, 1, -1, 1]), {"same": torch.ones(4, 1)})
    assert list(known) == ["class"]
    codes = torch.tensor([[0.0, 5.0], [1.0, 5.0], [9.0, 9.0], [1.0, 5.0]], dtype=torch.float64)
    assert gap(codes, known) == pytest.approx(1)  # without the third


def test_neighbours_vote():
    a, labels = _column(0, 1, 2, 10, 11, 12), torch.tensor([0, 0, 0, 1, 1, 1])
    assert neighbours(a, labels, _column(0.5, 11.5, 11.5), torch.tensor([0, 1, 0])) == pytest.approx(2 / 3)


def test_a_line_is_probed():
    a, labels = torch.linspace(-1, 1, 40)[:, None], (torch.arange(40) >= 20).long()
    assert probe(a, labels, torch.tensor([[-2.0], [2.0], [2.0]]), torch.tensor([0, 1, -1])) == 1
    assert probe(a, torch.zeros_like(labels), a, labels) is None


# -- rows and conditions ----------------------------------------------------------------------------------------------


def test_files_are_ranked_by_their_mean():
    x = Examples(torch.zeros(4, 1), names=("b", "a", "b", "c"))
    values = {"mean": torch.zeros(4, 1), "elbo": torch.tensor([-1.0, -3.0, -5.0, -2.0]), "rate": torch.ones(4)}
    rows = rows_of(Scored(x, values, {}, 1), "set:test", range(4))
    assert [(row["name"], row["examples"], row["elbo"]) for row in rows] == [("b", 2, -3), ("a", 1, -3), ("c", 1, -2)]
    assert as_csv(rows).splitlines()[:2] == ["name,examples,elbo,rate", "b,2,-3.0,1.0"]


def test_examples_of_no_file_have_their_place():
    values = {"mean": torch.zeros(2, 1), "distortion": torch.tensor([1.0, 2.0])}
    rows = rows_of(Scored(Examples(torch.zeros(2, 1)), values, {}, 1), "set:test", [4, 9])
    assert [(row["name"], row["distortion"]) for row in rows] == [("set:test:9", 2), ("set:test:4", 1)]


def test_a_group_that_there_is_not():
    with pytest.raises(GenaeError, match=r"'speed'.*baselines"):
        require_groups(["latent", "speed"])


@pytest.mark.parametrize(("obeys", "share"), [(True, 1.0), (False, 0.5)])
def test_samples_of_the_class_asked_for(dots, obeys, share):
    """Class a lies at −1, b at 1; whoever draws a alone is right half the time."""
    labels = torch.arange(40) % 2
    examples = Examples((2.0 * labels[:, None] - 1).expand(-1, 2) + 0.01 * torch.randn(40, 2), labels, ("a", "b"))
    built = Built(dots(), None, ELBO(), Reconstruct(), Label(["a", "b"]))

    def draw(n, condition):
        return (2 * condition[:, 1:] - 1).expand(-1, 2) if obeys else -torch.ones(n, 2)

    found = obedience(built, examples, examples, [Features("itself", lambda x: x)], draw)["class"]
    assert (found["samples"], found["held-out"], found["features"]) == (share, 1, "itself")
    assert found["each"] == {"a": 1.0, "b": 1.0 if obeys else 0.0}
    assert obedience(built._replace(condition=Unconditional()), examples, examples, [], draw) == {}


def test_samples_that_keep_to_a_field(dots, monkeypatch):
    """Those told are where they were asked to be, and those not told in one of two places."""
    monkeypatch.setattr(
        type(dots()), "kept", lambda self, x, fields: {k: (x[:, 0] == v[:, 0]).float() for k, v in fields.items()}
    )
    side = 2.0 * (torch.arange(40) % 2)[:, None] - 1
    examples = Examples(side.expand(-1, 2), fields={"side": side, "other": side})
    fields = Fields(["side"], (), [[0.0]], [[1.0]])
    built = Built(dots(), None, ELBO(), Reconstruct(), fields)
    found = obedience(built, examples, examples, [], lambda n, c: (-torch.ones(n, 1) if c is None else c[:, :1]).expand(-1, 2))
    assert found == {"asked": 40, "side": {"samples": 1.0, "held-out": 1.0, "not told": 0.5}}


# -- baselines --------------------------------------------------------------------------------------------------------


def test_ppca_of_a_gaussian_is_nearly_its_density():
    from genae_image.baselines import baselines

    torch.manual_seed(0)
    w, sigma = torch.randn(16, 3), 0.3
    p = torch.distributions.MultivariateNormal(torch.ones(16), w @ w.T + sigma**2 * torch.eye(16))
    train, held = p.sample((6000,)), p.sample((500,))
    found = baselines(train.view(-1, 1, 4, 4), held.view(-1, 1, 4, 4), 0)
    assert set(found) == {"pca-gaussian", "gaussian-mixture"}
    assert found["pca-gaussian"].mean().item() == pytest.approx(-p.log_prob(held).mean().item(), abs=0.1)


def test_levels_are_scored_as_probabilities():
    """Uniform levels have ln 256 nats a number; a Gaussian is worse by ½ ln(2πe/12) = 0.1765."""
    from genae_image.baselines import baselines

    torch.manual_seed(0)
    x = torch.randint(0, 256, (4000, 1, 4, 4)) / 255
    nats = baselines(x[:3500], x[3500:], 256)["pca-gaussian"].mean().item() / 16
    assert nats == pytest.approx(math.log(256) + 0.5 * math.log(2 * math.pi * math.e / 12), abs=0.01)


def test_a_mixture_of_bernoullis_finds_its_clusters():
    """Two patterns of 16 pixels, each flipped with probability 0.1: ln 2 and 16 entropies of 0.3251."""
    from genae_image.baselines import baselines

    torch.manual_seed(0)
    patterns = torch.stack([torch.arange(16) % 2, torch.arange(16) // 8]).float()
    x = (patterns[torch.randint(0, 2, (5000,))] - (torch.rand(5000, 16) < 0.1).float()).abs().view(-1, 1, 4, 4)
    nats = baselines(x[:4500], x[4500:], 2)["bernoulli-mixture"].mean().item()
    assert nats == pytest.approx(math.log(2) + 16 * 0.3251, abs=0.25)


def test_the_ngram_of_music_is_the_one_of_its_assessment():
    from genae_music.domain import Music
    from genae_music.ngram import ORDER, window_nats

    torch.manual_seed(0)
    train, held = torch.randint(0, 5, (50, 32)).float(), torch.randint(0, 5, (7, 32)).float()
    with seeded(1):
        found = Music().baselines(train, held, 0)
    with seeded(1):
        nats = window_nats(train, {"melody": held.long()}, "melody", 16)
    assert list(found) == [f"{ORDER}-gram"]
    assert torch.equal(found[f"{ORDER}-gram"], nats)
    silence = Music().baselines(torch.zeros(50, 32), torch.zeros(2, 32), 0)[f"{ORDER}-gram"]
    assert silence.tolist() == pytest.approx([0, 0], abs=1)  # what training is made of costs next to nothing
