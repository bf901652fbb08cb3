"""Runs of a few steps, and their explorers."""

import pytest

import genae
from genae.explore.explorer import Explorer
from genae.explore.serving import Served


@pytest.fixture(scope="session")
def run(bars, tmp_path_factory):
    """An MLP on bars, of two classes, whose z is of six numbers."""
    settings = {"parent": "mnist-mlp", "latent": 6, "network": {"name": "mlp", "hidden": [16]}, "batch": 32}
    return genae.train(
        settings, data=str(bars), steps=10, out=tmp_path_factory.mktemp("run") / "bars", device="cpu", progress=False
    )


@pytest.fixture(scope="session")
def explorer(run):
    return Explorer(run, limit=30)


@pytest.fixture
def serve(tmp_path):
    """`serve(explorer)` is its page, until the test ends."""
    started = []

    def start(explorer):
        started.append(Served(explorer, tmp_path / "out").start())
        return started[-1]

    yield start
    for served in started:
        served.stop()
