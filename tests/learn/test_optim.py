"""Optimisers and schedules, against numbers that can be checked by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genae.errors import GenaeError
from genae.learn import optim
from genae.recipe.parts import instantiate


def test_schedules() -> None:
    assert [optim.constant(s, 10, warmup=4) for s in (0, 1, 3, 9)] == [0.25, 0.5, 1, 1]
    assert [optim.constant(s, 10, warmup=0.4) for s in (0, 1, 3, 9)] == [0.25, 0.5, 1, 1]  # the same as a share
    assert optim.cosine(0, 10) == 1
    assert optim.cosine(5, 10) == pytest.approx(0.5)
    assert optim.cosine(10, 10, final=0.1) == pytest.approx(0.1)
    assert optim.cosine(25, 10) == pytest.approx(0)
    assert optim.factor({"name": "cosine", "warmup": 2, "final": 0.0}, 0, 10) == 0.5


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (30, 30)])
def test_orthogonal_keeps_directions_and_evens_out_lengths(shape: tuple[int, int]) -> None:
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(x, full_matrices=False)
    spread = torch.linalg.svdvals(optim.orthogonal(x))
    assert spread.min() > 0.5  # the polynomial ends between .7 and 1.2 for all but the smallest
    assert spread.max() < 1.3
    assert torch.nn.functional.cosine_similarity(optim.orthogonal(x).flatten(), (u @ v).flatten(), 0) > 0.95


def test_muon_takes_the_small_matrices_and_adam_the_rest() -> None:
    network = nn.ModuleDict({
        "body": nn.Sequential(nn.Conv2d(32, 32, 3), nn.Linear(32, 64), nn.Linear(300, 200), nn.Linear(5, 5)),
        "prior": nn.Linear(32, 32),
    })  # fmt: skip
    named = [(f"vae.{name}", p) for name, p in network.named_parameters()]
    first, second = optim.muon(named)
    chosen = [name for name, p in named if any(p is q for q in first.param_groups[0]["params"])]
    assert chosen == ["vae.body.0.weight", "vae.body.1.weight"]
    assert sum(len(o.param_groups[0]["params"]) for o in (first, second)) == len(named)
    assert [o.param_groups[0]["lr"] for o in (first, second)] == [6e-3, 2e-3]


def test_muon_steps_have_the_length_of_adams() -> None:
    weight = nn.Parameter(torch.zeros(32, 128))
    (muon,) = [o for o in optim.muon([("w", weight)], lr=1.0) if isinstance(o, optim.Muon)]
    weight.grad = torch.randn(32, 128, generator=torch.Generator().manual_seed(0)) * 1e-4
    muon.step()
    # whatever the gradient's; the polynomial ends at .7 to 1.2
    assert weight.detach().square().mean().sqrt().item() == pytest.approx(0.2, rel=0.3)


@pytest.mark.parametrize("make", [optim.adam, optim.muon])
def test_a_quadratic_is_descended(make: object) -> None:
    torch.manual_seed(0)
    weight, goal = nn.Parameter(torch.zeros(20, 20)), torch.randn(20, 20)
    optimisers = make([("w", weight)], lr=0.02)  # type: ignore[operator]
    for _ in range(300):
        (weight - goal).square().sum().backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
    assert (weight - goal).square().mean() < 0.1


def test_bad_numbers_are_named() -> None:
    weight = [("w", nn.Parameter(torch.zeros(20, 20)))]
    with pytest.raises(GenaeError, match=r"optimiser\.lr must be above 0, not 0"):
        instantiate("optimiser", {"name": "adam", "lr": 0}, weight)
    with pytest.raises(GenaeError, match=r"optimiser\.lr"):
        instantiate("optimiser", {"name": "muon", "lr": -1}, weight)
    with pytest.raises(GenaeError, match=r"optimiser\.clip must be at least 0, not -1"):
        instantiate("optimiser", {"name": "adam", "clip": -1}, weight)


def test_the_exponential_schedule_is_musicvaes():
    from genae.learn.optim import exponential

    for step in (0, 1, 7, 20_000):  # (1e-3 − 1e-5)·0.9999^step + 1e-5, in units of 1e-3
        assert exponential(step, 10) == pytest.approx(0.99 * 0.9999**step + 0.01)


@pytest.mark.parametrize(
    "size, clip, skip, expected",
    [(3.0, 1.0, 0.0, 1.0), (0.5, 1.0, 0.0, 0.5), (3.0, 1.0, 3.0, 0.0), (2.9, 0.0, 3.0, 2.9), (3.0, 0.0, 2.0, 0.0)],
)
def test_gradients_are_bounded_or_skipped(size, clip, skip, expected):
    from genae.learn.trainer import bound

    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.grad = torch.full((1, 1), size)
    bound([layer.weight], clip, skip)
    assert layer.weight.grad.item() == pytest.approx(expected, rel=1e-5)
