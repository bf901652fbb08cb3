r"""What a step of a sequence is: how it looks as input, and p(step | features) as the last layer of a decoder.

    Tokens   one categorical per stream: 90 classes of melody or bass, 512 labels of drums. The logit of a drum label is one of
             its own and those of the classes in it, l_k = v_k + Σ_c bit_c(k) u_c: rare combinations lean on their parts
    Nade     the roll of a step, p(x) = Π_i p(x_i | x_<i), logit_i = b_i + V_i · σ(c + Σ_{j<i} W_j x_j), with b and c given by
             the decoder (http://proceedings.mlr.press/v15/larochelle11a.html)

A head knows nothing of LSTMs: a decoder gives it features (B, T, F) and asks for log-probabilities, samples and modes.
Drums go in as the roll with one bit more for "nothing", as in https://arxiv.org/abs/1803.05428.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genae.domain import Shape
from genae.errors import GenaeError
from genae_music import drums, melody

DRUMS = len(drums.REDUCED)
ROLLS = {DRUMS: "reduced", len(drums.FULL): "full"}
Stream = Literal["melody", "drums"]


def gumbel(like: Tensor) -> Tensor:
    """Standard Gumbel noise: argmax(logits / T + noise) is a sample at temperature T."""
    return -torch.empty_like(like, dtype=torch.float32).exponential_().log()


def bits(labels: Tensor) -> Tensor:
    """Labels (…) to the roll of the reduced kit (…, 9), floats."""
    return (labels.long()[..., None] >> torch.arange(DRUMS, device=labels.device) & 1).float()


def with_nothing(roll: Tensor) -> Tensor:
    """A roll (…, K) with a bit more that says that it is empty."""
    return torch.cat([roll, 1 - roll.amax(-1, keepdim=True)], -1)


class Tokens(nn.Module):
    """A categorical per stream and step. An event is (T,) of one stream, or (S, T)."""

    def __init__(self, streams: Sequence[Stream] = ("melody",)) -> None:
        super().__init__()
        if not streams or any(s not in ("melody", "drums") for s in streams):
            raise GenaeError(f"likelihood.streams must be of melody and drums, not {list(streams)}")
        self.streams = tuple(streams)
        self.inputs = sum(melody.CLASSES if s == "melody" else DRUMS + 1 for s in streams)
        self.classes = [melody.CLASSES if s == "melody" else drums.LABELS for s in streams]
        self.widths = [melody.CLASSES if s == "melody" else drums.LABELS + DRUMS for s in streams]
        self.kit = nn.Buffer(bits(torch.arange(drums.LABELS)).T.contiguous(), persistent=False)  # (9, 512)

    def length(self, event: Shape) -> int:
        """T of an event. GenaeError if it is not one of these streams."""
        if (
            (len(event) == 1) != (len(self.streams) == 1)
            or (len(event) == 2 and event[0] != len(self.streams))
            or len(event) > 2
        ):
            raise GenaeError(
                f"likelihood tokens has {len(self.streams)} streams, which events {event} do not; set likelihood.streams"
            )
        return event[-1]

    def events(self, x: Tensor) -> Tensor:
        """Steps (B, T, S) to events."""
        return x[..., 0] if len(self.streams) == 1 else x.mT

    def steps(self, x: Tensor) -> Tensor:
        """Events to steps (B, T, S), whole numbers."""
        return (x[..., None] if len(self.streams) == 1 else x.mT).long()

    def shown(self, steps: Tensor) -> Tensor:
        """Steps (…, S) as a decoder sees them, (…, inputs)."""
        each = [
            F.one_hot(steps[..., i], melody.CLASSES).float() if s == "melody" else with_nothing(bits(steps[..., i]))
            for i, s in enumerate(self.streams)
        ]
        return torch.cat(each, -1)

    def project(self, steps: Tensor, weight: Tensor) -> Tensor:
        """`shown(steps) @ weight` for weight (inputs, F), rows looked up instead of multiplied."""
        total, at = weight.new_zeros(()), 0
        for i, s in enumerate(self.streams):
            width = melody.CLASSES if s == "melody" else DRUMS + 1
            rows = weight[at : at + width]
            one = rows[steps[..., i]] if s == "melody" else with_nothing(bits(steps[..., i])).to(weight.dtype) @ rows
            total, at = total + one, at + width
        return total

    def logits(self, h: Tensor) -> list[Tensor]:
        """Features (…, F) to each stream's logits, float32."""
        each = torch.split(h.float(), self.widths, -1)
        return [
            part if s == "melody" else part[..., : drums.LABELS] + part[..., drums.LABELS :] @ self.kit
            for part, s in zip(each, self.streams, strict=True)
        ]

    def log_prob(self, h: Tensor, steps: Tensor) -> Tensor:
        """(B, T), nats, summed over the streams."""
        each = [
            -F.cross_entropy(logits.movedim(-1, 1), steps[..., i], reduction="none") for i, logits in enumerate(self.logits(h))
        ]
        return torch.stack(each).sum(0)

    def noise(self, n: int, length: int, device: torch.device) -> Tensor:
        """All the random numbers of `length` samples of n examples, (length, n, ΣC)."""
        return gumbel(torch.empty(length, n, sum(self.classes), device=device))

    def sample(self, h: Tensor, temperature: float, noise: Tensor | None = None) -> Tensor:
        """Features (…, F) to steps (…, S); temperature 0 gives the modes."""
        logits = torch.cat(self.logits(h), -1)
        if temperature:
            logits = logits / temperature + (gumbel(logits) if noise is None else noise)
        return torch.stack([part.argmax(-1) for part in torch.split(logits, self.classes, -1)], -1)


class Nade(nn.Module):
    """NADE over the roll of a step. An event is (T,) labels of the reduced kit, or a roll (T, 61) of the full one."""

    def __init__(self, pitches: int = DRUMS, hidden: int = 128) -> None:
        super().__init__()
        if pitches not in ROLLS:
            raise GenaeError(f"likelihood.pitches must be one of {', '.join(map(str, ROLLS))}, not {pitches}")
        if hidden < 1:
            raise GenaeError(f"likelihood.hidden must be at least 1, not {hidden}")
        self.pitches, self.hidden = pitches, hidden
        self.inputs, self.widths = pitches + 1, [pitches + hidden]
        self.streams = ("drums",)
        self.into = nn.Parameter(torch.randn(pitches, hidden) / hidden**0.5)
        self.out = nn.Parameter(torch.randn(pitches, hidden) / hidden**0.5)

    def length(self, event: Shape) -> int:
        """T of an event. GenaeError if it is not a roll of that many pitches, or its labels."""
        if event[1:] != (() if self.pitches == DRUMS else (self.pitches,)):
            raise GenaeError(f"likelihood nade has {self.pitches} pitches, which events {event} do not; set likelihood.pitches")
        return event[0]

    def events(self, x: Tensor) -> Tensor:
        """Rolls (B, T, K) to events."""
        return x @ (2.0 ** torch.arange(DRUMS, device=x.device)) if self.pitches == DRUMS else x

    def steps(self, x: Tensor) -> Tensor:
        """Events to rolls (B, T, K)."""
        return bits(x) if self.pitches == DRUMS else x

    def shown(self, steps: Tensor) -> Tensor:
        """Rolls (…, K) as a decoder sees them, (…, K + 1)."""
        return with_nothing(steps)

    def project(self, steps: Tensor, weight: Tensor) -> Tensor:
        """`shown(steps) @ weight`."""
        return with_nothing(steps).to(weight.dtype) @ weight

    def log_prob(self, h: Tensor, steps: Tensor) -> Tensor:
        """(B, T), nats, exact."""
        b, c = torch.split(h.float(), [self.pitches, self.hidden], -1)
        with torch.autocast(h.device.type, enabled=False):
            before = (steps[..., None] * self.into).cumsum(-2) - steps[..., None] * self.into  # (B, T, K, H), Σ_{j<i} W_j x_j
            logits = b + ((c[..., None, :] + before).sigmoid() * self.out).sum(-1)
        return -F.binary_cross_entropy_with_logits(logits, steps, reduction="none").sum(-1)

    def noise(self, n: int, length: int, device: torch.device) -> Tensor:
        """All the random numbers of `length` samples of n examples, (length, n, K), uniform."""
        return torch.rand(length, n, self.pitches, device=device)

    def sample(self, h: Tensor, temperature: float, noise: Tensor | None = None) -> Tensor:
        """Features (…, F) to rolls (…, K), pitch by pitch; temperature 0 takes the likelier value of each."""
        b, c = torch.split(h.float(), [self.pitches, self.hidden], -1)
        noise = torch.rand_like(b) if noise is None else noise
        roll = []
        for i in range(self.pitches):
            logit = b[..., i] + (c.sigmoid() * self.out[i].float()).sum(-1)
            one = (logit > 0 if not temperature else noise[..., i] < (logit / temperature).sigmoid()).float()
            roll.append(one)
            c = c + one[..., None] * self.into[i].float()
        return torch.stack(roll, -1)
