"""The prior over windows in a row: it learns their form and what follows what, and goes on from what there is."""

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.samplers import Passage
from genae.latent.sequence import SequencePrior
from genae.latent.space import Space
from genae.latent.trunk import unlike

SMALL = {"width": 32, "layers": 1, "heads": 2, "drift": 64, "blocks": 2, "lr": 3e-3, "batch": 32, "guidance": 1.0}


def _passages(form, n=300, sigma=0.05):
    """n pieces of that form, whose windows are drawn anew for each piece, near 3 or near −3."""
    torch.manual_seed(0)
    side = 3 * (torch.randint(2, (n, 1, 1)) * 2 - 1)
    new = side + torch.randn(n, len(form), 2)
    return [Passage(windows[list(form)], torch.full((len(form), 2), sigma)) for windows in new]


@pytest.fixture(scope="module")
def folk():
    """A A B A C, fitted."""
    torch.manual_seed(0)
    sampler = SequencePrior(Space((2,)), steps=1000, **SMALL)
    *_, last = sampler.fit_passages(_passages((0, 0, 2, 0, 4)))
    assert (last.done, last.total) == (1000, 1000)
    return sampler


def _repeats(z):
    """Of pieces (n, W, D) whether window k is window j, (n, W, W)."""
    return (z[:, :, None] == z[:, None]).all(-1)


def test_the_form_is_that_of_the_pieces(folk):
    torch.manual_seed(1)
    repeats = _repeats(folk.passages(200, 5)).float().mean(0)
    assert repeats[1, 0] > 0.8
    assert repeats[3, 0] > 0.7
    assert repeats[2, 1] < 0.1
    assert repeats[4, :4].max() < 0.1


def test_windows_of_a_piece_know_each_other(folk):
    """Two of three pieces that were drawn window by window would change sides."""
    z = folk.passages(200, 5)
    assert ((z > 0).flatten(1).float().mean(1) - 0.5).abs().mean() > 0.45


def test_what_goes_on_goes_on_from_there(folk):
    before = torch.full((50, 1, 2), 3.0)
    after = folk.passages(50, 4, before=before)
    assert after.shape == (50, 4, 2)
    assert (after[:, 0] == before[:, 0]).all(1).float().mean() > 0.9
    assert (after > 0).float().mean() > 0.95


def test_a_form_that_is_asked_for_is_kept(folk):
    z = folk.passages(20, 4, form=[0, 1, 0, 3])
    repeats = _repeats(z)
    assert repeats[:, 2, 0].all()
    assert not repeats[:, 1, 0].any()
    assert not repeats[:, 3, :3].any()


def test_temperature_and_seed(folk):
    torch.manual_seed(3)
    one = folk.passages(4, 3)
    torch.manual_seed(3)
    assert torch.equal(folk.passages(4, 3), one)
    torch.manual_seed(3)
    folk.noise = 0.5
    assert torch.equal(folk.passages(4, 3, 2.0), one)
    folk.noise = 1.0
    spread = [folk.passages(300, 1, t)[:, 0].abs().var(0).mean() for t in (0.0, 0.5, 1.0)]  # of either side, which lie 6 apart
    assert spread[0].item() == pytest.approx(0, abs=1e-6)
    assert spread[1] < spread[2]


def test_single_windows_are_those_of_any_place(folk):
    z = folk.sample(500)
    assert z.shape == (500, 2)
    assert z.abs().mean() == pytest.approx(3, abs=0.3)
    assert (z > 0).float().mean() == pytest.approx(0.5, abs=0.15)


def test_pieces_of_unequal_length_and_a_condition():
    torch.manual_seed(0)
    side = [torch.tensor([1.0]), torch.tensor([-1.0])]
    pieces = [
        Passage(side[i % 2] * 2 + 0.1 * torch.randn(1 + i % 7, 2), None, side[i % 2].expand(1 + i % 7, 1)) for i in range(140)
    ]
    sampler = SequencePrior(Space((2,)), condition=1, longest=4, steps=300, **SMALL)
    list(sampler.fit_passages(pieces))
    z = sampler.passages(60, 6, condition=torch.tensor([[1.0]] * 30 + [[-1.0]] * 30))
    assert z[:30].mean() == pytest.approx(2, abs=0.3)
    assert z[30:].mean() == pytest.approx(-2, abs=0.3)


def test_no_window_comes_back_to_one_of_another_condition():
    said = torch.tensor([0.0, 1.0, 0.0])[None, :, None]
    assert unlike(said)[0, :4].tolist() == [False, True, False, False]  # new, one back, two back
    assert not unlike(said[:, :1]).any()
    assert not unlike(torch.zeros(2, 3, 0)).any()
    torch.manual_seed(0)
    sampler = SequencePrior(Space((2,)), 1, width=16, layers=1, heads=2, drift=16)
    with torch.no_grad():
        sampler.form.leave.bias[1:] += 50  # new windows are all but impossible
    z = sampler.passages(50, 3, condition=said.expand(50, -1, -1))
    assert not (z[:, 1] == z[:, 0]).any()
    assert z[:, 2].equal(z[:, 0])


def test_heads_divide_the_width():
    with pytest.raises(GenaeError, match=r"sampler.heads must divide the transformer's 32 units, not 5"):
        SequencePrior(Space((2,)), width=32, heads=5)


def test_windows_in_parts_know_each_other_too():
    """The same pieces, whose two numbers are drawn one after another; and parts divide z."""
    torch.manual_seed(0)
    sampler = SequencePrior(Space((2,)), steps=600, parts=2, **SMALL)
    list(sampler.fit_passages(_passages((0, 0, 2, 0, 4))))
    z = sampler.passages(200, 5)
    assert ((z > 0).flatten(1).float().mean(1) - 0.5).abs().mean() > 0.4
    assert _repeats(z).float().mean(0)[1, 0] > 0.8
    with pytest.raises(GenaeError, match=r"sampler.parts must divide z's 2 numbers, not 3"):
        SequencePrior(Space((2,)), parts=3)


def test_what_is_filled_in_leads_to_what_follows():
    """Pieces of three windows that climb from 0, each by as much as it likes: the middle one is half way to what follows."""
    torch.manual_seed(0)
    slope = torch.randn(400, 1, 1)
    pieces = [Passage(s * torch.arange(3).view(3, 1) + 0.05 * torch.randn(3, 2)) for s in slope]
    sampler = SequencePrior(Space((2,)), steps=1200, **SMALL)
    list(sampler.fit_passages(pieces))
    before = torch.zeros(200, 1, 2)
    for height in (-2.0, 2.0):
        middle = sampler.passages(200, 1, before=before, form=[0], after=torch.full((200, 1, 2), height))
        assert middle.mean() == pytest.approx(height / 2, abs=0.3)
    free = sampler.passages(200, 2, before=before, form=[0, 1])[:, 0]
    assert free.std() > 1.5 * middle.std()


def test_guidance_keeps_new_windows_nearer_to_those_before(folk):
    """What is before says the side, ±3: a drift that is guided by it does not stay between the two."""
    before = torch.full((400, 2, 2), 3.0)
    hit = {}
    for folk.guidance in (0.0, 1.0, 2.0):
        torch.manual_seed(4)
        hit[folk.guidance] = (folk.passages(400, 3, before=before, form=[0, 1, 2])[:, 0] > 0).float().mean()
    folk.guidance = 1.0
    assert hit[0.0] < 0.75
    assert hit[1.0] > 0.9
    assert hit[2.0] >= hit[1.0]


def test_first_windows_are_seen_often_and_every_beginning_as_often(monkeypatch):
    """Most sequences are short; a share of them, of pieces of 4 and of 16 windows as many, begins where its piece does."""
    torch.manual_seed(0)
    sampler, seen = SequencePrior(Space((2,)), longest=8, steps=400, **SMALL), []
    part = SequencePrior._part

    def watched(self, unit, begun):
        columns, after = part(self, unit, begun)
        seen.append((len(unit.mean), begun, int(columns[3][0]), len(columns[0])))
        return columns, after

    monkeypatch.setattr(SequencePrior, "_part", watched)
    pieces = [Passage(torch.randn(length, 2)) for length in (4, 16)]
    turns = sampler.fit_passages(pieces)
    for _ in range(100):
        next(turns)
    begun = [whole for whole, begun, place, _ in seen if begun]
    assert len(begun) == pytest.approx(0.2 * len(seen), rel=0.15)
    assert begun.count(4) == pytest.approx(begun.count(16), rel=0.2)
    assert {place for _, begun, place, _ in seen if begun} == {1}
    others = [(whole, length) for whole, begun, _, length in seen if not begun]
    assert sum(whole == 16 for whole, _ in others) == pytest.approx(0.8 * len(others), rel=0.05), "drawn by their windows"
    lengths = torch.tensor([length for whole, length in others if whole == 16])
    assert lengths.max() == 8
    assert (lengths <= 2).float().mean() > 0.4
