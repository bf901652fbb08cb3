"""Checks of a whole model's distributions: p(x | z) and q(z | x) of real examples, whatever the network."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.inference import Distribution
from genae.learn.build import Built
from genae.model.likelihoods import Unnormalised
from genae.model.vae import VAE, Model
from genae.testing.chance import averages, reached, shaken
from genae.testing.density import discrete, follows, matters
from genae.testing.expect import expect, finite, same, skip
from genae.testing.subject import Subject

FEW, NUMBERS, TRIED = 2000, 1 << 19, 100  # samples at once, numbers of all of them, and samples of which something is tried
DRAWS = 1000  # of a posterior
LOUDER, ENOUGH = 14, 6.0  # how often weights are made larger at most, and nats by which a number must matter then
SHAKE, TURNS = 0.4, 20
MANY = 32  # examples, when of codes one at least must differ


def likelihood_is_a_density(s: Subject) -> None:
    """log p(x | z) is a function of x and z: the same training or not, alone or in a batch, however often it is asked."""
    built, x, z, told = _scene(s)
    vae = built.vae
    with torch.no_grad():
        p = vae.eval().decode(z, told)
        first = p.log_prob(x)
        finite(first, "log p(x | z)")
        same(first, p.log_prob(x), "log p(x | z), asked twice,")
        p.sample()
        alone = vae.decode(z[:1], None if told is None else told[:1])
        _near(alone.log_prob(x[:1]), first[:1], "log p(x | z) hangs on the other examples of its batch")
        _near(alone.mean, p.mean[:1], "the mean of p(x | z) hangs on the other examples of its batch")
        training = vae.train().decode(z, told)
        _near(training.log_prob(x), first, "log p(x | z) is another one in training; batch statistics, dropout and scheduled "
              "sampling belong into the encoder or into `surrogate`")  # fmt: skip


def samples_follow_the_density(s: Subject) -> None:
    """What p(x | z) samples is as probable as its log_prob says, number by number."""
    built = s.build()
    vae, n = built.vae.eval(), max(32, min(FEW, NUMBERS // math.prod(s.domain.event)))
    with torch.no_grad():
        index = torch.arange(n) % min(4, len(s.examples))
        x = s.domain.prepare(s.examples.x[index], "score")
        told = built.condition(s.known_of(index), x)
        z = vae.encode(x, told)
        _listening(vae, z[:TRIED], None if told is None else told[:TRIED])
        p = vae.decode(z, told)
        follows(p.log_prob, p.sample(), p.sample(), "p(x | z)")


def _listening(vae: Model, z: Tensor, told: Tensor | None) -> None:
    """Weights so large that a number of discrete x matters: an untrained network hardly listens to its input."""
    for _ in range(LOUDER):
        p = vae.decode(z, told)
        _drawn_from(p)
        x = p.sample()
        if not discrete(x) or matters(p.log_prob, x, p.sample()) > ENOUGH:
            break
        for weight in vae.parameters():
            weight.mul_(1.5)


def temperature(s: Subject) -> None:
    """At 0 p(x | z) gives its mode, the same each time, which is likelier than its samples; above, it draws."""
    built, _, z, told = _scene(s)
    with torch.no_grad():
        p = built.vae.eval().decode(z, told)
        _drawn_from(p)
        mode = p.sample(0.0)
        same(mode, p.sample(0.0), "samples of p(x | z) at temperature 0")
        expect(not torch.equal(p.sample(1.0), p.sample(1.0)), "samples of p(x | z) at temperature 1 are the same each time")
        scores = [torch.stack([p.log_prob(p.sample(t)) for _ in range(TURNS)]).mean().item() for t in (0.0, 0.3, 1.0)]
        told_of = ", ".join(f"{score:.4g}" for score in scores)
        good = scores[0] >= scores[1] > scores[2]
        expect(good, f"log p of samples at temperatures 0, .3 and 1 is {told_of}; it must fall: 0 gives the mode")


def _drawn_from(p: Distribution) -> None:
    if isinstance(p, Unnormalised):
        skip("a pseudo-likelihood is not drawn from")


def rate(s: Subject) -> None:
    """KL(q ‖ p) is the mean of log q(z | x) − log p(z) over z ~ q, and of its parts the sum."""
    built, x, _, told = _scene(s)
    if built.vae.kind == "point":
        skip("a plain code has no rate")
    with torch.no_grad():
        many = max(8, min(DRAWS, NUMBERS // math.prod(s.domain.event)))
        inference = built.vae.eval().infer(x[:1].expand(many, *s.domain.event), _first(told, many))
        drawn = inference.sample()
        ratios = torch.stack([inference.sample().log_ratio() for _ in range(10)]).double().flatten()
        rates = drawn.rate.double()
        finite(ratios, "log q(z | x) − log p(z)")
        error = (rates.var() / many).sqrt().item()
        averages(ratios - rates.mean(), 0.0, "the mean of log q(z | x) − log p(z), less the rate,",
                 5 * error + 1e-3 * (1 + rates.mean().abs().item()), "the rate is KL(q ‖ p), nats")  # fmt: skip
        try:
            parts = drawn.rates()
        except GenaeError:
            return
        _near(parts.sum(1)[:1], drawn.rate.flatten()[:1], "the rates of single dimensions do not add up to the rate")


def latent_matters(s: Subject) -> None:
    """z hangs on x, and p(x | z) on z."""
    built, x, z, told = _scene(s)
    vae, given = built.vae.eval(), _first(told, len(z))
    with torch.no_grad():
        other = torch.randint_like(z, vae.space.codes) if vae.space.codes else z + torch.randn_like(z)
        _moves(vae.decode(other, given).log_prob(x[:1].expand_as(x)), "p(x | z) is the same whatever z is")
        every = s.domain.prepare(s.examples.x[:MANY], "show")
        _moves(vae.infer(every, _first(told, len(every))).mean, "z is the same whatever x is")

    if isinstance(vae, VAE):
        distortion = vae.infer(x, given).sample().p.log_prob(x)
        expect(reached(distortion, vae.encoder), "no gradient of log p(x | z) reaches the encoder: z must not be detached")


def _moves(values: Tensor, line: str) -> None:
    """Not all rows are the same."""
    if len(values) < 2:
        skip("there is one example alone")
    expect(not bool((values == values[:1]).all()), line)


def weights_are_all(s: Subject) -> None:
    """A model is its weights: another one that is given them encodes, decodes and samples the same."""
    built, x, z, told = _scene(s)
    other = s.build(seed=1)
    other.vae.load_state_dict(built.vae.state_dict())
    seen = []
    for vae in (built.vae.eval(), other.vae.eval()):
        torch.manual_seed(0)
        with torch.no_grad():
            seen.append(
                [vae.encode(x, told).float(), vae.decode(z, told).log_prob(x), vae.prior.sample(4, 1.0, _first(told, 4))]
            )
    for what, one, two in zip(("what is encoded", "log p(x | z)", "samples of the prior"), *seen, strict=True):
        line = f"{what} is another one in a model that was given the same weights; keep what is drawn or learned in nn.Buffer"
        _near(one.float(), two.float(), line)


def _first(told: Tensor | None, n: int) -> Tensor | None:
    return None if told is None else told[:1].expand(n, -1)


def _scene(s: Subject) -> tuple[Built, Tensor, Tensor, Tensor | None]:
    """A model with shaken weights, some events, their z and their condition."""
    built = s.build()
    torch.manual_seed(1)
    shaken(built.vae, SHAKE)
    x = s.domain.prepare(s.examples.x[:4], "score")
    told = built.condition(s.known(len(x)), x)
    with torch.no_grad():
        return built, x, built.vae.eval().encode(x, told), told


def _near(a: Tensor, b: Tensor, line: str) -> None:
    expect(bool(((a - b).abs() <= 1e-3 * (1 + b.abs())).all()), line)


CHECKS = (
    likelihood_is_a_density, samples_follow_the_density, temperature, rate, latent_matters, weights_are_all,
)  # fmt: skip
