"""Bach's chorales in four voices, as Boulanger-Lewandowski split them: 229 train, 76 valid, 77 test.

Each is an array (T, 4) of pitches of soprano, alto, tenor and bass at every sixteenth, NaN where one rests; a pitch that is
said again is held. The arrays lie in a file of numpy's as pickled objects. A pickle is a program, and it is never run: the
bytes of half floats that stand in it are taken as they are.
https://github.com/czhuang/JSB-Chorales-dataset, http://www-etud.iro.umontreal.ca/~boulanni/icml2012
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from pickletools import genops

import numpy as np
import numpy.typing as npt

from genae.data.examples import UNREADABLE, File, Split
from genae.data.kept import code_of
from genae.errors import GenaeError, Rejected
from genae_datasets.archived import Archived, Inside
from genae_datasets.download import Download
from genae_datasets.songfile import song, track

VOICES = ("soprano", "alto", "tenor", "bass")
NAME = "Jsb16thSeparated.npz"
HEADER = 10  # bytes of a .npy before its description, the last two being how long that is
STRINGS = ("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES")  # codes of a pickle that hold bytes
FRAME = 8  # bytes: four half floats
HIGHEST = 127
VELOCITY, TEMPO = 80, 80.0  # which the arrays do not say
Pitches = npt.NDArray[np.float64]


def by_split(inside: Inside, split: str) -> Split:
    """`files` of MIDI, a track a voice."""
    mark, (_, source) = code_of(Archived), inside[0]
    files = [
        File(Path(f"chorales/{split}-{i + 1:03}.mid"), make=partial(midi, voices), mark=f"{voices.tobytes().hex()}/{mark}")
        for i, voices in enumerate(arrays(source, split))
    ]
    return Split(files=files)


chorales = Archived(
    name="chorales",
    about="382 chorales by J. S. Bach in four voices, sixteenth by sixteenth",
    home="https://github.com/czhuang/JSB-Chorales-dataset",
    licence="the music is out of copyright; its encoding says nothing",
    downloads=(
        Download(
            NAME,
            (
                f"https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/{NAME}",
            ),
            "sha256:2adcdf0d57880c3763f104555072285fe7f9e3d6049fcc4b9830557b8d4a7820",  # of the file in that commit
            102_808,
        ),
    ),
    archives=("*chorales*.zip", NAME),
    wanted=re.compile(rf"(^|/){re.escape(NAME)}$"),
    choose=by_split,
    domain="piano",
)


def arrays(file: File, split: str) -> list[Pitches]:
    """The chorales of a split, (T, 4) each. GenaeError for a file that holds something else."""
    try:
        with zipfile.ZipFile(io.BytesIO(file.read())) as opened:
            data = File(file.path, f"{split}.npy").unpack(opened)
        start = HEADER + int.from_bytes(data[HEADER - 2 : HEADER], "little")
        found = [_pitches(content) for content in _contents(data[start:])]
    except (*UNREADABLE, Rejected, ValueError) as error:
        raise GenaeError(f"{file.name}: is not the chorales' file ({error}); get it with: genae data get chorales") from error
    if not found:
        raise GenaeError(f"{file.name}: is not the chorales' file (it has none); get it with: genae data get chorales")
    return found


def _contents(pickled: bytes) -> Iterator[bytes]:
    """The contents of the arrays in a pickle, which is taken apart and never run."""
    for code, value, _ in genops(pickled):
        if code.name in STRINGS and isinstance(value, str | bytes) and len(value) >= FRAME:
            yield value.encode("latin1") if isinstance(value, str) else value


def _pitches(content: bytes) -> Pitches:
    """Half floats, four a sixteenth, to pitches (T, 4)."""
    voices: Pitches = np.frombuffer(content, "<f2").astype(np.float64).reshape(-1, len(VOICES))
    said = voices[~np.isnan(voices)]
    if ((said < 0) | (said > HIGHEST) | (said % 1 != 0)).any():
        raise ValueError("an array in it has numbers that are no pitches")
    return voices


def midi(voices: Pitches) -> bytes:
    """Pitches (T, 4) to the bytes of a MIDI file, what is said again held."""
    tracks = [track(name, i, 0, notes(line)) for i, (name, line) in enumerate(zip(VOICES, voices.T, strict=True))]
    return song(TEMPO, tracks)


def notes(line: Sequence[float] | Pitches) -> npt.NDArray[np.int64]:
    """A voice (T,) to its notes (N, 4): onset and duration in sixteenths, pitch, velocity."""
    pitch = np.nan_to_num(np.asarray(line, np.float64), nan=-1).astype(np.int64)
    begins = np.flatnonzero(np.append(True, pitch[1:] != pitch[:-1]))[: len(pitch)]
    length = np.diff(np.append(begins, len(pitch)))
    made = np.stack([begins, length, pitch[begins], np.full(len(begins), VELOCITY)], 1)
    return made[made[:, 2] >= 0]
