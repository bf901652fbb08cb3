r"""A second phase for waveforms: critics of spectra tell sounds from what comes back of them, and the decoder learns to pass.

    critic     Σ_s mean max(0, 1 − D_s(x)) + mean max(0, 1 + D_s(y))                                 y = E[x | z], D_s a map
    decoder    ELBO + w N (adversarial · −mean D_s(y) + features · mean_l |D_sl(x) − D_sl(y)| / mean |D_sl(x)|)

D_s are those of EnCodec (https://arxiv.org/abs/2210.13438): convolutions over the real and imaginary parts of STFTs of several
windows, dilated in time. The phase is RAVE's (https://arxiv.org/abs/2111.05011): what lies in z stays what it was, so the
encoder is frozen by the stage, and the distance alone leaves out what it cannot foretell, which is mostly bright. w N are the
nats that a distance of 1 is worth to the likelihood. Before its stage the critic has no part in anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, MinLen, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.inference import Inferred
from genae.model.objectives import ELBO, VAE, Batch, Loss, Moment, Player, of_the_vae
from genae.model.vae import Model
from genae_audio.stft import spectrum

CRITIC = "critic"
SLOPE = 0.2  # of the leaky ReLU below 0
DILATIONS = (1, 2, 4)  # frames
Window = Annotated[int, Ge(64)]
Maps = list[Tensor]  # features of every layer, the last the verdict


class Critic(nn.Module):
    """D of one window's STFT."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size = size
        convolutions = [nn.Conv2d(2, width, (3, 9), padding=(1, 4))]
        convolutions += [
            nn.Conv2d(width, width, (3, 9), stride=(1, 4), padding=(apart, 4), dilation=(apart, 1)) for apart in DILATIONS
        ]
        self.layers = nn.ModuleList(map(nn.utils.parametrizations.weight_norm, convolutions))
        self.last = nn.utils.parametrizations.weight_norm(nn.Conv2d(width, 1, 3, padding=1, bias=False))

    def forward(self, x: Tensor) -> Maps:
        """x (B, 1, N) to maps (B, width, frames, bins) and the verdict (B, 1, frames, bins)."""
        z = spectrum(x[:, 0].float(), self.size) * (2 / self.size) ** 0.5
        h, maps = torch.stack([z.real, z.imag], 1), list[Tensor]()
        for layer in self.layers:
            h = F.leaky_relu(layer(h), SLOPE)
            maps.append(h)
        return [*maps, self.last(h)]


class Adversarial(ELBO):
    """The ELBO and, in stages in which the critic learns, the losses of the page above."""

    players: ClassVar[Mapping[str, Player]] = {
        VAE: of_the_vae, CRITIC: lambda game: game.get_submodule("objective.critics").parameters(),
    }  # fmt: skip

    def __init__(
        self,
        beta: Annotated[float, Ge(0), doc("weight of the rate")] = 1.0,
        warmup: Annotated[float, Ge(0), doc("steps over which the weight rises from 0; below 1 a share of the run")] = 0,
        windows: Annotated[Sequence[Window], MinLen(1), doc("of the critics' STFTs, samples")] = (1024, 512, 256),
        width: Annotated[int, Ge(1), doc("channels of the critics")] = 16,
        adversarial: Annotated[float, Ge(0), doc("weight of passing for a sound")] = 0.3,
        features: Annotated[float, Ge(0), doc("weight of matching the critics' features")] = 1.0,
        weight: Annotated[float, Gt(0), doc("nats a sample, as the likelihood's")] = 0.1,
    ) -> None:
        super().__init__(beta, warmup)
        self.windows = tuple(windows)
        self.critics = nn.ModuleList(Critic(size, width) for size in windows)
        self.adversarial, self.features, self.nats = adversarial, features, weight

    def setup(self, vae: Model) -> None:
        longest = max(self.windows)
        if len(vae.event) != 2 or vae.event[0] != 1 or vae.event[1] < longest:
            raise GenaeError(f"this objective is for waveforms (1, {longest} samples or more), not for events {vae.event}")

    def losses(self, vae: Model, batch: Batch, at: Moment) -> Iterator[Loss]:
        if CRITIC not in at.players:
            yield from super().losses(vae, batch, at)
            return
        found = vae.infer(batch.input, batch.condition).sample()
        yield self._told_apart(batch.target, found.p.mean.detach())
        yield self._passed(found, batch, at)

    def _told_apart(self, x: Tensor, y: Tensor) -> Loss:
        """The critics' own loss."""
        true, made = ([critic(sound)[-1] for critic in self.critics] for sound in (x, y))
        value = torch.stack([F.relu(1 - a).mean() + F.relu(1 + b).mean() for a, b in zip(true, made, strict=True)]).mean()
        return Loss(CRITIC, value, {CRITIC: value})

    def _passed(self, found: Inferred, batch: Batch, at: Moment) -> Loss:
        bound = self.bounded(found, batch, at)
        with torch.no_grad():
            true = [critic(batch.target) for critic in self.critics]
        made = [critic(found.p.mean) for critic in self.critics]
        passing = -torch.stack([maps[-1].mean() for maps in made]).mean()
        matching = torch.stack([_apart(a, b) for a, b in zip(true, made, strict=True)]).mean()
        nats = self.nats * batch.target[0].numel()
        value = bound.value + nats * (self.adversarial * passing + self.features * matching)
        return Loss(VAE, value, {**bound.terms, "passing": passing, "feature_matching": matching})


def _apart(true: Maps, made: Maps) -> Tensor:
    """Between the features of sounds, relative to the true ones', ()."""
    each = [(a - b).abs().mean() / a.abs().mean().clamp(min=1e-6) for a, b in zip(true[:-1], made[:-1], strict=True)]
    return torch.stack(each).mean()
