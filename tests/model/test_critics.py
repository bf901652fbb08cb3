"""Critics: what the best one says, who learns from which loss, and a critic that has won."""

import pytest
import torch
from torch import nn

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior, PointPosterior
from genae.latent.priors import Flow, StandardNormal
from genae.latent.space import Space
from genae.learn.state import Game
from genae.model.critics import CRITIC, Adversarial, FactorVAE, mixed, told_apart
from genae.model.gan import VAEGAN, critic_of
from genae.model.likelihoods import Gaussian
from genae.model.networks import mlp
from genae.model.objectives import ELBO, Batch, Moment
from genae.model.vae import VAE

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
BATCH, BOTH, ALONE = Batch(X, X), Moment(0, 1, frozenset({"vae", CRITIC})), Moment(0, 1)
EVERY = [Adversarial(width=8), FactorVAE(width=8), VAEGAN(width=2)]
each = pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)


def _vae(family=None, prior=None):
    torch.manual_seed(0)
    family = family or GaussianPosterior()
    encoder, decoder, _ = mlp((3,), Space((2,)), family, Gaussian(0.5), hidden=(8,))
    return VAE(encoder, decoder, prior or StandardNormal(Space((2,))), (3,), family)


def test_the_best_critic_is_the_log_ratio_of_two_densities():
    """log N(x; 1, 1) − log N(x; 0, 1) = x − ½: there, and not beside, the loss of logits a x + b has no slope."""
    u = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(20_000) + 0.5) / 20_000)

    def slope(a, b):
        a, b = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
        told_apart(a * (u + 1) + b, a * u + b).value.backward()
        return a.grad.item(), b.grad.item()

    assert slope(1.0, -0.5) == pytest.approx((0, 0), abs=1e-4)
    assert abs(slope(1.5, -0.5)[0]) > 0.01
    assert abs(slope(1.0, 0.5)[1]) > 0.01


def test_accuracy_by_hand():
    loss = told_apart(torch.tensor([2.0, 1.0, -1.0, 3.0]), torch.tensor([-1.0, 1.0]))
    assert loss.terms["critic_accuracy"].item() == pytest.approx((3 / 4 + 1 / 2) / 2)


@each
def test_each_player_learns_from_its_own_loss(objective):
    vae = _vae()
    objective.setup(vae)
    game = Game(vae, objective)
    own = {name: {*parameters(game)} for name, parameters in objective.players.items()}
    assert own["vae"] == {*vae.parameters()}
    assert own[CRITIC] == {*objective.critic.parameters()}
    first, second = objective.losses(vae, BATCH, BOTH)
    assert (first.player, second.player) == ("vae", CRITIC)
    second.value.backward()
    assert all(p.grad is None for p in vae.parameters())
    assert all(p.grad is not None for p in objective.critic.parameters())


@each
def test_without_its_critic_it_is_what_it_was(objective):
    vae = _vae()
    objective.setup(vae)
    torch.manual_seed(1)
    (loss,) = objective.losses(vae, BATCH, ALONE)
    torch.manual_seed(1)
    (bound,) = ELBO(beta=0 if isinstance(objective, Adversarial) else 1).losses(vae, BATCH, ALONE)
    assert torch.equal(loss.value, bound.value)


def test_mixed_numbers_are_the_same_in_another_order():
    z = torch.arange(24.0).view(6, 2, 2)
    other = mixed(z)
    assert torch.equal(other.sort(0).values, z)
    assert not torch.equal(other, z)


class _Linear(nn.Module):
    """The total correlation of N(0, [[1, r], [r, 1]]) is −½ ln(1 − r²), and its critic quadratic."""

    def __init__(self, r):
        super().__init__()
        self.r = r

    def forward(self, z):
        a, b, r = z[:, 0], z[:, 1], self.r
        quadratic = (a * a - 2 * r * a * b + b * b) / (1 - r * r) - a * a - b * b
        return [], -0.5 * quadratic - 0.5 * torch.log(torch.tensor(1 - r * r))


def test_the_best_critics_mean_is_the_total_correlation():
    torch.manual_seed(0)
    r, u = 0.8, torch.randn(200_000, 2)
    z = torch.stack([u[:, 0], r * u[:, 0] + (1 - r * r) ** 0.5 * u[:, 1]], 1)
    critic = _Linear(r)
    assert critic(z)[1].mean().item() == pytest.approx(0.5108, abs=0.01)  # −½ ln .36
    best = told_apart(critic(z)[1], critic(mixed(z))[1]).value
    assert best < 0.6931  # ln 2 is of one that cannot tell


def test_a_critic_that_has_won_is_told():
    objective = FactorVAE()
    assert objective.remarks({"critic_accuracy": 0.9}) == ""
    assert objective.remarks({"loss": 1.0}) == ""
    assert "the critic has won: it tells 99.5% rightly" in objective.remarks({"critic_accuracy": 0.995})


def test_features_of_equal_events_do_not_differ():
    torch.manual_seed(0)
    critic = critic_of((1, 16, 8), 4)
    features, logit = critic(torch.randn(2, 1, 16, 8))
    assert [tuple(h.shape) for h in features] == [(2, 4, 8, 4), (2, 8, 4, 2), (2, 16, 2, 1)]
    assert logit.shape == (2,)


def test_what_is_refused():
    for objective, name in ((FactorVAE(), "factor-vae"), (Adversarial(), "adversarial"), (VAEGAN(), "vae-gan")):
        codes = _vae()
        codes.kind = "codes"
        with pytest.raises(GenaeError, match=f"objective={name} needs a z with a gradient"):
            objective.setup(codes)
    with pytest.raises(GenaeError, match="a plain code has none"):
        FactorVAE().setup(_vae(PointPosterior()))
    Adversarial().setup(_vae(PointPosterior()))
    with pytest.raises(GenaeError, match="set prior=normal"):
        Adversarial().setup(_vae(prior=Flow(Space((2,)), transforms=1, hidden=8)))
