"""Domains whose examples become scores: what is written, played and shown of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from genae.data.domain import Domain
from genae.data.media import PNG, png
from genae_music import midi
from genae_music.score import Score


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
        made = {"audio/midi": midi.write(self._score(example)), PNG: png(self.picture(example))}
        if not self.audio:
            return made
        from genae_music.sound import wav

        return {**made, "audio/wav": wav(self._score(example), self.tail)}
