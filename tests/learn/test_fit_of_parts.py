"""Parts that do not fit their data, or each other: told in a line, and the card says what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import genae
from genae.errors import GenaeError
from genae.latent.posteriors import Density, DiagonalGaussian
from genae.latent.samplers import Noise, Prior
from genae.model.networks import Networks
from genae.recipe import registry
from genae.use.run import Run

Train = Callable[..., Run]


@pytest.fixture
def train(dots: object, forgotten: None, tmp_path: Any) -> Train:
    """`train(points, "prior=…")`: three steps of the preset dots."""

    def call(points: torch.Tensor, *settings: str) -> Run:
        return genae.train("dots", data=points, steps=3, out=tmp_path / "run", settings=list(settings), device="cpu")

    return call


class DensityAlone(Prior):
    """N(0, I) that nobody can draw from."""

    def forward(self, condition: torch.Tensor | None = None) -> Density:
        return DiagonalGaussian(self.anchor, self.anchor)


class NoPush(Noise, DensityAlone):
    """It says that it carries noise."""


class DrawsAlone(DensityAlone):
    """It draws, and carries no noise."""

    def sample(self, n: int, temperature: float = 1.0, condition: torch.Tensor | None = None) -> torch.Tensor:
        return temperature * torch.randn(n, *self.space.shape)


@pytest.mark.parametrize(
    ("prior", "line"),
    [(DensityAlone, "No samples: DensityAlone has no method sample"), (NoPush, "No samples: NoPush has no method push")],
)
def test_a_run_whose_prior_cannot_draw_has_a_card_that_says_so(train: Train, prior: type[Prior], line: str) -> None:
    genae.register("prior", "odd", prior)
    run = train(torch.rand(20, 2), "prior=odd")
    assert line in (run.folder / "README.md").read_text("utf-8")
    assert not (run.folder / "previews" / "samples.png").exists()
    with pytest.raises(GenaeError, match="so nothing can be drawn from it; fit a sampler"):
        run.sample(2)


def test_a_prior_without_push_has_samples_in_its_card_and_no_quantiles(train: Train) -> None:
    genae.register("prior", "odd", DrawsAlone)
    run = train(torch.rand(20, 2), "prior=odd")
    assert (run.folder / "previews" / "samples.png").is_file()
    with pytest.raises(GenaeError, match="DrawsAlone carries no noise to z"):
        run.vae.push(torch.zeros(1, 2))


@pytest.mark.parametrize("likelihood", ["bernoulli", "discretised-logistic"])
def test_events_outside_a_likelihood_s_support_are_refused_before_training(
    train: Train, likelihood: str, tmp_path: Any
) -> None:
    points = torch.rand(40, 2)
    points[7, 1] = 1.5
    line = rf"likelihood '{likelihood}' is of numbers from 0 to 1, and the events have .* to 1\.5; set likelihood=gaussian"
    with pytest.raises(GenaeError, match=line):
        train(points, f"likelihood={likelihood}")
    assert not (tmp_path / "run").exists()


def test_numbers_of_the_support_s_ends_and_of_any_size_are_taken_by_those_that_are_of_them(train: Train) -> None:
    train(torch.tensor([[0.0, 1.0]] * 20), "likelihood=bernoulli")


def test_a_gaussian_takes_all_numbers(train: Train) -> None:
    assert train(torch.tensor([[-700.0, 900.0]] * 20)).step == 3


class Own(nn.Module):
    """A decoder that has a likelihood of its own, whatever it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, z: torch.Tensor, condition: torch.Tensor | None = None) -> Narrow:
        return Narrow(self.layer(z))


class Narrow:
    def __init__(self, mean: torch.Tensor) -> None:
        self.mean = mean

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return -50 * (x - self.mean).square().sum(1)

    def sample(self, temperature: float = 1.0) -> torch.Tensor:
        return self.mean + 0.1 * temperature * torch.randn_like(self.mean)


def _own(event: Any, space: Any, posterior: Any, likelihood: Any, condition: int = 0) -> Networks:
    made: Any = registry.get("network", "mlp")
    return Networks(made(event, space, posterior, likelihood, condition, hidden=(8,)).encoder, Own(), space)


def test_the_card_names_the_likelihood_that_is_used(train: Train) -> None:
    genae.register("network", "own", _own)
    run = train(torch.full((20, 2), 7.0), "network=own", "likelihood=bernoulli")
    card = (run.folder / "README.md").read_text("utf-8")
    assert "| likelihood | Narrow, the network's own |" in card
    assert "bernoulli" not in card


def test_the_card_names_the_recipe_s_likelihood_where_the_decoder_ends_with_it(train: Train) -> None:
    run = train(torch.rand(20, 2), "likelihood=laplace")
    assert "| likelihood | laplace (scale 1.0) |" in (run.folder / "README.md").read_text("utf-8")
