r"""p(step | features) of a groove: which drums are struck, and of those that are, how hard and how early.

    p(x) = Π_i Bernoulli(hit_i; π_i) · Π_{i: hit_i} f(velocity_i) f(offset_i)
    f(x) = Σ_m w_m logistic(x; μ_m, s_m) / [F_m(b) − F_m(a)]        on [a, b]: [0, 1] of velocities, [−1, 1] of offsets

The parameters of f know which drums are struck together: V · tanh(c + W · hits), c given by the decoder. No scale is below
e^−4, about a tick of a file of 480 a quarter, so that the density stays bounded where a drummer's numbers repeat. Samples are
drawn as the density says, not its mean: drummers vary, and the mean of many does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.precision import full_precision
from genae.latent.space import Shape
from genae_music.groove import KINDS, WIDTH
from genae_music.steps import COLDEST, EDGE, Given, Stepwise, logistic

VALUES = 2 * KINDS  # numbers of a step that only hits have
LOG_SCALE = (-4.0, 3.0)
FIRST_SCALE = -1.5  # log, where training begins
LEAST = 1e-30  # how near to 0 probabilities are whose logit is taken


class Truncated(NamedTuple):
    """Mixtures of logistics, each on its own interval, of numbers (…): parameters (…, M), ends that broadcast to (…, 1)."""

    logits: Tensor
    location: Tensor
    log_scale: Tensor
    low: Tensor
    high: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """x (…) to (…), nats."""
        u = (x[..., None] - self.location) * (-self.log_scale).exp()
        a, b = self._ends()
        # F(b) − F(a) = σ(b) σ(−a) (1 − e^(a − b)): exact, and stable in both tails
        mass = F.logsigmoid(b) + F.logsigmoid(-a) + torch.log(-torch.expm1(a - b))
        density = F.logsigmoid(u) + F.logsigmoid(-u) - self.log_scale - mass
        return (self.logits.log_softmax(-1) + density).logsumexp(-1)

    def drawn(self, temperature: Tensor, which: Tensor, uniform: Tensor) -> Tensor:
        """By uniform numbers (…) each for the part and for its value; the temperature () is that of both."""
        shares = (self.logits / temperature).softmax(-1).cumsum(-1)
        part = (which[..., None] >= shares).sum(-1, keepdim=True).clamp(max=shares.shape[-1] - 1)
        own = self.log_scale.gather(-1, part) + temperature.log()
        of = self._replace(location=self.location.gather(-1, part), log_scale=own)
        a, b = of._ends()
        turned = a + b > 0  # an interval above the location is turned below it, where F is exact in its tail
        low, high = torch.where(turned, -b, a).sigmoid(), torch.where(turned, -a, b).sigmoid()
        far = (low + uniform[..., None] * (high - low)).clamp(LEAST, 1 - EDGE).logit()
        return self._inside(of.location + of.log_scale.exp() * torch.where(turned, -far, far))[..., 0]

    def mean(self) -> Tensor:
        """Of the parts' locations, (…)."""
        mean = (self.logits.softmax(-1) * self._inside(self.location)).sum(-1, keepdim=True)
        return self._inside(mean)[..., 0]

    def _inside(self, x: Tensor) -> Tensor:
        """Numbers (…, M) no further than the ends."""
        return torch.minimum(torch.maximum(x, self.low), self.high)

    def _ends(self) -> tuple[Tensor, Tensor]:
        per_scale = (-self.log_scale).exp()
        return (self.low - self.location) * per_scale, (self.high - self.location) * per_scale


class Groove(Stepwise):
    """Bernoulli hits with their velocities and offsets. An event is (T, 27); at temperature 0 values are their mean."""

    def __init__(
        self,
        mixtures: Annotated[int, Ge(1), doc("logistics in the density of a velocity, and of an offset")] = 3,
        hidden: Annotated[int, Ge(1), doc("units between features and these densities")] = 128,
    ) -> None:
        super().__init__()
        self.mixtures, self.hidden = mixtures, hidden
        self.inputs, self.widths, self.numbers = WIDTH, [KINDS + hidden], KINDS + 2 * VALUES
        self.together = nn.Linear(KINDS, hidden, bias=False)
        self.values = nn.Linear(hidden, 3 * mixtures * VALUES)
        low = torch.tensor([0.0] * KINDS + [-1.0] * KINDS)[:, None]
        self.low, self.high = nn.Buffer(low, persistent=False), nn.Buffer(torch.ones(VALUES, 1), persistent=False)

    def length(self, event: Shape) -> int:
        if len(event) != 2 or event[1] != WIDTH:
            raise GenaeError(f"likelihood groove is of events (T, {WIDTH}), not {event}; set domain=groove")
        return event[0]

    def steps(self, x: Tensor) -> Tensor:
        return x

    def events(self, steps: Tensor) -> Tensor:
        return steps.float()

    def masked(self, kept: Tensor) -> Tensor:
        return kept

    def shown(self, steps: Tensor) -> Tensor:
        return steps.float()

    def lookup(self, weight: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda steps: steps.to(weight.dtype) @ weight

    def log_prob(self, h: Tensor, steps: Tensor) -> Tensor:
        h, steps = h.float(), steps.float()
        hit, values = torch.split(steps, [KINDS, VALUES], -1)
        struck = F.binary_cross_entropy_with_logits(h[..., :KINDS], hit, reduction="none").sum(-1)
        of = self._values(h, hit).log_prob(values)
        return (of * hit.repeat(*[1] * (hit.ndim - 1), 2)).sum(-1) - struck

    def noise(self, n: int, length: int, device: torch.device) -> Tensor:
        """Uniform, (n, length, numbers)."""
        return torch.rand(n, length, self.numbers, device=device)

    def sample(self, h: Tensor, temperature: float, noise: Tensor | None = None, given: Given | None = None) -> Tensor:
        drawn = torch.rand(*h.shape[:-1], self.numbers, device=h.device) if noise is None else noise
        return self.drawn(h, torch.tensor(temperature, device=h.device), drawn, given)

    def drawn(self, h: Tensor, temperature: Tensor, uniform: Tensor, given: Given | None = None) -> Tensor:
        h, cold = h.float(), temperature.clamp(min=COLDEST)
        of_hit, which, value = torch.split(uniform, [KINDS, VALUES, VALUES], -1)
        above = h[..., :KINDS] / cold - logistic(of_hit) * (temperature > 0)  # 0, where it is struck
        hit = (above > 0).float() if given is None else self._struck(above, given)
        of = self._values(h, hit)
        values = torch.where(temperature > 0, of.drawn(cold, which, value), of.mean())
        values = values * torch.cat([hit, hit], -1)
        return torch.cat([hit, values if given is None else given.over(values, slice(KINDS, None))], -1)

    def _struck(self, above: Tensor, given: Given) -> Tensor:
        """Hits (…, 9) of what is drawn: where there is a hit in what is given that is not kept, there is one of some drum."""
        hit, kept = given.over((above > 0).float(), slice(KINDS)), given.kept[..., :KINDS]
        asked = ((given.values[..., :KINDS] > 0.5) & ~kept).any(-1) & ~hit.any(-1)
        nearest = above.masked_fill(kept, -torch.inf).argmax(-1)
        return torch.where(asked[..., None], F.one_hot(nearest, KINDS).to(hit.dtype), hit)

    def _values(self, h: Tensor, hit: Tensor) -> Truncated:
        """Features (…, F) and hits (…, 9) to the densities of 9 velocities and 9 offsets."""
        with full_precision(h.device):
            made = self.values(torch.tanh(h[..., KINDS:] + self.together(hit)))
        logits, location, log_scale = made.unflatten(-1, (3, VALUES, self.mixtures)).unbind(-3)
        location = location + torch.linspace(-0.5, 0.5, self.mixtures + 2, device=h.device)[1:-1] + (self.low + self.high) / 2
        return Truncated(logits, location, (log_scale + FIRST_SCALE).clamp(*LOG_SCALE), self.low, self.high)
