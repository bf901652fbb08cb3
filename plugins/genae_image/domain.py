r"""Images: any file that Pillow reads, grey or colour, square.

    stored   uint8 (C, size, size)
             transparency is composited on `background`, at the picture's own size
    event    float in [0, 1]; with `binarise` pixels in {0, 1}, P(1) = grey, drawn anew at every step and every scoring

Binarised pixels are what the literature's MNIST likelihoods are of: "dynamic" binarisation draws them anew, "static" once, and
their numbers differ by about 2 nats (https://arxiv.org/abs/1509.00519, appendix).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, doc
from PIL import Image as Pillow
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import CHOICE, Defaults, Direct, Domain, Features, Stage
from genae.data.examples import Array, File, Found
from genae.data.media import PNG, png
from genae.errors import GenaeError, Rejected
from genae.latent.space import Shape
from genae.recipe.options import Before
from genae_image.baselines import baselines, principal
from genae_image.decode import FORMATS, decode
from genae_image.metrics import bce, brightness, mse, psnr
from genae_image.pixels import Colour, Fit, colour_of, require_size, to_bytes, to_channels, to_size
from genae_image.tasks import Colourise, Inpaint, SuperResolve

CHUNK = 1 << 26  # bytes of a data set that are resized at once
PLAIN = "pictures of one single colour"
OBLONG = {"crop": "cropped to their middle", "pad": "with black bars", "stretch": "stretched"}


@dataclass(frozen=True)
class Image(Domain):
    """Square images of one size."""

    size: Annotated[int, Ge(1), doc("side, pixels")] = 28
    channels: Annotated[Literal[1, 3], doc("1 grey, 3 colour")] = 1
    fit: Annotated[Fit, CHOICE, doc("another size is cropped to its centre, given black bars, stretched, or refused")] = "crop"
    background: Annotated[
        int | str,
        CHOICE,
        Before("black"),
        doc("under what is transparent: white, black, a grey 0 to 255, or a colour as #ff8800"),
    ] = "white"
    binarise: Annotated[bool, doc("pixels drawn 0 or 1 with the grey's probability, anew at every step")] = False

    suffixes: ClassVar[tuple[str, ...]] = tuple(FORMATS)

    def __post_init__(self) -> None:
        _ = self.ground

    @property
    def defaults(self) -> Defaults:  # type: ignore[override]  # here metrics hang on the channels
        """A cross-entropy is of grey levels as probabilities alone."""
        metrics = {"mse": mse, "bce": bce, "psnr": psnr} if self.channels == 1 else {"mse": mse, "psnr": psnr}
        tasks = {"super-resolve": SuperResolve, "inpaint": Inpaint, "colourise": Colourise}
        return Defaults(network="residual", tasks=tasks, metrics=metrics, attributes={"brightness": brightness})

    @property
    def ground(self) -> Colour:
        """The background's colour. GenaeError if it is none."""
        try:
            return colour_of(str(self.background))
        except ValueError as error:
            possible = "white, black, a grey from 0 to 255, or a colour such as #ff8800 or rgb(255, 136, 0)"
            raise GenaeError(f"domain.background must be {possible}, not {self.background!r}") from error

    @property
    def event(self) -> Shape:
        """(C, size, size)."""
        return (self.channels, self.size, self.size)

    def read(self, file: File) -> Found:
        """One file to (1, C, size, size) uint8, and what was done to it that its owner may not expect."""
        pixels = decode(file, least=0 if self.fit == "refuse" else self.size)
        try:
            return Found(self.adapt(pixels[None]), remarks=dict.fromkeys(self._changes(pixels), 1))
        except GenaeError as error:
            raise Rejected(f"{file.name}: {error}") from error

    def _changes(self, pixels: Array) -> list[str]:
        """What becomes of one picture (H, W) or (H, W, C), where that is more than becoming smaller."""
        height, width = pixels.shape[:2]
        clear = pixels.shape[2:] in ((2,), (4,)) and pixels[..., -1].min() < np.iinfo(np.uint8).max
        shown = max(height, width) if self.fit == "pad" else min(height, width)
        return [
            *([f"with transparency, laid on {self.background}"] if clear else []),
            *([f"not square, {OBLONG[self.fit]}"] if height != width and self.fit != "refuse" else []),
            *([f"smaller than {self.size} pixels, enlarged"] if shown < self.size else []),
        ]

    def adapt(self, array: Array) -> Tensor:
        """(N, H, W) or (N, H, W, C), C 1 to 4 (2 and 4 with alpha), of any depth and size, to (N, C, size, size) uint8.

        What is (N, C, size, size) already is taken as that, of any depth.
        """
        if array.shape[1:] == self.event and array.ndim == 4:
            array = np.moveaxis(array, 1, -1)
        if array.ndim not in (3, 4) or 0 in array.shape[1:] or (array.ndim == 4 and array.shape[3] > 4):
            raise GenaeError(f"has shape {array.shape}; images are (N, H, W) or (N, H, W, C) with C from 1 to 4")
        pixels = torch.from_numpy(np.require(to_bytes(array), requirements=["C", "W"]))  # Tensors cannot be read-only
        x = (pixels[..., None] if array.ndim == 3 else pixels).permute(0, 3, 1, 2)  # (N, C, H, W)
        if x.shape[1:] == self.event or not len(x):
            return x.reshape(-1, *self.event)
        if self.fit == "refuse":
            require_size(x, self.size)
        parts = torch.split(x, max(1, CHUNK // x[0].nbytes))
        return torch.cat([to_size(to_channels(part, self.channels, self.ground), self.size, self.fit) for part in parts])

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """(B, C, size, size) uint8 to float in [0, 1]; binarised, unless to be shown."""
        if self.binarise and stage != "show":
            # u uniform in 0 … 254: P(u < grey) is grey / 255 exactly, in a third of torch.bernoulli's time
            return (torch.empty_like(stored).random_(0, 255) < stored).float()
        return stored.float() / 255

    def remarks(self, stored: Tensor) -> dict[str, int]:
        """How many of (B, C, size, size) are of one colour all over."""
        plain = int((stored == stored[..., :1, :1]).flatten(1).all(1).sum())
        return {PLAIN: plain} if plain else {}

    @property
    def levels(self) -> int:
        """Of 8 bits, or of one."""
        return 2 if self.binarise else 256

    def baselines(self, train: Tensor, held: Tensor, levels: int) -> Mapping[str, Tensor]:
        """Those of `genae_image.baselines`; none where the model's likelihood has other levels than the pixels."""
        return baselines(train, held, levels) if levels in (0, self.levels) else {}

    def features(self, train: Tensor) -> Sequence[Features]:
        """Principal components, and of images like MNIST's those of a small classifier of digits."""
        from genae_image.digits import DIGITS, EVENT

        return (*([DIGITS] if self.event == EVENT else []), principal(train))

    def picture(self, example: Tensor) -> Picture:
        """(C, size, size) in [0, 1] to (size, size) or (size, size, 3) uint8."""
        pixels = (example.detach().float().cpu().nan_to_num() * 255).round().clamp(0, 255).to(torch.uint8).numpy()
        return np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))

    def write(self, example: Tensor, path: Path) -> None:
        """As PNG."""
        Pillow.fromarray(self.picture(example)).save(path, "PNG")

    def media(self, example: Tensor) -> Mapping[str, bytes]:
        """PNG alone."""
        return {PNG: png(self.picture(example))}

    @property
    def direct(self) -> Direct:
        """Its channels last."""
        return Direct(".png", lambda events: events.movedim(1, -1))
