"""Every preset's loss, its gradients and its samples on torch's `meta` device.

There a tensor that is made on the CPU, or read by the host, is an error: so what would stall a GPU at each step, or fail on it,
is told by a machine that has none.
"""

import pytest
import torch

from genae.learn.build import Built, build
from genae.model.objectives import Batch, Moment
from genae.recipe import registry
from genae.recipe.recipe import compose

META = torch.device("meta")
ROWS = 3
COUNTED = ("multitrack-1bar",)  # whose tracks are as many as there are: the host must know how many before it computes them
AGREED = ("chorales-2bar", "piano-2bar")  # new ones of which are drawn until a step's keys agree, which the host is told


def _presets():
    """Those whose decoders go step by step take seconds each: here one of them, the others with what is slow."""
    for name in sorted({*registry.names("preset")} - {*COUNTED}):
        stepwise = compose(name).network["name"].startswith("music-") and name != "melody-2bar-tiny"
        yield pytest.param(name, marks=[pytest.mark.slow] if stepwise else [])


@pytest.fixture(params=_presets())
def built(request: pytest.FixtureRequest) -> Built:
    made = build(compose(request.param))
    made.vae.to(META)
    made.objective.to(META)
    return made


def _condition(built: Built) -> torch.Tensor | None:
    return torch.zeros(ROWS, built.condition.size, device=META) if built.condition.size else None


def test_a_training_step_stays_on_the_device(built):
    x = torch.zeros(ROWS, *built.vae.event, device=META)
    moment = Moment(step=10, steps=100, players=frozenset(["vae"]))
    for loss in built.objective.losses(built.vae.train(), Batch(x, x, _condition(built)), moment):
        assert loss.value.device == META
        loss.value.backward()
    assert any(p.grad is not None for p in built.vae.parameters())


def test_samples_stay_on_the_device(built, request):
    if any(f"[{name}]" in request.node.name for name in AGREED):
        pytest.skip("each step goes on until its keys agree")
    with torch.no_grad():
        made = built.vae.eval().sample(ROWS, 1.0, _condition(built))
    assert made.device == META
    assert made.shape == (ROWS, *built.vae.event)
