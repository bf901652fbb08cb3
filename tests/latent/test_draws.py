"""Random numbers that belong to their example."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genae.latent.draws import Chance, Draws

SEEDED: dict[str, Callable[[int], Tensor]] = {
    "randn": lambda n: torch.randn(n, 3),
    "randn of a tuple": lambda n: torch.randn((n, 2, 5)),
    "rand of a size": lambda n: torch.rand(size=(n, 3)),
    "randn_like": lambda n: torch.randn_like(torch.zeros(n, 3)),
    "rand_like": lambda n: torch.rand_like(torch.zeros(n, 3)),
    "exponential": lambda n: torch.empty(n, 7).exponential_(),
    "normal_": lambda n: torch.empty(n).normal_(2.0, 3.0),
    "randint": lambda n: torch.randint(1000, (n, 4)),
    "randint of two": lambda n: torch.randint(10, high=1000, size=(n,)),
    "normal": lambda n: torch.normal(torch.zeros(n, 3), 1.0),
    "normal of numbers": lambda n: torch.normal(0.0, 1.0, (n, 3)),
    "bernoulli": lambda n: torch.bernoulli(torch.full((n, 64), 0.5)),
    "bernoulli_ of tensors": lambda n: torch.empty(n, 64).bernoulli_(torch.full((n, 64), 0.5)),
    "multinomial": lambda n: torch.full((n, 50), 0.02).multinomial(4),
    "multinomial of one row": lambda n: torch.multinomial(torch.ones(9000), n, replacement=True),
    "poisson": lambda n: torch.poisson(torch.full((n, 9), 20.0)),
    "Normal": lambda n: torch.distributions.Normal(torch.zeros(n, 3), torch.ones(3)).sample(),
    "Categorical": lambda n: torch.distributions.Categorical(torch.full((n, 6, 50), 0.02)).sample(),
    "Bernoulli": lambda n: torch.distributions.Bernoulli(torch.full((n, 64), 0.5)).sample(),
    "time first": lambda n: torch.rand(8, n, 3).movedim(1, 0),
    "samples first, filled": lambda n: torch.empty(2, n, 3).exponential_().movedim(1, 0),
    "places in the same weights": lambda n: torch.multinomial(torch.ones(3, 9000), n, replacement=True).T,
    "two after each other": lambda n: torch.cat([torch.rand(n, 3), torch.randn(n, 3)], 1),
}


@pytest.mark.parametrize("name", SEEDED)
def test_a_row_is_the_same_whatever_stands_beside_it(name: str) -> None:
    call = SEEDED[name]
    with Draws(range(16)):
        whole = call(16)
    with Draws([9, 3, 9, 200]):
        other = call(4)
    assert torch.equal(other[0], whole[9])
    assert torch.equal(other[1], whole[3])
    assert torch.equal(other[2], whole[9])
    assert not torch.equal(other[3], whole[3])
    assert len(torch.unique(whole, dim=0)) > 12


@pytest.mark.parametrize("name", SEEDED)
def test_seed_and_stream_give_other_numbers_and_the_block_s_end_torch_s_own(name: str) -> None:
    call, made = SEEDED[name], []
    for seed, stream in ((0, ""), (1, ""), (0, "z"), (0, "")):
        with Draws(range(4), seed, stream):
            made.append(call(4))
    assert torch.equal(made[0], made[3])
    assert not torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    torch.manual_seed(3)
    one = call(4)
    torch.manual_seed(3)
    assert torch.equal(one, call(4))


def test_the_distributions_are_those_of_torch() -> None:
    with Draws(range(500)):
        normal, uniform, exponential = torch.randn(500, 400), torch.rand(500, 400), torch.empty(500, 400).exponential_()
        whole, share = torch.randint(2, 12, (500, 400)), torch.bernoulli(torch.full((500, 400), 0.3))
        moved = torch.normal(torch.full((500, 400), 5.0), torch.full((400,), 2.0))
    error = 5 / 200_000**0.5  # five standard errors
    assert abs(normal.mean().item()) < error
    assert abs(normal.std().item() - 1) < error
    assert abs(uniform.mean().item() - 0.5) < error * 12**-0.5
    assert abs(exponential.mean().item() - 1) < error
    assert (whole.min().item(), whole.max().item()) == (2, 11)
    assert abs(whole.double().mean().item() - 6.5) < error * 8.25**0.5
    assert abs(share.mean().item() - 0.3) < error * 0.21**0.5
    assert abs(moved.mean().item() - 5) < error * 2
    assert abs((normal[:-1] * normal[1:]).mean().item()) < error, "rows of neighbouring keys are independent"


def test_what_has_no_rows_and_what_has_a_generator_is_drawn_as_a_whole() -> None:
    with Draws([0, 1, 2]):
        assert torch.rand(()).shape == ()
        assert torch.randn(4).shape == (4,)
        one = torch.randn(3, 2, generator=torch.Generator().manual_seed(8))
    assert torch.equal(one, torch.randn(3, 2, generator=torch.Generator().manual_seed(8)))


def test_a_chance_gives_its_examples_numbers_to_any_batch_of_them() -> None:
    chance = Chance(4, range(100, 120), "z")
    with chance.rows([7, 2]):
        some = torch.randn(2, 3)
    with chance.rows(range(20)):
        every = torch.randn(20, 3)
    assert torch.equal(some, every[[7, 2]])
