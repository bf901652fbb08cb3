r"""Evaluation against the linear-Gaussian model, whose evidence is known: log p(x) = log N(x; b, W Wᵀ + σ² I).

With the exact posterior N((I + WᵀW/σ²)⁻¹ Wᵀ(x − b)/σ², (I + WᵀW/σ²)⁻¹), diagonal where W has orthogonal columns, every log w
equals log p(x): ELBO = IWAE = NLL, whatever K.
"""

import math

import pytest
import torch
from torch import nn

from genae.data.examples import Examples
from genae.errors import GenaeError
from genae.latent.posteriors import DiagonalGaussian, GaussianPosterior, PointPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.learn import scoring
from genae.learn.build import Built
from genae.learn.scoring import choose, in_turns
from genae.model.conditions import Label, Unconditional
from genae.model.likelihoods import Bernoulli, Gaussian
from genae.model.networks import mlp
from genae.model.objectives import ELBO, Batch, Moment, iwae, log_weights
from genae.model.tasks import Reconstruct
from genae.model.vae import VAE
from genae.use.evaluate import evaluate
from genae.use.information import coded, rate_distortion

EVENT, LATENT, SIGMA = 6, 3, 0.4


class _Exact(nn.Module):
    """The posterior of the linear-Gaussian model; `wider` makes it wrong."""

    def __init__(self, w, b, wider=0.0):
        super().__init__()
        self.w, self.b = w, b
        self.precision = 1 + w.square().sum(0) / SIGMA**2  # of each latent dimension: WᵀW is diagonal
        self.wider = wider

    def forward(self, x, condition=None):
        mean = (x - self.b) @ self.w / SIGMA**2 / self.precision
        return DiagonalGaussian(mean, (-0.5 * self.precision.log() + self.wider).expand_as(mean))


class _Linear(nn.Module):
    def __init__(self, w, b):
        super().__init__()
        self.w, self.b, self.head = w, b, Gaussian(SIGMA)

    def forward(self, z, condition=None):
        return self.head(z @ self.w.T + self.b)


def _linear(wider=0.0):
    torch.manual_seed(0)
    w = torch.linalg.qr(torch.randn(EVENT, LATENT)).Q * torch.tensor([2.0, 1.0, 0.3])
    b = torch.randn(EVENT)
    vae = _vae(_Exact(w, b, wider), _Linear(w, b), LATENT, EVENT)
    evidence = torch.distributions.MultivariateNormal(b, w @ w.T + SIGMA**2 * torch.eye(EVENT))
    return vae, evidence


def _vae(encoder, decoder, latent, event, family=GaussianPosterior):
    return VAE(encoder, decoder, StandardNormal(Space((latent,))), (event,), family())


def _built(vae, domain, condition=None):
    return Built(domain, vae, ELBO(), Reconstruct(), condition or Unconditional())


@pytest.fixture
def linear():
    vae, evidence = _linear()
    x = evidence.sample((20,))
    return vae, x, evidence.log_prob(x)


@pytest.mark.parametrize("samples", [1, 7, 64])
def test_every_weight_is_the_evidence(linear, samples):
    vae, x, evidence = linear
    weights, _ = log_weights(vae.infer(x), Batch(x, x), samples)
    assert weights.shape == (samples, 20)
    assert (weights - evidence).abs().max() < 1e-4  # zero variance
    assert torch.allclose(iwae(weights), evidence, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 5, 50])
def test_all_numbers_of_the_linear_model(linear, dots, samples):
    vae, x, evidence = linear
    numbers = evaluate(_built(vae, dots(EVENT)), Examples(x), samples=samples)
    nll = -evidence.mean().item()
    assert numbers["nll"] == pytest.approx(nll, abs=1e-4)
    assert numbers["elbo"] == pytest.approx(-nll, abs=1e-4)
    assert numbers["rate"] + numbers["distortion"] == pytest.approx(nll, abs=1e-4)
    assert numbers["nll_se"] == pytest.approx((evidence.std() / math.sqrt(20)).item(), abs=1e-4)
    assert (numbers["examples"], numbers["samples"], numbers["latent"]) == (20, samples, LATENT)


def test_the_training_loss_of_the_linear_model_is_its_nll_in_expectation(linear):
    vae, x, evidence = linear
    torch.manual_seed(0)
    many = Batch(x[:1].expand(20_000, -1), x[:1].expand(20_000, -1))
    (loss,) = ELBO().losses(vae, many, Moment(0, 1))  # its closed-form rate is equal in the mean alone
    error = loss.terms["distortion"].std().item() / math.sqrt(20_000)
    assert loss.value.item() == pytest.approx(-evidence[0].item(), abs=4 * error)


def test_active_units_of_the_linear_model(dots):
    """The posterior mean of dimension j varies by λ/(1 + λ), λ = |w_j|²/σ²: 0.96, 0.86, 0.36."""
    vae, evidence = _linear()
    x = evidence.sample((200,))
    assert evaluate(_built(vae, dots(EVENT)), Examples(x), samples=1)["active_units"] == 3
    vae.encoder.w = vae.encoder.w * torch.tensor([1.0, 1.0, 0.01])
    assert evaluate(_built(vae, dots(EVENT)), Examples(x), samples=1)["active_units"] == 2


def test_the_rate_distortion_curve_goes_through_the_bound(dots):
    """With the exact posterior, t = 1, rate and distortion are the NLL; below it z tells less, above it more."""
    vae, evidence = _linear()
    x = evidence.sample((200,))
    built, cpu = _built(vae, dots(EVENT)), torch.device("cpu")
    curve = {point["t"]: point for point in rate_distortion(built, Examples(x), coded(built, Examples(x), cpu), cpu)}
    assert curve[1.0]["rate"] + curve[1.0]["distortion"] == pytest.approx(-evidence.log_prob(x).mean().item(), abs=1e-4)
    assert curve[0.0]["rate"] == pytest.approx(0, abs=0.2)
    assert curve[0.0]["rate"] < curve[1.0]["rate"] < curve[3.0]["rate"]
    assert curve[0.0]["distortion"] > curve[1.0]["distortion"] > curve[3.0]["distortion"]


# -- importance weighting ---------------------------------------------------------------------------------------------


def test_the_bound_is_the_log_of_the_mean_weight():
    weights = torch.tensor([[1.0], [3.0], [2.0]]).log()
    assert iwae(weights).item() == pytest.approx(math.log(2))
    over = (weights.softmax(0) * weights).sum().item()  # the sum of normalised weights times log w reports more
    assert over > iwae(weights).item() + 0.05


def test_the_bound_does_not_overflow():
    assert iwae(torch.tensor([[-1e4], [-1e4 + math.log(3)]])).item() == pytest.approx(-1e4 + math.log(2), rel=1e-6)


def test_one_sample_is_the_bound_itself(dots):
    vae, evidence = _linear(wider=0.5)
    numbers = evaluate(_built(vae, dots(EVENT)), Examples(evidence.sample((30,))), samples=1)
    assert numbers["nll"] == pytest.approx(-numbers["elbo"])
    assert numbers["elbo"] == pytest.approx(-numbers["rate"] - numbers["distortion"])


def test_one_sample_gives_a_negative_log_likelihood_of_the_right_sign(dots):
    """log p of six Bernoulli pixels is negative: NLL is above 0 with 1 sample as with 100."""
    torch.manual_seed(0)
    encoder, decoder, _ = mlp((EVENT,), Space((2,)), GaussianPosterior(), Bernoulli(), hidden=(4,))
    built = _built(_vae(encoder, decoder, 2, EVENT), dots(EVENT))
    for samples in (1, 100):
        numbers = evaluate(built, Examples(torch.rand(30, EVENT).round()), samples=samples)
        assert numbers["nll"] > 0 > numbers["elbo"]


def test_more_samples_tighten_a_wrong_posterior():
    """In expectation the bound rises with K, from the ELBO, log p − KL(q ‖ exact) per dimension, towards log p."""
    wider = 0.7
    vae, evidence = _linear(wider)
    torch.manual_seed(0)
    x = evidence.sample((1,)).expand(4000, -1)
    weights = log_weights(vae.infer(x), Batch(x, x), 16)[0]
    bounds = [iwae(weights[:k]).mean().item() for k in (1, 2, 4, 16)]
    gap = LATENT * 0.5 * (math.exp(2 * wider) - 1 - 2 * wider)  # KL of a Gaussian e^wider too wide
    assert bounds[0] == pytest.approx(evidence.log_prob(x[:1]).item() - gap, abs=0.2)
    assert bounds == sorted(bounds)
    assert bounds[-1] < evidence.log_prob(x[:1]).item() + 0.02


def test_turns_do_not_change_what_is_counted(linear, monkeypatch):
    vae, x, evidence = linear
    monkeypatch.setattr(scoring, "DECODED", 45)  # 2 samples of 20 examples at once: 4 turns for 7
    weights, likelihoods = in_turns(vae.infer(x), Batch(x, x), 7)
    assert weights.shape == likelihoods.shape == (7, 20)
    assert (weights - evidence).abs().max() < 1e-4


def test_the_condition_reaches_every_sample():
    seen = []

    class Told(nn.Module):
        def forward(self, z, condition=None):
            seen.append(condition)
            return Gaussian()(z + condition)

    class Sure(nn.Module):
        def forward(self, x, condition=None):
            return DiagonalGaussian(x, torch.full_like(x, -30.0))

    x, told = torch.zeros(3, 2), torch.tensor([[0.0, 0], [10, 0], [0, 20]])
    _, likelihoods = log_weights(_vae(Sure(), Told(), 2, 2).infer(x, told), Batch(x, x, told), 4)
    expected = -0.5 * told.square().sum(1) - math.log(2 * math.pi)
    assert torch.allclose(likelihoods, expected.expand(4, -1), rtol=1e-4)
    assert seen[0].shape == (12, 2)


# -- the whole --------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers_and_disturbs_no_one(dots):
    vae, evidence = _linear(wider=0.3)
    built, examples = _built(vae, dots(EVENT)), Examples(evidence.sample((30,)))
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = evaluate(built, examples, samples=3, limit=10, seed=5)
    assert torch.equal(torch.rand(1), expected)
    assert evaluate(built, examples, samples=3, limit=10, seed=5) == first
    assert evaluate(built, examples, samples=3, limit=10, seed=6)["nll"] != first["nll"]


def test_reports_every_example_once(linear, dots):
    vae, x, _ = linear
    told = []
    evaluate(_built(vae, dots(EVENT)), Examples(x.repeat(12, 1)), samples=2, report=lambda *done: told.append(done))
    assert told == [(100, 240), (200, 240), (240, 240)]


def test_metrics_of_the_domain_are_means_over_examples(linear, dots):
    vae, x, _ = linear
    shown = vae.decode(vae.encode(x)).mean
    numbers = evaluate(_built(vae, dots(EVENT)), Examples(x), samples=1)
    assert numbers["mse"] == pytest.approx((x - shown).square().mean().item(), rel=1e-5)


def test_a_plain_autoencoder_has_no_bound(dots):
    torch.manual_seed(0)
    encoder, decoder, _ = mlp((EVENT,), Space((2,)), PointPosterior(), Gaussian(), hidden=(4,))
    vae, x = _vae(encoder, decoder, 2, EVENT, PointPosterior), torch.randn(9, EVENT)
    numbers = evaluate(_built(vae, dots(EVENT)), Examples(x), samples=10)
    assert [numbers[k] for k in ("elbo", "rate", "nll", "nll_se")] == [None] * 4
    assert numbers["distortion"] == pytest.approx(-vae.decode(encoder(x).mean).log_prob(x).mean().item(), rel=1e-5)


def test_labels_become_conditions(dots):
    torch.manual_seed(0)
    encoder, decoder, _ = mlp((2,), Space((2,)), GaussianPosterior(), Gaussian(), condition=2, hidden=(4,))
    built = _built(_vae(encoder, decoder, 2, 2), dots(), Label(["a", "b"]))
    x = torch.randn(5, 2)
    one = evaluate(built, Examples(x, torch.zeros(5, dtype=torch.int64)), samples=4)
    other = evaluate(built, Examples(x, torch.ones(5, dtype=torch.int64)), samples=4)
    assert one["nll"] != other["nll"]
    with pytest.raises(GenaeError, match="conditioned on labels"):
        evaluate(built, Examples(x), samples=4)


def test_one_example_has_no_standard_error(linear, dots):
    vae, x, evidence = linear
    numbers = evaluate(_built(vae, dots(EVENT)), Examples(x[:1]), samples=2)
    assert numbers["nll"] == pytest.approx(-evidence[0].item(), abs=1e-4)
    assert numbers["nll_se"] is None
    assert numbers["active_units"] is None


def test_chosen_examples_are_drawn_without_repetition():
    examples = Examples(torch.arange(50.0)[:, None], torch.arange(50))
    drawn = choose(examples, 20, seed=0)
    assert len(drawn.labels.unique()) == 20
    assert torch.equal(drawn.x[:, 0], drawn.labels.float())
    assert torch.equal(choose(examples, 20, seed=0).labels, drawn.labels)
    assert not torch.equal(choose(examples, 20, seed=1).labels, drawn.labels)
    assert choose(examples, None, seed=0) is choose(examples, 50, seed=0) is examples


@pytest.mark.parametrize(("options", "told"), [({"samples": 0}, "--samples"), ({"limit": 0}, "--limit")])
def test_nothing_to_evaluate(linear, dots, options, told):
    vae, x, _ = linear
    with pytest.raises(GenaeError, match=f"{told} must be at least 1, not 0"):
        evaluate(_built(vae, dots(EVENT)), Examples(x), **options)
