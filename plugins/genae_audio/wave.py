r"""Sound as waveforms: files of any rate and format as windows of mono samples, and back.

stored   int16 (1, N), N = ⌈seconds · rate / 2048⌉ · 2048, so that networks of any usual stride divide it (2 s at 16 kHz become
         32 768 samples, 2.048 s)
event    float (1, N) in [-1, 1); while training each quieter by up to 6 dB, half of them with the sign changed (both are heard
         as the same), and all moved by up to 20 ms
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import doc
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import CHOICE, Condition, Defaults, Direct, Domain, Figures, Reading, Stage
from genae.data.examples import Examples, File, Found, Piece
from genae.latent.inference import Generative
from genae.latent.space import Shape
from genae_audio import attributes, judged, reading, recording, spectrogram, whole
from genae_audio.channels import Channels
from genae_audio.formats import SUFFIXES
from genae_audio.stft import distance
from genae_audio.tasks import WaveDenoise, WaveLowpass

STRIDE = 2048  # samples: RAVE's
QUIETER = 6.0  # dB
MOVED = 0.02  # seconds
FADE = 0.05  # seconds, between two clips in a row


@dataclass(frozen=True)
class Wave(Domain):
    """Windows of `seconds`, one after the other, at `rate` Hz."""

    rate: reading.Rate = 16000
    seconds: reading.Seconds = 2.0
    channels: Annotated[Channels, CHOICE] = "mid"
    augment: Annotated[bool, CHOICE, doc("in training quieter, upside down and moved, at random")] = True
    frame: whole.Frame | None = field(default=None, init=False, repr=False)  # of the recording that it writes

    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    reading: ClassVar[Reading] = Reading(cached=True)

    @property
    def event(self) -> Shape:
        """(1, N)."""
        return (1, math.ceil(round(self.seconds * self.rate) / STRIDE) * STRIDE)

    @property
    def units(self) -> Mapping[str, float]:
        """Seconds, of which joining takes FADE."""
        return {"seconds": self.event[1] / self.rate}

    @property
    def defaults(self) -> Defaults:  # type: ignore[override]  # here a log-mel distance hangs on the rate
        """A pseudo-likelihood has no NLL for more samples to approach; the metrics are of reconstructions."""
        metrics: Mapping[str, Callable[..., float]] = {
            "stft_distance": stft_distance,
            "log_mel_distance": partial(spectrogram.log_mel_distance, rate=self.rate),
        }
        tasks: Mapping[str, Callable[..., object]] = {"lowpass": WaveLowpass, "denoise": WaveDenoise}
        return Defaults(
            network="rave",
            tasks=tasks,
            samples=1,
            metrics=metrics,
            judged=judged.JUDGED,
            attributes=attributes.of_waves(self.rate),
        )

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, file: File) -> Found:
        """One file to all of its windows (W, 1, N) int16."""
        found = reading.read_sound(file, self.rate, self.event[1], self.channels, to_levels)
        return found._replace(x=found.x.reshape(-1, *self.event))  # none are (0, N)

    def piece(self, file: File) -> Piece:
        """The whole recording: windows of every channel, each begun FADE before the end of the one before."""
        n = self.event[1]
        return recording.read_whole(file, self.rate, n, n - self._fade, to_levels).piece

    def framed(self, frame: Mapping[str, object]) -> Wave:
        """With the recording's channels, rate and length."""
        return whole.framed(self, frame)

    def inspect(self, file: File) -> list[str]:
        """A line for the file."""
        return reading.inspect(file, self.rate, self.event[1], self.channels)

    def write(self, example: Tensor, path: Path) -> None:
        """As WAV of 16 bits, of any length; what is beyond full scale is clipped."""
        x = example.detach().float().cpu().nan_to_num()
        whole.write([torch.split(line, whole.BLOCK) for line in x], x.shape[1], self.rate, self.frame, path)

    def picture(self, example: Tensor) -> Picture:
        """Its spectrogram."""
        return spectrogram.picture(example)

    @property
    def direct(self) -> Direct:
        """As it is."""
        return Direct(".wav", lambda events: events, self.rate)

    @property
    def _fade(self) -> int:
        """Samples that windows in a row have in common."""
        return min(round(FADE * self.rate), self.event[1] // 2)

    def join(self, examples: Tensor) -> Tensor:
        """Clips (K, 1, N) in a row, faded into each other: at equal power, or as the windows of a recording, which agree."""
        clips = examples[:, 0].float().cpu()
        if self.frame is None:
            return whole.overlapped(clips, self._fade, 0.5)[None]
        channels = torch.stack([whole.overlapped(part, self._fade) for part in clips.chunk(self.frame.channels)])
        n = self.frame.length(self.rate)
        hop, each = self.event[1] - self._fade, len(clips) // self.frame.channels
        return channels[:, :n] if whole.count(n, self.event[1], hop) == each else channels

    def cut(self, long: Tensor, by: float) -> Tensor:
        """Samples of the end left out."""
        return long[:, : long.shape[1] - round(by * self.event[1])]

    def places(self, count: int) -> list[tuple[float, float]]:
        """Seconds."""
        hop = self.event[1] - self._fade
        return [(i * hop / self.rate, (i * hop + self.event[1]) / self.rate) for i in range(count)]

    def part(self, long: Tensor) -> Tensor:
        """Windows (W, 1, N) of a longer clip (channels, n), silent at its end."""
        n, hop = self.event[1], self.event[1] - self._fade
        each = whole.count(long.shape[1], n, hop)
        return F.pad(long, (0, n + (each - 1) * hop - long.shape[1])).unfold(1, n, hop).reshape(-1, *self.event)

    # -- examples -----------------------------------------------------------------------------------------------------

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """(B, 1, N) int16 to float; varied while training."""
        x = stored.float() / whole.LEVELS
        if stage != "train" or not self.augment:
            return x
        gain = 10 ** (-QUIETER / 20 * torch.rand(len(x), 1, 1, device=x.device))
        sign = torch.randint(0, 2, gain.shape, device=x.device) * 2 - 1
        most = round(MOVED * self.rate)
        shift = int(torch.randint(-most, most + 1, ()))  # drawn on the CPU: the device is not waited for
        return F.pad(x * (gain * sign), (shift, -shift))

    def assess(
        self, vae: Generative, held: Examples, train: Callable[[], Examples], condition: Condition
    ) -> Mapping[str, float | None]:
        """The numbers of `genae_audio.wave_assess`."""
        from genae_audio.wave_assess import assess

        return assess(vae, self, held, train(), condition)

    def judge(self, samples: Tensor, held: Examples, train: Callable[[], Examples]) -> Figures:
        """The figures of `genae_audio.judged`."""
        own = self.prepare(held.x[: judged.JUDGED], "show")
        return judged.figures({"samples": samples[:, 0], "held-out": own[:, 0]}, self.rate)


def to_levels(x: Tensor) -> Tensor:
    """Samples (W, N), full scale 1, to int16 (W, 1, N)."""
    return whole.levels(x.nan_to_num())[:, None]


def stft_distance(target: Tensor, output: Tensor) -> float:
    """d(target, output) of `genae_audio.stft`, the mean over clips (B, 1, N)."""
    return distance(target, output).mean().item()
