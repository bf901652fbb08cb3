r"""The autoregressive decoder p(x | z) = Π_t p(x_t | x_<t, z): parallel over time to score, a loop over steps to sample."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genae.latent.inference import Kept
from genae.latent.space import Shape
from genae.model.objectives import Moment
from genae_music.cells import Cell
from genae_music.core import Core
from genae_music.stepping import Stepping
from genae_music.steps import Given, Head


class Decoder(nn.Module):
    """z to p(x | z); scheduled sampling (https://arxiv.org/abs/1506.03099) is parallel (https://arxiv.org/abs/1906.04331)."""

    def __init__(
        self, head: Head, event: Shape, conductor: nn.Module | None, cores: Sequence[Core], segments: int,
        sampling: str = "none", sampling_rate: float = 1000.0, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.head, self.event, self.conductor = head, event, conductor
        self.cores, self.own_cores, self.segments = nn.ModuleList(cores), [*cores], segments
        self.sampling, self.rate, self.dropout = sampling, sampling_rate, dropout

    def own(self, step: int) -> float:
        """The probability 1 − k / (k + e^(step / k)) with which its own sample is fed back at that step of a training."""
        k = self.rate
        return 1 - k / (k + math.exp(min(step / k, 500.0))) if self.sampling == "inverse-sigmoid" else 0.0

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Autoregressive:
        return Autoregressive(self, self.contexts(z, condition))

    def contexts(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """z (B, …) to what each segment is given (B, U, C)."""
        z = z.flatten(1)
        given = z if condition is None else torch.cat([z, condition.to(z.dtype)], 1)
        contexts: Tensor = given[:, None] if self.conductor is None else self.conductor(given)
        return contexts

    def steps(self) -> Stepping:
        """As `genae.model.portable.Stepped`."""
        return Stepping(self.head, self.event, self.own_cores, self.segments, self.contexts)

    def features(self, context: Tensor, steps: Tensor, dropout: float = 0.0) -> Tensor:
        """Contexts (B, U, C) and true steps (B, T, S), a share hidden, to features (B, T, F), each of the steps before it."""
        before = self.head.shown(steps)
        before = torch.cat([torch.zeros_like(before[:, :1]), before[:, :-1]], 1)
        if dropout:
            before = before * (torch.rand(before.shape[:2], device=before.device) >= dropout)[..., None]
        folded = before.reshape(-1, before.shape[1] // self.segments, before.shape[2])  # (B·U, T / U, inputs)
        each = [core(folded, context.flatten(0, 1)) for core in self.cores]
        return torch.cat(each, -1).reshape(*before.shape[:2], -1)

    def mixed(self, context: Tensor, steps: Tensor, own: float) -> Tensor:
        """True steps, each replaced with that probability by a sample of the decoder's own."""
        with torch.no_grad():
            drawn = self.head.sample(self.features(context, steps, self.dropout), 1.0).to(steps.dtype)
            mine = torch.rand(steps.shape[:2], device=steps.device) < own
        return torch.where(mine[..., None], drawn, steps)


class Autoregressive:
    """p(x | z) of a batch of contexts (B, U, C)."""

    def __init__(self, decoder: Decoder, context: Tensor) -> None:
        self.decoder, self.context = decoder, context

    @property
    def mean(self) -> Tensor:
        """The greedy sequences (B, *event): a sequence has no mean."""
        return self.sample(0.0)

    def log_prob(self, x: Tensor) -> Tensor:
        """x (B, *event) to (B,), nats."""
        steps = self.decoder.head.steps(x)
        return self.decoder.head.log_prob(self.decoder.features(self.context, steps), steps).sum(1)

    def surrogate(self, x: Tensor, at: Moment) -> Tensor | None:
        """What training maximises instead where it feeds back the decoder's own samples, or hides earlier steps."""
        decoder, own = self.decoder, self.decoder.own(at.step)
        if not (own or decoder.dropout):
            return None
        steps = decoder.head.steps(x)
        fed = decoder.mixed(self.context, steps, own) if own else steps
        return decoder.head.log_prob(decoder.features(self.context, fed, decoder.dropout), steps).sum(1)

    def predict(self, x: Tensor) -> Tensor:
        """The mode of every step given the true ones before it, (B, *event)."""
        head = self.decoder.head
        return head.events(head.sample(self.decoder.features(self.context, head.steps(x)), 0.0))

    @torch.no_grad()
    def sample(self, temperature: float = 1.0, noise: Tensor | None = None, given: Given | None = None) -> Tensor:
        """(B, *event), step by step; `noise` as the head's `noise` gives it, steps that are `given` (B, T, S) fed back."""
        head, context = self.decoder.head, self.context
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
        decoder, head, context = self.decoder, self.decoder.head, self.context
        device, per_segment = context.device.type, length // decoder.segments
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else context.dtype
        steps: list[Tensor] = []
        with torch.autocast(device, enabled=False):
            cells = [Cell(core, head, dtype) for core in decoder.cores]
            for t in range(length):
                place = t % per_segment
                for cell in cells if place == 0 else ():
                    cell.begin(context[:, t // per_segment].float())
                h = torch.cat([cell.step(steps[-1] if steps else None, place) for cell in cells], -1)
                own = None if given is None else given.at(t)
                steps.append(head.sample(h, temperature, None if noise is None else noise[:, t], own))
        return steps
