"""In the Magenta setting every window is Magenta's own: files read by its converters, window for window."""

from __future__ import annotations

import numpy as np
import pytest

from genae_music import drums, groove, melody, midi, score, trio
from genae_music.quantise import Setting
from genae_music.reasons import Unusable

SMALL = Setting(2, "magenta", programs=(0, 31))
VECTORS = {
    "melody_2bar": ("nottingham-midi.zip", "nottingham-dataset/MIDI/", melody.windows, SMALL),
    "melody_2bar_karaoke": ("karaoke-midi.zip", "karaoke/", melody.windows, SMALL),
    "melody_16bar": ("nottingham-midi.zip", "nottingham-dataset/MIDI/", melody.windows, Setting(16, "magenta")),
    "drums_2bar": ("groove-midionly.zip", "groove/", drums.windows, SMALL),
    "drums_2bar_karaoke": ("karaoke-midi.zip", "karaoke/", drums.windows, SMALL),
    "trio_16bar_karaoke": ("karaoke-midi.zip", "karaoke/", trio.windows, Setting(16, "magenta")),
}


@pytest.mark.parametrize("name", VECTORS)
def test_every_file_gives_magentas_windows(conformance, archive, name: str) -> None:
    where, folder, windows, setting = VECTORS[name]
    expected = conformance(name)
    with archive(where) as files:
        for file, want in expected.items():
            try:
                got = windows(midi.read(files.read(folder + file), setting.magenta), setting).tokens.tolist()
            except Unusable:
                got = []
            assert sorted(got) == want, file


def test_every_groove_is_magentas(conformance, archive) -> None:
    """Its numbers have five decimals: hits, velocities of 127 and offsets in half steps."""
    unit = np.repeat([1, 1 / score.LOUDEST, 1 / groove.FINEST], groove.KINDS)
    with archive("groove-midionly.zip") as files:
        for file, want in conformance("groove_2bar").items():
            got = groove.windows(midi.read(files.read("groove/" + file), True), SMALL).tokens * unit
            assert len(got) == len(want), file
            assert np.allclose(np.array(sorted(got.tolist())), np.array(want), rtol=0, atol=1e-5), file
