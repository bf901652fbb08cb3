"""The piano roll of a band: a colour for each track, drums in lanes of their own below, what is louder darker."""

from __future__ import annotations

import numpy as np

from genae.data.curve import Picture
from genae_music.multitrack import BAR, BEATS, DRUMS, LEAD, LOUDNESSES, LOW, notes
from genae_music.roll import COLOURS, KEY, LEFT, PAPER, Colour, ground, lanes_of, step_width
from genae_music.smf import Array

OTHERS: tuple[Colour, ...] = ((150, 60, 160), (40, 150, 190), (190, 150, 20), (190, 60, 80), (110, 110, 110), (90, 130, 40))
TRACK_COLOURS = [
    {LEAD: COLOURS["melody"], LOW: COLOURS["bass"], BEATS: OTHERS[5]}.get(track, OTHERS[(track - 1) % 5]) for track in range(8)
]
FAINTEST = 0.35  # of the colour, of the softest note


def picture(x: Array) -> Picture:
    """Bars (W, NOTES, 6) to their roll (H, W, 3), uint8; of notes that overlap the one of the lower track is in front."""
    steps, lanes, left = BAR * len(x), lanes_of(True, "reduced"), LEFT[True]
    image, wide, of = ground(True, "reduced", steps, BAR).copy(), step_width(steps), notes(x)
    start = of.bar * BAR + of.step
    stop = np.minimum(start + of.length, steps)
    columns = zip(of.track.tolist(), of.program.tolist(), start.tolist(), stop.tolist(), of.pitch.tolist(),
                  of.loudness.tolist(), strict=True)  # fmt: skip
    for track, program, onset, end, pitch, loud in sorted(columns, key=lambda note: -note[0]):
        rows = lanes.drums if program == DRUMS else lanes.keys
        if pitch not in rows:
            continue
        y, height = rows[pitch]
        colour = np.array(COLOURS["drums"] if program == DRUMS else TRACK_COLOURS[track])
        share, inset = FAINTEST + (1 - FAINTEST) * loud / (LOUDNESSES - 1), height > KEY
        block = image[y + inset : y + height - inset, left + wide * onset : left + wide * end]
        block[:] = np.round(share * colour + (1 - share) * PAPER)
        block[:, : 1 + (wide >= 4)] = colour // 2
    return image
