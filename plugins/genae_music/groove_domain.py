r"""Grooves as a domain: MIDI files of drums as windows of hits, velocities and offsets, and back.

stored   (T, 27) int16: hits 0 or 1, velocities 0…127, offsets in units of 1 / FINEST of half a step
event    the same as floats: hits, velocities from 0 to 1, offsets from −1 to 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Le, Unit, doc
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import WRITTEN, Defaults, Reading, Written
from genae.data.examples import File, Found, Piece
from genae.latent.space import Shape
from genae_music import groove, groove_metrics, groove_roll, keys, mix, pieces, reader, report
from genae_music.domain import sums
from genae_music.groove import KINDS, WIDTH
from genae_music.groove_tasks import AddHihat, Humanize, Tap
from genae_music.quantise import Setting
from genae_music.rolled import Rolled
from genae_music.score import LOUDEST, Score
from genae_music.scored import FASTEST, SLOWEST, rejecting, tempo_at
from genae_music.smf import Array

UNIT = torch.tensor([1.0] * KINDS + [1 / LOUDEST] * KINDS + [1 / groove.FINEST] * KINDS)


@dataclass(frozen=True)
class Groove(Rolled):
    """Windows of `bars` bars of a drummer's playing, one beginning at every bar."""

    bars: Annotated[int, Ge(1), Le(1024), doc("length of a window")] = 2
    grid: Annotated[Literal["default", "magenta"], doc("how files are cut and notes rounded, or as GrooVAE did")] = "default"
    steps_per_bar: Annotated[Literal[12, 16], doc("16, or 12 for meters in three")] = 16
    triple: Annotated[bool, doc("on bars of 16, read 3/4, 6/8 … too")] = True
    tempo: Annotated[float, WRITTEN, Ge(SLOWEST), Le(FASTEST), Unit("quarters per minute"), doc("how fast it is played")] = (
        120.0
    )
    amount: Annotated[
        float, WRITTEN, Ge(0), Le(1), doc("of velocities and timing: 0 is all as loud, and on the grid, 1 as they are")
    ] = 1.0
    velocity: Annotated[int, WRITTEN, Ge(1), Le(127), doc("loudness of all hits where amount is 0")] = 80
    drumkit: Annotated[mix.Kit, Written("kit"), doc("General MIDI 2's drum kit that plays the drums")] = "standard"
    audio: Annotated[bool, WRITTEN, doc("a WAV beside every MIDI file")] = True
    tail: Annotated[float, WRITTEN, Ge(0), Le(60), Unit("seconds"), doc("how long a WAV rings on after the last bar")] = 0.0
    frame: pieces.Frame | None = field(default=None, init=False, repr=False)  # of the song that it writes

    suffixes: ClassVar[tuple[str, ...]] = reader.MIDI
    fields: ClassVar[Mapping[str, int]] = {"meter": keys.FIELDS["meter"], "tempo": 1}
    defaults: ClassVar[Defaults] = Defaults(
        network="music-lstm", tasks={"humanize": Humanize, "tap": Tap, "add-hihat": AddHihat}, shows="sample",
        temperature=1.0, decoded=0.25, answers=8, metrics=groove_metrics.METRICS, samples=10,
    )  # fmt: skip
    reading: ClassVar[Reading] = Reading(
        cached=True, distinct=True, least=16,
        advice="give more files of drums, or shorter windows (--set domain.bars=1); `genae data inspect` tells why",
    )  # fmt: skip

    def __post_init__(self) -> None:
        _ = self.setting  # a grid and bars that do not go together

    @property
    def setting(self) -> Setting:
        """How files are cut."""
        return Setting(self.bars, self.grid, self.steps_per_bar, self.triple)

    @property
    def event(self) -> Shape:
        """(T, 27)."""
        return (self.setting.steps, WIDTH)

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, file: File) -> Found:
        """One file to all of its windows (W, T, 27)."""
        with rejecting(file):
            score = reader.read(file, self.setting.magenta)
            found = groove.windows(score, self.setting)
        return Found(torch.from_numpy(found.tokens), sums(found.lost), _fields(score, found.tick))

    def piece(self, file: File) -> Piece:
        """All drums of the song; silent bars are rests."""
        with rejecting(file):
            score = reader.read(file, self.setting.magenta)
            song = groove.song(score, self.setting)
        framed = pieces.frame_of(score, song)
        frame = {**framed._asdict(), "velocity": _loudness(score)}
        seamless = bool((song.grid.take[:-1] == self.setting.steps).all())
        return Piece(
            torch.from_numpy(song.tokens), frame, torch.from_numpy(~song.heard), lost=sums(song.lost),
            fields=_fields(score, pieces.begins(framed)), seamless=seamless,
        )  # fmt: skip

    def framed(self, frame: Mapping[str, Any]) -> Groove:
        """With the song's bars, tempi and loudness."""
        rest = dict(frame)
        made = replace(self, **{"velocity": rest.pop("velocity")} if "velocity" in rest else {})
        object.__setattr__(made, "frame", pieces.Frame(**rest))
        return made

    def inspect(self, file: File) -> list[str]:
        """A line for the file and one for each of its tracks."""
        return report.inspect(file, self.setting, "groove").lines

    def style(self, file: File) -> dict[str, object]:
        """The tempo where the drums begin, how loud they are in the middle, and of which kit."""
        with rejecting(file):
            score = reader.read(file, self.setting.magenta)
        begins = score.onset[score.drums()]
        at = float(begins.min()) if len(begins) else 0.0
        return {"tempo": tempo_at(score, at), "velocity": _loudness(score), "drumkit": mix.kit_of(score)}

    def _score(self, example: Tensor) -> Score:
        hits = self._hits(example)
        made = groove.score(hits, len(example), self.tempo, self.steps_per_bar, self.frame)
        return mix.with_kit(made, self.drumkit)

    def _hits(self, example: Tensor) -> groove.Hits:
        """Of an event (T, 27), with so much of its velocities and timing as is wanted."""
        of = groove.hits(example.detach().cpu().numpy())
        velocity = np.round(self.velocity + self.amount * (of.velocity - self.velocity)).astype(np.int64)
        return of._replace(velocity=velocity, early=self.amount * of.early)

    # -- examples -----------------------------------------------------------------------------------------------------

    def prepare(self, stored: Tensor, stage: Literal["train", "score", "show"]) -> Tensor:
        """(B, T, 27) to floats."""
        return stored.float() * UNIT.to(stored.device)

    def spelled(self, field: str, text: str) -> list[float] | None:
        """A meter, as people write it."""
        made = keys.spelled(field, text)
        return None if made is None else list(made)

    def picture(self, example: Tensor) -> Picture:
        """The drum roll: darker is louder, and what is early is further left."""
        return groove_roll.picture(self._hits(example), len(example), self.steps_per_bar)


def _fields(score: Score, ticks: Array) -> dict[str, Tensor]:
    """What is known of windows that begin at ticks (W,)."""
    tempo = torch.tensor([[score.tempo(tick)] for tick in ticks.tolist()]).view(-1, 1)
    return {"meter": keys.fields(score, ticks)["meter"], "tempo": tempo}


def _loudness(score: Score) -> int:
    """The median velocity of the drums."""
    mine = score.velocity[score.drums()]
    return int(np.median(mine)) if len(mine) else 80
