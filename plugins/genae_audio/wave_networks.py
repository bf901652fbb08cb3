r"""RAVE's autoencoder: convolutions over the bands of a waveform. Caillon & Esling 2021, https://arxiv.org/abs/2111.05011.

    x → PQMF, M bands → conv 7 → (dilated residual units → conv, stride r)… → conv 3 → q(z | x)
    z → conv 3 → (transposed conv, stride r → dilated residual units)… → conv 7 → tanh(a · sigmoid(b)) → PQMF⁻¹ → p(x | z)

The channels double where the rate is divided by r; the total stride is M·Πr. A unit is x + conv₁(φ(conv₃(φ(x)))) with the
convolution of three taps dilated and the last one zero at first; φ is a leaky ReLU. As in RAVE no convolution has a bias:
silence is at z = 0, and a constant in a band, which is a tone at the band's edge, has to be learned. RAVE also normalises
weights and has a noise branch in its decoder: neither is here. What is here and not in RAVE is a branch of tones
(genae_audio/tones.py), for trainings of less than days.

z is a sequence: D numbers in each of F = N / stride frames, (F, D). A rate is that of the whole clip, the prior N(0, I) has
frames independent of each other (a sample of it changes from frame to frame; RAVE trains a prior of its own for that), and an
interpolation moves all frames at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, MinLen, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.precision import full_precision
from genae.latent.space import Shape, Space
from genae.model.likelihoods import Likelihood
from genae.model.networks import Networks
from genae.model.portable import Stream
from genae_audio.pqmf import PQMF
from genae_audio.streaming import Beside, Gated, Row, Times
from genae_audio.tones import Levels, Tones

SLOPE = 0.2  # of the leaky ReLU below 0
LOUDER = (
    16.0  # the bands of ordinary sound have standard deviations near 1/16: without this z begins, and long stays, in its noise
)
QUIETER = 0.01  # the last layer's first weights, so that the decoder begins near silence


class Unit(nn.Module):
    """A dilated residual unit."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilated = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation, bias=False)
        self.mix = nn.Conv1d(width, width, 1, bias=False)
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, width, T)."""
        change: Tensor = self.mix(self.activation(self.dilated(self.activation(x))))
        return x + change


def down(width: int, ratio: int) -> nn.Conv1d:
    """(B, width, T) to (B, 2·width, T / ratio)."""
    return nn.Conv1d(width, 2 * width, 2 * ratio, stride=ratio, padding=(ratio + 1) // 2, bias=False)


def up(width: int, ratio: int) -> nn.ConvTranspose1d:
    """(B, 2·width, T) to (B, width, ratio·T)."""
    return nn.ConvTranspose1d(
        2 * width, width, 2 * ratio, stride=ratio, padding=(ratio + 1) // 2, output_padding=ratio % 2, bias=False
    )


class Encoder(nn.Module):
    """A waveform to q(z | x)."""

    def __init__(
        self, bank: PQMF, body: nn.Module, last: nn.Conv1d, posterior: nn.Module, levels: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.bank, self.body, self.last, self.posterior, self.levels = bank, body, last, posterior, levels

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, 1, N) in [-1, 1], condition (B, C)."""
        h = self.body(LOUDER * self.bank.analysis(x))
        h = h if self.levels is None else h + self.levels(x)
        return self.posterior(self.last(told(h, condition)).mT)

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return self.bank.bands * strides(self.body)

    def stream(self, space: Space, condition: Tensor | None) -> Stream:
        """Waveforms to the means of z."""
        require_no_tones(self.levels)
        row, bands = Row(), self.bank.bands
        row.conv(self.bank.filters[:, None], bands, self.bank.pad)
        row.add(Times(LOUDER))
        in_a_row(row, self.body)
        if condition is not None:
            row.add(Beside(condition, row.late))
        row.conv(self.last.weight[: space.shape[-1]], padding=1)  # the means come before what else a posterior takes
        return Stream(row.whole, 1, space.shape[-1], row.late)


class Decoder(nn.Module):
    """z to p(x | z)."""

    def __init__(
        self, bank: PQMF, body: nn.Module, last: nn.Conv1d, likelihood: Likelihood, tones: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.bank, self.body, self.last, self.likelihood, self.tones = bank, body, last, likelihood, tones

    def forward(self, z: Tensor, condition: Tensor | None = None) -> object:
        """z (B, F, D), condition (B, C)."""
        z = told(z.mT, condition)
        h = self.body(z)
        with full_precision(h.device):  # 8 bits of bf16 would put noise 50 dB below the sound
            wave, amplitude = self.last(h.float()).chunk(2, 1)  # (B, M, N / M) each
            y = self.bank.synthesis(torch.tanh(wave * amplitude.sigmoid()))
        return self.likelihood(y if self.tones is None else y + self.tones(z))

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return self.bank.bands * strides(self.body)

    def stream(self, space: Space, condition: Tensor | None) -> Stream:
        """z to waveforms."""
        require_no_tones(self.tones)
        row, bands = Row(), self.bank.bands
        if condition is not None:
            row.add(Beside(condition, 0))
        in_a_row(row, self.body)
        row.like(self.last)
        row.add(Gated())
        row.up(bands * self.bank.filters[:, None], bands, self.bank.pad)
        return Stream(row.whole, space.shape[-1], 1, row.late)


def strides(body: nn.Module) -> int:
    """Of all its convolutions together."""
    return prod(layer.stride[0] for layer in body.modules() if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d))


def in_a_row(row: Row, body: nn.Module) -> None:
    """The layers of a network, block by block."""
    for layer in body.children():
        if isinstance(layer, Unit):
            row.around(layer.dilated, layer.mix, layer.activation)
        else:
            row.like(layer)


def require_no_tones(tones: nn.Module | None) -> None:
    """GenaeError for a branch of tones."""
    if tones is not None:
        raise GenaeError(
            "a branch of tones is normalised over the whole event, so it cannot work block by block: train with "
            "network.tones=0, or export as onnx or pt2"
        )


def begin(network: nn.Module) -> None:
    """First weights that keep a signal's scale through leaky ReLUs, units at the identity. https://arxiv.org/abs/1502.01852"""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            apart = layer.stride[0] if isinstance(layer, nn.ConvTranspose1d) else 1
            fan_in = layer.in_channels * layer.kernel_size[0] / apart  # of the taps that meet in one output
            nn.init.normal_(layer.weight, 0, (2 / (1 + SLOPE**2) / fan_in) ** 0.5)
    for layer in network.modules():
        if isinstance(layer, Unit):
            nn.init.zeros_(layer.mix.weight)


def told(h: Tensor, condition: Tensor | None) -> Tensor:
    """(B, H, F) with the condition (B, C) in every frame: (B, H + C, F)."""
    if condition is None:
        return h
    return torch.cat([h, condition.to(h.dtype)[..., None].expand(-1, -1, h.shape[-1])], 1)


def rave(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Likelihood,
    condition: int = 0,
    *,
    bands: Annotated[int, Ge(1), doc("M of the filter bank")] = 16,
    ratios: Annotated[Sequence[Annotated[int, Ge(2)]], MinLen(1), doc("strides r, outermost first")] = (4, 4, 4, 2),
    width: Annotated[int, Ge(1), doc("channels of the first level, doubled at each stride")] = 64,
    dilations: Annotated[Sequence[Annotated[int, Ge(1)]], doc("of the residual units of every level, one each")] = (1, 3, 9),
    tones: Annotated[int, Ge(0), doc("sinusoids that the decoder adds, and the encoder sees the spectrum; 0 for none")] = 0,
) -> Networks:
    """RAVE's encoder and decoder of waveforms, with or without a branch of tones."""
    space = _in_frames(space, event, _frames(event, bands, ratios))
    hop = event[1] // space.shape[0]
    if tones and tones < hop:
        raise GenaeError(
            f"network.tones must be 0 or at least the samples of a frame ({hop}), so that they are no farther "
            f"apart than frames can tell, not {tones}"
        )
    if likelihood.features(event) != event:
        raise GenaeError("network rave ends with one value a sample: set likelihood=spectral, or gaussian with one sigma")
    q, embedded = posterior.features(space)[-1], posterior.embedded(space)[-1]
    deepest = width * 2 ** len(ratios)
    encoder = Encoder(
        PQMF(bands), nn.Sequential(*_down(bands, ratios, width, dilations)),
        nn.Conv1d(deepest + condition, q, 3, padding=1, bias=False), posterior,
        Levels(hop, deepest) if tones else None,
    )  # fmt: skip
    first = nn.Conv1d(embedded + condition, deepest, 3, padding=1, bias=False)
    decoder = Decoder(
        PQMF(bands), nn.Sequential(first, *_up(ratios, width, dilations)),
        nn.Conv1d(width, 2 * bands, 7, padding=3, bias=False), likelihood,
        Tones(embedded + condition, hop, tones) if tones else None,
    )  # fmt: skip
    for part in (encoder.body, encoder.last, decoder.body, decoder.last):
        begin(part)
    decoder.last.weight.data *= QUIETER
    return Networks(encoder, decoder, space)


def _in_frames(space: Space, event: Shape, frames: int) -> Space:
    """A recipe's space as so many frames along time. GenaeError for one that has another number of them."""
    if len(space.shape) > 1 and space.shape[0] != frames:
        raise GenaeError(
            f"network rave gives {frames} frames of {event[1]} samples (1 in {event[1] // frames}): latent is how many numbers "
            f"each has, such as {space.shape[-1]}, not {space}"
        )
    return replace(space, shape=(frames, space.shape[-1]), time=True)


def _down(bands: int, ratios: Sequence[int], width: int, dilations: Sequence[int]) -> list[nn.Module]:
    """Bands (B, M, N / M) to the deepest level (B, 2^levels·width, F)."""
    layers: list[nn.Module] = [nn.Conv1d(bands, width, 7, padding=3, bias=False)]
    for level, ratio in enumerate(ratios):
        channels = width << level
        layers += [*(Unit(channels, d) for d in dilations), nn.LeakyReLU(SLOPE), down(channels, ratio)]
    return [*layers, nn.LeakyReLU(SLOPE)]


def _up(ratios: Sequence[int], width: int, dilations: Sequence[int]) -> list[nn.Module]:
    """The deepest level to (B, width, N / M)."""
    layers: list[nn.Module] = []
    for level, ratio in reversed(list(enumerate(ratios))):
        channels = width << level
        layers += [nn.LeakyReLU(SLOPE), up(channels, ratio), *(Unit(channels, d) for d in dilations)]
    return [*layers, nn.LeakyReLU(SLOPE)]


def _frames(event: Shape, bands: int, ratios: Sequence[int]) -> int:
    """F. GenaeError names what does not fit."""
    if len(event) != 2 or event[0] != 1:
        raise GenaeError(f"network rave is for waveforms (1, samples), not for events {event}")
    stride = bands * prod(ratios)
    if event[1] % stride:
        raise GenaeError(
            f"network rave with {bands} bands and ratios {list(ratios)} makes a frame of {stride} samples, which does not "
            f"divide {event[1]}; set domain.seconds so that it does, or other ratios"
        )
    return event[1] // stride
