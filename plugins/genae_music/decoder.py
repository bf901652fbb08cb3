r"""The autoregressive decoder p(x | z) = Π_t p(x_t | x_<t, z): parallel over time to score, a loop over steps to sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from genae.latent.inference import Kept
from genae.latent.precision import full_precision, products
from genae.latent.space import Shape
from genae.model.form import Form, Part
from genae.model.objectives import Moment
from genae_music.cells import Cell
from genae_music.core import Core
from genae_music.stepping import Stepping
from genae_music.steps import Given, Head

NOTHING = Form([Part(0)])


class Contexts(NamedTuple):
    """What the steps of a batch are drawn given, beside those before."""

    context: Tensor  # (B, U, C), of each segment
    along: Tensor  # (B, T, K), of each step


class Decoder(nn.Module):
    """z to p(x | z); scheduled sampling (https://arxiv.org/abs/1506.03099) is parallel (https://arxiv.org/abs/1906.04331)."""

    def __init__(
        self, head: Head, event: Shape, conductor: nn.Module | None, cores: Sequence[Core], segments: int,
        sampling: str = "none", sampling_rate: float = 1000.0, dropout: float = 0.0, form: Form = NOTHING,
    ) -> None:  # fmt: skip
        """`form` of the condition."""
        super().__init__()
        self.form = form
        self.head, self.event, self.conductor = head, event, conductor
        self.cores, self.own_cores, self.segments = nn.ModuleList(cores), [*cores], segments
        self.sampling, self.rate, self.dropout = sampling, sampling_rate, dropout

    def own(self, step: int) -> float:
        """The probability 1 − k / (k + e^(step / k)) with which its own sample is fed back at that step of a training."""
        k = self.rate
        return 1 - k / (k + math.exp(min(step / k, 500.0))) if self.sampling == "inverse-sigmoid" else 0.0

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Autoregressive:
        return Autoregressive(self, self.given(z, condition))

    def given(self, z: Tensor, condition: Tensor | None = None) -> Contexts:
        """z (B, …) and condition (B, C) to what segments and steps are given."""
        z = z.flatten(1)
        whole, along = self.form.split(z.new_zeros(z.shape[0], self.form.size) if condition is None else condition.to(z.dtype))
        first = torch.cat([z, whole], 1)
        contexts: Tensor = first[:, None] if self.conductor is None else self.conductor(first)
        return Contexts(contexts, stretched(along, self.head.length(self.event)))

    def steps(self) -> Stepping:
        """As `genae.model.portable.Stepped`."""
        return Stepping(self.head, self.event, self.own_cores, self.segments, self.given)

    def features(self, given: Contexts, steps: Tensor, dropout: float = 0.0) -> Tensor:
        """True steps (B, T, S), a share hidden, to features (B, T, F), each of the steps before it."""
        before = self.head.shown(steps)
        before = torch.cat([torch.zeros_like(before[:, :1]), before[:, :-1]], 1)
        if dropout:
            before = before * (torch.rand(before.shape[:2], device=before.device) >= dropout)[..., None]
        segment = before.shape[0] * self.segments, before.shape[1] // self.segments
        folded, along = (x.reshape(*segment, x.shape[2]) for x in (before, given.along))  # (B·U, T / U, …)
        each = [core(folded, given.context.flatten(0, 1), along) for core in self.cores]
        return torch.cat(each, -1).reshape(*before.shape[:2], -1)

    def mixed(self, given: Contexts, steps: Tensor, own: float) -> Tensor:
        """True steps, each replaced with that probability by a sample of the decoder's own."""
        with torch.no_grad():
            drawn = self.head.sample(self.features(given, steps, self.dropout), 1.0).to(steps.dtype)
            mine = torch.rand(steps.shape[:2], device=steps.device) < own
        return torch.where(mine[..., None], drawn, steps)


def stretched(along: Tensor, length: int) -> Tensor:
    """What is said of steps (B, T, K), as of so many; of none, nothing."""
    if not along.shape[1]:
        return along.new_zeros(along.shape[0], length, 0)
    return along.repeat_interleave(length // along.shape[1], 1)


class Autoregressive:
    """p(x | z) of a batch of what is given."""

    def __init__(self, decoder: Decoder, given: Contexts) -> None:
        self.decoder, self.given = decoder, given

    @property
    def mean(self) -> Tensor:
        """The greedy sequences (B, *event): a sequence has no mean."""
        return self.sample(0.0)

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, *event) to (B,), nats."""
        steps = self.decoder.head.steps(x)
        return self.decoder.head.log_prob(self.decoder.features(self.given, steps), steps).sum(1)

    def surrogate(self, x: Tensor, at: Moment) -> Tensor | None:
        """What training maximises instead where it feeds back the decoder's own samples, or hides earlier steps."""
        decoder, own = self.decoder, self.decoder.own(at.step)
        if not (own or decoder.dropout):
            return None
        steps = decoder.head.steps(x)
        fed = decoder.mixed(self.given, steps, own) if own else steps
        return decoder.head.log_prob(decoder.features(self.given, fed, decoder.dropout), steps).sum(1)

    def predict(self, x: Tensor) -> Tensor:
        """The mode of every step given the true ones before it, (B, *event)."""
        head = self.decoder.head
        return head.events(head.sample(self.decoder.features(self.given, head.steps(x)), 0.0))

    @torch.no_grad()
    def sample(self, temperature: float = 1.0, noise: Tensor | None = None, given: Given | None = None) -> Tensor:
        """(B, *event), step by step; `noise` as the head's `noise` gives it, steps that are `given` (B, T, S) fed back."""
        head, context = self.decoder.head, self.given.context
        length = head.length(self.decoder.event)
        if temperature and noise is None:
            noise = head.noise(len(context), length, context.device)
        steps = self._loop(length, temperature, noise if temperature else None, given)
        return head.events(torch.stack(steps, 1))

    def completed(self, kept: Kept, temperature: float = 1.0) -> Tensor:
        """As `genae.latent.inference.Completing`: steps know what is kept of those before them."""
        head = self.decoder.head
        return self.sample(temperature, given=Given(head.steps(kept.values), head.masked(kept.mask)))

    @torch.inference_mode()
    def _loop(self, length: int, temperature: float, noise: Tensor | None, given: Given | None) -> list[Tensor]:
        """The steps (B, S), in the precision of the autocast around it."""
        decoder, head, (context, along) = self.decoder, self.decoder.head, self.given
        dtype, per_segment = products(context), length // decoder.segments
        steps: list[Tensor] = []
        with full_precision(context.device):
            cells = [Cell(core, head, dtype) for core in decoder.cores]
            for t in range(length):
                place = t % per_segment
                for cell in cells if place == 0 else ():
                    cell.begin(context[:, t // per_segment].float(), along[:, t : t + per_segment])
                h = torch.cat([cell.step(steps[-1] if steps else None, place) for cell in cells], -1)
                own = None if given is None else given.at(t)
                steps.append(head.sample(h, temperature, None if noise is None else noise[:, t], own))
        return steps
