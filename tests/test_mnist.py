"""The presets on the real MNIST: short trainings whose scores are known within a few nats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import genae


@pytest.mark.parametrize(("preset", "worst"), [pytest.param("mnist", -130, marks=pytest.mark.slow), ("mnist-mlp", -160)])
def test_the_first_steps_on_real_digits(real: Callable[[str], Path], tmp_path: Path, preset: str, worst: float) -> None:
    real("mnist")
    run = genae.train(preset, steps=400, out=tmp_path / "run")
    told = run.evaluate(samples=20, limit=300)
    assert worst < told["elbo"] < -80
    assert -told["nll"] > told["elbo"]
    assert told["rate"] > 5  # the latent is used
    assert told["mse"] < 0.08  # the mean digit would be at .067 or so, and all black at .10


@pytest.mark.slow
def test_the_plane_knows_many_digits(real: Callable[[str], Path], tmp_path: Path) -> None:
    real("mnist")
    run = genae.train("mnist-2d", epochs=3, out=tmp_path / "run")
    told = run.evaluate(samples=20, limit=500)
    assert told["active_units"] == 2
    assert told["elbo"] > -165  # one Gaussian cloud of the mean digit is near -206
