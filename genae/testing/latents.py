"""Checks of priors, posteriors and samplers fitted after training, in small spaces: a vector, frames, codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import cast

import torch
from torch import Tensor

from genae.errors import GenaeError
from genae.latent.hyperbolic import WrappedNormalPosterior
from genae.latent.posteriors import LOG_2PI, Family, GaussianPosterior
from genae.latent.samplers import Fitted, Noise, Prior, Sampler
from genae.latent.space import Geometry, Space
from genae.latent.sphere import VonMisesFisherPosterior
from genae.recipe.options import offered
from genae.recipe.parts import instantiate, part
from genae.testing.chance import of_torch_alone, shaken
from genae.testing.density import DRAWN, distinct, normalised
from genae.testing.expect import expect, shaped, skip
from genae.testing.target import Target

SPACES = (
    Space((2,)), Space((1, 2), time=True), Space((3, 2), time=True), Space((2, 2), codes=3), Space((3,), geometry="sphere"),
    Space((2,), geometry="ball"),
)  # fmt: skip
FAMILIES: Mapping[Geometry, Callable[[], Family]] = {  # of posteriors, for what is made of some
    "flat": GaussianPosterior, "sphere": VonMisesFisherPosterior, "ball": WrappedNormalPosterior,
}  # fmt: skip
SMALL = 2  # numbers of z where densities are measured
SHAKE = 0.3
CONDITION = 3  # numbers
SOME, MANY = 200, 4000  # z
SAME = 0.03  # of the codes, by which samples must differ where temperatures do
LATENTS = 400  # that a sampler is fitted on
QUICK = {"steps": 60, "inputs": 50, "width": 64, "drift": 64}  # options of a sampler, where it has them: a small one


def made(kind: str, name: str, space: Space, condition: int = 0, shake: float = 0.0) -> Sampler:
    """A fresh one, the same at every call, with shaken weights, and fitted if it can be."""
    torch.manual_seed(0)
    sampler = fresh(kind, name, space, condition)
    shaken(sampler, shake)
    if kind == "sampler" and isinstance(sampler, Fitted):
        for _ in sampler.fit(*given_to(sampler, space, condition)):
            pass
    return sampler.eval()


def fresh(kind: str, name: str, space: Space, condition: int = 0) -> Sampler:
    """One that knows a model whose encoder gives back the features that it is given."""
    sampler = instantiate(kind, quick(kind, name), space=space, condition=condition)
    expect(isinstance(sampler, Sampler), f"it is {type(sampler).__name__}, no genae.latent.samplers.Sampler")
    assert isinstance(sampler, Sampler)
    family = FAMILIES[space.geometry]().eval()
    sampler.setup(family.features(space), lambda x, c=None: family(x), "density")
    return sampler


def given_to(sampler: Sampler, space: Space, condition: int) -> tuple[Tensor, Tensor | None]:
    """What it is fitted on: latents, or what the encoder is given of examples."""
    if not sampler.of_inputs:
        return latents(space, condition)
    return SHAKE * torch.randn(LATENTS, *FAMILIES[space.geometry]().features(space)), None


def quick(kind: str, name: str) -> dict[str, object]:
    """The part with few `steps` and `inputs`, if it has such options."""
    options = {option.name for option in offered(kind, part(kind, {"name": name}))}
    return {"name": name, **{key: few for key, few in QUICK.items() if key in options}}


def latents(space: Space, condition: int) -> tuple[Tensor, Tensor | None]:
    """z of which a sampler is fitted, and conditions that move them: correlated numbers around 5, or codes that prefer 0."""
    given = torch.randn(LATENTS, condition) if condition else None
    if space.codes:
        return (torch.rand(LATENTS, *space.shape).square() * space.codes).long(), given
    z = 5 + torch.randn(LATENTS, space.size) + torch.randn(LATENTS, 1)
    return space.shaped(z if given is None else z + given[:, :1]), given


def suited(kind: str, name: str, condition: int = 0, shake: float = 0.0) -> Iterator[Sampler]:
    """One in each of the spaces that it takes; of the others it says so in one line."""
    taken = 0
    for space in SPACES:
        try:
            sampler = made(kind, name, space, condition, shake)
        except GenaeError as error:
            expect("\n" not in str(error), f"what it says of a space that it does not take is no single line: {error}")
            continue
        taken += 1
        yield sampler
    if not taken and not condition:
        skip(f"it takes none of {', '.join(map(str, SPACES))}")


def spaces(t: Target, kind: str, name: str) -> None:
    """z of every space that it takes, vector, frames or codes, with and without a condition."""
    for condition in (0, CONDITION):
        for sampler in suited(kind, name, condition):
            expect(sampler.space in SPACES, f"its space is {sampler.space}, and it was given another")
            given = torch.randn(5, condition) if condition else None
            z = _drawn(sampler, 5, given)
            if isinstance(sampler, Prior):
                shaped(sampler(given).log_prob(z), (5,), f"log_prob over {sampler.space}")
                several = sampler(given).log_prob(z.expand(4, *z.shape))
                shaped(several, (4, 5), f"log_prob of (4, 5, …) over {sampler.space}")
                expect(torch.allclose(several[0], several[3], 1e-4, 1e-4), f"log_prob of equal z over {sampler.space} differs")


def _drawn(sampler: Sampler, n: int, condition: Tensor | None = None, temperature: float = 1.0) -> Tensor:
    with torch.no_grad():
        z = sampler.sample(n, temperature, condition)
    shaped(z, (n, *sampler.space.shape), f"samples over {sampler.space}")
    return sampler.space.check(z)


def density(t: Target, kind: str, name: str) -> None:
    """log_prob is a density, and that of what it samples; of codes, probabilities of all of them add up to one."""
    looked = 0
    for condition in (0, CONDITION):
        given = torch.randn(1, condition) if condition else None
        for sampler in suited(kind, name, condition, SHAKE):
            if isinstance(sampler, Prior):
                looked += 1
                _summed(sampler, given) if sampler.space.codes else _measured(sampler, given)
    if not looked:
        skip("it has no density")


@torch.no_grad()
def _measured(prior: Prior, given: Tensor | None) -> None:
    if prior.space.size > SMALL:
        return
    many = None if given is None else given.expand(DRAWN, -1)
    normalised(prior(given).log_prob, _drawn(prior, DRAWN, many), f"z over {prior.space}")


@torch.no_grad()
def _summed(prior: Prior, given: Tensor | None) -> None:
    every = torch.tensor(list(product(range(prior.space.codes), repeat=prior.space.size)))
    log_p = prior(None if given is None else given.expand(len(every), -1)).log_prob(prior.space.shaped(every)).double()
    total = log_p.exp().sum().item()
    expect(abs(total - 1) < 1e-3, f"the probabilities of all codes over {prior.space} add up to {total:.4g}, not 1")
    drawn = prior.space.flat(_drawn(prior, DRAWN, None if given is None else given.expand(DRAWN, -1)))
    place = (drawn * prior.space.codes ** torch.arange(prior.space.size).flip(0)).sum(1)
    share = torch.bincount(place, minlength=len(every)) / DRAWN
    apart = ((share - log_p.exp()).square() / log_p.exp().clamp(min=1e-9)).sum().item() * DRAWN / len(every)
    expect(apart < 2.0, f"samples over {prior.space} come not as often as log_prob says (χ² {apart:.3g} a code, not 1)")


def push(t: Target, kind: str, name: str) -> None:
    """log p(push(u)) + log |det ∂push/∂u| = log N(u; 0, I), by autograd; samples are pushed noise."""
    looked = 0
    for condition in (0, CONDITION):
        given = torch.randn(1, condition) if condition else None
        for sampler in suited(kind, name, condition, SHAKE):
            if isinstance(sampler, Noise):
                looked += 1
                u = torch.randn(SOME, sampler.space.size)
                many = None if given is None else given.expand(SOME, -1)
                shaped(sampler.push(u, many).detach(), (SOME, *sampler.space.shape), f"push over {sampler.space}")
                if isinstance(sampler, Prior) and sampler.space.size <= SMALL:
                    _carried(sampler, sampler, u, given)
    if not looked:
        skip("it carries no noise to z")


def _carried(prior: Prior, noise: Noise, u: Tensor, given: Tensor | None) -> None:
    def flat(one: Tensor) -> Tensor:
        return noise.push(one[None], given).flatten()

    for one in u[:20]:
        jacobian = cast(Tensor, torch.autograd.functional.jacobian(flat, one))  # type: ignore[no-untyped-call]
        with torch.no_grad():
            carried = prior(given).log_prob(noise.push(one[None], given)).sum() + jacobian.slogdet()[1]
        wanted = -0.5 * (one.square() + LOG_2PI).sum()
        line = "log_prob and push are of two densities: log p(push(u)) + log|det ∂push/∂u| is {:.4g}, log N(u) {:.4g}"
        expect(abs((carried - wanted).item()) < 1e-2 * (1 + wanted.abs().item()), line.format(carried.item(), wanted.item()))


def temperature(t: Target, kind: str, name: str) -> None:
    """z at 0 are few, of pushed noise one alone; spread grows with temperature."""
    for sampler in suited(kind, name, 0, SHAKE):
        z = [sampler.space.flat(_drawn(sampler, MANY, None, at)) for at in (0.0, 0.5, 1.5)]
        if _flat(sampler):
            continue
        different = [distinct(one) for one in z]
        most = 1 if isinstance(sampler, Noise) else SOME // 4
        line = f"at temperature 0 {MANY} samples over {sampler.space} have {different[0]} values"
        expect(different[0] <= most, f"{line}; it gives the most typical z alone")
        if sampler.space.codes:
            cold, warm = ((one == z[0]).double().mean().item() for one in z[1:])
            line = f"codes over {sampler.space} are those of temperature 0 in {cold:.3g} at .5, and in {warm:.3g} at 1.5"
            expect(cold > warm + SAME, f"{line}; the higher, the fewer")
            continue
        spread = [one.std(0).norm().item() for one in z]
        grows = spread[0] < spread[1] < spread[2]
        expect(grows, f"the spread of z at temperatures 0, .5 and 1.5 is {', '.join(f'{x:.3g}' for x in spread)}; it must grow")


def _flat(sampler: Sampler) -> bool:
    """Whether every z is as likely as any other, so that no temperature can act."""
    if not isinstance(sampler, Prior):
        return False
    with torch.no_grad():
        log_p = sampler().log_prob(sampler.sample(SOME))
    return bool(torch.allclose(log_p, log_p[:1].expand_as(log_p)))


def draws(t: Target, kind: str, name: str) -> None:
    """Samples differ from each other, and follow torch's seed alone."""
    for sampler in suited(kind, name):
        z = of_torch_alone(partial(_drawn, sampler, SOME), "samples")
        expect(distinct(z) > 1, "all samples at temperature 1 are the same")


def gradients(t: Target, kind: str, name: str) -> None:
    """log_prob reaches every parameter."""
    for sampler in suited(kind, name, 0, SHAKE):
        if isinstance(sampler, Prior) and any(p.requires_grad for p in sampler.parameters()):
            z = _drawn(sampler, SOME)
            torch.autograd.backward(sampler().log_prob(z).mean())
            learned = [(key, p) for key, p in sampler.named_parameters() if p.requires_grad and p.numel()]
            none = [key for key, p in learned if p.grad is None or not p.grad.any()]
            expect(not none, f"no gradient of log_prob reaches {', '.join(none[:4])}")


def weights_are_all(t: Target, kind: str, name: str) -> None:
    """Another one that is given its weights samples the same."""
    for sampler in suited(kind, name, 0, SHAKE):
        torch.manual_seed(1)
        _equal(sampler, fresh(kind, name, sampler.space))


def _equal(sampler: Sampler, other: Sampler) -> None:
    other.load_state_dict(sampler.state_dict())
    seen = []
    for one in (sampler, other.eval()):
        torch.manual_seed(2)
        seen.append(_drawn(one, 8))
    expect(torch.equal(seen[0], seen[1]), "one that was given its weights samples other z; keep what is learned or drawn in "
           "nn.Parameter or nn.Buffer")  # fmt: skip


CHECKS = (spaces, density, push, temperature, draws, gradients, weights_are_all)
