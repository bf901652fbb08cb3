r"""What a step of a sequence is: how it looks as input, and p(step | features) as the last layer of a decoder.

    Tokens   one categorical per stream: 90 classes of melody or bass, 512 labels of drums. The logit of a drum label is one of
             its own and those of the classes in it, l_k = v_k + Σ_c bit_c(k) u_c: rare combinations lean on their parts
    Nade     the roll of a step, p(x) = Π_i p(x_i | x_<i), logit_i = b_i + V_i · σ(c + Σ_{j<i} W_j x_j), with b and c given by
             the decoder (http://proceedings.mlr.press/v15/larochelle11a.html)

A head knows nothing of LSTMs: a decoder gives it features (B, T, F) and asks for log-probabilities, samples and modes.
Drums go in as the roll with one bit more for "nothing", as in https://arxiv.org/abs/1803.05428.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from annotated_types import Ge, MinLen, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.precision import full_precision
from genae.latent.space import Shape
from genae_music import drums, melody

DRUMS = len(drums.REDUCED)
COLDEST = 1e-6  # the temperature that stands for 0 where logits are divided by it
EDGE = 1e-7  # how near to 0 and 1 uniform numbers are whose logit is taken
Stream = Literal["melody", "drums"]


def logistic(uniform: Tensor) -> Tensor:
    """Numbers in [0, 1) to logistic noise: where it is below a logit, a Bernoulli of that logit is 1."""
    return uniform.clamp(EDGE, 1 - EDGE).logit()


class Given(NamedTuple):
    """Numbers of steps (…, S) that are not drawn, where they are `kept`, bool (…, S); elsewhere those of the input."""

    values: Tensor
    kept: Tensor

    def at(self, t: int) -> Given:
        """Of steps (B, T, S) the one at a place."""
        return Given(self.values[:, t], self.kept[:, t])

    def over(self, drawn: Tensor, part: slice = slice(None)) -> Tensor:
        """Instead of what was drawn of a part (…, S′)."""
        return torch.where(self.kept[..., part], self.values[..., part].to(drawn.dtype), drawn)


class Head(Protocol):
    """The likelihood of a step. Whole steps are (…, S), one number per stream or one bit per pitch."""

    inputs: int  # the width of a step as a decoder sees it
    widths: list[int]  # of the features, each from a core of its own where a decoder has several
    numbers: int  # random ones that a step is drawn with

    def length(self, event: Shape) -> int:
        """T of an event. GenaeError if it does not fit."""
        ...

    def steps(self, x: Tensor) -> Tensor:
        """Events (B, *event) to steps (B, T, S)."""
        ...

    def events(self, steps: Tensor) -> Tensor:
        """And back, float32."""
        ...

    def masked(self, kept: Tensor) -> Tensor:
        """What is kept of events, bool (B, *event), of their steps (B, T, S)."""
        ...

    def shown(self, steps: Tensor) -> Tensor:
        """Steps (…, S) as a decoder sees them, (…, inputs)."""
        ...

    def lookup(self, weight: Tensor) -> Callable[[Tensor], Tensor]:
        """`shown(steps) @ weight` as a function of steps (…, S), weight (inputs, F); rows are looked up where they can be."""
        ...

    def log_prob(self, h: Tensor, steps: Tensor) -> Tensor:
        """Features (B, T, F) and steps (B, T, S) to (B, T), nats, float32 in any autocast."""
        ...

    def noise(self, n: int, length: int, device: torch.device) -> Tensor:
        """All the random numbers of `length` steps of n examples, (n, length, …)."""
        ...

    def sample(self, h: Tensor, temperature: float, noise: Tensor | None = None, given: Given | None = None) -> Tensor:
        """Features (…, F) to steps (…, S), temperature 0 to the modes; `noise` (…) is one step's share of `noise`.

        What is `given` is not drawn, and what follows it in the step knows it.
        """
        ...

    def drawn(self, h: Tensor, temperature: Tensor, uniform: Tensor) -> Tensor:
        """As `sample`, where the temperature () is a tensor, and random numbers `uniform` (…, numbers) in (0, 1) are given."""
        ...


class Stepwise(nn.Module):
    """What likelihoods of a step have in common: they are of no use to a network that gives a whole event at once."""

    def features(self, event: Shape) -> Shape:
        raise GenaeError(
            f"likelihood {type(self).__name__.lower()} is for networks of sequences: "
            "set network=music-lstm or music-hierarchical, or another likelihood"
        )


def gumbel(*shape: int, device: torch.device) -> Tensor:
    """Standard Gumbel noise: argmax(logits + T · noise) is a sample at temperature T."""
    # twice a logarithm takes a quarter of the time of `exponential_`; u = 0 gives -inf, which is never chosen
    return torch.rand(shape, device=device).log_().neg_().log_().neg_()


def bits(labels: Tensor) -> Tensor:
    """Labels (…) to the roll of the reduced kit (…, 9), floats."""
    return (labels.long()[..., None] >> torch.arange(DRUMS, device=labels.device) & 1).float()


def labels(roll: Tensor) -> Tensor:
    """And back, floats: a sum and no product, which in bf16 would round 511 to 512."""
    return (roll * 2.0 ** torch.arange(DRUMS, device=roll.device)).sum(-1)


def with_nothing(roll: Tensor) -> Tensor:
    """A roll (…, K) with a bit more that says that it is empty."""
    return torch.cat([roll, 1 - roll.amax(-1, keepdim=True)], -1)


class Tokens(Stepwise):
    """A categorical per stream and step. An event is (T,) of one stream, or (S, T)."""

    def __init__(
        self,
        streams: Annotated[Sequence[Stream], MinLen(1), doc("what an event's streams are; a bass is a melody")] = ("melody",),
    ) -> None:
        super().__init__()
        self.streams = tuple(streams)
        self.shares = [melody.CLASSES if s == "melody" else DRUMS + 1 for s in streams]  # of the inputs
        self.inputs = sum(self.shares)
        self.classes = [melody.CLASSES if s == "melody" else drums.LABELS for s in streams]
        self.widths = [melody.CLASSES if s == "melody" else drums.LABELS + DRUMS for s in streams]
        self.numbers = sum(self.classes)
        self.kit = nn.Buffer(bits(torch.arange(drums.LABELS)).T.contiguous(), persistent=False)  # (9, 512)

    def length(self, event: Shape) -> int:
        have = 1 if len(event) == 1 else event[0] if len(event) == 2 else 0
        if have != len(self.streams) or (have == 1 and len(event) == 2):
            streams = f"{len(self.streams)} stream{'s' if len(self.streams) > 1 else ''}"
            raise GenaeError(f"likelihood tokens has {streams}, events {event} have {have or 'none'}; set likelihood.streams")
        return event[-1]

    def events(self, steps: Tensor) -> Tensor:
        return (steps[..., 0] if len(self.streams) == 1 else steps.mT).float()

    def steps(self, x: Tensor) -> Tensor:
        return (x[..., None] if len(self.streams) == 1 else x.mT).long()

    def masked(self, kept: Tensor) -> Tensor:
        return kept[..., None] if len(self.streams) == 1 else kept.mT

    def shown(self, steps: Tensor) -> Tensor:
        each = [
            F.one_hot(steps[..., i], melody.CLASSES).float() if s == "melody" else with_nothing(bits(steps[..., i]))
            for i, s in enumerate(self.streams)
        ]
        return torch.cat(each, -1)

    def lookup(self, weight: Tensor) -> Callable[[Tensor], Tensor]:
        tables = []  # (C, F) each
        for stream, share in zip(self.streams, torch.split(weight, self.shares), strict=True):
            tables.append(share if stream == "melody" else with_nothing(self.kit.T) @ share)

        def look(steps: Tensor) -> Tensor:
            total = F.embedding(steps[..., 0], tables[0])
            for i, table in enumerate(tables[1:], 1):
                total += F.embedding(steps[..., i], table)
            return total

        return look

    def logits(self, h: Tensor) -> list[Tensor]:
        """Features (…, F) to each stream's logits, float32."""
        return [
            part if s == "melody" else self._labels(part)
            for part, s in zip(torch.split(h.float(), self.widths, -1), self.streams, strict=True)
        ]

    def _labels(self, h: Tensor) -> Tensor:
        """(…, 512 + 9) to the logits of drum labels (…, 512)."""
        with full_precision(h.device):
            return h[..., : drums.LABELS] + h[..., drums.LABELS :] @ self.kit

    def log_prob(self, h: Tensor, steps: Tensor) -> Tensor:
        """Summed over the streams."""
        each = [
            -F.cross_entropy(logits.movedim(-1, 1), steps[..., i], reduction="none") for i, logits in enumerate(self.logits(h))
        ]
        return torch.stack(each).sum(0)

    def noise(self, n: int, length: int, device: torch.device) -> Tensor:
        """Gumbel, (n, length, ΣC)."""
        return gumbel(n, length, self.numbers, device=device)

    def sample(self, h: Tensor, temperature: float, noise: Tensor | None = None, given: Given | None = None) -> Tensor:
        each = self.logits(h)
        if temperature:
            drawn = gumbel(*h.shape[:-1], self.numbers, device=h.device) if noise is None else noise
            each = [one.add(g, alpha=temperature) for one, g in zip(each, torch.split(drawn, self.classes, -1), strict=True)]
        chosen = torch.stack([one.argmax(-1) for one in each], -1)
        return chosen if given is None else given.over(chosen)

    def drawn(self, h: Tensor, temperature: Tensor, uniform: Tensor) -> Tensor:
        noise = torch.split(-(-uniform.log()).log(), self.classes, -1)
        return torch.stack([(one + temperature * g).argmax(-1) for one, g in zip(self.logits(h), noise, strict=True)], -1)


class Nade(Stepwise):
    """NADE over the roll of a step. An event is (T,) labels of the reduced kit, or a roll (T, 61) of the full one."""

    def __init__(
        self,
        pitches: Annotated[Literal[9, 61], doc("of a step: the reduced kit's classes, or the full one's")] = 9,
        hidden: Annotated[int, Ge(1), doc("NADE's hidden units")] = 128,
    ) -> None:
        super().__init__()
        self.pitches, self.hidden = pitches, hidden
        self.inputs, self.widths, self.numbers = pitches + 1, [pitches + hidden], pitches
        self.into = nn.Parameter(torch.randn(pitches, hidden) / hidden**0.5)  # W
        self.out = nn.Parameter(torch.randn(pitches, hidden) / hidden**0.5)  # V

    def length(self, event: Shape) -> int:
        if len(event) not in (1, 2) or event[1:] != (() if self.pitches == DRUMS else (self.pitches,)):
            kind = "(T,)" if self.pitches == DRUMS else f"(T, {self.pitches})"
            raise GenaeError(f"likelihood nade of {self.pitches} pitches has events {kind}, not {event}; set its pitches")
        return event[0]

    def events(self, steps: Tensor) -> Tensor:
        return labels(steps) if self.pitches == DRUMS else steps

    def steps(self, x: Tensor) -> Tensor:
        return bits(x) if self.pitches == DRUMS else x

    def masked(self, kept: Tensor) -> Tensor:
        return kept[..., None].expand(*kept.shape, DRUMS) if self.pitches == DRUMS else kept

    def shown(self, steps: Tensor) -> Tensor:
        return with_nothing(steps)

    def lookup(self, weight: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda steps: with_nothing(steps).to(weight.dtype) @ weight

    def log_prob(self, h: Tensor, steps: Tensor) -> Tensor:
        """Exact."""
        logits = self._walk(h, lambda i, logit: steps[..., i])[0]
        return -F.binary_cross_entropy_with_logits(logits, steps, reduction="none").sum(-1)

    def noise(self, n: int, length: int, device: torch.device) -> Tensor:
        """Uniform, (n, length, K)."""
        return torch.rand(n, length, self.pitches, device=device)

    def sample(self, h: Tensor, temperature: float, noise: Tensor | None = None, given: Given | None = None) -> Tensor:
        """Pitch by pitch, each at that temperature; 0 takes the likelier value of each."""
        drawn = torch.rand(*h.shape[:-1], self.pitches, device=h.device) if temperature and noise is None else noise

        def choose(i: int, logit: Tensor) -> Tensor:
            hit = logit > 0 if drawn is None or not temperature else drawn[..., i] < (logit / temperature).sigmoid()
            return hit.float() if given is None else given.over(hit.float()[..., None], slice(i, i + 1))[..., 0]

        return self._walk(h, choose)[1]

    def drawn(self, h: Tensor, temperature: Tensor, uniform: Tensor) -> Tensor:
        cold = temperature.clamp(min=COLDEST)
        return self._walk(h, lambda i, logit: (uniform[..., i] < (logit / cold).sigmoid()).float())[1]

    def _walk(self, h: Tensor, choose: Callable[[int, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Features (…, F) to the logits and the values of all pitches (…, K), `choose` giving a value for each logit."""
        b, c = torch.split(h.float(), [self.pitches, self.hidden], -1)
        logits, values = [], []
        for i in range(self.pitches):
            logits.append(b[..., i] + (c.sigmoid() * self.out[i]).sum(-1))
            values.append(choose(i, logits[-1]))
            c = c + values[-1][..., None] * self.into[i]
        return torch.stack(logits, -1), torch.stack(values, -1)
