"""Whatever holds a score, by the suffix of its name: MIDI, or one tune of ABC notation."""

from __future__ import annotations

from genae.data.examples import File
from genae_music import midi
from genae_music.notation import scores
from genae_music.score import Score

MIDI = (".mid", ".midi", ".kar")
NOTATION = ".abc"
SUFFIXES = (*MIDI, NOTATION)


def read(file: File, magenta: bool = False) -> Score:
    """A file's score, with `magenta` as pretty_midi has it. Unusable with the reason."""
    data = file.read()
    return scores.score(data) if file.suffix == NOTATION else midi.read(data, magenta)
