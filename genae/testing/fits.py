"""Checks of how a sampler is fitted, and of how a posterior draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.hyperbolic import Hyperbolic
from genae.latent.posteriors import LOG_2PI, Density, Family
from genae.latent.priors import StandardNormal
from genae.latent.samplers import Fitted, Fitting, Prior, Sampler
from genae.latent.space import Geometry, Space
from genae.latent.sphere import UniformSphere
from genae.learn.device import seeded
from genae.recipe.parts import instance
from genae.testing.chance import of_torch_alone
from genae.testing.density import DRAWN, distinct, normalised
from genae.testing.expect import expect, finite, skip
from genae.testing.latents import FAMILIES, SOME, fresh, given_to, suited
from genae.testing.target import Target


def fitting(t: Target, kind: str, name: str) -> None:
    """`fit` says how far it is, until it is done, leaves its data alone, and follows torch's seed alone."""
    for one in suited(kind, name):
        space, (z, _) = one.space, given_to(one, one.space, 0)
        before = z.clone()
        of_torch_alone(partial(_fitted, name, space, z), "what it learns")
        expect(torch.equal(z, before), "fit changes the latents that it is given")


def _fitted(name: str, space: Space, z: Tensor) -> Tensor:
    """All that it has learned, in a row."""
    sampler = fresh("sampler", name, space)
    expect(isinstance(sampler, Fitted), "it has no method fit, so it can never be used: genae fit RUN " + name)
    assert isinstance(sampler, Fitted)
    told = list(sampler.fit(z, None))
    expect(bool(told) and all(isinstance(one, Fitting) for one in told), "fit must yield genae.latent.samplers.Fitting")
    expect(told[-1].done == told[-1].total, f"fit ends at {told[-1].done} of {told[-1].total}")
    kept = [value.detach().double().flatten() for value in sampler.state_dict().values()]
    expect(bool(kept), "it keeps nothing of what it was fitted on: what is learned belongs into nn.Buffer or nn.Parameter")
    finite(torch.cat(kept), "what it learns")
    return torch.cat(kept)


def likeness(t: Target, kind: str, name: str) -> None:
    """What a fitted sampler gives lies where the latents are that it was fitted on, and as far from each other."""
    for sampler in suited(kind, name):
        with torch.no_grad():
            made = sampler.space.flat(sampler.sample(SOME * 4)).double()
        real = sampler.space.flat(_latents(sampler)).double()
        apart = ((made.mean(0) - real.mean(0)) / real.std(0)).abs().max().item()
        wider = (made.std(0) / real.std(0)).log().abs().max().exp().item()
        line = f"samples over {sampler.space} are {apart:.2g} standard deviations away from the latents that it was fitted on"
        expect(apart < 1 and wider < 2, f"{line}, and their spread is off by a factor of {wider:.2g}")


@torch.no_grad()
def _latents(sampler: Sampler) -> Tensor:
    """Those that it was fitted on, or of what it was fitted on."""
    given, _ = given_to(sampler, sampler.space, 0)
    if not sampler.of_inputs:
        return given
    z: Tensor = FAMILIES[sampler.space.geometry]()(given).rsample()
    return z


def posterior_density(t: Target, kind: str, name: str) -> None:
    """z ~ q(z | x) are as probable as log_ratio says, and q is a density; draws of several are drawn each for itself."""
    space = Space((2,))
    try:
        family = instance(Family, "posterior", {"name": name})
        space = family.space(space)
    except GenaeError as error:
        skip(f"{error}")
    if family.kind != "density":
        skip("it has no density")
    torch.manual_seed(0)
    prior: Density = PRIORS[space.geometry](space)()
    with torch.no_grad():
        q = family.eval()(0.5 * torch.randn(1, *family.features(space)))

        def log_q(z: Tensor) -> Tensor:
            log_ratio: Tensor = q.log_ratio(prior, z)
            return (log_ratio + prior.log_prob(z)).flatten()

        drawn = q.rsample(DRAWN)
        expect(tuple(drawn.shape) == (DRAWN, 1, 2), f"rsample({DRAWN}) of one x has shape {tuple(drawn.shape)}")
        expect(distinct(drawn) > DRAWN // 2, "samples of one x are the same")
        if space.geometry == "sphere":
            _around(log_q)
        else:
            normalised(log_q, drawn, "q(z | x)")
        if space.geometry == "flat":
            exact = -0.5 * (drawn[:1].square() + LOG_2PI).sum(-1)
            expect(torch.allclose(prior.log_prob(drawn[:1]), exact, atol=1e-4), "it changes the prior that it is compared with")


def _around(log_q: Callable[[Tensor], Tensor]) -> None:
    """A density of the circle integrates to 1 around it."""
    angle = torch.arange(DRAWN) * (2 * math.pi / DRAWN)
    total = log_q(torch.stack([angle.cos(), angle.sin()], 1)[:, None]).double().exp().mean().item() * 2 * math.pi
    expect(abs(total - 1) < 1e-2, f"the density of z around the circle adds up to {total:.4g}, not 1")


def gradients_of_z(t: Target, kind: str, name: str) -> None:
    """The gradient of a drawn z is that of its features, under the same random numbers."""
    family = instance(Family, "posterior", {"name": name})
    space = family.space(Space((2,)))
    if family.kind == "codes":
        skip("codes have no gradient of their own")
    h, along = torch.randn(2, 64, *family.features(space)).double().unbind()

    def drawn(features: Tensor) -> Tensor:
        with seeded(0):
            z: Tensor = family.eval()(features).rsample()
        return z.double().sum()

    h.requires_grad_()
    (grad,) = torch.autograd.grad(drawn(h), h)
    with torch.no_grad():
        moved = (drawn(h + STEP * along) - drawn(h - STEP * along)).item() / (2 * STEP)
    told = (grad * along).sum().item()
    good = abs(told - moved) < 0.05 * (1 + abs(moved))
    expect(good, f"the gradient of z is {told:.3g} where z moves by {moved:.3g}; rsample must not detach, nor round")


PRIORS: Mapping[Geometry, Callable[[Space], Prior]] = {"flat": StandardNormal, "sphere": UniformSphere, "ball": Hyperbolic}
POSTERIOR = (posterior_density, gradients_of_z)
FIT = (fitting, likeness)
STEP = 1e-2  # of a finite difference
