"""The second phase of waveforms: what its losses are, who has a part in them and when, and that critics learn."""

import math

import pytest
import torch

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model import vae as models
from genae.model.objectives import ELBO, VAE, Batch, Moment
from genae.recipe.recipe import compose
from genae_audio.adversarial import CRITIC, Adversarial, Critic, _apart
from genae_audio.stft import Spectral
from genae_audio.wave_networks import rave

N = 4096
SECOND = Moment(5, 10, frozenset({VAE, CRITIC}))
FIRST = Moment(5, 10, frozenset({VAE}))


def tones(n):
    """(n, 1, N) of random pitches."""
    f = 0.01 + 0.1 * torch.rand(n, 1, 1)
    return 0.3 * (2 * math.pi * f * torch.arange(N)).sin()


@pytest.fixture
def game():
    """A small model and the objective."""
    torch.manual_seed(0)
    encoder, decoder, space = rave((1, N), Space((4,)), GaussianPosterior(), Spectral(), width=4, ratios=(4, 4), dilations=(1,))
    vae = models.VAE(encoder, decoder, StandardNormal(space), (1, N))
    objective = Adversarial(windows=(256, 128), width=8)
    objective.setup(vae)
    return vae, objective


def test_before_its_stage_it_is_the_elbo(game):
    vae, objective = game
    x = tones(4)
    torch.manual_seed(1)
    (own,) = objective.losses(vae, Batch(x, x), FIRST)
    torch.manual_seed(1)
    (elbo,) = ELBO().losses(vae, Batch(x, x), FIRST)
    assert own.player == VAE
    assert torch.equal(own.value, elbo.value)


def test_in_its_stage_the_critics_go_first_and_both_have_gradients(game):
    vae, objective = game
    x = tones(4)
    for loss, (player, module) in zip(
        objective.losses(vae, Batch(x, x), SECOND), [(CRITIC, objective.critics), (VAE, vae.decoder)], strict=True
    ):
        assert loss.player == player
        gradients = torch.autograd.grad(loss.value, list(module.parameters()), retain_graph=True, allow_unused=True)
        assert any(g is not None and bool(g.any()) for g in gradients)
        if player == CRITIC:
            assert torch.autograd.grad(loss.value, list(vae.parameters()), allow_unused=True) == (None,) * len(
                [*vae.parameters()]
            )
    assert {"passing", "feature_matching", "distortion", "rate"} <= {*loss.terms}


def test_of_equal_sounds_nothing_is_to_be_told(game):
    """Hinges at |D| < 1 add up to 2, and features do not differ."""
    _, objective = game
    x = tones(3)
    assert all(critic(x)[-1].abs().max() < 1 for critic in objective.critics)
    assert objective._told_apart(x, x).value.item() == pytest.approx(2)
    maps = objective.critics[0](x)
    assert _apart(maps, maps).item() == 0


def test_a_critic_learns_tones_from_noise():
    torch.manual_seed(0)
    critic = Critic(256, 8)
    objective = Adversarial(windows=(256,), width=8)
    objective.critics[0] = critic
    optimiser = torch.optim.Adam(critic.parameters(), lr=5e-3)
    for _ in range(30):
        value = objective._told_apart(tones(4), 0.2 * torch.randn(4, 1, N)).value
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert value < 1


def test_the_second_stage_freezes_the_encoder_and_pictures_are_refused():
    recipe = compose("notes-wave-adversarial")
    assert recipe.stages[1]["freeze"] == ["encoder"]
    assert recipe.stages[0]["players"] == ["vae"]
    with pytest.raises(GenaeError, match=r"is for waveforms \(1, 1024 samples or more\), not for events \(1, 28, 28\)"):
        Adversarial().setup(type("Pictures", (), {"event": (1, 28, 28)})())
