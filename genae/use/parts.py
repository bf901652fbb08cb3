"""A model in parts that are functions of tensors alone, as graphs for other runtimes are made of them.

    encoder          x, condition → z, the posterior's mean, and sigma where it has one
    decoder          z, condition → event, the mean of p(x | z)
    decoder-begin    z, condition → state …                     of a decoder that makes events step by step,
    decoder-step     place, before, uniform, temperature, state … → step, state …               in its place
    sampler          noise, condition → z                       standard-normal noise

The first axis is the batch, of any size. Where both networks take any number of frames, the event's last axis and z's first
are of any length too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from genae.latent.posteriors import Spread
from genae.latent.samplers import Noise, Sampler
from genae.learn.build import Built
from genae.model.portable import Stepped, Steps, Streamed
from genae.model.vae import VAE, Model

Tensors = tuple[Tensor, ...]
BATCH, FRAMES = "batch", "frames"
Axes = Mapping[int, str]  # of a tensor, those that may be of any size: "batch", "frames", "1024*frames"


class Call(nn.Module):
    """A function of tensors, and the module whose weights it uses."""

    def __init__(self, owner: nn.Module, call: Callable[..., Tensors]) -> None:
        super().__init__()
        self.owner, self.call = owner, call

    def forward(self, *x: Tensor) -> Tensors:
        return self.call(*x)


class Part(NamedTuple):
    """A function to export, and how it is called."""

    name: str
    call: Call
    inputs: Mapping[str, Axes]
    outputs: Sequence[str]
    example: Callable[[int, int], Tensors]  # of a batch of so many, of so many frames


class Parts:
    """Of a run's model and of one of its samplers."""

    def __init__(self, built: Built, sampler: Sampler | None) -> None:
        self.built, self.vae, self.source = built, built.vae, sampler
        self.decoder = self.vae.decoder if isinstance(self.vae, VAE) else None
        self.hop = _hop(self.vae)

    @property
    def frames(self) -> list[int]:
        """The lengths to try, in frames of z; without frames that one."""
        own = self.vae.space.shape[0]
        return [own, max(1, own // 2), 2 * own] if self.hop else [own]

    def every(self) -> list[Part]:
        """All that there are."""
        decoder = self._stepped(self.decoder.steps()) if isinstance(self.decoder, Stepped) else [self.shown("event")]
        return [self._encoder(), *decoder, *self.drawn()]

    def drawn(self) -> list[Part]:
        """The sampler, where it carries noise to z."""
        return [self._sampler(self.source)] if isinstance(self.source, Noise) else []

    def shown(self, name: str, of: Callable[[Tensor], Tensor] = lambda event: event) -> Part:
        """The decoder, with what is made of its event."""

        def decode(z: Tensor, condition: Tensor | None = None) -> Tensors:
            return (of(self.vae.decode(z, condition).mean),)

        return self._part("decoder", decode, {"z": self._along}, (name,), self.z)

    def left_out(self) -> list[str]:
        """A line for each part that cannot be."""
        if isinstance(self.source, Noise):
            return []
        kind = type(self.source).__name__
        return [f"the sampler is left out: {kind} carries no noise to z in one go; draw z with genae, or choose --sampler"]

    # -- the parts ----------------------------------------------------------------------------------------------------

    def _encoder(self) -> Part:
        def encode(x: Tensor, condition: Tensor | None = None) -> Tensors:
            inference = self.vae.infer(x, condition)
            spread = inference.spread if isinstance(inference, Spread) else None
            return (inference.mean,) if spread is None else (inference.mean, spread)

        given = self._given(1)
        with torch.no_grad():
            outputs = ("z", "sigma")[: len(encode(self.events(1), *given))]
        last = {len(self.vae.event): f"{self.hop}*{FRAMES}"} if self.hop else {}
        return self._part("encoder", encode, {"x": {0: BATCH, **last}}, outputs, self.events)

    def _stepped(self, steps: Steps) -> list[Part]:
        """`decoder-begin` and `decoder-step`."""

        def begin(z: Tensor, condition: Tensor | None = None) -> Tensors:
            return tuple(steps.begin(_vae(self.vae).embedded(z), condition))

        def example(n: int, frames: int) -> Tensors:
            with torch.no_grad():
                state = begin(self.z(n, frames), *self._given(n))
            return torch.tensor(steps.length // 2), steps.blank(n), torch.rand(n, steps.numbers), torch.tensor(1.0), *state

        with torch.no_grad():
            states = [f"state_{i}" for i in range(1, 1 + len(begin(self.z(1, self.frames[0]), *self._given(1))))]
        inputs: dict[str, Axes] = {"place": {}, "before": {0: BATCH}, "uniform": {0: BATCH}, "temperature": {}}
        inputs |= {name: {0: BATCH} for name in states}
        outputs = ["step", *(f"next_{name}" for name in states)]
        return [
            self._part("decoder-begin", begin, {"z": self._along}, states, self.z),
            Part("decoder-step", Call(steps, steps.forward), inputs, outputs, example),
        ]

    def _sampler(self, sampler: Noise) -> Part:
        source = plain(sampler)

        def noise(n: int, frames: int) -> Tensor:
            return torch.randn(n, self.vae.space.size)

        def push(u: Tensor, condition: Tensor | None = None) -> Tensors:
            return (source.push(u, condition),)

        made = self._part("sampler", push, {"noise": {0: BATCH}}, ("z",), noise)
        return made._replace(call=Call(source, push))

    def _part(
        self,
        name: str,
        call: Callable[..., Tensors],
        inputs: Mapping[str, Axes],
        outputs: Sequence[str],
        example: Callable[[int, int], Tensor],
    ) -> Part:
        """One with the condition behind its input, where the run has one."""
        more: Mapping[str, Axes] = {"condition": {0: BATCH}} if self.built.condition.size else {}
        return Part(
            name, Call(self.vae, call), {**inputs, **more}, outputs, lambda n, frames: (example(n, frames), *self._given(n))
        )

    # -- examples -----------------------------------------------------------------------------------------------------

    @property
    def _along(self) -> Axes:
        return {0: BATCH, 1: FRAMES} if self.hop else {0: BATCH}

    def _given(self, n: int) -> Tensors:
        size = self.built.condition.size
        return (torch.rand(n, size),) if size else ()

    def z(self, n: int, frames: int) -> Tensor:
        """Random z (n, *shape) of so many frames."""
        space = self.vae.space
        shape = (n, frames, *space.shape[1:]) if self.hop else (n, *space.shape)
        return torch.randint(space.codes, shape) if space.codes else torch.randn(shape)

    def events(self, n: int, frames: int = 0) -> Tensor:
        """Events (n, *event) that the model can make, of so many frames."""
        with torch.no_grad():
            given = self._given(n)
            return self.vae.show(self.z(n, frames or self.frames[0]), given[0] if given else None)


def _vae(model: Model) -> VAE:
    assert isinstance(model, VAE)  # it has a decoder
    return model


def _hop(vae: Model) -> int:
    """Numbers of the event's last axis in a frame of z, where both networks take any number of frames; else 0."""
    if not (isinstance(vae, VAE) and vae.space.time):
        return 0
    hops = {part.hop if isinstance(part, Streamed) else 0 for part in (vae.encoder, vae.decoder)}
    return hops.pop() if len(hops) == 1 else 0


def plain(sampler: Noise) -> Noise:
    """A copy whose masked layers are ordinary ones: their products are worked out once, not at every use."""
    from zuko.nn import MaskedLinear  # here: of no use to runs without a flow

    made = deepcopy(sampler)
    for module in list(made.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, MaskedLinear):
                linear = nn.Linear(child.in_features, child.out_features)
                linear.weight, linear.bias = nn.Parameter(child.mask * child.weight), child.bias
                module.register_module(name, linear)
    return made.eval()
