"""MIDI files to 2-bar melody windows: genae's reader against pretty_midi in a plain loop, the same windows, in one run.

python bench/ingest.py tunes.zip [more.zip …]
"""

from __future__ import annotations

import io
import random
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pretty_midi

from genae_music import melody, midi
from genae_music.quantise import Setting
from genae_music.reasons import Unusable
from genae_music.score import Instrument, Meter, Score, Tempo

FILES, SETTING = 300, Setting(grid="magenta", programs=(0, 127))


def plain(data: bytes) -> Score:
    """By pretty_midi, its notes copied one by one."""
    tune = pretty_midi.PrettyMIDI(io.BytesIO(data))
    times, qpm = tune.get_tempo_changes()
    tempos = tuple(Tempo(tune.time_to_tick(t), float(q)) for t, q in zip(times, qpm, strict=True))
    meters = tuple(Meter(tune.time_to_tick(m.time), m.numerator, m.denominator) for m in tune.time_signature_changes)
    rows = [
        (i, tune.time_to_tick(n.start), tune.time_to_tick(n.end), n.pitch, n.velocity)
        for i, player in enumerate(tune.instruments) for n in sorted(player.notes, key=lambda n: n.start)
    ]  # fmt: skip
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    players = tuple(Instrument(p.program, p.is_drum, p.name) for p in tune.instruments)
    return Score(tune.resolution, players, *columns, tempos, meters, int(columns[2].max(initial=0)))


def windows(score: Score) -> list[bytes]:
    return sorted(row.tobytes() for row in melody.windows(score, SETTING).tokens)


def main() -> None:
    warnings.simplefilter("ignore")
    for path in map(Path, sys.argv[1:]):
        with zipfile.ZipFile(path) as archive:
            names = [n for n in sorted(archive.namelist()) if n.lower().endswith((".mid", ".midi", ".kar"))]
            chosen = [archive.read(n) for n in random.Random(0).sample(names, min(FILES, len(names)))]
        taken = {"pretty_midi": 0.0, "genae": 0.0}
        same = compared = 0
        for data in chosen:
            found = {}
            for name, read in (("pretty_midi", plain), ("genae", midi.read)):
                start = time.perf_counter()
                try:
                    found[name] = windows(read(data))
                except (Unusable, ValueError, OSError, EOFError, KeyError, IndexError):
                    found[name] = []
                taken[name] += time.perf_counter() - start
            compared += 1
            same += found["pretty_midi"] == found["genae"]
        rates = {name: len(chosen) / seconds for name, seconds in taken.items()}
        print(f"{path.name}: pretty_midi {rates['pretty_midi']:.0f} files/s, genae {rates['genae']:.0f} files/s, "
              f"{rates['genae'] / rates['pretty_midi']:.1f}x; the same windows in {same} of {compared} files")  # fmt: skip


if __name__ == "__main__":
    main()
