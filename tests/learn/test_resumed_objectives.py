"""Every objective, stopped half way and gone on with, ends in the same weights: its own too, and all its optimisers'."""

import itertools
from dataclasses import replace

import pytest
import torch

from genae.learn import device, trainer
from genae.learn.state import start
from genae.recipe import registry
from genae.testing.parts import Parts, Squares

CPU, STEPS = torch.device("cpu"), 6
NAMES = (
    "adversarial", "autoencoder", "beta-tc", "ciwae", "consistency", "contractive", "elbo", "factor-vae", "info-vae", "iwae",
    "miwae", "piwae", "rae", "vae-gan", "wae",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_same_weights(name, tmp_path):
    s = Parts("objective", name)
    with registry.override("domain", Squares.__name__, Squares):
        whole, weights = replace(s.recipe, steps=STEPS), []
        for stops in (STEPS,), (2, STEPS):
            kept = None
            for stop in stops:
                torch.manual_seed(0)
                built = s.build()
                state = start(built, whole, CPU)
                if kept is not None:
                    state.load(kept, stops[0], tmp_path)
                steps = trainer.fit(built, s.told, whole, state, device.fabric(CPU, "32"))
                assert [step.number for step in itertools.islice(steps, stop - state.step)][-1] == stop
                kept = {key: value.clone() for key, value in state.tensors().items()}
            weights.append(kept)
    once, twice = weights
    assert once.keys() == twice.keys()
    assert all(torch.equal(once[key], twice[key]) for key in once)
