"""Domains whose examples become scores: how files are read to such, and what is written, played and shown of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from genae.data.domain import Domain
from genae.data.examples import File
from genae.data.media import PNG, png
from genae.errors import Rejected
from genae_music import midi
from genae_music.reasons import Unusable, told
from genae_music.score import Score

SLOWEST, FASTEST = 4, 60_000  # quarters per minute


@contextmanager
def rejecting(file: File) -> Iterator[None]:
    """What is unusable in the block makes the file Rejected, by its name."""
    try:
        yield
    except Unusable as error:
        raise Rejected(f"{file.name}: {error}", told("files", error.reason)) from error


def tempo_at(score: Score, tick: float) -> float:
    """How fast a score is there, as it can be written."""
    return round(min(max(score.tempo(tick), SLOWEST), FASTEST), 3)


class Scored(Domain):
    """With `audio` a WAV beside each MIDI file, which rings on for `tail` seconds."""

    audio: bool
    tail: float

    @abstractmethod
    def _score(self, example: Tensor) -> Score: ...

    def write(self, example: Tensor, path: Path) -> None:
        """As MIDI, of any length."""
        path.write_bytes(midi.write(self._score(example)))

    def extras(self, example: Tensor, path: Path) -> list[Path]:
        """Its sound."""
        if not self.audio:
            return []
        from genae_music.sound import render

        return [render(self._score(example), path.with_suffix(".wav"), self.tail)]

    def media(self, example: Tensor) -> Mapping[str, bytes]:
        """MIDI, its roll and its sound."""
        score = self._score(example)
        made = {"audio/midi": midi.write(score), PNG: png(self.picture(example))}
        if not self.audio:
            return made
        from genae_music.sound import wav

        return {**made, "audio/wav": wav(score, self.tail)}
