r"""Sound as mel spectrograms: files of any rate and format as windows of levels, and back by Griffin-Lim.

stored   float16 (1, mels, frames), as `genae_audio.mel` scales it: 0 silence, 1 a sine at full scale, 80 dB between them;
         frames = ⌈seconds · rate / hop / 16⌉ · 16, so that networks may halve them four times (1 s at 8 kHz becomes 64 frames
         of 128 samples, 1.024 s)
event    the same as float32; while training each up to 6 dB louder or quieter (silence stays what it is) and moved by up to
         one frame in fifty
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, doc
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import CHOICE, Condition, Defaults, Domain, Figures, Reading, Stage
from genae.data.examples import Examples, File, Found, Piece
from genae.errors import GenaeError
from genae.latent.inference import Generative
from genae.latent.space import Shape
from genae_audio import attributes, judged, reading, recording, spectrogram, whole
from genae_audio.channels import Channels
from genae_audio.formats import SUFFIXES
from genae_audio.mel import RANGE, MelScale
from genae_audio.tasks import MelDenoise, MelLowpass

MULTIPLE = 16  # frames
LOUDER = 6.0  # dB, or quieter
MOVED = 0.02  # of the frames
LONGEST = 1 << 12  # frames whose phases are found together, so that memory stays bounded, and columns of a picture
COMMON = 64  # frames of two such parts, over which they are faded
TALL = 192  # pixels, a picture's least height


@dataclass(frozen=True)
class Mel(Domain):
    """Windows of `seconds`, one after the other."""

    rate: reading.Rate = 8000
    seconds: reading.Seconds = 1.0
    mels: Annotated[int, Ge(1), doc("bands on the mel scale, up to half the rate")] = 64
    window: Annotated[int, Ge(2), Le(65536), doc("of the transform, samples")] = 512
    hop: Annotated[int, Ge(1), doc("from frame to frame, samples; at most half a window")] = 128
    channels: Annotated[Channels, CHOICE] = "mid"
    loudness: Annotated[bool, doc("the last band's row holds each frame's loudness, which its sound is given")] = False
    augment: Annotated[bool, CHOICE, doc("in training louder or quieter and moved, at random")] = True
    frame: whole.Frame | None = field(default=None, init=False, repr=False)  # of the recording that it writes

    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    reading: ClassVar[Reading] = Reading(
        cached=True, least=16, advice="give more or longer files, or shorter windows (--set domain.seconds=0.5)"
    )

    def __post_init__(self) -> None:
        if self.hop > self.window // 2:
            raise GenaeError(f"domain.hop must be 1 to half of domain.window ({self.window // 2}), not {self.hop}")
        _ = self.scale  # bands that the window cannot tell apart

    @property
    def defaults(self) -> Defaults:  # type: ignore[override]  # class variables elsewhere
        """The metrics are of reconstructions, dB."""
        metrics = {"log_mel_distance": log_mel_distance, "log_mel_rms": log_mel_rms}
        tasks: Mapping[str, Callable[..., object]] = {"lowpass": MelLowpass, "denoise": MelDenoise}
        own = attributes.of_levels()
        return Defaults("residual", tasks=tasks, samples=10, metrics=metrics, judged=judged.JUDGED, attributes=own)

    @property
    def scale(self) -> MelScale:
        """How sound becomes levels."""
        return MelScale(self.rate, self.mels, self.window, self.hop, self.loudness)

    @property
    def event(self) -> Shape:
        """(1, mels, frames)."""
        return (1, self.mels, math.ceil(round(self.seconds * self.rate) / self.hop / MULTIPLE) * MULTIPLE)

    @property
    def length(self) -> int:
        """Samples of a window."""
        return self.event[2] * self.hop

    @property
    def units(self) -> Mapping[str, float]:
        """Seconds."""
        return {"seconds": self.length / self.rate}

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, file: File) -> Found:
        """One file to all of its windows (W, 1, mels, frames) float16."""
        found = reading.read_sound(file, self.rate, self.length, self.channels, self._stored)
        return found._replace(x=found.x.reshape(-1, *self.event))  # none are (0, length)

    def _stored(self, sound: Tensor) -> Tensor:
        return self.scale.spectrogram(sound)[:, None].half()

    def piece(self, file: File) -> Piece:
        """The whole recording: windows of every channel, one after the other."""
        return recording.read_whole(file, self.rate, self.length, self.length, self._stored).piece

    def framed(self, frame: Mapping[str, object]) -> Mel:
        """With the recording's channels, rate and length."""
        return whole.framed(self, frame)

    def inspect(self, file: File) -> list[str]:
        """A line for the file."""
        return reading.inspect(file, self.rate, self.length, self.channels)

    def write(self, example: Tensor, path: Path) -> None:
        """As 16-bit WAV, of any length; equal examples give equal files."""
        samples = example.shape[2] * self.hop
        if self.frame is not None and example.shape[2] == self._frames(self.frame):
            samples = min(samples, self.frame.length(self.rate))
        sounds = [whole.first(self._blocks(x), samples) for x in example.detach().cpu()]
        whole.write(sounds, samples, self.rate, self.frame, path)

    def sound(self, examples: Tensor) -> Tensor:
        """(B, 1, mels, T) to samples (B, T · hop) at `rate`."""
        if examples.shape[-1] > LONGEST:
            return torch.stack([torch.cat([*self._blocks(x)]) for x in examples[:, 0].detach().cpu()])
        return self._phased(examples[:, 0])

    def _phased(self, x: Tensor) -> Tensor:
        """(B, mels, T) to (B, T · hop)."""
        with torch.autocast("cpu", enabled=False):
            return self.scale.sound(x.detach().cpu().float().nan_to_num())

    def _blocks(self, x: Tensor) -> Iterator[Tensor]:
        """(mels, T) to T · hop samples in blocks: parts of LONGEST frames, faded into each other."""
        frames, step = x.shape[1], LONGEST - COMMON
        if frames <= LONGEST:
            return iter(self._phased(x[None]))
        padded = F.pad(x, (0, LONGEST + (whole.count(frames, LONGEST, step) - 1) * step - frames))
        parts = (self._phased(part[None])[0] for part in padded.unfold(1, LONGEST, step).unbind(1))
        return whole.first(whole.faded(parts, COMMON * self.hop), frames * self.hop)

    def picture(self, example: Tensor) -> Picture:
        """(channels, mels, T), their mean, to (H, W, 3) uint8, low bands at the bottom, every level a square of pixels."""
        seen = example.mean(0)[:, :: 1 + example.shape[2] // LONGEST]
        shade = (seen.detach().float().cpu().nan_to_num() * 255).round().clamp(0, 255).byte().flip(0).numpy()
        side = math.ceil(TALL / self.mels)
        return np.ascontiguousarray(spectrogram.colours()[shade.repeat(side, 0).repeat(side, 1)])

    def join(self, examples: Tensor) -> Tensor:
        """(K, 1, mels, frames) in a row: sound knows no seam, since the phases are found for the whole."""
        if self.frame is None:
            return torch.cat(list(examples), 2)
        channels = torch.cat([torch.cat(list(part), 2) for part in examples.chunk(self.frame.channels)])
        own = whole.count(self.frame.length(self.rate), self.length, self.length)
        return channels[..., : self._frames(self.frame)] if len(examples) // self.frame.channels == own else channels

    def _frames(self, frame: whole.Frame) -> int:
        """Of a recording, at least a window's."""
        return max(self.event[2], -(-frame.length(self.rate) // self.hop))

    def cut(self, long: Tensor, by: float) -> Tensor:
        """Frames of the end left out."""
        return long[..., : long.shape[2] - round(by * self.event[2])]

    def part(self, long: Tensor) -> Tensor:
        """Windows (W, 1, mels, frames) of a longer one (channels, mels, T), silent at its end."""
        frames = self.event[2]
        padded = F.pad(long, (0, -long.shape[2] % frames))
        return padded.unfold(2, frames, frames).transpose(1, 2).reshape(-1, *self.event)

    # -- examples -----------------------------------------------------------------------------------------------------

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """(B, 1, mels, frames) to float32; varied while training."""
        x = stored.float()
        if stage != "train" or not self.augment:
            return x
        gain = (2 * torch.rand(len(x), 1, 1, 1, device=x.device) - 1) * (LOUDER / RANGE)
        x = (x + gain).clamp(min=0).where(x > 0, 0.0)
        most = max(1, round(MOVED * x.shape[-1]))
        shift = int(torch.randint(-most, most + 1, ()))  # drawn on the CPU: the device is not waited for
        return F.pad(x, (shift, -shift))

    def assess(
        self, vae: Generative, held: Examples, train: Callable[[], Examples], condition: Condition
    ) -> Mapping[str, float | None]:
        """The numbers of `genae_audio.mel_assess`."""
        from genae_audio.mel_assess import assess

        return assess(vae, self, held, train(), condition)

    def judge(self, samples: Tensor, held: Examples, train: Callable[[], Examples]) -> Figures:
        """The figures of `genae_audio.judged`, of both as they are heard."""
        own = self.prepare(held.x[: judged.JUDGED], "show")
        return judged.figures({"samples": self.sound(samples), "held-out": self.sound(own)}, self.rate)


def log_mel_distance(target: Tensor, output: Tensor) -> float:
    """mean |Δ| of the levels of (B, 1, mels, frames), dB."""
    return RANGE * (target - output).abs().mean().item()


def log_mel_rms(target: Tensor, output: Tensor) -> float:
    """The root of the mean Δ² of the levels of each, dB, the mean over the batch."""
    return RANGE * (target - output).square().flatten(1).mean(1).sqrt().mean().item()
