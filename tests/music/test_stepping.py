"""A decoder step by step: the sequences that its own loop gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genae.latent.posteriors import GaussianPosterior
from genae.latent.space import Space
from genae.model.portable import Stepped, Steps
from genae_music.networks import hierarchical, lstm
from genae_music.steps import Nade, Tokens

LENGTH, LATENT = 8, 4
HEADS = {
    "one": (lambda: Tokens(), (LENGTH,)),
    "three": (lambda: Tokens(["melody", "melody", "drums"]), (3, LENGTH)),
    "nade": (lambda: Nade(9, 5), (LENGTH,)),
}
NETWORKS = {
    "flat": (lstm, {"encoder_width": 6, "width": 5, "layers": 2}),
    "clock": (lstm, {"encoder_width": 6, "width": 5, "layers": 1, "clock": True}),
    "segments": (hierarchical, {"encoder_width": 6, "width": 5, "segments": 2, "conductor_width": 6, "clock": True}),
}


def made(network, head, condition=0):
    torch.manual_seed(0)
    (factory, options), (likelihood, event) = NETWORKS[network], HEADS[head]
    decoder = factory(event, Space((LATENT,)), GaussianPosterior(), likelihood(), condition, **options).decoder.eval()
    for weight in decoder.parameters():
        nn.init.normal_(weight)
    assert isinstance(decoder, Stepped)
    return decoder


def walked(steps: Steps, z, condition, uniform, temperature):
    """Events (B, *event) by the step alone; `uniform` (B, T, numbers)."""
    state, before, each = steps.begin(z, condition), steps.blank(len(z)), []
    for t in range(steps.length):
        before, *state = steps(torch.tensor(t), before, uniform[:, t], torch.tensor(temperature), *state)
        each.append(before)
    return steps.events(torch.stack(each, 1))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("network", NETWORKS)
@torch.no_grad()
def test_the_steps_are_those_of_the_loop(network, head):
    decoder, z, c = made(network, head, 2), torch.randn(5, LATENT), torch.randn(5, 2)
    steps, p = decoder.steps(), decoder(z, c)
    assert steps.length == LENGTH
    uniform = torch.rand(5, LENGTH, steps.numbers)
    noise = uniform if head == "nade" else -(-uniform.log()).log()  # Gumbel's, of uniform numbers
    assert torch.equal(walked(steps, z, c, uniform, 0.0), p.mean)
    assert torch.equal(walked(steps, z, c, uniform, 0.7), p.sample(0.7, noise))


@torch.no_grad()
def test_the_first_step_looks_at_none_before_it():
    steps = made("clock", "one").steps()
    state, uniform = steps.begin(torch.randn(3, LATENT)), torch.rand(3, steps.numbers)
    first, second = (
        [steps(torch.tensor(t), steps.blank(3) + b, uniform, torch.tensor(0.0), *state) for b in (0, 9)] for t in (0, 1)
    )
    assert torch.equal(first[0][-1], first[1][-1])
    assert not torch.equal(second[0][-1], second[1][-1])
