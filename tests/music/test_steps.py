"""Likelihoods of a step: exact probabilities that sum to one, samples that come as often, the same in any precision."""

import math

import pytest
import torch
import torch.nn.functional as F

from genae.errors import GenaeError
from genae.recipe.parts import instantiate
from genae_music.steps import Nade, Tokens, bits, gumbel, labels

TRIO = ["melody", "melody", "drums"]
HEADS = {
    "melody": (Tokens, (16,)),
    "drums": (lambda: Tokens(["drums"]), (16,)),
    "trio": (lambda: Tokens(TRIO), (3, 16)),
    "nade": (lambda: Nade(9, 5), (16,)),
    "full kit": (lambda: Nade(61, 5), (16, 61)),
}


def _events(head, n=3):
    torch.manual_seed(0)
    event = HEADS[head][1]
    if head == "full kit":
        return (torch.rand(n, *event) < 0.2).float()
    classes = {"melody": [90], "trio": [90, 90, 512]}.get(head, [512])
    x = torch.stack([torch.randint(0, k, (n, 16)) for k in classes], 1).float()
    return x if head == "trio" else x[:, 0]


def test_how_a_step_is_shown():
    assert Tokens().shown(torch.tensor([[89]])).nonzero().tolist() == [[0, 89]]
    drums = Tokens(["drums"])
    assert drums.shown(torch.tensor([[0], [5]])).tolist() == [[0] * 9 + [1], [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]]
    assert Nade(61).shown(torch.zeros(1, 61)).nonzero().tolist() == [[0, 61]]
    trio = Tokens(TRIO)
    assert trio.shown(torch.tensor([[2, 3, 256]])).nonzero()[:, 1].tolist() == [2, 90 + 3, 180 + 8]
    assert [head.inputs for head in (drums, Nade(61), trio)] == [10, 62, 190]


@pytest.mark.parametrize("head", HEADS)
def test_a_lookup_is_the_product(head):
    likelihood, x = HEADS[head][0](), _events(head)
    weight = torch.randn(likelihood.inputs, 4)
    steps = likelihood.steps(x)
    assert torch.allclose(likelihood.lookup(weight)(steps), likelihood.shown(steps) @ weight, atol=1e-5)


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_events_to_steps_and_back_whatever_the_precision(head, low):
    likelihood, x = HEADS[head][0](), _events(head)
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        again = likelihood.events(likelihood.steps(x))
    assert again.dtype == torch.float32
    assert torch.equal(again, x)


def test_all_labels_survive_half_precision():
    every = torch.arange(512.0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(labels(bits(every)), every)


@pytest.mark.parametrize("head", HEADS)
def test_log_probabilities_are_float32_whatever_the_precision(head):
    likelihood, x = HEADS[head][0](), _events(head)
    h, steps = 3 * torch.randn(3, 16, sum(likelihood.widths)), likelihood.steps(x)
    expected = likelihood.log_prob(h, steps)
    with torch.autocast("cpu", torch.bfloat16):
        found = likelihood.log_prob(h, steps)
    assert expected.shape == (3, 16)
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("head, classes", [("melody", 90), ("drums", 512), ("nade", 512)])
def test_probabilities_sum_to_one(head, classes):
    torch.manual_seed(1)
    likelihood = HEADS[head][0]()
    h = 2 * torch.randn(1, 1, sum(likelihood.widths))
    p = likelihood.log_prob(h.expand(classes, 1, -1), likelihood.steps(torch.arange(float(classes))[:, None])).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    assert p.max() < 0.9  # and are not all in one place


def test_streams_add_up():
    h, x = torch.randn(3, 16, 90 + 90 + 521), _events("trio")
    alone = [(Tokens(), h[..., :90]), (Tokens(), h[..., 90:180]), (Tokens(["drums"]), h[..., 180:])]
    each = [head.log_prob(part, head.steps(x[:, i])) for i, (head, part) in enumerate(alone)]
    trio = Tokens(TRIO)
    assert torch.allclose(trio.log_prob(h, trio.steps(x)), sum(each), atol=1e-4)


def test_a_drum_label_leans_on_its_classes():
    head, h = Tokens(["drums"]), torch.zeros(1, 1, 512 + 9)
    h[..., 512 + 1] = 2.0  # the snare
    (logits,) = head.logits(h)
    assert logits[0, 0, 0b10] == logits[0, 0, 0b110] == 2.0
    assert logits[0, 0, 0] == logits[0, 0, 0b101] == 0.0


@pytest.mark.parametrize("pitches", [9, 61])
def test_nade_by_hand(pitches):
    """logit_i = b_i + V_i · σ(c + Σ_{j<i} W_j x_j), written out."""
    torch.manual_seed(0)
    head, x = Nade(pitches, 4), (torch.rand(pitches) < 0.5).float()
    h = torch.randn(pitches + 4)
    total = 0.0
    for i in range(pitches):
        inner = h[pitches:] + sum((head.into[j] * x[j] for j in range(i)), torch.zeros(4))
        total += torch.distributions.Bernoulli(logits=h[i] + head.out[i] @ inner.sigmoid()).log_prob(x[i])
    assert head.log_prob(h[None, None], x[None, None])[0, 0].item() == pytest.approx(total.item(), abs=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("head", ["melody", "drums", "nade"])
def test_samples_come_as_often_as_they_are_probable(head, temperature):
    """Summed over all labels |frequency − p| is Σ sqrt(2 p (1 − p) / π n) on average; 1.3 times that is allowed."""
    torch.manual_seed(2)
    likelihood, n = HEADS[head][0](), 40_000
    h = torch.randn(1, sum(likelihood.widths)) * (0.7 if head == "drums" else 1.5)
    every = likelihood.steps(torch.arange(90.0 if head == "melody" else 512.0)[:, None])  # (C, 1, S)
    if head == "nade":
        p = _tempered_nade(likelihood, h[0], every[:, 0], temperature)
    else:
        p = (likelihood.log_prob(h.expand(len(every), 1, -1), every)[:, 0] / temperature).softmax(0)
    drawn = likelihood.events(likelihood.sample(h.expand(n, -1), temperature)[:, None]).long().flatten()
    off = (drawn.bincount(minlength=len(p)) / n - p).abs().sum()
    assert off < 1.3 * (2 * p * (1 - p) / math.pi / n).sqrt().sum()


def _tempered_nade(head, h, rolls, temperature):
    """Every conditional tempered, not the whole roll: what sampling pitch by pitch gives."""
    before = torch.stack([rolls[:, :i] @ head.into[:i] for i in range(9)], 1)  # (512, 9, H)
    logits = h[:9] + ((h[9:] + before).sigmoid() * head.out).sum(-1)
    return (-F.binary_cross_entropy_with_logits(logits / temperature, rolls, reduction="none")).sum(-1).exp().detach()


def test_temperature_zero_is_the_mode():
    head, h = Tokens(TRIO), torch.randn(5, 90 + 90 + 521)
    modes = torch.stack([logits.argmax(-1) for logits in head.logits(h)], -1)
    assert torch.equal(head.sample(h, 0.0), modes)
    assert torch.equal(head.sample(h, 1e-4), modes)
    nade = Nade(9, 5)
    h = torch.randn(5, 14)
    assert torch.equal(nade.sample(h, 0.0), nade.sample(h, 1e-6))


def test_gumbel_noise_has_its_mean_and_variance():
    torch.manual_seed(0)
    noise = gumbel(400_000, device=torch.device("cpu"))
    assert noise.mean().item() == pytest.approx(0.57722, abs=0.01)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.03)
    assert not noise.isnan().any()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Tokens().length((3, 32)), r"likelihood tokens has 1 stream, events \(3, 32\) have 3; set likelihood\.streams"),
        (lambda: Tokens(TRIO).length((32,)), r"likelihood tokens has 3 streams, events \(32,\) have 1; set"),
        (lambda: Tokens().length((1, 28, 28)), r"1 stream, events \(1, 28, 28\) have none"),
        (lambda: Tokens().features((32,)), r"likelihood tokens is for networks of sequences: set network=music-lstm"),
        (lambda: Nade().features((32,)), r"likelihood nade is for networks of sequences"),
        (lambda: Nade(61).length((32,)), r"likelihood nade of 61 pitches has events \(T, 61\), not \(32,\); set"),
        (lambda: Nade(9).length((32, 61)), r"likelihood nade of 9 pitches has events \(T,\), not \(32, 61\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(call, message):
    with pytest.raises(GenaeError, match=message):
        call()


@pytest.mark.parametrize(
    "spec, message",
    [
        ({"name": "tokens", "streams": []}, r"streams must be a list of 1 or more, not \[\]"),
        ({"name": "tokens", "streams": ["choir"]}, r"streams must be one of melody, drums, not 'choir'"),
        ({"name": "nade", "pitches": 12}, "pitches must be one of 9, 61, not 12"),
        ({"name": "nade", "hidden": 0}, "hidden must be at least 1, not 0"),
    ],
)
def test_bad_options(spec, message):
    with pytest.raises(GenaeError, match=rf"likelihood\.{message}"):
        instantiate("likelihood", spec)
