r"""Many voices as a domain: MIDI and ABC files as windows of the piano's keys, and back.

stored   (T, 88) uint8, as `genae_music.piano` has it: 0, a velocity 1 … 127, or GOES_ON
event    the same as floats: 0, velocity / 127, or −1 where a note goes on; while training transposed by up to `transpose`
         semitones, as far as the piano's keys allow
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Le, Unit, doc
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import CHOICE, WRITTEN, Defaults, Figures, Reading, Stage
from genae.data.examples import Examples, File, Found, Piece
from genae.latent.space import Shape
from genae_music import keys, piano, piano_metrics, pieces, reader, report, roll
from genae_music.domain import sums
from genae_music.piano import KEYS
from genae_music.piano_cells import Cells
from genae_music.piano_events import event, tokens, transposed
from genae_music.quantise import Setting
from genae_music.rolled import Rolled
from genae_music.score import Score
from genae_music.scored import FASTEST, SLOWEST, rejecting, tempo_at


@dataclass(frozen=True)
class Piano(Rolled):
    """Windows of `bars` bars of all pitched tracks together, one beginning at every bar."""

    bars: Annotated[int, Ge(1), Le(1024), doc("length of a window")] = 2
    steps_per_bar: Annotated[Literal[12, 16], doc("16, or 12 for meters in three")] = 16
    triple: Annotated[bool, CHOICE, doc("on bars of 16, read 3/4, 6/8 … too")] = True
    tracks: Annotated[str, CHOICE, doc("all pitched ones, or those whose names hold this, such as piano")] = ""
    transpose: Annotated[int, CHOICE, Ge(0), doc("most semitones up or down in training")] = 0
    tempo: Annotated[float, WRITTEN, Ge(SLOWEST), Le(FASTEST), Unit("quarters per minute"), doc("how fast it is played")] = (
        120.0
    )
    program: Annotated[int, WRITTEN, Ge(0), Le(127), doc("General MIDI's number of the instrument")] = 0
    audio: Annotated[bool, WRITTEN, doc("a WAV beside every MIDI file")] = True
    tail: Annotated[float, WRITTEN, Ge(0), Le(60), Unit("seconds"), doc("how long a WAV rings on after the last bar")] = 0.0
    frame: pieces.Frame | None = field(default=None, init=False, repr=False)  # of the song that it writes

    suffixes: ClassVar[tuple[str, ...]] = reader.SUFFIXES
    fields: ClassVar[Mapping[str, int]] = keys.FIELDS
    defaults: ClassVar[Defaults] = Defaults(
        network="beats", shows="sample", temperature=0.5, decoded=0.0, metrics=piano_metrics.METRICS, samples=10, judged=256,
    )  # fmt: skip
    reading: ClassVar[Reading] = Reading(
        cached=True, distinct=True, least=16,
        advice="give more files, or shorter windows (--set domain.bars=1); `genae data inspect` tells why, track by track",
    )  # fmt: skip

    @property
    def setting(self) -> Setting:
        """How files are cut."""
        return Setting(self.bars, "default", self.steps_per_bar, self.triple, tracks=self.tracks)

    @property
    def event(self) -> Shape:
        """(T, 88)."""
        return (self.setting.steps, KEYS)

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, file: File) -> Found:
        """One file to all of its windows (W, T, 88)."""
        with rejecting(file):
            score = reader.read(file)
            found = piano.windows(score, self.setting)
        return Found(torch.from_numpy(found.tokens), sums(found.lost), keys.fields(score, found.tick))

    def piece(self, file: File) -> Piece:
        """All pitched tracks of the song; silent windows are rests."""
        with rejecting(file):
            score = reader.read(file)
            song = piano.song(score, self.setting)
        frame = pieces.frame_of(score, song)
        return Piece(
            torch.from_numpy(song.tokens), {**frame._asdict(), "program": _program(score)}, torch.from_numpy(~song.heard),
            lost=sums(song.lost), fields=keys.fields(score, pieces.begins(frame)),
            seamless=bool((song.grid.take[:-1] == self.setting.steps).all()),
        )  # fmt: skip

    def framed(self, frame: Mapping[str, Any]) -> Piano:
        """With the song's bars, tempi and program."""
        rest = dict(frame)
        made = replace(self, **{"program": rest.pop("program")} if "program" in rest else {})
        object.__setattr__(made, "frame", pieces.Frame(**rest))
        return made

    def inspect(self, file: File) -> list[str]:
        """A line for the file and one for each of its tracks."""
        return report.inspect(file, self.setting, "piano").lines

    def style(self, file: File) -> dict[str, object]:
        """The tempo where the notes begin, and the program of most of them."""
        with rejecting(file):
            score = reader.read(file)
        begins = score.onset[~score.drums()]
        return {"tempo": tempo_at(score, float(begins.min()) if len(begins) else 0.0), "program": _program(score)}

    def _score(self, example: Tensor) -> Score:
        played = piano.notes(tokens(example))
        return piano.score(played, len(example), self.tempo, self.program, self.steps_per_bar, self.frame)

    # -- examples -----------------------------------------------------------------------------------------------------

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """(B, T, 88) to floats; transposed while training."""
        return self.augmented(stored, {})[0] if stage == "train" else event(stored)

    def augmented(self, stored: Tensor, fields: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """(B, T, 88) transposed, and their keys likewise."""
        if not self.transpose:
            return event(stored), fields
        moved, by = transposed(stored, self.transpose)
        return event(moved), keys.transposed(fields, by)

    def spelled(self, field: str, text: str) -> Sequence[float] | None:
        """A key or a meter, as people write them."""
        return keys.spelled(field, text)

    def picture(self, example: Tensor) -> Picture:
        """The piano roll."""
        of = piano.notes(tokens(example))
        return roll.piano_roll([("melody", of.start, of.stop, of.pitch)], len(example), self.steps_per_bar)

    def baselines(self, train: Tensor, held: Tensor, levels: int) -> Mapping[str, Tensor]:
        """Every key by itself: `genae_music.piano_cells`."""
        return {"cells": Cells.of(train).nats(held)}

    def judge(self, samples: Tensor, held: Examples, train: Callable[[], Examples]) -> Figures:
        """The figures of `genae_music.piano_judged`, of the samples and of its baselines."""
        from genae_music.piano_judged import Judge

        judge = Judge(train().x, held.x)
        made, others = judge(samples), judge.baselines(len(samples))
        return {name: {"samples": value, **{whose: of[name] for whose, of in others.items()}} for name, value in made.items()}


def _program(score: Score) -> int:
    """That of the pitched instrument with most notes; 0 of none."""
    mine = score.instrument[~score.drums()]
    return score.instruments[int(np.bincount(mine).argmax())].program if len(mine) else 0
