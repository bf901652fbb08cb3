r"""Music: MIDI files as windows of tokens, and tokens as MIDI, piano rolls and sound.

stored   melody (T,) uint8, classes 0…89; drums (T,) int16, labels Σ 2^class; the full kit's roll (T, 61) uint8;
         trio (3, T) int16, melody | bass | drums
event    the same as whole numbers in floats; while training melodies and basses are transposed together by up to
         `transpose` semitones, as far as the piano's keys allow
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Le, Unit, doc
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import WRITTEN, Condition, Defaults, Domain, Reading, Stage
from genae.data.examples import Examples, File, Found
from genae.errors import GenaeError, Rejected
from genae.latent.inference import Generative
from genae.latent.space import Shape
from genae_music import drums, melody, midi, report, roll, trio
from genae_music.drums import Kit
from genae_music.melody import transposed
from genae_music.quantise import Setting
from genae_music.reasons import Unusable, told
from genae_music.score import Score
from genae_music.windows import Windows

Kind = Literal["melody", "drums", "trio"]
PITCHED = 2  # the first streams of a trio


@dataclass(frozen=True)
class Music(Domain):
    """Windows of `bars` bars, one beginning at every bar. Tempo, program and velocity are a file's own where one is read."""

    kind: Annotated[Kind, doc("one melody, drums, or melody, bass and drums together")] = "melody"
    bars: Annotated[int, Ge(1), Le(1024), doc("length of a window")] = 2
    grid: Annotated[Literal["default", "magenta"], doc("how files are cut and notes rounded, or as MusicVAE did")] = "default"
    steps_per_bar: Annotated[Literal[12, 16], doc("16, or 12 for meters in three")] = 16
    triple: Annotated[bool, doc("on bars of 16, read 3/4, 6/8 … too")] = True
    kit: Annotated[Kit, doc("drums of 9 classes, or of 61 pitches")] = "reduced"
    programs: Annotated[
        Sequence[Annotated[int, Ge(0), Le(127)]],
        doc("General MIDI's first and last of a melody; without, all, or 0 and 31 as in Magenta's 2 bars"),
    ] = ()
    transpose: Annotated[int, Ge(0), doc("most semitones up or down in training")] = 0
    tempo: Annotated[float, WRITTEN, Ge(4), Le(60_000), Unit("quarters per minute"), doc("how fast it is played")] = 120.0
    program: Annotated[int, WRITTEN, Ge(0), Le(127), doc("General MIDI's number of the melody's instrument")] = 0
    velocity: Annotated[int, WRITTEN, Ge(1), Le(127), doc("loudness of the notes")] = 80
    audio: Annotated[bool, WRITTEN, doc("a WAV beside every MIDI file")] = True

    suffixes: ClassVar[tuple[str, ...]] = (".mid", ".midi", ".kar")
    defaults: ClassVar[Defaults] = Defaults(network="music-lstm", shows="sample", temperature=0.5, samples=10)
    reading: ClassVar[Reading] = Reading(
        cached=True, distinct=True, least=16,
        advice="give more files, or shorter windows (--set domain.bars=2); `genae data inspect` tells why, track by track",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.kit == "full" and self.kind != "drums":
            raise GenaeError(f"domain.kit=full is for domain.kind=drums, not {self.kind}")
        if self.transpose and self.kind == "drums":
            raise GenaeError(f"domain.transpose must be 0 for drums; not {self.transpose}")
        if len(self.programs) not in (0, 2):
            raise GenaeError(f"domain.programs must be a first and a last one, 0 to 127, not {list(self.programs)}")
        _ = self.setting  # a grid and bars that do not go together

    @property
    def setting(self) -> Setting:
        """How files are cut: Magenta's 2-bar models know programs 0 to 31 alone."""
        usual = (0, 31) if self.grid == "magenta" and self.bars == 2 else (0, 127)
        first, last = self.programs or usual
        return Setting(self.bars, self.grid, self.steps_per_bar, self.triple, (first, last))

    @property
    def event(self) -> Shape:
        """(T,), (3, T) for trios, (T, 61) for the full kit."""
        steps = self.setting.steps
        return {"trio": (3, steps), "drums": (steps, len(drums.FULL)) if self.kit == "full" else (steps,)}.get(
            self.kind, (steps,)
        )

    @property
    def units(self) -> Mapping[str, float]:
        """Bars, of which there are whole windows."""
        return {"bars": self.bars}

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, file: File) -> Found:
        """One file to all of its windows (W, *event)."""
        _, found = self._found(file)
        lost: Counter[str] = Counter()
        for loss in found.lost:
            lost[told(loss.what, loss.reason)] += len(loss.instrument)
        tokens = drums.roll(found.tokens, "full") if self.kit == "full" else found.tokens
        return Found(torch.from_numpy(np.ascontiguousarray(tokens)), {why: n for why, n in lost.items() if n})

    def _found(self, file: File) -> tuple[Score, Windows]:
        try:
            score = midi.read(file.read())
            if self.kind == "drums":
                return score, drums.windows(score, self.setting, self.kit)
            return score, report.KINDS[self.kind](score, self.setting)
        except Unusable as error:
            raise Rejected(f"{file.name}: {error}", told("files", error.reason)) from error

    def inspect(self, file: File) -> list[str]:
        """A line for the file and one for each of its tracks."""
        return report.inspect(file.name, file.read(), self.setting, self.kind).lines

    def style(self, file: File) -> dict[str, object]:
        """The file's tempo at the start, and program and velocity of the instrument whose window is the first."""
        score, found = self._found(file)
        whose = int(np.ravel(found.instrument)[0]) if len(found.tokens) else 0
        velocity = int(np.median(score.velocity[score.instrument == whose]))
        player = score.instruments[whose]
        program = self.program if player.is_drum else player.program
        return {"tempo": round(score.tempo, 3), "program": program, "velocity": velocity}

    def write(self, example: Tensor, path: Path) -> None:
        """As MIDI, of any length."""
        path.write_bytes(midi.write(self._score(example)))

    def extras(self, example: Tensor, path: Path) -> list[Path]:
        """Its sound."""
        if not self.audio:
            return []
        from genae_music.sound import render

        return [render(self._score(example), path.with_suffix(".wav"))]

    def _score(self, example: Tensor) -> Score:
        tokens = example.detach().cpu().round().long().numpy()
        if self.kind == "drums":
            labels = tokens @ (1 << np.arange(len(drums.FULL))) if self.kit == "full" else tokens
            return drums.score(labels, self.tempo, self.velocity, self.steps_per_bar, self.kit)
        make = trio.score if self.kind == "trio" else melody.score
        return make(tokens, self.tempo, self.program, self.velocity, self.steps_per_bar)

    # -- examples -----------------------------------------------------------------------------------------------------

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """(B, *event) to floats; transposed while training."""
        x = stored.float()
        if stage != "train" or not self.transpose:
            return x
        if self.kind == "melody":
            return transposed(x, self.transpose)
        return torch.cat([transposed(x[:, :PITCHED], self.transpose), x[:, PITCHED:]], 1)

    def picture(self, example: Tensor) -> Picture:
        """The piano roll."""
        return roll.picture(example.detach().cpu().round().long().numpy(), self.kind, self.steps_per_bar)

    def join(self, examples: Tensor) -> Tensor:
        """One after the other."""
        return torch.cat(list(examples), 1 if self.kind == "trio" else 0)

    def assess(
        self, vae: Generative, held: Examples, train: Callable[[], Examples], condition: Condition
    ) -> Mapping[str, float | None]:
        """The numbers of `genae_music.assess`."""
        from genae_music.assess import assess

        x, other = (self.prepare(x, "score").to(vae.anchor.device) for x in (held.x, train().x))
        return assess(vae, x, other, condition(held, x), kind=self.kind, steps_per_bar=self.steps_per_bar)
