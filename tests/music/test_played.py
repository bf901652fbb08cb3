"""The likelihood of a groove's step: densities that integrate to one, samples that follow them, what is given stays."""

from __future__ import annotations

import itertools

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.inference import Kept
from genae.latent.posteriors import GaussianPosterior
from genae.latent.space import Space
from genae.recipe.parts import instantiate
from genae_music.groove import KINDS, WIDTH
from genae_music.networks import lstm
from genae_music.played import VALUES, Groove, Truncated
from genae_music.steps import Given

STEPS, LATENT = 6, 4


def events(n=3, seed=0):
    """Random grooves (n, T, 27), with nothing where nothing is struck."""
    generator = torch.Generator().manual_seed(seed)
    hit = (torch.rand(n, STEPS, KINDS, generator=generator) < 0.4).float()
    velocity, offset = (torch.rand(n, STEPS, KINDS, generator=generator) for _ in range(2))
    return torch.cat([hit, hit * velocity, hit * (2 * offset - 1)], 2)


def likelihood(seed=0):
    torch.manual_seed(seed)
    made = Groove(mixtures=2, hidden=5)
    for weight in made.parameters():
        torch.nn.init.normal_(weight)
    return made


def features(head, *shape):
    return torch.randn(*shape, sum(head.widths))


def decoder(condition=0):
    torch.manual_seed(0)
    return lstm(
        (STEPS, WIDTH), Space((LATENT,)), GaussianPosterior(), likelihood(), condition, encoder_width=5, width=7, clock=True
    ).decoder.eval()


@pytest.mark.parametrize("location, log_scale", [(0.3, -2.0), (-2.0, 0.0), (1.5, -1.0), (0.5, 3.0), (0.0, -4.0)])
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_a_truncated_density_integrates_to_one(location, log_scale, low):
    mixture = Truncated(
        torch.tensor([0.3, -0.4]), torch.tensor([location, 0.8]), torch.tensor([log_scale, -1.5]),
        torch.tensor([low]), torch.tensor([1.0]),
    )  # fmt: skip
    x = torch.linspace(low, 1, 20_001)
    assert torch.trapezoid(mixture.log_prob(x).exp(), x).item() == pytest.approx(1, abs=1e-4)


def test_samples_of_it_follow_it():
    """By the mean and the share below a half, as the density has them."""
    mixture = Truncated(
        torch.tensor([0.3, -0.4]), torch.tensor([-4.0, 0.8]), torch.tensor([-1.0, -2.0]), torch.zeros(1), torch.ones(1)
    )  # of the first only a far tail is inside
    x = torch.linspace(0, 1, 20_001)
    density = mixture.log_prob(x).exp()
    many = Truncated(*(part.expand(100_000, -1) for part in mixture))
    torch.manual_seed(0)
    drawn = many.drawn(torch.tensor(1.0), torch.rand(100_000), torch.rand(100_000))
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert drawn.mean().item() == pytest.approx(torch.trapezoid(x * density, x).item(), abs=0.005)  # standard error .001
    below = torch.trapezoid(density[:10_001], x[:10_001]).item()
    assert (drawn < 0.5).float().mean().item() == pytest.approx(below, abs=0.008)


def test_a_steps_probability_by_hand():
    """Without hits it is that of no hit; a hit adds the density of its velocity and its offset."""
    head = likelihood()
    h, silent = features(head, 1, 1), torch.zeros(1, 1, WIDTH)
    of = h[0, 0, :KINDS].sigmoid()
    assert head.log_prob(h, silent).item() == pytest.approx((1 - of).log().sum().item(), abs=1e-5)
    struck = silent.clone()
    struck[0, 0, [2, KINDS + 2, 2 * KINDS + 2]] = torch.tensor([1.0, 0.7, -0.3])
    density = head._values(h, struck[..., :KINDS]).log_prob(struck[..., KINDS:])[0, 0]
    assert density.shape == (VALUES,)
    expected = of[2].log() + (1 - of).log().sum() - (1 - of[2]).log() + density[2] + density[KINDS + 2]
    assert head.log_prob(h, struck).item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_step_is_drawn_in_its_bounds_and_nothing_is_where_nothing_is_struck():
    head = likelihood()
    torch.manual_seed(1)
    for temperature in (0.0, 0.5, 1.0):
        hit, velocity, offset = head.sample(3 * features(head, 500, 1), temperature).split(KINDS, -1)
        assert set(hit.unique().tolist()) == {0.0, 1.0}
        assert velocity.min() >= 0
        assert velocity.max() <= 1
        assert offset.abs().max() <= 1
        assert not velocity[hit == 0].any()
        assert not offset[hit == 0].any()


def test_hits_come_as_often_as_they_are_probable():
    head = likelihood()
    h = features(head, 1, 1).expand(5000, 1, -1)
    torch.manual_seed(0)
    often = head.sample(h, 1.0)[..., :KINDS].mean((0, 1))
    assert torch.allclose(often, h[0, 0, :KINDS].sigmoid(), atol=0.03)  # a standard error is at most .007


def test_what_is_given_stays_and_the_rest_goes_with_it():
    """Velocities are drawn of the hits that are given, also of those that the model would not have struck."""
    head, x = likelihood(), events()[:, 0]
    given = Given(x, (torch.arange(WIDTH) < KINDS).expand_as(x))
    h = features(head, 3)
    h[:, :KINDS] = -20.0  # it strikes nothing by itself
    made = head.sample(h, 1.0, given=given)
    assert torch.equal(made[:, :KINDS], x[:, :KINDS])
    assert torch.equal(made[:, KINDS : 2 * KINDS] > 0, x[:, :KINDS] > 0)


def test_a_sequence_keeps_what_is_kept_and_knows_it():
    p, x = decoder()(torch.randn(3, LATENT)), events()
    mask = torch.zeros(x.shape, dtype=torch.bool)
    mask[:, : STEPS // 2] = True
    torch.manual_seed(0)
    made = p.completed(Kept(x, mask), 0.0)
    assert torch.equal(made[:, : STEPS // 2], x[:, : STEPS // 2])
    other = p.completed(Kept(events(seed=5), mask), 0.0)
    assert not torch.equal(made[:, STEPS // 2 :], other[:, STEPS // 2 :]), "what follows knows it"
    nothing = p.completed(Kept(x, torch.zeros_like(mask)), 0.0)
    assert torch.equal(nothing, p.sample(0.0))


@torch.no_grad()
def test_the_steps_for_graphs_are_those_of_the_loop():
    own, z, c = decoder(2), torch.randn(5, LATENT), torch.randn(5, 2)
    steps = own.steps()
    uniform = torch.rand(5, STEPS, steps.numbers)
    for temperature, noise in ((0.0, None), (0.7, uniform)):
        state, before, each = steps.begin(z, c), steps.blank(5), []
        for t in range(STEPS):
            before, *state = steps(torch.tensor(t), before, uniform[:, t], torch.tensor(temperature), *state)
            each.append(before)
        assert torch.allclose(steps.events(torch.stack(each, 1)), own(z, c).sample(temperature, noise), atol=1e-4)


def test_the_same_from_the_same_noise_whatever_the_precision():
    head, x = likelihood(), events()
    h = features(head, 3, STEPS)
    expected = head.log_prob(h, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(head.log_prob(h, x), expected, atol=1e-3)
    weight = torch.randn(WIDTH, 4)
    assert torch.allclose(head.lookup(weight)(x), head.shown(x) @ weight, atol=1e-5)


def test_what_does_not_fit_is_told():
    with pytest.raises(GenaeError, match=r"likelihood groove is of events \(T, 27\), not \(32,\); set domain=groove"):
        Groove().length((32,))
    for option, value in itertools.product(("mixtures", "hidden"), (0,)):
        with pytest.raises(GenaeError, match=rf"likelihood\.{option} must be at least 1, not 0"):
            instantiate("likelihood", {"name": "groove", option: value})
