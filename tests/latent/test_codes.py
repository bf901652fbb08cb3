"""Codes: the codebook against averages by hand, residuals, straight-through gradients, and what is dead."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.codebook import Codebook
from genae.latent.codes import FSQ, VQ, ResidualVQ
from genae.latent.priors import Uniform
from genae.latent.space import Space
from genae.recipe.parts import instantiate

CENTRES = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 9.0]])


def _clusters(n=30, spread=0.1):
    torch.manual_seed(0)
    return (CENTRES[:, None] + spread * torch.randn(3, n, 2)).flatten(0, 1)


def _book(vectors, revive=0.0, decay=0.99):
    """A codebook that is at those vectors, each used alike."""
    book = Codebook(len(vectors), vectors.shape[1], decay, revive)
    book.vectors.copy_(vectors)
    book.count.fill_(30.0)
    book.total.copy_(30 * vectors)
    return book


def test_of_a_constant_batch_codes_become_the_means_of_their_clusters():
    h, book = _clusters(), _book(CENTRES + 1, decay=0.9)
    for _ in range(100):
        index, vectors = book.choose(h)
    assert index.tolist() == [0] * 30 + [1] * 30 + [2] * 30
    assert torch.allclose(book.vectors, h.view(3, 30, 2).mean(1), atol=1e-3)
    assert torch.equal(vectors, book.vectors[index]) or torch.allclose(vectors, book.vectors[index], atol=1e-5)


def test_one_step_of_the_average_by_hand():
    """γ = ½, 30 examples at (2, 0), all of the code at (0, 0): n = 30, m = ½·30·(0, 0) + ½·30·(2, 0), e = (1, 0)."""
    book = _book(CENTRES, decay=0.5)
    book.choose(torch.tensor([[2.0, 0.0]]).expand(30, 2))
    assert book.count.tolist() == [30, 15, 15]
    assert book.total[0].tolist() == [30, 0]
    assert book.vectors[0].tolist() == pytest.approx([1, 0], abs=1e-5)
    assert torch.allclose(book.vectors[1:], CENTRES[1:], atol=1e-4)  # the others keep their mean


def test_smoothing_is_not_stored_back():
    """n̂ = (n + ε) N / (N + K ε): of a code that is never used e stays m / n̂, and counts are those of the examples."""
    book, h = _book(CENTRES, decay=0.9), _clusters()[:30]
    for _ in range(50):
        book.choose(h)
    assert book.count.tolist() == pytest.approx([30, 30 * 0.9**50, 30 * 0.9**50], rel=1e-3)


def test_dead_codes_go_to_examples_and_none_stays_dead():
    far = torch.cat([CENTRES, torch.full((1, 2), 100.0)])
    still, revived = _book(far, decay=0.9), _book(far, revive=0.02, decay=0.9)
    h = _clusters()
    for _ in range(40):
        still.choose(h)
        revived.choose(h)
    assert still.unused == 0  # .9⁴⁰ of its 30 are .44, and an even use is 22.6
    assert revived.vectors.max() > 10
    for _ in range(10):
        still.choose(h)
        revived.choose(h)
    assert still.unused == 1  # .9⁵⁰ of its 30 are .15
    assert torch.allclose(still.vectors[3], far[3], rtol=0.01)
    assert revived.vectors.max() < 10
    assert torch.cdist(revived.vectors, h).amin(1).max() < 0.5


def test_the_first_batch_is_where_codes_begin():
    book, h = Codebook(8, 2, 0.99, 0.0), _clusters()
    book.choose(h)
    assert torch.cdist(book.vectors, h).amin(1).max() < 0.5


def test_what_is_not_trained_changes_nothing():
    book, h = Codebook(8, 2, 0.99, 0.5).eval(), _clusters()
    before = {name: value.clone() for name, value in book.state_dict().items()}
    book.choose(h)
    assert all(torch.equal(value, before[name]) for name, value in book.state_dict().items())


@pytest.mark.parametrize("family", [VQ(8, 4), ResidualVQ(8, 3, 4)], ids=["vq", "residual-vq"])
def test_the_gradient_goes_straight_through(family):
    """The Jacobian of v is the identity, and ‖h − v‖² pulls h to its vector by 2·c·(h − v)."""
    h = torch.randn(5, 3, 4, requires_grad=True)
    q = family.eval()(h)
    weight = torch.randn(5, 3, 4)
    (through,) = torch.autograd.grad((q.rsample() * weight).sum(), h, retain_graph=True)
    assert torch.equal(through, weight)
    assert torch.allclose(q.rsample(), family.embed(q.mean), atol=1e-5)
    if isinstance(family, VQ):
        (pull,) = torch.autograd.grad(q.penalty().sum(), h)
        assert torch.allclose(pull, 0.5 * (h - family.embed(q.mean)), atol=1e-5)


def test_the_penalty_of_an_example_does_not_hang_on_the_batch():
    family, h = VQ(8, 4).eval(), torch.randn(6, 3, 4)
    whole, alone = family(h).penalty(), family(h[:1]).penalty()
    assert whole.shape == (6,)
    assert torch.allclose(whole[:1], alone)
    assert torch.allclose(family(h.repeat(2, 1, 1)).penalty().mean(), whole.mean())


def test_residual_codes_by_hand():
    """Of 7 with codes {0, 5} and {0, 2}: 5, and 2 of what is left."""
    family = ResidualVQ(2, 2, 1).eval()
    for book, values in zip(family.books, ([0.0, 5.0], [0.0, 2.0]), strict=True):
        book.vectors.copy_(torch.tensor(values)[:, None])
    q = family(torch.tensor([[[7.2]], [[1.9]]]))
    assert q.mean.tolist() == [[[1, 1]], [[0, 1]]]
    assert q.rsample().flatten().tolist() == pytest.approx([7, 2])
    assert q.penalty().tolist() == pytest.approx([0.25 * (2.2**2 + 0.2**2), 0.25 * (1.9**2 + 0.1**2)], rel=1e-4)
    assert family.space(Space((3,))) == Space((3, 2), codes=2)


def test_more_residual_codes_come_nearer():
    torch.manual_seed(0)
    h, apart = torch.randn(400, 1, 4), []
    for quantisers in (1, 2, 4):
        family = ResidualVQ(16, quantisers, 4)
        for _ in range(10):
            q = family(h)
        apart.append((q.rsample() - h).square().mean().item())
    assert apart[0] > 1.5 * apart[1] > 2 * apart[2]


def test_perplexity_and_what_is_unused():
    """Four of eight codes used alike: e^ln 4; of one code it is 1."""
    family = VQ(8, 2).eval()
    family.book.vectors.copy_(torch.arange(8.0)[:, None].expand(8, 2))
    h = torch.arange(4.0)[:, None, None].expand(4, 3, 2)
    assert family(h).terms()["perplexity"].item() == pytest.approx(4)
    assert family(h[:1]).terms()["perplexity"].item() == pytest.approx(1)
    assert family.remark() == ""
    family.book.count.copy_(torch.tensor([9.0, 9, 9, 9, 0, 0, 0, 0]))
    assert family(h).terms()["unused"].item() == 4
    assert family.remark() == "4 of 8 codes are hardly used: a posterior with fewer would do"


@pytest.mark.parametrize("name", ["vq", "residual-vq", "fsq"])
def test_the_rate_is_what_the_prior_says_of_the_codes(name):
    family = instantiate("posterior", {"name": name})
    space = family.space(Space((3,)))
    q, prior = family(torch.randn(4, *family.features(space))), Uniform(space)()
    nats = torch.full((4,), space.size * math.log(family.codes))
    assert torch.allclose(q.rate(prior, q.rsample()), nats)
    assert torch.allclose(q.log_ratio(prior, q.rsample(7)), nats.expand(7, 4))
    with pytest.raises(GenaeError, match="no rate by dimension"):
        q.rate_by_dimension(prior)


def test_levels_are_told_when_they_are_unused():
    family = FSQ((2, 2))
    family.use.decay = 0.9
    for _ in range(60):
        family(torch.tensor([[[9.0, 9.0]], [[-9.0, 9.0]]]))
    assert family(torch.full((1, 1, 2), 9.0)).terms()["unused"] == 2


def test_an_alphabet_is_said_once():
    with pytest.raises(GenaeError, match="this posterior has 512 codes, and latent says 64"):
        VQ().space(Space((7, 7), codes=64))
