"""Songs of several tracks: POP909's, played, and as many again composed by rule, that have a bass and drums too.

In POP909 all tracks are pianos; what plays with what is only in the composed ones (`genae_datasets.tunes`). The class of a
song is which of the two it is.
"""

from __future__ import annotations

from dataclasses import replace

from genae.data.examples import Split
from genae_datasets.archived import Inside
from genae_datasets.midi import by_tune, pop909
from genae_datasets.tunes import tunes


def with_composed(inside: Inside, name: str) -> Split:
    """A split of POP909's songs and of composed ones."""
    songs = {"played": by_tune(inside, name), "composed": tunes.split(name)}
    return Split(
        files=[replace(file, label=label) for label, split in songs.items() for file in split.files],
        classes=tuple(sorted(songs)),
    )


bands = replace(
    pop909,
    name="bands",
    about="POP909's 909 songs and 756 composed by rule: two to three tracks, with bass and drums",
    choose=with_composed,
    domain="multitrack",
    kin=(pop909.name,),
)
