r"""A sound file, opened and read in blocks (n, channels) from its beginning to its end; what is no sound is named.

libsndfile tells damage of some formats and passes over it in others: an account of what the header announced and what is
there, and the last page of an Ogg file, are looked at before it is read, and the number of samples after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from genae.data.examples import UNREADABLE, File
from genae.data.found import NOT_FINITE
from genae.errors import Rejected
from genae_audio.dumps import damage, is_dump

if TYPE_CHECKING:
    from soundfile import SoundFile

RATES = (1000, 768_000)  # Hz
SHORTEST = 0.02  # seconds
PACKED, FREE = 1024, 1 << 21  # samples that a byte may stand for, after so many: digital silence in FLAC has up to 700
BLOCK = 1 << 19  # values read at once, of all channels
LOUDEST = 1000.0  # full scale is 1; a float file beyond this holds no sound
FULL, RUN = 0.99, 4  # so many equal samples in a row at full scale are clipped
UNSIZED = 0x7FFF0000  # bytes: who writes to a pipe announces this or more, not knowing
UNKNOWN = 1 << 62  # samples: of FLAC whose header gives no number libsndfile says a larger one
MISSING = 0.05  # a lossy file's length is an estimate
HEADER = 4096  # bytes, more than most
# in libsndfile's own account: bytes of sound that the header tells of, and those there; no chunk where the sound should end
ANNOUNCED = re.compile(r"^ *(?:data|SSND|BODY|Data Size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
ASTRAY = re.compile(r"^Length *: (\d+)$.*^ *data *: (\d+)$.*Exiting parser", re.MULTILINE | re.DOTALL)
BEYOND = re.compile(r"^Length *: (\d+)$.*^ *(?:data|Data size) *: (\d+)$", re.MULTILINE | re.DOTALL)
BROKEN = re.compile(r"truncated file")
UNCLEAR = {
    "Internal error : SF_INFO struct incomplete": "its header gives no possible sample rate",
    "File does not exist or is not a regular file (possibly a pipe?)": "no sound in it can be decoded",
}  # libsndfile's words to what they mean here
PAGE = 27 + 255 + 255 * 255  # bytes, the longest of an Ogg file: header, table of segments, segments

Block = npt.NDArray[np.float32]  # (n, channels)


class Sound:
    """One opened file, read from its beginning to its end."""

    def __init__(self, file: File, opened: SoundFile, size: int) -> None:
        self.file, self.opened, self.size = file, opened, size
        self.rate, self.channels, self.kind = opened.samplerate, opened.channels, opened.subtype
        self.samples = self.clipped = 0  # so far: of each channel; places
        self.loudest = 0.0
        if not RATES[0] <= self.rate <= RATES[1]:
            raise Rejected(f"{file.name}: has a sample rate of {self.rate} Hz; it must be {RATES[0]} to {RATES[1]}")
        if why := _missing(opened.extra_info):
            raise _cut(file, why)
        if self.opened.frames < UNKNOWN:
            self._require_bounded(self.opened.frames)

    def blocks(self) -> Iterator[Block]:
        """Samples (n, channels), full scale 1. Rejected if they are damaged, not finite, too loud or too few."""
        while len(block := self._next()):
            peak = np.abs(block).max()
            if not np.isfinite(peak):
                raise Rejected(f"{self.file.name}: {NOT_FINITE}")
            if peak > LOUDEST:
                raise Rejected(f"{self.file.name}: holds samples up to {peak:.3g}; full scale is 1")
            self._require_bounded(self.samples)
            self.samples, self.loudest = self.samples + len(block), max(self.loudest, float(peak))
            self.clipped += places(block) if peak >= FULL else 0
            yield block
        if self.samples < self.opened.frames * (1 - MISSING) and self.opened.frames < UNKNOWN:
            raise _cut(self.file, f"{self.samples} of its {self.opened.frames} samples are there")
        if self.samples < SHORTEST * self.rate:
            held = f"{self.samples} sample{'' if self.samples == 1 else 's'} ({self.seconds:.4f} s)"
            raise Rejected(f"{self.file.name}: holds {held}; at least {SHORTEST} s are needed", "too short")

    def _require_bounded(self, samples: int) -> None:
        if samples * self.channels > PACKED * self.size + FREE:
            line = f"{samples} samples of {self.channels} channels in {self.size} bytes, taken for a decompression bomb"
            raise Rejected(f"{self.file.name}: {line}", "taken for decompression bombs")

    @property
    def seconds(self) -> float:
        return float(self.samples / self.rate)

    def _next(self) -> Block:
        """(n, channels) float32; none at the end."""
        try:
            block: Block = self.opened.read(max(1, BLOCK // self.channels), "float32", always_2d=True)
        except RuntimeError as error:
            raise _cut(self.file, _reason(error)) from error
        return block


@contextmanager
def opened(file: File) -> Iterator[Sound]:
    """A file in the memory, in an archive or on the disk; the last is not loaded. Rejected if it is no sound."""
    import soundfile  # with libsndfile: .3 s

    from genae_audio.stream import Stream

    try:
        with file.open() if file.loose else BytesIO(file.read()) as content:
            if not content.read(1):
                raise Rejected(f"{file.name}: is empty (0 bytes)")
            _require_last_page(file, content)
            _require_whole_dump(file, content)
            size = content.seek(0, SEEK_END)
            content.seek(0)
            with Stream(content) as sound:
                yield Sound(file, sound, size)
    except soundfile.LibsndfileError as error:
        line = f"{file.name}: not a sound file that libsndfile reads ({_reason(error)})"
        raise Rejected(line, "not a sound file") from error
    except FileNotFoundError as error:
        raise Rejected(f"{file.name}: no such file") from error
    except UNREADABLE as error:
        raise Rejected(f"{file.name}: cannot be read ({error})") from error


def _missing(account: str) -> str:
    """What is not there of the sound that a header announces, by libsndfile's account of the file; "" if nothing."""
    for told, there in ANNOUNCED.findall(account):
        if int(there) < int(told) < UNSIZED:
            return f"{there} of its {told} bytes of sound are there"
    for length, told in ASTRAY.findall(account):
        if int(told) < int(length) * (1 - MISSING) - HEADER:
            return f"its header tells of {told} bytes of sound, and {length} are there with it"
    for length, told in BEYOND.findall(account):
        if int(length) < int(told) < UNSIZED:
            return f"{length} of its {told} bytes of sound are there"
    return "its end is missing" if BROKEN.search(account) else ""


def _reason(error: Exception) -> str:
    """Libsndfile's, without the object that it was given."""
    told = str(error).rpartition(">: ")[2].removeprefix("Error : ").rstrip(".")
    return UNCLEAR.get(told, told) or type(error).__name__


def _require_last_page(file: File, content: BinaryIO) -> None:
    """Rejected if an Ogg file ends within a page: no header tells its length, and libsndfile would pass over it."""
    content.seek(0)
    if content.read(4) != b"OggS":
        return
    content.seek(-min(PAGE, content.seek(0, SEEK_END)), SEEK_END)
    tail = content.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    whole = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) > 26 else 27
    if page.startswith(b"OggS") and len(page) < whole:
        raise _cut(file, f"{len(page)} of the {whole} bytes of its last page are there")


def _require_whole_dump(file: File, content: BinaryIO) -> None:
    """Rejected for a damaged sample dump."""
    content.seek(0)
    if is_dump(content.read(4)) and (why := damage(content)):
        raise _cut(file, why)


def _cut(file: File, why: str) -> Rejected:
    return Rejected(f"{file.name}: damaged or cut short ({why})", "damaged or cut short")


def places(block: Block) -> int:
    """How often samples (n, channels) stay at full scale for RUN in a row or longer."""
    stays = (block[1:] == block[:-1]) & (np.abs(block[1:]) >= FULL)
    long = np.asarray(np.lib.stride_tricks.sliding_window_view(np.pad(stays, ((1, RUN), (0, 0))), RUN - 1, axis=0).all(-1))
    return int(np.count_nonzero(long[1:] & ~long[:-1]))
