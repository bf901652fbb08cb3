"""Whatever holds a score, by the suffix of its name: MIDI, with what is known of it beside, or one tune of ABC notation."""

from __future__ import annotations

from genae.data.examples import File
from genae_music import beside, midi
from genae_music.notation import scores
from genae_music.score import Score

MIDI = (".mid", ".midi", ".kar")
NOTATION = ".abc"
SUFFIXES = (*MIDI, NOTATION)


def read(file: File, magenta: bool = False) -> Score:
    """A file's score, with `magenta` as pretty_midi has it. Unusable with the reason."""
    data = file.read()
    if file.suffix == NOTATION:
        return scores.score(data)
    score = midi.read(data, magenta)
    return score if magenta else beside.barred(score, file)
