"""A model of frames as TorchScript in nn~'s form (https://github.com/acids-ircam/nn_tilde), which works block by block.

    encode    (B, 1, n) → (B, D, n / hop)        the posterior's mean
    decode    (B, D, m) → (B, 1, m · hop)
    forward   one after the other

n is any multiple of hop, from block to block another one. What comes out is later by what the networks look ahead. nn~ asks for
the `methods`, for the `attributes`, and for each method's channels and ratios, here buffers that are called as it wants them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from genae.errors import GenaeError
from genae.learn.build import Built
from genae.model.portable import Stream, Streamed
from genae.model.vae import VAE
from genae.use.graphs import timed

NAME = "model.ts"
CLOSE = 1e-4  # how near streamed blocks are to one pass
BLOCKS = (1, 2, 3)  # frames in a block, to check with


class Live(nn.Module):
    """What nn~ loads."""

    def __init__(self, encoder: Stream, decoder: Stream, hop: int) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder.layers, decoder.layers
        ends = {"forward": (1, 1, 1, 1), "encode": (1, 1, encoder.outputs, hop), "decode": (decoder.inputs, hop, 1, 1)}
        self._methods, self._attributes = [*ends], ["none"]
        for name, (into, ratio, out, after) in ends.items():
            self.register_buffer(f"{name}_params", torch.tensor([into, ratio, out, after]))
            setattr(self, f"{name}_input_labels", [f"(signal) {name} input {i}" for i in range(1, into + 1)])
            setattr(self, f"{name}_output_labels", [f"(signal) {name} output {i}" for i in range(1, out + 1)])

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.decoder(self.encoder(x))
        return y

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        z: Tensor = self.encoder(x)
        return z

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        y: Tensor = self.decoder(z)
        return y

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return self._methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return self._attributes


class Streaming(NamedTuple):
    """What was written, and what it does."""

    path: Path
    hop: int
    delay_encode: int  # frames
    delay_decode: int  # numbers of the event
    difference: float  # of streamed blocks from one pass, of either network
    ms: float  # for a block of one frame, encoded and decoded
    ms_one_pass: float  # for a whole event

    @property
    def delay(self) -> int:
        """Numbers of the event from what goes in to what comes back."""
        return self.delay_encode * self.hop + self.delay_decode


def require(built: Built, network: str) -> tuple[Streamed, Streamed]:
    """The networks of a model that works block by block. GenaeError for any other."""
    vae = built.vae
    if isinstance(vae, VAE) and isinstance(vae.encoder, Streamed) and isinstance(vae.decoder, Streamed):
        return vae.encoder, vae.decoder
    raise GenaeError(
        f"--format nn is for networks that work block by block, and network '{network}' makes whole events; possible: onnx, pt2"
    )


@torch.no_grad()
def write(built: Built, network: str, condition: Tensor | None, folder: Path) -> Streaming:
    """TorchScript of both networks with one condition (1, C), checked. GenaeError for networks that are not to be streamed."""
    encoder, decoder = require(built, network)
    vae, space = built.vae, built.vae.space
    streams = encoder.stream(space, condition), decoder.stream(space, condition)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nn~ loads TorchScript alone
        script = torch.jit.script(Live(*streams, encoder.hop).eval())
    z = torch.randn(1, *space.shape)
    x = vae.show(z, condition)
    worst = 0.0
    for size in BLOCKS:
        fresh = deepcopy(script)
        worst = max(
            worst,
            _apart(vae.encode(x, condition).mT, _streamed(fresh.encode, x, size * encoder.hop), streams[0].delay),
            _apart(x, _streamed(fresh.decode, z.mT, size), streams[1].delay),
        )
    if worst > CLOSE:
        raise GenaeError(f"blocks in a row differ from one pass by {worst:.3g}, so it is not written; possible: onnx, pt2")
    script.save(folder / NAME)  # type: ignore[no-untyped-call]  # of torch
    block = x[..., : encoder.hop]
    return Streaming(
        folder / NAME, encoder.hop, streams[0].delay, streams[1].delay, worst,
        timed(lambda: script(block)), timed(lambda: vae.show(vae.encode(x, condition), condition)),
    )  # fmt: skip


def _streamed(call: Callable[[Tensor], Tensor], x: Tensor, size: int) -> Tensor:
    """x (1, C, n) in blocks of `size`, the last of which may be shorter."""
    return torch.cat([call(block) for block in torch.split(x, size, -1)], -1)


def _apart(once: Tensor, streamed: Tensor, delay: int) -> float:
    """The largest difference from one pass (1, C, n), where that does not look beyond its end."""
    end = once.shape[-1] - delay
    if end < 1:
        raise GenaeError(f"an event is too short to check: it has {once.shape[-1]}, and {delay} are looked ahead")
    return float((once[..., :end] - streamed[..., delay : delay + end]).abs().max())
