"""A part of every kind."""

import math
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, doc
from torch import nn

from genae import GenaeError, Likelihood
from genae.latent.posteriors import Family
from genae.latent.samplers import Fitting, Noise, Prior
from genae.model.conditions import Condition, hide
from genae.model.networks import Networks
from genae.model.objectives import Loss, Objective, of_the_vae

# -- likelihood -------------------------------------------------------------------------------------------------------


class Heavy:
    """Student's t with 4 degrees of freedom around a mean (B, *event)."""

    def __init__(self, mean, scale):
        self.mean, self.scale = mean, scale

    def log_prob(self, x):
        u = (x - self.mean) / self.scale
        constant = math.lgamma(2.5) - math.lgamma(2.0) - 0.5 * math.log(4 * math.pi)
        each = constant - self.scale.log() - 2.5 * torch.log1p(u.square() / 4)
        return each.flatten(1).sum(1)

    def sample(self, temperature=1.0):
        normal, others = torch.randn_like(self.mean), torch.randn(4, *self.mean.shape).square().mean(0)
        return self.mean + temperature * self.scale * normal / others.sqrt()


class StudentT(Likelihood):
    def __init__(self, scale: Annotated[float, Gt(0), doc("in the event's units")] = 0.2):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))

    def features(self, event):
        return event

    def forward(self, h):
        return Heavy(h.float(), self.log_scale.exp())


# -- posterior --------------------------------------------------------------------------------------------------------


class Double:
    """Laplace q(z | x)."""

    def __init__(self, mean, log_scale):
        self.mean, self.log_scale = mean, log_scale

    def rsample(self, samples=None):
        shape = self.mean.shape if samples is None else (samples, *self.mean.shape)
        u = torch.rand(shape) - 0.5
        return self.mean - self.log_scale.exp() * u.sign() * torch.log1p(-2 * u.abs().clamp(max=0.4999999))

    def log_ratio(self, prior, z):
        each = -(z - self.mean).abs() / self.log_scale.exp() - self.log_scale - math.log(2)
        return each.flatten(-(self.mean.ndim - 1)).sum(-1) - prior.log_prob(z)

    def rate(self, prior, z):
        return self.log_ratio(prior, z)

    def rate_by_dimension(self, prior):
        raise GenaeError("a Laplace posterior has no rate by dimension; set objective.free_bits=0")

    def penalty(self):
        return None

    def terms(self):
        return {}


class LaplacePosterior(Family):
    def features(self, space):
        return (*space.shape[:-1], 2 * space.shape[-1])

    def forward(self, h):
        mean, log_scale = h.float().chunk(2, -1)
        return Double(mean, log_scale.clamp(-6, 4))


# -- priors -----------------------------------------------------------------------------------------------------------


class Shifted(Noise, Prior):
    """N(m + A c, diag s²) by noise."""

    def __init__(self, space, condition=0):
        super().__init__(space, condition)
        self.require(discrete=False)
        self.centre = nn.Parameter(torch.zeros(space.size))
        self.log_spread = nn.Parameter(torch.zeros(space.size))
        self.turn = nn.Parameter(torch.zeros(condition, space.size))

    def _centre(self, condition):
        context = self.context(condition)
        return self.centre if context is None else self.centre + context @ self.turn

    def forward(self, condition=None):
        return Around(self._centre(condition), self.log_spread, len(self.space.shape))

    def push(self, u, condition=None):
        return self.space.shaped(self._centre(condition) + self.log_spread.exp() * u)


class Around:
    def __init__(self, centre, log_spread, axes):
        self.centre, self.log_spread, self.axes = centre, log_spread, axes

    def log_prob(self, z):
        u = (z.flatten(-self.axes) - self.centre) / self.log_spread.exp()
        return (-0.5 * u.square() - self.log_spread - 0.5 * math.log(2 * math.pi)).sum(-1)


class Blend(Prior):
    """A mixture of unit Gaussians."""

    def __init__(self, space, condition=0):
        super().__init__(space, condition)
        self.require(discrete=False)
        self.logits = nn.Parameter(torch.zeros(3))
        self.means = nn.Parameter(2 * torch.randn(3, space.size))

    def forward(self, condition=None):
        return Blended(self)

    def sample(self, n, temperature=1.0, condition=None):
        at = torch.multinomial(self.logits.softmax(0), n, replacement=True)
        return self.space.shaped(self.means[at] + temperature * torch.randn(n, self.space.size))


class Blended:
    def __init__(self, of):
        self.of = of

    def log_prob(self, z):
        apart = (z.flatten(-len(self.of.space.shape)).unsqueeze(-2) - self.of.means).square()
        each = (-0.5 * apart - 0.5 * math.log(2 * math.pi)).sum(-1)
        return (each + self.of.logits.log_softmax(0)).logsumexp(-1)


# -- samplers ---------------------------------------------------------------------------------------------------------


class Box(Noise):
    """Mean and spread of each number of z."""

    def __init__(self, space, condition=0):
        super().__init__(space, condition)
        self.require(discrete=False)
        self.centre = nn.Buffer(torch.zeros(space.size))
        self.spread = nn.Buffer(torch.ones(space.size))

    def fit(self, z, condition):
        flat = self.space.flat(z)
        self.centre.copy_(flat.mean(0))
        self.spread.copy_(flat.std(0))
        yield Fitting(1, 1)

    def push(self, u, condition=None):
        return self.space.shaped(self.centre + self.spread * u)


class Counts(Prior):
    """How often each code comes at each place."""

    def __init__(self, space, condition=0, *, more: Annotated[float, Gt(0), doc("added to counts")] = 1.0):
        super().__init__(space, condition)
        self.require(discrete=True)
        self.more = more
        self.logits = nn.Buffer(torch.zeros(space.size, space.codes))

    def fit(self, z, condition):
        counts = F.one_hot(self.space.flat(z), self.space.codes).sum(0) + self.more
        self.logits.copy_(counts.float().log())
        yield Fitting(1, 1)

    def forward(self, condition=None):
        return Counted(self)

    def sample(self, n, temperature=1.0, condition=None):
        if temperature == 0:
            return self.space.shaped(self.logits.argmax(1).expand(n, -1))
        shares = (self.logits / temperature).softmax(1)
        return self.space.shaped(torch.multinomial(shares, n, replacement=True).T)


class Counted:
    def __init__(self, of):
        self.of = of

    def log_prob(self, z):
        flat, log_p = z.flatten(-len(self.of.space.shape)), self.of.logits.log_softmax(1)
        return log_p.expand(*flat.shape, -1).gather(-1, flat[..., None])[..., 0].sum(-1)


# -- objective --------------------------------------------------------------------------------------------------------


class Critical(Objective):
    """The ELBO, and a critic of what is made."""

    players: ClassVar = {"vae": of_the_vae, "critic": lambda game: game.get_submodule("objective").parameters()}

    def __init__(self, weight: Annotated[float, Ge(0), doc("of the critic's opinion")] = 0.1):
        super().__init__()
        self.weight = weight

    def setup(self, vae):
        self.critic = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(vae.event), 8), nn.Tanh(), nn.Linear(8, 1))

    def losses(self, vae, batch, at):
        found = vae.infer(batch.input, batch.condition).sample()
        distortion = -found.p.log_prob(batch.target)
        made = found.p.mean
        fooled = F.softplus(-self.critic(made)[:, 0])
        value = (distortion + found.rate + self.weight * fooled).mean()
        yield Loss("vae", value, {"distortion": distortion, "rate": found.rate, "fooled": fooled})
        if "critic" in at.players:
            real, false = self.critic(batch.target)[:, 0], self.critic(made.detach())[:, 0]
            yield Loss("critic", (F.softplus(-real) + F.softplus(false)).mean(), {"real": real.sigmoid()})


# -- task, condition, network, optimiser ------------------------------------------------------------------------------


class Blur:
    """Noise is added."""

    def __init__(self, sigma: Annotated[float, Ge(0), doc("of the noise")] = 0.1):
        self.sigma = sigma

    def __call__(self, target):
        return target + self.sigma * torch.randn_like(target)


class Kind(Condition):
    """The class's number, and a 1 behind it."""

    size = 2

    def __init__(self, names=(), dropout: Annotated[float, Ge(0), doc("share from which it is hidden")] = 0.2):
        self.names, self.dropout = tuple(names), dropout

    @staticmethod
    def learned(options, train, domain):
        if train.labels is None:
            raise GenaeError("condition=kind needs labelled data")
        return {**options, "names": options["names"] or list(train.classes)}

    def tells(self, known):
        return known.labels is not None

    def __call__(self, known, target=None, train=False):
        if known.labels is None:
            raise GenaeError("these examples have no class")
        told = torch.stack([known.labels.float(), torch.ones(len(known.labels))], 1)
        return hide(told, self.dropout if train else 0.0)

    def named(self, text):
        if text not in self.names:
            raise GenaeError(f"no class '{text}'; known: {', '.join(self.names)}")
        return torch.tensor([[float(self.names.index(text)), 1.0]])


class Down(nn.Module):
    """x and the condition to q(z | x)."""

    def __init__(self, inputs, features, posterior, condition):
        super().__init__()
        self.first, self.beside = nn.Linear(inputs, 16), nn.Linear(condition, 16) if condition else None
        self.last, self.features, self.posterior = nn.Linear(16, math.prod(features)), features, posterior

    def forward(self, x, condition=None):
        h = self.first(x.flatten(1))
        if self.beside is not None:
            h = h + self.beside(condition)
        return self.posterior(self.last(F.silu(h)).view(len(x), *self.features))


class Up(nn.Module):
    """z and the condition to p(x | z)."""

    def __init__(self, inputs, features, likelihood, condition):
        super().__init__()
        self.first, self.beside = nn.Linear(inputs, 16), nn.Linear(condition, 16) if condition else None
        self.last, self.features, self.likelihood = nn.Linear(16, math.prod(features)), features, likelihood

    def forward(self, z, condition=None):
        h = self.first(z.flatten(1))
        if self.beside is not None:
            h = h + self.beside(condition)
        return self.likelihood(self.last(F.silu(h)).view(len(z), *self.features))


def both(event, space, posterior, likelihood, condition=0):
    encoder = Down(math.prod(event), posterior.features(space), posterior, condition)
    decoder = Up(math.prod(posterior.embedded(space)), likelihood.features(event), likelihood, condition)
    return Networks(encoder, decoder, space)


def plainly(parameters, lr: Annotated[float, Gt(0), doc("learning rate")] = 0.02):
    return [torch.optim.SGD([p for _, p in parameters], lr, momentum=0.9)]


def falling(step, steps, last: Annotated[float, Ge(0), doc("factor at the end")] = 0.1):
    return 1 + (last - 1) * step / steps
