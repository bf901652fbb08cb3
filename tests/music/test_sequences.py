"""MusicVAE's networks and their likelihoods: exact log-probabilities, causality, sampling that agrees with them."""

import itertools
import math

import pytest
import torch

from genae.errors import GenaeError
from genae.objectives import ELBO, Batch
from genae.posteriors import GaussianPosterior
from genae.priors import StandardNormal
from genae.vae import VAE
from genae_music import drums
from genae_music.autoregressive import Cell
from genae_music.heads import Nade, Tokens, bits, gumbel
from genae_music.sequences import hierarchical, lstm

LATENT = 6
HEADS = {
    "melody": (lambda: Tokens(), (16,)),
    "drums": (lambda: Tokens(["drums"]), (16,)),
    "trio": (lambda: Tokens(["melody", "melody", "drums"]), (3, 16)),
    "nade": (lambda: Nade(9, 5), (16,)),
    "full kit": (lambda: Nade(61, 5), (16, 61)),
}
SMALL = {"encoder_width": 7, "width": 5, "layers": 2}
NETWORKS = {
    "flat": (lstm, SMALL),
    "hierarchical": (hierarchical, SMALL | {"segments": 4, "conductor_width": 6, "conductor_layers": 1}),
    "both ways": (hierarchical, SMALL | {"segments": 2, "conductor_width": 6, "encoder": "hierarchical", "encoder_layers": 1}),
}


def _events(head, n, seed=0):
    torch.manual_seed(seed)
    _, event = HEADS[head]
    if head == "full kit":
        return (torch.rand(n, *event) < 0.2).float()
    if head == "trio":
        return torch.stack([torch.randint(0, k, (n, 16)) for k in (90, 90, 512)], 1).float()
    return torch.randint(0, 90 if head == "melody" else 512, (n, *event)).float()


def _made(network, head, condition=0, **options):
    torch.manual_seed(1)
    factory, small = NETWORKS[network]
    make, event = HEADS[head]
    encoder, decoder = factory(event, LATENT, GaussianPosterior("softplus"), make(), condition, **(small | options))
    for parameter in [*encoder.parameters(), *decoder.parameters()]:
        torch.nn.init.normal_(parameter, 0, 0.4)
    return VAE(encoder.eval(), decoder.eval(), StandardNormal(LATENT), event, "sample")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("network", NETWORKS)
def test_shapes_and_gradients(network, head):
    vae, x = _made(network, head, condition=2), _events(head, 3)
    told = torch.eye(2)[[0, 1, 0]]
    terms = ELBO()(vae.train(), Batch(x, x, told), 0)
    terms.loss.backward()
    assert terms.distortion.shape == (3,)
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for n, p in vae.named_parameters() if "conductor.lstm.weight_ih" not in n
    )
    p = vae.eval().decode(torch.randn(3, LATENT), told)
    for made in (p.sample(0.7), p.mean, p.predict(x)):
        assert made.shape == x.shape
        assert made.dtype == torch.float32
        assert torch.equal(made, made.round())


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_depends_on_those_before_it_alone(network, head):
    vae, x = _made(network, head), _events(head, 2)
    p = vae.decode(torch.randn(2, LATENT))
    features = lambda x: p.decoder.features(p.context, p.decoder.head.steps(x))  # noqa: E731
    other = x.clone()
    other[(slice(None), slice(None), 9) if head == "trio" else (slice(None), 9)] = (
        1 - x[..., 9:10, :].squeeze(1) if head == "full kit" else 3
    )
    changed = (features(x) - features(other)).abs().sum((0, 2))
    assert changed[:10].sum() == 0
    assert changed[10] > 0 or network != "flat"


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_loop_over_steps_is_the_parallel_pass(network, head):
    """The greedy sequence is its own prediction, and a cell gives the features of nn.LSTM."""
    vae = _made(network, head)
    p = vae.decode(torch.randn(4, LATENT))
    x = p.sample(0.0)
    assert torch.equal(p.predict(x), x)
    core, steps = vae.decoder.cores[0], vae.decoder.head.steps(x)
    expected = core(vae.decoder.head.shown(steps), p.context[:, 0])
    cell = Cell(core, torch.float32)
    cell.begin(p.context[:, 0])
    for t in range(8):
        assert torch.allclose(cell.step(vae.decoder.head, steps[:, t]), expected[:, t], atol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_looking_rows_up_is_multiplying(head):
    made, _ = HEADS[head]
    likelihood, x = made(), _events(head, 3)
    weight = torch.randn(likelihood.inputs, 4)
    steps = likelihood.steps(x)
    assert torch.allclose(likelihood.project(steps, weight), likelihood.shown(steps) @ weight, atol=1e-5)
    assert torch.equal(likelihood.events(steps).float(), x)


def test_probabilities_of_all_sequences_sum_to_one():
    vae = _made("flat", "nade")
    vae.decoder.event = (1,)
    every = torch.arange(512.0)[:, None]
    p = vae.decode(torch.randn(1, LATENT).expand(512, -1))
    assert p.log_prob(every).exp().sum().item() == pytest.approx(1, abs=1e-5)
    melody = _made("flat", "melody")
    pairs = torch.tensor(list(itertools.product(range(90), range(90)))).float()
    p = melody.decode(torch.randn(1, LATENT).expand(len(pairs), -1))
    assert p.log_prob(pairs).exp().sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("head", ["melody", "nade"])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_samples_come_as_often_as_they_are_probable(head, temperature):
    vae, n = _made("flat", head), 40_000
    vae.decoder.event = (1,)
    torch.manual_seed(3)
    z = torch.randn(1, LATENT)
    every = torch.arange(90.0 if head == "melody" else 512.0)[:, None]
    probable = vae.decode(z.expand(len(every), -1)).log_prob(every)
    if temperature != 1:
        if head == "nade":  # each pitch is tempered, not the whole roll: only its first is known without a loop
            probable = probable.exp().view(-1, 2).sum(0)
            expected = ((probable[1] / probable[0]).log() / temperature).sigmoid()
            made = bits(vae.decode(z.expand(n, -1)).sample(temperature))[..., 0].mean()
            assert made.item() == pytest.approx(expected.item(), abs=0.01)
            return
        probable = (probable / temperature).log_softmax(0)
    made = vae.decode(z.expand(n, -1)).sample(temperature).long().flatten().bincount(minlength=len(every)) / n
    assert (made - probable.exp()).abs().sum() < 0.12 if head == "nade" else (made - probable.exp()).abs().max() < 0.01


def test_nade_by_hand():
    """logit_i = b_i + V_i · σ(c + Σ_{j<i} W_j x_j), written out."""
    head, x = Nade(9, 4), torch.tensor([[1, 0, 1, 1, 0, 0, 0, 1, 0.0]])
    h = torch.randn(1, 1, 13)
    total, c = 0.0, h[0, 0, 9:]
    for i in range(9):
        logit = h[0, 0, i] + (head.out[i] * c.sigmoid()).sum()
        total += torch.distributions.Bernoulli(logits=logit).log_prob(x[0, i])
        c = c + head.into[i] * x[0, i]
    assert head.log_prob(h, x[None])[0, 0].item() == pytest.approx(total.item(), abs=1e-5)


def test_a_drum_label_leans_on_its_classes():
    head, h = Tokens(["drums"]), torch.zeros(1, 1, 512 + 9)
    h[..., 512 + 1] = 2.0  # the snare
    (logits,) = head.logits(h)
    assert logits[0, 0, 0b10] == logits[0, 0, 0b110] == 2.0
    assert logits[0, 0, 0] == logits[0, 0, 0b101] == 0.0


def test_equal_random_numbers_give_equal_samples():
    vae = _made("hierarchical", "trio")
    p = vae.decode(torch.randn(2, LATENT))
    torch.manual_seed(5)
    first = p.sample(1.0)
    torch.manual_seed(5)
    assert torch.equal(first, p.sample(1.0))
    assert not torch.equal(first, p.sample(1.0))


def test_scheduled_sampling_rises_as_an_inverse_sigmoid():
    _, decoder = lstm((16,), LATENT, GaussianPosterior(), Tokens(), **SMALL, sampling="inverse-sigmoid", sampling_rate=100.0)
    for step, expected in ((0, 1 / 101), (100 * math.log(100), 0.5), (10**6, 1.0)):
        decoder.at_step(step, 10**6)
        assert decoder.own == pytest.approx(expected, abs=1e-6)
    p, x = decoder(torch.randn(3, LATENT)), _events("melody", 3)
    trained = p.log_prob(x)  # every step is fed the decoder's own
    assert not torch.allclose(trained, decoder.eval()(torch.zeros(3, LATENT)).log_prob(x))
    scored = p.log_prob(x)
    assert torch.equal(scored, p.log_prob(x))  # in eval mode the truth is fed
    decoder.train().at_step(0, 10)
    decoder.own = 0.0
    assert torch.allclose(p.log_prob(x), scored, atol=1e-5)


def test_hidden_steps_leave_the_context_alone():
    _, decoder = lstm((16,), LATENT, GaussianPosterior(), Tokens(), **SMALL, dropout=0.99)
    torch.manual_seed(0)
    p, (x, other) = decoder(torch.randn(64, LATENT)), _events("melody", 128).split(64)
    steps = [decoder.head.steps(e) for e in (x, other)]
    torch.manual_seed(1)
    a = decoder.features(p.context, steps[0])
    torch.manual_seed(1)
    b = decoder.features(p.context, steps[1])
    assert (a == b).all(-1).float().mean() > 0.6
    assert not torch.equal(decoder.eval().features(p.context, steps[0]), decoder.features(p.context, steps[1]))


def test_magentas_small_model_by_its_sizes():
    """cat-mel_2bar_small; torch keeps two bias vectors a layer, TensorFlow one."""
    encoder, decoder = lstm((32,), 256, GaussianPosterior("softplus"), Tokens())
    layer = lambda before, width: 4 * width * (before + width) + 2 * 4 * width  # noqa: E731
    assert sum(p.numel() for p in encoder.parameters()) == 2 * layer(90, 512) + (1024 + 1) * 512
    assert sum(p.numel() for p in decoder.parameters()) == (257 * 4 * 256 + layer(90 + 256, 256) + layer(256, 256) + 257 * 90)
    x = torch.zeros(1, 32)
    q = encoder(x)
    assert q.mean.abs().max() < 0.1
    assert q.log_sigma.exp().mean().item() == pytest.approx(math.log(2), abs=0.05)


def test_learning_uses_the_latent():
    torch.manual_seed(0)
    x = torch.zeros(16, 8)
    x[:, ::4] = torch.randint(2, 90, (16, 2)).float()
    encoder, decoder = lstm((8,), 16, GaussianPosterior("softplus"), Tokens(), encoder_width=48, width=48, layers=1)
    vae = VAE(encoder, decoder, StandardNormal(16), (8,), "sample")
    optimiser = torch.optim.Adam(vae.parameters(), 5e-3)
    for step in range(500):
        ELBO(beta=0.001)(vae, Batch(x, x), step).loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    z = vae.eval().encode(x).mean
    own, others = ((vae.decode(one).sample(0.0) == x)[:, ::4].float().mean() for one in (z, z.roll(1, 0)))
    assert own > 0.8
    assert others < 0.2


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Tokens([]), r"likelihood\.streams must be of melody and drums, not \[\]"),
        (lambda: Tokens(["choir"]), r"likelihood\.streams must be of melody and drums, not \['choir'\]"),
        (lambda: Nade(12), r"likelihood\.pitches must be one of 9, 61, not 12"),
        (lambda: Nade(9, 0), r"likelihood\.hidden must be at least 1"),
        (lambda: lstm((3, 32), 4, GaussianPosterior(), Tokens()), r"has 1 streams, which events \(3, 32\) do not"),
        (lambda: lstm((32,), 4, GaussianPosterior(), Nade(61)), r"has 61 pitches, which events \(32,\) do not"),
        (lambda: lstm((32,), 4, GaussianPosterior(), Tokens(), width=0), r"network\.width must be at least 1, not 0"),
        (lambda: lstm((32,), 4, GaussianPosterior(), torch.nn.Identity()), "set one of them"),
        (lambda: lstm((32,), 4, GaussianPosterior(), Tokens(), dropout=1.0), r"network\.dropout at least 0 and below 1"),
        (lambda: lstm((32,), 4, GaussianPosterior(), Tokens(), sampling="often"), "none or inverse-sigmoid, not 'often'"),
        (lambda: hierarchical((32,), 4, GaussianPosterior(), Tokens(), segments=5), "32 steps .*: 2, 4, 8, 16, 32; not 5"),
        (lambda: hierarchical((32,), 4, GaussianPosterior(), Tokens(), encoder="deep"), "flat or hierarchical, not 'deep'"),
    ],
)  # fmt: skip
def test_bad_options(call, message):
    with pytest.raises(GenaeError, match=message):
        call()


def test_kits_and_noise():
    assert bits(torch.tensor([5])).tolist() == [[1, 0, 1, 0, 0, 0, 0, 0, 0]]
    assert len(drums.FULL) == 61
    torch.manual_seed(0)
    assert gumbel(torch.empty(100_000)).mean().item() == pytest.approx(0.5772, abs=0.02)
