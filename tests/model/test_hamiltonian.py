"""Posteriors that go uphill, against a linear Gaussian model, whose likelihood is known."""

import math

import pytest
import torch
from torch import nn

import genae
from genae import DiagonalGaussian, GenaeError, Networks, Space
from genae.latent.posteriors import GaussianPosterior
from genae.model.likelihoods import Gaussian
from genae.model.networks import Conditioned
from genae_hamiltonian.networks import Hamiltonian, Learned, hamiltonian

W, B, SIGMA = torch.tensor([[1.0, 0.5], [-0.3, 0.8], [0.2, -1.0]]), torch.tensor([0.1, -0.2, 0.3]), 0.5
X = torch.tensor([[1.0, -1.0, 0.5], [0.2, 0.3, -0.9]])


class Wide(nn.Module):
    """A posterior that is not the model's."""

    def forward(self, x, condition=None):
        mean = torch.zeros(len(x), 2)
        return DiagonalGaussian(mean, mean + math.log(0.8))


def model(metric=False, **changed):
    linear = nn.Linear(2, 3)
    linear.weight.data, linear.bias.data = W.clone(), B.clone()
    networks = Networks(Wide(), Conditioned(linear, Gaussian(SIGMA)), Space((2,)))
    settings = {"steps": 4, "size": 0.15, "beta": 0.5, **changed}
    learned = Learned((3,), 2, (8,), "silu", 1.5, 0.5) if metric else None
    return Hamiltonian(networks, (3,), **settings, metric=learned).eval()


def log_weights(made, samples):
    with torch.no_grad():
        found = made.infer(X).sample(samples)
        return found.p.log_prob(X.repeat(samples, 1)).view(samples, -1) - found.log_ratio()


@pytest.mark.parametrize(("metric", "samples", "near"), [(False, 20000, 0.02), (True, 5000, 0.06)])
def test_the_bound_is_of_the_true_likelihood_wherever_z_went(metric, samples, near):
    torch.manual_seed(0)
    weights = log_weights(model(metric, size=0.05 if metric else 0.15), samples).double()
    truth = torch.distributions.MultivariateNormal(B, W @ W.mT + SIGMA**2 * torch.eye(3)).log_prob(X)
    torch.testing.assert_close(weights.logsumexp(0) - math.log(len(weights)), truth.double(), atol=near, rtol=0)
    assert (weights.mean(0) < truth).all()


def test_it_is_nearer_than_the_bound_of_where_it_began():
    torch.manual_seed(0)
    without, with_steps = (log_weights(model(size=size, beta=1.0), 4000).mean(0) for size in (1e-6, 0.15))
    assert (with_steps > without + 0.2).all()


def test_volumes_shrink_by_tempering_alone():
    path = model().path(X[:1], None, None)

    def end(both):
        return torch.cat(path.travelled(both[None, :2], both[None, 2:]), 1)[0]

    jacobian = torch.autograd.functional.jacobian(end, torch.tensor([0.3, -0.4, 0.9, 0.1]))
    assert torch.linalg.det(jacobian).item() == pytest.approx(0.5, abs=1e-4)  # √.5 for each dimension


def test_momenta_follow_the_metric():
    torch.manual_seed(0)
    made = model(metric=True)
    path, z = made.path(X, None, made.metric.at(X, torch.zeros(2, 2))), torch.zeros(1, 2)
    rho = path.momentum(z.expand(20000, 2), torch.randn(20000, 2))
    torch.testing.assert_close(0.5 * rho.mT @ rho / 20000, torch.linalg.inv(path.inverse(z)[0]).float(), atol=0.03, rtol=0.03)


def test_the_last_examples_are_kept_in_the_weights():
    made = Learned((3,), 2, (8,), "silu", 1.5, 0.5).train()
    for k in range(130):
        made.at(X, torch.full((2, 2), float(k)))
    assert sorted({int(c) for c in made.centres[:, 0]}) == list(range(2, 130))  # 256 of 260
    assert "squares" in made.state_dict()


@pytest.mark.parametrize("network", ["hamiltonian", "riemannian"])
def test_it_trains_and_goes_on_as_if_never_stopped(network, tmp_path):
    preset = {"parent": "mnist-mlp", "latent": 4, "network": {"name": network, "hidden": [16]}, "batch": 20}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    genae.train(preset, data="glyphs", steps=4, out=whole)
    for progress in genae.Training(preset, data="glyphs", steps=4, out=parts):
        if progress.step == 2:
            break
    for _ in genae.Training(resume=parts):
        pass
    one, other = (genae.load(folder).vae.state_dict() for folder in (whole, parts))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_other_latents_are_refused():
    with pytest.raises(GenaeError, match="one vector of numbers"):
        hamiltonian((1, 4, 4), Space((3, 2)), GaussianPosterior(), Gaussian())
