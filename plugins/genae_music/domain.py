r"""Music: MIDI files and ABC notation as windows of tokens, and tokens as MIDI, piano rolls and sound.

stored   melody (T,) uint8, classes 0…89; drums (T,) int16, labels Σ 2^class; the full kit's roll (T, 61) uint8;
         trio (3, T) int16, melody | bass | drums
event    the same as whole numbers in floats; while training melodies and basses are transposed together by up to
         `transpose` semitones, as far as the piano's keys allow
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Le, Unit, doc
from torch import Tensor

from genae.data.curve import Picture
from genae.data.domain import CHOICE, WRITTEN, Condition, Defaults, Figures, Reading, Scorer, Stage, Written
from genae.data.examples import Examples, File, Found, Piece
from genae.errors import GenaeError
from genae.latent.inference import Generative
from genae.latent.space import Shape
from genae_music import (
    chords,
    drums,
    dynamics,
    feel,
    harmony,
    kept,
    keys,
    melody,
    mix,
    pieces,
    reader,
    report,
    roll,
    trio,
)  # fmt: skip
from genae_music.agreement import streams
from genae_music.attributes import attributes
from genae_music.drums import Kit
from genae_music.events import begun, in_a_row, transposed
from genae_music.quantise import Setting
from genae_music.reasons import told
from genae_music.score import TICKS_PER_STEP, Score
from genae_music.scored import FASTEST, SLOWEST, Scored, rejecting, tempo_at
from genae_music.smf import Array
from genae_music.tasks import Complete
from genae_music.windows import Lost, Windows

Kind = Literal["melody", "drums", "trio"]
PITCHED = 2  # the first streams of a trio


@dataclass(frozen=True)
class Music(Scored):
    """Windows of `bars` bars, one beginning at every bar. Tempo, program and velocity are a file's own where one is read."""

    kind: Annotated[Kind, doc("one melody, drums, or melody, bass and drums together")] = "melody"
    bars: Annotated[int, Ge(1), Le(1024), doc("length of a window")] = 2
    grid: Annotated[Literal["default", "magenta"], doc("how files are cut and notes rounded, or as MusicVAE did")] = "default"
    steps_per_bar: Annotated[Literal[12, 16], doc("16, or 12 for meters in three")] = 16
    triple: Annotated[bool, CHOICE, doc("on bars of 16, read 3/4, 6/8 … too")] = True
    kit: Annotated[Kit, doc("drums of 9 classes, or of 61 pitches")] = "reduced"
    programs: Annotated[
        Sequence[Annotated[int, Ge(0), Le(127)]],
        CHOICE,
        doc("General MIDI's first and last of a melody; without, all, or 0 and 31 as in Magenta's 2 bars"),
    ] = ()
    tracks: Annotated[
        str, CHOICE, doc("of a melody: all; melody, the one named so or most like one; or what their names hold, such as vocal")
    ] = ""
    transpose: Annotated[int, CHOICE, Ge(0), doc("most semitones up or down in training")] = 0
    harmony: Annotated[bool, doc("the chord at every step is known too, a field `chords`")] = False
    tempo: Annotated[float, WRITTEN, Ge(SLOWEST), Le(FASTEST), Unit("quarters per minute"), doc("how fast it is played")] = (
        120.0
    )
    program: Annotated[int, WRITTEN, Ge(0), Le(127), doc("General MIDI's number of the melody's instrument")] = 0
    velocity: Annotated[int, WRITTEN, Ge(1), Le(127), doc("loudness of the notes")] = 80
    amount: Annotated[
        float, WRITTEN, Ge(0), Le(1), doc("of how drummers strike and time their drums; 0 is all as loud, and on the grid")
    ] = 1.0
    drumkit: Annotated[mix.Kit, Written("kit"), doc("General MIDI 2's drum kit that plays the drums")] = "standard"
    audio: Annotated[bool, WRITTEN, doc("a WAV beside every MIDI file")] = True
    tail: Annotated[float, WRITTEN, Ge(0), Le(60), Unit("seconds"), doc("how long a WAV rings on after the last bar")] = 0.0
    frame: pieces.Frame | None = field(default=None, init=False, repr=False)  # of the song that it writes

    suffixes: ClassVar[tuple[str, ...]] = reader.SUFFIXES
    reading: ClassVar[Reading] = Reading(
        cached=True, distinct=True, least=16,
        advice="give more files, or shorter windows (--set domain.bars=2); `genae data inspect` tells why, track by track",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.kit == "full" and self.kind != "drums":
            raise GenaeError(f"domain.kit=full is for domain.kind=drums, not {self.kind}")
        if self.tracks and self.kind != "melody":
            raise GenaeError(f"domain.tracks is for domain.kind=melody, not {self.kind}")
        if self.transpose and self.kind == "drums":
            raise GenaeError(f"domain.transpose must be 0 for drums; not {self.transpose}")
        if self.harmony and self.kind == "drums":
            raise GenaeError("domain.harmony is for what has chords, not drums")
        if len(self.programs) not in (0, 2):
            raise GenaeError(f"domain.programs must be a first and a last one, 0 to 127, not {list(self.programs)}")
        _ = self.setting  # a grid and bars that do not go together

    @property
    def setting(self) -> Setting:
        """How files are cut: Magenta's 2-bar models know programs 0 to 31 alone."""
        usual = (0, 31) if self.grid == "magenta" and self.bars == 2 else (0, 127)
        first, last = self.programs or usual
        return Setting(self.bars, self.grid, self.steps_per_bar, self.triple, (first, last), self.tracks)

    @property
    def event(self) -> Shape:
        """(T,), (3, T) for trios, (T, 61) for the full kit."""
        steps = self.setting.steps
        return {"trio": (3, steps), "drums": (steps, len(drums.FULL)) if self.kit == "full" else (steps,)}.get(
            self.kind, (steps,)
        )

    @property
    def fields(self) -> Mapping[str, int]:
        """Key and meter, and the chord at each step."""
        return {**keys.FIELDS, chords.FIELD: self.setting.steps} if self.harmony else keys.FIELDS

    @property
    def categories(self) -> Mapping[str, int]:
        """Chords are of 49 classes."""
        return {chords.FIELD: chords.CLASSES} if self.harmony else {}

    @property
    def defaults(self) -> Defaults:  # type: ignore[override]  # here attributes hang on the kind
        """What people are given is played from samples; the attributes are those of `genae_music.attributes`."""
        return Defaults(
            network="music-lstm", tasks={"complete": Complete}, shows="sample", decoded=0.5, samples=10, judged=256,
            attributes=attributes(self.kind, self.steps_per_bar),
        )  # fmt: skip

    @property
    def axis(self) -> int:
        """Of an event, along time."""
        return 1 if self.kind == "trio" else 0

    @property
    def units(self) -> Mapping[str, float]:
        """Bars, of which there are whole windows."""
        return {"bars": self.bars}

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, file: File) -> Found:
        """One file to all of its windows (W, *event)."""
        score, found = self._found(file)
        tokens = drums.roll(found.tokens, "full") if self.kit == "full" else found.tokens
        return Found(torch.from_numpy(np.ascontiguousarray(tokens)), sums(found.lost), self._known(score, file, found.tick))

    def piece(self, file: File) -> Piece:
        """The whole song: its melody, all its drums, or a trio; silent bars are rests."""
        score, song = self._song(file)
        framed = pieces.frame_of(score, song)
        frame = {
            **framed._asdict(),
            "program": self.program if self.kind == "drums" else score.instruments[song.instrument[0]].program,
            "velocity": dynamics.middle(score, int(song.instrument[0])),
        }
        tokens = drums.roll(song.tokens, "full") if self.kit == "full" else song.tokens
        x = torch.from_numpy(np.ascontiguousarray(tokens))
        seamless = bool((song.grid.take[:-1] == self.setting.steps).all())
        known = self._known(score, file, pieces.begins(framed))
        return Piece(x, frame, torch.from_numpy(~song.heard), lost=sums(song.lost), fields=known, seamless=seamless)

    def _known(self, score: Score, file: File, ticks: Array) -> Mapping[str, Tensor]:
        """The fields of windows that begin at ticks (W,)."""
        beside = harmony.fields(score, file, ticks, self.setting.steps) if self.harmony else {}
        return keys.fields(score, ticks) | beside

    def _song(self, file: File) -> tuple[Score, pieces.Song]:
        with rejecting(file):
            score = reader.read(file, self.setting.magenta)
            if self.kind == "drums":
                return score, pieces.drummed(score, self.setting, self.kit)
            return score, (pieces.together if self.kind == "trio" else pieces.melodic)(score, self.setting)

    def framed(self, frame: Mapping[str, Any]) -> Music:
        """With the song's bars, tempi, program and velocity."""
        rest = dict(frame)
        made = replace(self, **{key: rest.pop(key) for key in ("program", "velocity") if key in rest})
        object.__setattr__(made, "frame", pieces.Frame(**rest))
        return made

    def _found(self, file: File) -> tuple[Score, Windows]:
        with rejecting(file):
            score = reader.read(file, self.setting.magenta)
            if self.kind == "drums":
                return score, drums.windows(score, self.setting, self.kit)
            return score, report.KINDS[self.kind](score, self.setting)

    def inspect(self, file: File) -> list[str]:
        """A line for the file and one for each of its tracks."""
        told = report.inspect(file, self.setting, self.kind)
        if not (self.harmony and told.windows):
            return told.lines
        return [*told.lines, harmony.line(reader.read(file, self.setting.magenta), file)]

    def style(self, file: File) -> dict[str, object]:
        """The tempo where the first window's notes begin, program and velocity of whose it is, and the drum kit."""
        score, found = self._found(file)
        whose = int(np.ravel(found.instrument)[0]) if len(found.tokens) else 0
        player = score.instruments[whose]
        program = self.program if player.is_drum else player.program
        begins = float(found.sounds(score.resolution)[0] if len(found.tokens) else score.onset.min())
        kit = {} if self.kind == "melody" else {"drumkit": mix.kit_of(score)}
        return {"tempo": tempo_at(score, begins), "program": program, "velocity": dynamics.middle(score, whose), **kit}

    def _score(self, example: Tensor) -> Score:
        score = mix.with_kit(self._played(example.detach().cpu().round().long().numpy()), self.drumkit)
        step = score.onset // TICKS_PER_STEP
        if self.frame is None:
            return feel.played(score, step, self.amount, self.velocity)
        placed, length = pieces.place(score, self.frame), sum(self.frame.take)
        if not self.frame.strokes:
            return feel.played(placed, step, self.amount, self.velocity)
        of, unit = self.frame.strokes, self.frame.unit
        return dynamics.played(placed, step, of, length, unit, self.velocity, self.amount)

    def _played(self, tokens: Array) -> Score:
        if self.kind == "drums":
            labels = tokens @ (1 << np.arange(len(drums.FULL))) if self.kit == "full" else tokens
            return drums.score(labels, self.tempo, self.velocity, self.steps_per_bar, self.kit)
        make = trio.score if self.kind == "trio" else melody.score
        return make(tokens, self.tempo, self.program, self.velocity, self.steps_per_bar)

    # -- examples -----------------------------------------------------------------------------------------------------

    def prepare(self, stored: Tensor, stage: Stage) -> Tensor:
        """(B, *event) to floats; transposed while training."""
        return self.augmented(stored, {})[0] if stage == "train" else stored.float()

    def augmented(self, stored: Tensor, fields: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """(B, *event) transposed, and their keys likewise."""
        x = stored.float()
        if not self.transpose:
            return x, fields
        if self.kind == "melody":
            x, by = transposed(x, self.transpose)
        else:
            pitched, by = transposed(x[:, :PITCHED], self.transpose)
            x = torch.cat([pitched, x[:, PITCHED:]], 1)
        moves = {"key": keys.moved, chords.FIELD: chords.moved}
        return x, {name: moves[name](value, by) if name in moves else value for name, value in fields.items()}

    def spelled(self, field: str, text: str) -> Sequence[float] | None:
        """A key, a meter or a chart of chords, as people write them."""
        if field == chords.FIELD:
            return chords.chart(text, self.bars, self.steps_per_bar)
        return keys.spelled(field, text)

    def spelled_along(self, field: str, text: str, count: int) -> Sequence[Sequence[float] | None]:
        """A chart goes on from window to window."""
        if field != chords.FIELD:
            return super().spelled_along(field, text, count)
        line = chords.chart(text, count * self.bars, self.steps_per_bar)
        return [line[i : i + self.setting.steps] for i in range(0, len(line), self.setting.steps)]

    def settled(self, said: Mapping[str, str]) -> Mapping[str, str]:
        """Without a key that the chords are not in: they hold."""
        return harmony.settled(said)

    def picture(self, example: Tensor) -> Picture:
        """The piano roll."""
        return roll.picture(example.detach().cpu().round().long().numpy(), self.kind, self.steps_per_bar)

    def join(self, examples: Tensor) -> Tensor:
        """One after the other; in a song's frame each as long, and held as long, as there. A note ends with its window."""
        if self.frame is None:
            return self._in_a_row(examples)
        x = examples.detach().cpu().round().long().numpy()
        take = pieces.taken(self.frame, len(x), self.setting.steps)
        if self.kind == "drums":
            return torch.from_numpy(np.concatenate([w[:own] for w, own in zip(x, take, strict=True)])).float()
        lines = [x] if self.kind == "melody" else [x[:, i] for i in range(PITCHED)]
        made = [pieces.join(line, take, hold) for line, hold in zip(lines, self.frame.hold, strict=True)]
        if self.kind == "trio":
            made.append(np.concatenate([w[:own] for w, own in zip(x[:, PITCHED], take, strict=True)]))
        return torch.from_numpy(np.stack(made) if self.kind == "trio" else made[0]).float()

    def cut(self, long: Tensor, by: float) -> Tensor:
        """Steps of the end left out."""
        steps = round(by * self.setting.steps)
        return long[:, : long.shape[1] - steps] if self.kind == "trio" else long[: len(long) - steps]

    def places(self, count: int) -> list[tuple[float, float]]:
        """Bars of the song."""
        return super().places(count) if self.frame is None else [*pieces.bars(self.frame, count, self.bars)]

    def part(self, long: Tensor) -> Tensor:
        """Windows (W, *event) of a longer example, silent at its end; none ends a note of the one before."""
        steps = self.setting.steps
        count = -(-long.shape[self.axis] // steps)
        pad = [0, 0] * (long.ndim - self.axis - 1) + [0, count * steps - long.shape[self.axis]]
        windows = torch.stack(torch.split(torch.nn.functional.pad(long, pad), steps, self.axis))
        if self.kind == "trio":
            return torch.cat([begun(windows[:, :PITCHED]), windows[:, PITCHED:]], 1)
        return begun(windows) if self.kind == "melody" else windows

    def _in_a_row(self, examples: Tensor) -> Tensor:
        if self.kind == "trio":
            return torch.cat([in_a_row(examples[:, :PITCHED]), torch.cat(list(examples[:, PITCHED:]), -1)])
        return in_a_row(examples) if self.kind == "melody" else torch.cat(list(examples))

    def scorer(self, train: Examples) -> Scorer:
        """N-grams of the training windows."""
        from genae_music.rerank import learned

        return learned(self.prepare(train.x, "show"), self.kind, self.steps_per_bar)

    def score(self, events: Tensor, scorer: Scorer) -> Tensor:
        """See `genae_music.rerank`."""
        from genae_music.rerank import score

        return score(events, self.kind, scorer)

    def assess(
        self, vae: Generative, held: Examples, train: Callable[[], Examples], condition: Condition
    ) -> Mapping[str, float | None]:
        """The numbers of `genae_music.assess`."""
        from genae_music.assess import assess

        x, other = (self.prepare(x, "score").to(vae.anchor.device) for x in (held.x, train().x))
        return assess(vae, x, other, condition(held, x), kind=self.kind, steps_per_bar=self.steps_per_bar)

    def kept(self, events: Tensor, fields: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The shares of `genae_music.kept`; drums have neither chords nor a key."""
        if self.kind == "drums":
            return {}
        return kept.kept(events[:, None] if self.kind == "melody" else events[:, :PITCHED], fields)

    def baselines(self, train: Tensor, held: Tensor, levels: int) -> Mapping[str, Tensor]:
        """The n-gram of `genae_music.ngram`."""
        from genae_music.ngram import ORDER, window_nats

        return {f"{ORDER}-gram": window_nats(train, streams(held, self.kind), self.kind, self.steps_per_bar)}

    def judge(self, samples: Tensor, held: Examples, train: Callable[[], Examples]) -> Figures:
        """The figures of `genae_music.judged`, of the samples and of its baselines."""
        from genae_music.judged import Judge

        known, wanted = (self.prepare(x, "show") for x in (train().x, held.x))
        judge = Judge(known, wanted, self.kind, self.steps_per_bar)
        made, others = judge(samples), judge.baselines(len(samples))
        return {name: {"samples": value, **{whose: of[name] for whose, of in others.items()}} for name, value in made.items()}


def sums(lost: Sequence[Lost]) -> dict[str, int]:
    """What was not used, by reason in words."""
    sums: Counter[str] = Counter()
    for loss in lost:
        sums[told(loss.what, loss.reason)] += len(loss.instrument)
    return {why: n for why, n in sums.items() if n}
