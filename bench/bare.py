"""The steps that bench/step_time.py compares with: a loop by hand for each objective, 784-400-z40 on binarised numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN, LATENT, BATCH, EXAMPLES = 400, 40, 100, 60_000
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
Losses = Iterator[tuple[int, Tensor]]  # which optimiser's, and the loss


class Net:
    """Encoder, decoder and, where there is one, a critic."""

    def __init__(self, critic: nn.Module | None = None, apart: bool = False) -> None:
        """`apart`: encoder and decoder have an optimiser each."""
        self.encoder = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784))
        self.critic = critic or nn.Identity()
        whole = [[*self.encoder.parameters(), *self.decoder.parameters()], [*self.critic.parameters()]]
        split = [[*self.decoder.parameters()], [*self.encoder.parameters()]]
        shares = [share for share in (split if apart else whole) if share]
        self.optimisers = [torch.optim.Adam(share, lr=1e-3, fused=True) for share in shares]

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_sigma = self.encoder(x).float().chunk(2, 1)
        return mean, log_sigma

    def distortion(self, z: Tensor, x: Tensor) -> Tensor:
        logits = self.decoder(z).float()
        return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)

    def drawn(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_sigma = self.encode(x)
        return mean, log_sigma, mean + log_sigma.exp() * torch.randn_like(mean)


def rate_of(mean: Tensor, log_sigma: Tensor) -> Tensor:
    return (0.5 * (mean.square() + (2 * log_sigma).exp() - 1) - log_sigma).sum(1)


def elbo(net: Net, x: Tensor) -> Losses:
    mean, log_sigma, z = net.drawn(x)
    yield 0, (net.distortion(z, x) + rate_of(mean, log_sigma)).mean()


def log_weights(net: Net, x: Tensor, samples: int) -> Tensor:
    mean, log_sigma = net.encode(x)
    noise = torch.randn(samples, *mean.shape)
    z = mean + log_sigma.exp() * noise
    ratio = (0.5 * (z.square() - noise.square()) - log_sigma).sum(-1)
    many = x.expand(samples, *x.shape).reshape(-1, 784)
    return -net.distortion(z.flatten(0, 1), many).view(samples, -1) - ratio


def iwae(net: Net, x: Tensor) -> Losses:
    yield 0, -(log_weights(net, x, 5).logsumexp(0) - math.log(5)).mean()


def miwae(net: Net, x: Tensor) -> Losses:
    yield 0, -(log_weights(net, x, 25).view(5, 5, -1).logsumexp(1) - math.log(5)).mean()


def ciwae(net: Net, x: Tensor) -> Losses:
    weights = log_weights(net, x, 5)
    yield 0, -(0.5 * weights.mean(0) + 0.5 * (weights.logsumexp(0) - math.log(5))).mean()


def piwae(net: Net, x: Tensor) -> Losses:
    yield 0, -(log_weights(net, x, 25).logsumexp(0) - math.log(25)).mean()
    yield 1, -(log_weights(net, x, 25).view(5, 5, -1).logsumexp(1) - math.log(5)).mean()


def mmd(z: Tensor) -> Tensor:
    both, n, c = torch.cat([z, torch.randn_like(z)]), len(z), 2.0 * LATENT
    squares = both.square().sum(1)
    d2 = (squares[:, None] + squares - 2 * both @ both.T).clamp(min=0)
    k = torch.stack([s * c / (s * c + d2) for s in SCALES]).sum(0)
    return (k[:n, :n].sum() + k[n:, n:].sum() - k.trace()) / (n * (n - 1)) - 2 * k[:n, n:].mean()


def wae(net: Net, x: Tensor) -> Losses:
    z = net.drawn(x)[2]
    yield 0, net.distortion(z, x).mean() + 200 * mmd(z)


def info_vae(net: Net, x: Tensor) -> Losses:
    mean, log_sigma, z = net.drawn(x)
    yield 0, (net.distortion(z, x) + rate_of(mean, log_sigma)).mean() + 999 * mmd(z)


def beta_tc(net: Net, x: Tensor) -> Losses:
    mean, log_sigma, z = net.drawn(x)
    m = len(x) - 1
    w = torch.full((len(x), len(x)), 1 / m)
    w.fill_diagonal_(1 / EXAMPLES)
    w[torch.arange(len(x)), (torch.arange(len(x)) + 1) % len(x)] = (EXAMPLES - m) / (EXAMPLES * m)
    half = 0.5 * math.log(2 * math.pi)
    each = -0.5 * ((z[:, None] - mean) * (-log_sigma).exp()).square() - log_sigma - half
    joint, alone = (w.log() + each.sum(2)).logsumexp(1), (w.log()[:, :, None] + each).logsumexp(1).sum(1)
    own, prior = each.diagonal().sum(0), (-0.5 * z.square() - half).sum(1)
    yield 0, (net.distortion(z, x) + (own - joint) + 6 * (joint - alone) + (alone - prior)).mean()


def apart(first: Tensor, second: Tensor) -> Tensor:
    return 0.5 * (F.softplus(-first).mean() + F.softplus(second).mean())


def factor_vae(net: Net, x: Tensor) -> Losses:
    mean, log_sigma, z = net.drawn(x)
    yield 0, (net.distortion(z, x) + rate_of(mean, log_sigma) + 6 * net.critic(z).float()[:, 0]).mean()
    z = z.detach()
    yield 1, apart(net.critic(z).float(), net.critic(z.gather(0, torch.rand_like(z).argsort(0))).float())


def adversarial(net: Net, x: Tensor) -> Losses:
    z = net.drawn(x)[2]
    yield 0, (net.distortion(z, x) + 10 * F.softplus(-net.critic(z).float()[:, 0])).mean()
    yield 1, apart(net.critic(torch.randn_like(z)).float(), net.critic(z.detach()).float())


def vae_gan(net: Net, x: Tensor) -> Losses:
    def features(pictures: Tensor) -> list[Tensor]:
        found = [pictures.view(-1, 1, 28, 28)]
        for layer in net.critic:
            found.append(layer(found[-1]))
        return [h.float() for h in found[1:]]

    mean, log_sigma, z = net.drawn(x)
    logits = net.decoder(z).float()
    distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
    made, (*seen, verdict) = logits.sigmoid(), features(logits.sigmoid())
    with torch.no_grad():
        wanted = features(x)
    matching = sum(0.5 * (a - b).square().flatten(1).mean(1) for a, b in zip(wanted, seen, strict=False))
    yield 0, (distortion + rate_of(mean, log_sigma) + 784 * matching + 10 * F.softplus(-verdict[:, 0])).mean()
    with torch.no_grad():
        new = net.decoder(torch.randn_like(z)).float().sigmoid()
    half = len(x) // 2
    yield 1, apart(features(x)[-1], features(torch.cat([made.detach()[:half], new[half:]]))[-1])


def consistency(net: Net, x: Tensor) -> Losses:
    mean, log_sigma, z = net.drawn(x)
    other, log_other = net.encode(x + 0.1 * torch.randn_like(x))
    shift = (other - mean) * (-log_sigma).exp()
    kl = (0.5 * (shift.square() + (2 * (log_other - log_sigma)).exp() - 1) - (log_other - log_sigma)).sum(1)
    yield 0, (net.distortion(z, x) + rate_of(mean, log_sigma) + 0.1 * kl).mean()


def autoencoder(net: Net, x: Tensor) -> Losses:
    yield 0, net.distortion(net.encode(x)[0], x).mean()


def contractive(net: Net, x: Tensor) -> Losses:
    x = x.requires_grad_()
    z = net.encode(x)[0]
    v = torch.empty_like(z).bernoulli_(0.5) * 2 - 1
    (slope,) = torch.autograd.grad(z, x, v, create_graph=True)
    yield 0, (net.distortion(z, x.detach()) + 0.1 * slope.square().sum(1)).mean()


def rae(net: Net, x: Tensor) -> Losses:
    z = net.encode(x)[0]
    weights = torch.stack([p.square().sum() for p in net.decoder.parameters() if p.ndim > 1]).sum()
    yield 0, (net.distortion(z, x) + 0.05 * z.square().sum(1)).mean() + 1e-3 * weights


def of_codes() -> nn.Module:
    """A critic of z."""
    return nn.Sequential(
        nn.Linear(LATENT, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
    )  # fmt: skip


def of_events() -> nn.Module:
    """A critic of 28 by 28 numbers."""
    layers = [
        nn.Sequential(nn.Conv2d(a, b, 4, stride=2, padding=1), nn.LeakyReLU(0.2)) for a, b in ((1, 32), (32, 64), (64, 128))
    ]
    return nn.Sequential(*layers, nn.Sequential(nn.Flatten(), nn.Linear(128 * 9, 1)))


STEPS: Mapping[str, tuple[Callable[[Net, Tensor], Losses], Callable[[], Net]]] = {
    "elbo": (elbo, Net), "iwae": (iwae, Net), "miwae": (miwae, Net), "ciwae": (ciwae, Net),
    "piwae": (piwae, lambda: Net(apart=True)), "wae": (wae, Net), "info-vae": (info_vae, Net), "beta-tc": (beta_tc, Net),
    "factor-vae": (factor_vae, lambda: Net(of_codes())), "adversarial": (adversarial, lambda: Net(of_codes())),
    "vae-gan": (vae_gan, lambda: Net(of_events())), "consistency": (consistency, Net), "autoencoder": (autoencoder, Net),
    "contractive": (contractive, Net), "rae": (rae, Net),
}  # fmt: skip


def loop(objective: str, x: Tensor, low: bool) -> Iterator[None]:
    """Training steps on x (N, 1, 28, 28) uint8, in bf16 if `low`."""
    losses, made = STEPS[objective]
    net = made()
    while True:
        for rows in torch.randperm(len(x))[: len(x) // BATCH * BATCH].view(-1, BATCH):
            found = losses(net, torch.bernoulli(x[rows].float() / 255).flatten(1))
            while True:
                with torch.autocast("cpu", torch.bfloat16, enabled=low):
                    which, loss = next(found, (0, None))
                if loss is None:
                    break
                learner = net.optimisers[which]
                learner.zero_grad()
                own = [p for group in learner.param_groups for p in group["params"]]
                loss.backward(inputs=None if len(net.optimisers) == 1 else own)
                learner.step()
            yield
