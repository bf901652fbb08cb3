r"""Bands as a domain: MIDI files of two tracks and more, bar by bar, with programs, velocities and lengths; and back.

stored   (128, 6) uint8, the rows of `genae_music.multitrack`
event    the same as floats; while training what is pitched is transposed together by up to `transpose` semitones
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Le, Unit, doc
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import CHOICE, WRITTEN, Condition, Defaults, Figures, Reading, Stage, Written
from genae.data.examples import Examples, File, Found, Piece
from genae.errors import remark
from genae.latent.inference import Generative
from genae.latent.space import Shape
from genae_music import keys, mix, multitrack, multitrack_metrics, multitrack_roll, pieces, reader, report
from genae_music.domain import sums
from genae_music.events import shift
from genae_music.melody import HIGHEST, LOWEST
from genae_music.multitrack import BAR, COLUMNS, DRUMS, NOTES, Names
from genae_music.quantise import Setting
from genae_music.score import Score
from genae_music.scored import FASTEST, SLOWEST, Scored, rejecting, tempo_at
from genae_music.smf import Array

SETTING = Setting(1)
PITCH, PROGRAM = 3, 1  # columns
ASSESSED = 512  # bars
PARTS = ("melody", *(f"track_{i}" for i in range(2, 7)), "bass", "drums")


@dataclass(frozen=True)
class Multitrack(Scored):
    """Bars of a band of up to eight tracks."""

    transpose: Annotated[int, CHOICE, Ge(0), doc("most semitones up or down in training")] = 0
    tempo: Annotated[float, WRITTEN, Ge(SLOWEST), Le(FASTEST), Unit("quarters per minute"), doc("how fast it is played")] = (
        120.0
    )
    drumkit: Annotated[mix.Kit, Written("kit"), doc("General MIDI 2's drum kit that plays the drums")] = "standard"
    audio: Annotated[bool, WRITTEN, doc("a WAV beside every MIDI file")] = True
    tail: Annotated[float, WRITTEN, Ge(0), Le(60), Unit("seconds"), doc("how long a WAV rings on after the last bar")] = 0.0
    frame: pieces.Frame | None = field(default=None, init=False, repr=False)  # of the song that it writes,
    names: Names = field(default=Names((), (), ()), init=False, repr=False)  # and who plays in it

    suffixes: ClassVar[tuple[str, ...]] = reader.MIDI
    event: ClassVar[Shape] = (NOTES, COLUMNS)
    fields: ClassVar[Mapping[str, int]] = keys.FIELDS
    units: ClassVar[Mapping[str, float]] = {"bars": 1}
    defaults: ClassVar[Defaults] = Defaults(
        network="multitrack", shows="sample", temperature=1.0, decoded=0.25, metrics=multitrack_metrics.METRICS, samples=10,
        judged=256,
    )  # fmt: skip
    reading: ClassVar[Reading] = Reading(
        cached=True, distinct=True, least=16,
        advice="give more files of several tracks; `genae data inspect` tells why, track by track",
    )  # fmt: skip

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, file: File) -> Found:
        """One file to its bars (W, 128, 6), each once."""
        with rejecting(file):
            score = reader.read(file)
            found = multitrack.windows(score, SETTING)
        return Found(torch.from_numpy(found.tokens), sums(found.lost), keys.fields(score, found.tick))

    def piece(self, file: File) -> Piece:
        """The whole song; silent bars are rests."""
        with rejecting(file):
            score = reader.read(file)
            song, who = multitrack.song(score, SETTING)
        for line in multitrack.left_out(score, song.lost):
            remark(f"{file.name}: {line}")
        framed = pieces.frame_of(score, song)
        frame = {**framed._asdict(), "names": list(multitrack.names_of(score, who))}
        seamless = bool((song.grid.take[:-1] == BAR).all())
        return Piece(
            torch.from_numpy(song.tokens), frame, torch.from_numpy(~song.heard), lost=sums(song.lost),
            fields=keys.fields(score, pieces.begins(framed)), seamless=seamless,
        )  # fmt: skip

    def framed(self, frame: Mapping[str, Any]) -> Multitrack:
        """With the song's bars and tempi, its tracks named as there."""
        rest, made = dict(frame), replace(self)
        object.__setattr__(made, "names", Names(*rest.pop("names", Names((), (), ()))))
        object.__setattr__(made, "frame", pieces.Frame(**rest))
        return made

    def inspect(self, file: File) -> list[str]:
        """A line for the file and one for each of its tracks."""
        return report.inspect(file, SETTING, "band").lines

    def style(self, file: File) -> dict[str, object]:
        """The tempo where it begins, and the drum kit."""
        with rejecting(file):
            score = reader.read(file)
        return {"tempo": tempo_at(score, float(score.onset.min())), "drumkit": mix.kit_of(score)}

    def _score(self, example: Tensor) -> Score:
        return mix.with_kit(multitrack.score(_bars(example), self.tempo, self.names, self.frame), self.drumkit)

    # -- examples -----------------------------------------------------------------------------------------------------

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """(B, 128, 6) to floats; transposed while training."""
        return self.augmented(stored, {})[0] if stage == "train" else stored.float()

    def augmented(self, stored: Tensor, fields: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """(B, 128, 6), all that is pitched transposed together, as far as the piano's keys allow; and their keys likewise."""
        x = stored.float()
        if not self.transpose:
            return x, fields
        pitch, pitched = x[..., PITCH], (x[..., 0] > 0) & (x[..., PROGRAM] < DRUMS)
        low = torch.where(pitched, pitch, HIGHEST).amin(1)
        high = torch.where(pitched, pitch, LOWEST).amax(1)
        by = shift(low, high, (LOWEST, HIGHEST), self.transpose)
        x[..., PITCH] += by[:, None] * pitched
        return x, keys.transposed(fields, by)

    def spelled(self, field: str, text: str) -> list[float] | None:
        """A key or a meter, as people write them."""
        made = keys.spelled(field, text)
        return None if made is None else list(made)

    def picture(self, example: Tensor) -> Picture:
        """The roll of all tracks."""
        return multitrack_roll.picture(_bars(example))

    def join(self, examples: Tensor) -> Tensor:
        """Bars (N, 128, 6) in a row, (N · 128, 6)."""
        return examples.flatten(0, 1)

    def part(self, long: Tensor) -> Tensor:
        """And back."""
        return long.reshape(-1, NOTES, COLUMNS)

    def places(self, count: int) -> list[tuple[float, float]]:
        """Bars of the song."""
        return super().places(count) if self.frame is None else [*pieces.bars(self.frame, count, 1)]

    def assess(
        self, vae: Generative, held: Examples, train: Callable[[], Examples], condition: Condition
    ) -> Mapping[str, float | None]:
        """The onset F1 of each track of reconstructions, note by note the likelier."""
        some = held.take(torch.randperm(len(held))[:ASSESSED])
        x = self.prepare(some.x, "score").to(vae.anchor.device)
        given = condition(some, x)
        made = vae.decode(vae.encode(x, given), given).sample(0.0)
        return {f"onset_f1_{PARTS[track]}": value for track, value in multitrack_metrics.track_f1(x, made).items()}

    def judge(self, samples: Tensor, held: Examples, train: Callable[[], Examples]) -> Figures:
        """The figures of `genae_music.multitrack_metrics`, of the samples, held-out bars and tracks of several songs."""
        return multitrack_metrics.judged(self.part(samples), self.prepare(held.x, "show"))


def _bars(example: Tensor) -> Array:
    """An event, or a longer one, to bars (W, 128, 6)."""
    return example.detach().cpu().round().long().numpy().reshape(-1, NOTES, COLUMNS).astype(np.int64)
