r"""MusicVAE's networks: Roberts et al. 2018, https://arxiv.org/abs/1803.05428.

    lstm           q(z | x): the last states of a bidirectional LSTM. p(x | z): an LSTM begun from tanh(W z), which sees z and
                   the step before at every step
    hierarchical   z begins a conductor, an LSTM without input; each of its U outputs c_u begins a decoder for T / U steps,
                   which sees c_u and the step before. For trios one decoder a stream. The encoder may have two levels too

What a condition says of each step, encoder and decoders see at that step; the rest of it is beside z.

With the segments folded into the batch the flat decoder is the case U = 1, c = z.
"""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Lt, doc
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.latent.posteriors import Family
from genae.latent.space import Shape, Space
from genae.model.form import Form, Part
from genae.model.networks import Networks
from genae_music.core import Core, first_states
from genae_music.decoder import Decoder, stretched
from genae_music.steps import Head, Stepwise

EncoderWidth = Annotated[int, Ge(1), doc("units of the encoder, in either direction")]
EncoderLayers = Annotated[int, Ge(1), doc("layers of the encoder")]
Width = Annotated[int, Ge(1), doc("units of the decoder")]
Layers = Annotated[int, Ge(1), doc("layers of the decoder")]
Sampling = Annotated[Literal["none", "inverse-sigmoid"], doc("how often training feeds the decoder its own samples")]
SamplingRate = Annotated[float, Gt(0), doc("steps k of the inverse sigmoid: the probability is 1 − k / (k + e^(step / k))")]
Dropout = Annotated[float, Ge(0), Lt(1), doc("share of earlier steps hidden from the decoder in training, which then needs z")]
Clock = Annotated[bool, doc("whether every step of the decoder is given its place in the segment")]
SMALL = 0.001  # standard deviation of the first weights of μ and σ


def lstm(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Head,
    condition: int = 0,
    *,
    form: Form | None = None,
    encoder_width: EncoderWidth = 512,
    encoder_layers: EncoderLayers = 1,
    width: Width = 256,
    layers: Layers = 2,
    sampling: Sampling = "none",
    sampling_rate: SamplingRate = 1000.0,
    dropout: Dropout = 0.0,
    clock: Clock = False,
) -> Networks:
    """MusicVAE's flat encoder and decoder."""
    form = form or Form([Part(condition)])
    steps = _length(likelihood, event, form)
    encoder = Encoder(likelihood, posterior, space, form, encoder_width, encoder_layers)
    context = prod(posterior.embedded(space)) + form.whole
    core = Core(likelihood.inputs, context, width, layers, sum(likelihood.widths), steps * clock, form.width)
    return Networks(encoder, Decoder(likelihood, event, None, [core], 1, sampling, sampling_rate, dropout, form), space)


def hierarchical(
    event: Shape,
    space: Space,
    posterior: Family,
    likelihood: Head,
    condition: int = 0,
    *,
    form: Form | None = None,
    encoder: Annotated[Literal["flat", "hierarchical"], doc("one LSTM over all steps, or one over segments too")] = "flat",
    encoder_width: EncoderWidth = 2048,
    encoder_layers: EncoderLayers = 2,
    segments: Annotated[int, Ge(1), doc("U, of the conductor and of a hierarchical encoder; it divides the steps")] = 16,
    conductor_width: Annotated[int, Ge(1), doc("units of the conductor")] = 1024,
    conductor_layers: Annotated[int, Ge(1), doc("layers of the conductor")] = 2,
    width: Width = 1024,
    layers: Layers = 2,
    sampling: Sampling = "none",
    sampling_rate: SamplingRate = 1000.0,
    dropout: Dropout = 0.0,
    clock: Clock = False,
) -> Networks:
    """MusicVAE's decoder begun anew in each segment by a conductor, and a flat encoder or one of two levels."""
    form = form or Form([Part(condition)])
    steps = _length(likelihood, event, form)
    if steps % segments:
        possible = ", ".join(str(n) for n in range(1, steps + 1) if steps % n == 0)
        raise GenaeError(f"network.segments must divide the {steps} steps of an event: {possible}; not {segments}")
    levels = segments if encoder == "hierarchical" else 1
    q = Encoder(likelihood, posterior, space, form, encoder_width, encoder_layers, levels)
    conductor = Conductor(prod(posterior.embedded(space)) + form.whole, conductor_width, conductor_layers, segments)
    places = steps // segments * clock
    cores = [
        Core(likelihood.inputs, conductor_width, width, layers, features, places, form.width) for features in likelihood.widths
    ]
    return Networks(q, Decoder(likelihood, event, conductor, cores, segments, sampling, sampling_rate, dropout, form), space)


def _length(likelihood: Head, event: Shape, form: Form) -> int:
    """T of an event. GenaeError if the likelihood is none of sequences, and for a condition of other steps."""
    if not isinstance(likelihood, Stepwise):
        raise GenaeError("a music network ends with likelihood=tokens or nade, with groove in that domain; set one of them")
    steps = int(likelihood.length(event))
    if form.steps and steps % form.steps:
        raise GenaeError(f"the condition says something of each of {form.steps} steps, and events have {steps}")
    return steps


class Encoder(nn.Module):
    """Events to q(z | x), through one bidirectional LSTM, or one over segments and another over what they give."""

    def __init__(
        self, head: Head, posterior: Family, space: Space, form: Form, width: int, layers: int, segments: int = 1
    ) -> None:
        super().__init__()
        self.segments, self.form = segments, form
        self.show = [head]  # in a list: its parameters are the decoder's
        self.lower = nn.LSTM(head.inputs + form.width, width, layers, batch_first=True, bidirectional=True)
        self.upper = nn.LSTM(2 * width, width, layers, batch_first=True, bidirectional=True) if segments > 1 else None
        features = posterior.features(space)
        self.last = nn.Linear(2 * width + form.whole, prod(features))
        nn.init.normal_(self.last.weight, 0, SMALL)
        nn.init.zeros_(self.last.bias)
        self.features, self.posterior = features, posterior

    def forward(self, x: Tensor, condition: Tensor | None = None) -> object:
        """x (B, *event), condition (B, C)."""
        head = self.show[0]
        shown = head.shown(head.steps(x))  # (B, T, inputs)
        whole, along = self.form.split(shown.new_zeros(x.shape[0], self.form.size) if condition is None else condition)
        if self.form.steps:
            shown = torch.cat([shown, stretched(along, shown.shape[1]).to(shown.dtype)], 2)
        if self.upper is None:
            h = _ends(self.lower, shown)
        else:
            folded = shown.reshape(x.shape[0] * self.segments, -1, shown.shape[-1])  # (B·U, T / U, inputs)
            h = _ends(self.upper, _ends(self.lower, folded).view(x.shape[0], self.segments, -1))
        last = self.last(torch.cat([h, whole.to(h.dtype)], 1))
        return self.posterior(last.unflatten(1, self.features))


def _ends(lstm: nn.LSTM, x: Tensor) -> Tensor:
    """(B, T, F) to the last layer's last states in both directions, (B, 2·width)."""
    _, (h, _) = lstm(x)
    return torch.cat([h[-2], h[-1]], 1)


class Conductor(nn.Module):
    """z to the contexts of the segments (B, U, width)."""

    def __init__(self, latent: int, width: int, layers: int, segments: int) -> None:
        super().__init__()
        self.segments, self.layers = segments, layers
        self.begin = nn.Linear(latent, 2 * layers * width)
        self.lstm = nn.LSTM(1, width, layers, batch_first=True)
        self.lstm.weight_ih_l0.requires_grad_(False)  # its input is always zero

    def forward(self, z: Tensor) -> Tensor:
        states = first_states(self.begin(z), self.layers)
        contexts: Tensor = self.lstm(z.new_zeros(z.shape[0], self.segments, 1), states)[0]
        return contexts
