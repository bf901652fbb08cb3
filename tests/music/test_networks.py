"""MusicVAE's networks: exact log-probabilities, causality, a sampling loop that agrees with them, and learning."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from genae.errors import GenaeError
from genae.latent.posteriors import GaussianPosterior
from genae.latent.priors import StandardNormal
from genae.latent.space import Space
from genae.model.objectives import ELBO, Batch, Moment
from genae.model.vae import VAE
from genae.recipe.parts import instantiate
from genae_music import cells
from genae_music.networks import hierarchical, lstm
from genae_music.steps import Nade, Tokens

LATENT = 6
HEADS = {
    "melody": (Tokens, (16,)),
    "drums": (lambda: Tokens(["drums"]), (16,)),
    "trio": (lambda: Tokens(["melody", "melody", "drums"]), (3, 16)),
    "nade": (lambda: Nade(9, 5), (16,)),
    "full kit": (lambda: Nade(61, 5), (16, 61)),
}
SMALL = {"encoder_width": 7, "width": 5, "layers": 2}
WIDER = {"encoder_width": 48, "width": 48, "layers": 1}
NETWORKS = {
    "flat": (lstm, SMALL),
    "hierarchical": (hierarchical, SMALL | {"segments": 4, "conductor_width": 6, "conductor_layers": 1}),
    "both ways": (hierarchical, SMALL | {"segments": 2, "conductor_width": 6, "encoder": "hierarchical", "encoder_layers": 1}),
}
every = pytest.mark.parametrize("network, head", list(itertools.product(NETWORKS, HEADS)))


def _events(head, n):
    event = HEADS[head][1]
    if head == "full kit":
        return (torch.rand(n, *event) < 0.2).float()
    if head == "trio":
        return torch.stack([torch.randint(0, k, (n, 16)) for k in (90, 90, 512)], 1).float()
    return torch.randint(0, 90 if head == "melody" else 512, (n, *event)).float()


def _made(network, head, condition=0, **options):
    torch.manual_seed(1)
    factory, small = NETWORKS[network]
    make, event = HEADS[head]
    encoder, decoder, space = factory(
        event, Space((LATENT,)), GaussianPosterior("softplus"), make(), condition, **(small | options)
    )
    for parameter in [*encoder.parameters(), *decoder.parameters()]:
        torch.nn.init.normal_(parameter, 0, 0.4)
    return VAE(encoder.eval(), decoder.eval(), StandardNormal(space), event, shows="sample")


@every
def test_shapes_and_gradients(network, head):
    vae, x, told = _made(network, head, condition=2), _events(head, 3), torch.eye(2)[[0, 1, 0]]
    (loss,) = ELBO().losses(vae.train(), Batch(x, x, told), Moment(0, 1))
    loss.value.backward()
    assert loss.terms["distortion"].shape == (3,)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vae.parameters() if p.requires_grad)
    assert [name for name, p in vae.named_parameters() if not p.requires_grad] == (
        [] if network == "flat" else ["decoder.conductor.lstm.weight_ih_l0"]
    )
    p = vae.eval().decode(torch.randn(3, LATENT), told)
    for made in (p.sample(0.7), p.mean, p.predict(x)):
        assert not made.is_inference()  # it may be trained on
        assert made.shape == x.shape
        assert made.dtype == torch.float32
        assert torch.equal(made, made.round())


def test_the_condition_is_heard():
    vae, x = _made("hierarchical", "melody", condition=2), _events("melody", 1)
    z, (one, other) = torch.randn(1, LATENT), torch.eye(2).split(1)
    assert not torch.equal(vae.encode(x, one), vae.encode(x, other))
    assert not torch.equal(vae.decode(z, one).log_prob(x), vae.decode(z, other).log_prob(x))


def _by_hand(decoder, z, x):
    """log p(x | z) of one example from the definition, number by number; z (latent,), x (1, *event)."""
    head, steps = decoder.head, decoder.head.steps(x)[0]
    segments, total = [z], 0.0
    if decoder.conductor is not None:
        conductor, segments = decoder.conductor, []
        states = _states(conductor.begin, z, conductor.layers)
        for _ in range(decoder.segments):
            segments.append(_advance(conductor.lstm, states, torch.zeros(1)))
    for t, step in enumerate(steps):
        context = segments[t * len(segments) // len(steps)]
        if t % (len(steps) // len(segments)) == 0:
            states = [_states(core.begin, context, core.layers) for core in decoder.cores]
        before = head.shown(steps[t - 1]) if t else torch.zeros(head.inputs)
        seen = torch.cat([before, context])
        h = torch.cat([core.out(_advance(core.lstm, own, seen)) for core, own in zip(decoder.cores, states, strict=True)])
        total = total + head.log_prob(h[None, None], step[None, None])[0, 0]
    return total


def _states(begin, context, layers):
    h, c = begin(context).tanh().view(2, layers, -1)
    return [list(pair) for pair in zip(h, c, strict=True)]


def _advance(lstm, states, x):
    """One step of an LSTM's equations: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html"""
    for i, (h, c) in enumerate(states):
        weight = {name: getattr(lstm, f"{name}_l{i}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        a = weight["weight_ih"] @ x + weight["bias_ih"] + weight["weight_hh"] @ h + weight["bias_hh"]
        enter, forget, new, leave = a.chunk(4)
        c = forget.sigmoid() * c + enter.sigmoid() * new.tanh()
        x = leave.sigmoid() * c.tanh()
        states[i] = [x, c]
    return x


@every
def test_log_probability_is_that_of_the_definition(network, head):
    vae, x = _made(network, head), _events(head, 2)
    z = torch.randn(2, LATENT)
    found = vae.decode(z).log_prob(x)
    for i in range(2):
        assert found[i].item() == pytest.approx(_by_hand(vae.decoder, z[i], x[i : i + 1]).item(), rel=1e-5)


@every
def test_a_step_depends_on_those_before_it_alone(network, head):
    vae, x = _made(network, head), _events(head, 2)
    p, likelihood, other = vae.decode(torch.randn(2, LATENT)), vae.decoder.head, x.clone()
    at = (slice(None), slice(None), 9) if head == "trio" else (slice(None), 9)
    other[at] = 1 - x[at] if head == "full kit" else (x[at] + 1) % 90
    features, changed = (vae.decoder.features(p.given, likelihood.steps(one)) for one in (x, other))
    assert torch.equal(features[:, :10], changed[:, :10])
    assert (features[:, 10:12] != changed[:, 10:12]).any((0, 2)).all()
    terms = likelihood.log_prob(features, likelihood.steps(x))
    assert torch.equal(terms[:, :9], likelihood.log_prob(changed, likelihood.steps(other))[:, :9])


def test_a_segment_begins_anew_but_for_the_step_before():
    """The state of a core is reset: of an earlier segment only its last step reaches the next."""
    vae, x = _made("hierarchical", "trio"), _events("trio", 1)
    p, other = vae.decode(torch.randn(1, LATENT)), x.clone()
    other[..., :3] = (x[..., :3] + 1) % 90  # the first segment is steps 0 to 3
    features, changed = (vae.decoder.features(p.given, vae.decoder.head.steps(one)) for one in (x, other))
    assert torch.equal(features[:, 4:], changed[:, 4:])
    other[..., 3] = (x[..., 3] + 1) % 90
    changed = vae.decoder.features(p.given, vae.decoder.head.steps(other))
    assert all((a != b).any() for a, b in zip(features[:, 4].split([90, 90, 521], -1), changed[:, 4].split([90, 90, 521], -1),
                                              strict=True))  # fmt: skip


@every
def test_greedy_sequences_are_their_own_prediction(network, head):
    p = _made(network, head).decode(torch.randn(4, LATENT))
    x = p.sample(0.0)
    assert torch.equal(p.predict(x), x)
    assert torch.equal(p.mean, x)


@pytest.mark.parametrize("packed", [True, False])
@every
def test_a_cell_gives_what_the_lstm_gives(network, head, packed, monkeypatch):
    if not packed:  # as where torch has no such product
        monkeypatch.setattr(torch.ops, "mkldnn", object())
    vae, x = _made(network, head), _events(head, 4)
    core, steps = vae.decoder.cores[0], vae.decoder.head.steps(x)
    contexts, along = vae.decode(torch.randn(4, LATENT)).given
    context = contexts[:, 0]
    with torch.no_grad():
        shown = vae.decoder.head.shown(steps)
        expected = core(torch.cat([torch.zeros_like(shown[:, :1]), shown[:, :-1]], 1), context, along)
        cell = cells.Cell(core, vae.decoder.head, torch.float32)
        cell.begin(context, along)
        found = torch.stack([cell.step(steps[:, t - 1] if t else None, t) for t in range(16)], 1)
    assert torch.allclose(found, expected, atol=1e-5)


def test_half_precision_keeps_close():
    torch.manual_seed(0)
    _, decoder, _ = lstm((32,), Space((256,)), GaussianPosterior(), Tokens())
    p, x = decoder.eval()(torch.randn(8, 256)), _events("melody", 8).repeat(1, 2)
    with torch.no_grad():
        full = [cells.Cell(decoder.cores[0], decoder.head, dtype) for dtype in (torch.float32, torch.bfloat16)]
        for cell in full:
            cell.begin(p.given.context[:, 0], p.given.along)
        for t in range(32):
            exact, rough = (cell.step(decoder.head.steps(x)[:, t], t).float() for cell in full)
    assert 0 < (exact - rough).abs().max() < 0.02
    with torch.autocast("cpu", torch.bfloat16):
        assert p.sample(0.0).dtype == torch.float32


def test_probabilities_of_all_sequences_sum_to_one():
    vae = _made("flat", "melody")
    pairs = torch.tensor(list(itertools.product(range(90), range(90)))).float()
    p = vae.decode(torch.randn(1, LATENT).expand(len(pairs), -1))
    assert p.log_prob(pairs).exp().sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("network", ["flat", "hierarchical"])
def test_sequences_come_as_often_as_they_are_probable(network):
    """Of three tokens, four steps, two of a segment: 81 sequences."""
    torch.manual_seed(0)
    options = SMALL | ({} if network == "flat" else {"segments": 2, "conductor_width": 6})
    _, decoder, _ = NETWORKS[network][0]((4,), Space((LATENT,)), GaussianPosterior(), Tokens(), **options)
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, 0, 0.8)
    decoder.cores[0].out.bias.data[3:] = -1e4
    n, z = 40_000, torch.randn(1, LATENT)
    those = torch.tensor(list(itertools.product(range(3), repeat=4))).float()
    p = decoder.eval()(z.expand(81, -1)).log_prob(those).exp().detach()
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    drawn = decoder(z.expand(n, -1)).sample().long() @ torch.tensor([27, 9, 3, 1])
    off = (drawn.bincount(minlength=81) / n - p).abs().sum()
    assert off < 1.5 * (2 * p * (1 - p) / math.pi / n).sqrt().sum()  # 1 on average


def test_equal_random_numbers_give_equal_samples():
    p = _made("hierarchical", "trio").decode(torch.randn(2, LATENT))
    torch.manual_seed(5)
    first = p.sample(1.0)
    torch.manual_seed(5)
    assert torch.equal(first, p.sample(1.0))
    assert not torch.equal(first, p.sample(1.0))


def test_scheduled_sampling_rises_as_an_inverse_sigmoid():
    _, decoder, _ = lstm(
        (16,), Space((LATENT,)), GaussianPosterior(), Tokens(), **SMALL, sampling="inverse-sigmoid", sampling_rate=100.0
    )
    for step, expected in ((0, 1 / 101), (100 * math.log(100), 0.5), (10**6, 1.0)):
        assert decoder.own(step) == pytest.approx(expected, abs=1e-6)
    _, plain, _ = lstm((16,), Space((LATENT,)), GaussianPosterior(), Tokens(), **SMALL)
    assert plain.own(10**6) == 0


@pytest.mark.parametrize("head", HEADS)
def test_own_samples_are_fed_in_the_surrogate_alone(head):
    decoder = _made("flat", head, sampling="inverse-sigmoid", sampling_rate=100.0).decoder
    p, x, late = decoder(torch.randn(200, LATENT)), _events(head, 200), Moment(10**6, 10**6)
    steps = decoder.head.steps(x)
    truth = p.log_prob(x)
    assert not torch.equal(p.surrogate(x, late), truth)
    decoder.train()
    assert torch.equal(p.log_prob(x), truth)  # a density is one, whatever the mode and whatever was trained before
    changed = (decoder.mixed(p.given, steps, 0.25) != steps).any(-1).float().mean().item()
    assert changed == pytest.approx(0.25, abs=0.04)
    assert _made("flat", head).decoder(torch.randn(2, LATENT)).surrogate(x[:2], late) is None  # there it is the density


def test_hidden_steps_leave_the_context_alone():
    _, decoder, _ = lstm((16,), Space((LATENT,)), GaussianPosterior(), Tokens(), **SMALL, dropout=0.99)
    p, (x, other) = decoder(torch.randn(64, LATENT)), _events("melody", 128).split(64)
    made = []
    for one in (x, other):
        torch.manual_seed(1)
        made.append(decoder.features(p.given, decoder.head.steps(one), decoder.dropout))
    assert (made[0] == made[1]).all(-1).float().mean() > 0.6
    assert not torch.equal(*(decoder.eval().features(p.given, decoder.head.steps(one)) for one in (x, other)))


def test_magentas_small_model_by_its_sizes():
    """cat-mel_2bar_small: 4 · width · (input + width) weights a layer, and biases twice, of which TensorFlow keeps one."""
    encoder, decoder, _ = lstm((32,), Space((256,)), GaussianPosterior("softplus"), Tokens())
    layer = lambda before, width: 4 * width * (before + width) + 2 * 4 * width  # noqa: E731
    assert sum(p.numel() for p in encoder.parameters()) == 2 * layer(90, 512) + (2 * 512 + 1) * 2 * 256
    assert sum(p.numel() for p in decoder.parameters()) == (
        (256 + 1) * 4 * 256 + layer(90 + 256, 256) + layer(256, 256) + (256 + 1) * 90
    )
    assert encoder.last.weight.std().item() == pytest.approx(0.001, rel=0.02)
    q = encoder(torch.zeros(1, 32))
    assert q.mean.abs().max() < 0.1
    assert q.log_sigma.exp().mean().item() == pytest.approx(math.log(2), abs=0.05)


def test_learning_uses_the_latent():
    torch.manual_seed(0)
    x = torch.zeros(16, 8)
    x[:, ::4] = torch.randint(2, 90, (16, 2)).float()
    encoder, decoder, space = lstm(
        (8,), Space((16,)), GaussianPosterior("softplus"), Tokens(), encoder_width=48, width=48, layers=1
    )
    vae = VAE(encoder, decoder, StandardNormal(space), (8,), shows="sample")
    optimiser = torch.optim.Adam(vae.parameters(), 5e-3)
    for step in range(400):
        next(ELBO(beta=0.001).losses(vae, Batch(x, x), Moment(step, 400))).value.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    z = vae.eval().encode(x)
    own, others = ((vae.decode(one).sample(0.0) == x)[:, ::4].float().mean() for one in (z, z.roll(1, 0)))
    assert own > 0.8
    assert others < 0.2


@pytest.mark.parametrize(
    "network, event, likelihood, options, message",
    [
        ("lstm", (3, 32), Tokens(), {}, r"has 1 stream, events \(3, 32\) have 3"),
        ("lstm", (32,), Nade(61), {}, r"nade of 61 pitches has events \(T, 61\), not \(32,\)"),
        ("lstm", (32,), Tokens(), {"width": 0}, r"network\.width must be at least 1, not 0"),
        ("lstm", (32,), torch.nn.Identity(), {}, "likelihood=tokens or nade"),
        ("lstm", (32,), Tokens(), {"dropout": 1.0}, r"network\.dropout must be .* below 1, not 1\.0"),
        ("lstm", (32,), Tokens(), {"sampling": "often"}, "sampling must be one of none, inverse-sigmoid, not 'often'"),
        ("lstm", (32,), Tokens(), {"sampling_rate": 0}, r"sampling_rate must be above 0, not 0\.0"),
        ("hierarchical", (32,), Tokens(), {"segments": 5}, "32 steps .*: 1, 2, 4, 8, 16, 32; not 5"),
        ("hierarchical", (32,), Tokens(), {"encoder": "deep"}, "encoder must be one of flat, hierarchical, not 'deep'"),
    ],
)  # fmt: skip
def test_bad_options(network, event, likelihood, options, message):
    with pytest.raises(GenaeError, match=message):
        instantiate("network", {"name": f"music-{network}", **options}, event, Space((4,)), GaussianPosterior(), likelihood)


def test_products_are_equal_packed_or_not():
    torch.manual_seed(0)
    weight, bias, x = torch.randn(12, 7), torch.randn(12), torch.randn(5, 7)
    for dtype, close in ((torch.float32, 1e-5), (torch.bfloat16, 0.2), (torch.float64, 1e-12)):
        made = cells.product(weight.to(dtype), bias.to(dtype))(x.to(dtype))
        assert made.dtype == dtype
        assert torch.allclose(made.double(), F.linear(x.double(), weight.double(), bias.double()), atol=close)
