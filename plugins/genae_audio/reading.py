r"""Sound files to windows of mono samples: any format of libsndfile, any rate and number of channels, in bounded memory.

    file → blocks (n, channels) → the mean of the channels → another rate → windows (W, length)

Only the windows are ever whole. Windows without a sound are left out and counted, and so are ends shorter than half a window,
unless a file has no more; longer ends are filled up with zeros. Clipping is told by `inspect`, but clipped windows are used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le, Unit, doc
from torch import Tensor

from genae.data.examples import UNREADABLE, File, Found
from genae.data.found import NOT_FINITE
from genae.errors import Rejected
from genae_audio.resample import resample

if TYPE_CHECKING:
    from soundfile import SoundFile

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
RATES = (1000, 768_000)  # Hz
Rate = Annotated[int, Ge(RATES[0]), Le(RATES[1]), Unit("Hz"), doc("samples a second; other files are resampled")]
Seconds = Annotated[float, Gt(0), doc("length of a window, made longer until it suits the networks")]
SHORTEST = 0.02  # seconds
BLOCK = 1 << 19  # values read at once, of all channels
LOUDEST = 1000.0  # full scale is 1; a float file beyond this holds no sound
SILENT = 2.0**-15  # one level of 16 bits
FULL, RUN = 0.99, 4  # so many equal samples in a row at full scale are clipped
UNSIZED = 0x7FFF0000  # bytes: who writes to a pipe announces this or more, not knowing
MISSING = 0.05  # a lossy file's length is an estimate
HEADER = 4096  # bytes, more than most
# in libsndfile's own account: bytes of sound that the header tells of, and those there; no chunk where the sound should end
ANNOUNCED = re.compile(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
ASTRAY = re.compile(r"^Length *: (\d+)$.*^ *data *: (\d+)$.*Exiting parser", re.MULTILINE | re.DOTALL)
UNCLEAR = {
    "Internal error : SF_INFO struct incomplete": "its header gives no possible sample rate",
    "File does not exist or is not a regular file (possibly a pipe?)": "no sound in it can be decoded",
}  # libsndfile's words to what they mean here
PAGE = 27 + 255 + 255 * 255  # bytes, the longest of an Ogg file: header, table of segments, segments

SILENCE = "windows of digital silence"
SHORT_END = "ends shorter than half a window"


Block = npt.NDArray[np.float32]  # (n, channels)


class Sound:
    """One opened file, read from its beginning to its end."""

    def __init__(self, file: File, opened: SoundFile) -> None:
        self.file, self.opened = file, opened
        self.rate, self.channels, self.kind = opened.samplerate, opened.channels, opened.subtype
        self.samples = self.clipped = 0  # so far: of each channel; places
        self.loudest = 0.0
        if not RATES[0] <= self.rate <= RATES[1]:
            raise Rejected(f"{file.name}: has a sample rate of {self.rate} Hz; it must be {RATES[0]} to {RATES[1]}")
        for told, there in ANNOUNCED.findall(opened.extra_info):
            if int(there) < int(told) < UNSIZED:
                raise _cut(file, f"{there} of its {told} bytes of sound are there")
        for length, told in ASTRAY.findall(opened.extra_info):
            if int(told) < int(length) * (1 - MISSING) - HEADER:
                raise _cut(file, f"its header tells of {told} bytes of sound, and {length} are there with it")

    def blocks(self, channel: int | None = None) -> Iterator[Tensor]:
        """Samples (n,) float32 of a channel, or the mean, full scale 1. Rejected if damaged, infinite, too loud or too few."""
        while len(block := self._next()):
            peak = np.abs(block).max()
            if not np.isfinite(peak):
                raise Rejected(f"{self.file.name}: {NOT_FINITE}")
            if peak > LOUDEST:
                raise Rejected(f"{self.file.name}: holds samples up to {peak:.3g}; full scale is 1")
            self.samples, self.loudest = self.samples + len(block), max(self.loudest, float(peak))
            self.clipped += places(block) if peak >= FULL else 0
            yield torch.from_numpy(block.mean(1) if channel is None else block[:, channel].copy())
        if self.samples < self.opened.frames * (1 - MISSING):
            raise _cut(self.file, f"{self.samples} of its {self.opened.frames} samples are there")
        if self.samples < SHORTEST * self.rate:
            held = f"{self.samples} sample{'' if self.samples == 1 else 's'} ({self.seconds:.4f} s)"
            raise Rejected(f"{self.file.name}: holds {held}; at least {SHORTEST} s are needed", "too short")

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
    import soundfile

    try:
        with file.path.open("rb") if file.loose else BytesIO(file.read()) as content:
            if not content.read(1):
                raise Rejected(f"{file.name}: is empty (0 bytes)")
            _require_last_page(file, content)
            content.seek(0)
            with soundfile.SoundFile(content) as sound:
                yield Sound(file, sound)
    except soundfile.LibsndfileError as error:
        line = f"{file.name}: not a sound file that libsndfile reads ({_reason(error)})"
        raise Rejected(line, "not a sound file") from error
    except FileNotFoundError as error:
        raise Rejected(f"{file.name}: no such file") from error
    except UNREADABLE as error:
        raise Rejected(f"{file.name}: cannot be read ({error})") from error


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


def _cut(file: File, why: str) -> Rejected:
    return Rejected(f"{file.name}: damaged or cut short ({why})", "damaged or cut short")


def places(block: Block) -> int:
    """How often samples (n, channels) stay at full scale for RUN in a row or longer."""
    stays = (block[1:] == block[:-1]) & (np.abs(block[1:]) >= FULL)
    long = np.asarray(np.lib.stride_tricks.sliding_window_view(np.pad(stays, ((1, RUN), (0, 0))), RUN - 1, axis=0).all(-1))
    return int(np.count_nonzero(long[1:] & ~long[:-1]))


def windows(blocks: Iterable[Tensor], length: int, hop: int, lost: Counter[str]) -> Iterator[Tensor]:
    """Blocks (n,) to windows (W, length), one at every `hop` ≤ `length` samples; those left out are counted in `lost`."""
    held, first = torch.empty(0), True
    for block in blocks:
        held = torch.cat([held, block])
        if len(held) >= length:
            found = held.unfold(0, length, hop)
            yield _heard(found, lost)
            held, first = held[len(found) * hop :], False
    new = len(held) if first else len(held) - (length - hop)
    if first or new >= hop / 2:
        yield _heard(F.pad(held, (0, length - len(held)))[None], lost)
    elif new:
        lost[SHORT_END] += 1


def _heard(found: Tensor, lost: Counter[str]) -> Tensor:
    loud = found.abs().amax(1) > SILENT
    if not loud.all():
        lost[SILENCE] += int((~loud).sum())
    return found[loud]


def read_sound(
    file: File, rate: int, length: int, hop: int | None = None, each: Callable[[Tensor], Tensor] = lambda part: part
) -> Found:
    """A file to all of its windows (W, length) float32 at `rate` Hz, one every `hop` samples (by default `length`).

    `each` makes something else of windows (W, length) as they come, so that no more than that is kept. Rejected if unusable.
    """
    lost: Counter[str] = Counter()
    with opened(file) as sound:
        found = windows(resample(sound.blocks(), sound.rate, rate), length, hop or length, lost)
        parts = [each(part) for part in found if len(part)]
    return Found(torch.cat(parts) if parts else torch.empty(0, length), dict(lost))


class Recording(NamedTuple):
    """A whole file as windows that tile it, channel after channel."""

    x: Tensor  # (channels·W, …), what was made of each window
    silent: Tensor  # (channels·W,) bool
    rate: int  # Hz, the file's own
    channels: int
    samples: int  # of each channel, at its own rate


def read_whole(file: File, rate: int, length: int, hop: int, each: Callable[[Tensor], Tensor]) -> Recording:
    """A file to windows (channels·W, length) at `rate` Hz, one every `hop` samples, silent ones too; the last filled up.

    The file is read once for each channel, and `each` makes something else of windows as they come. Rejected if unusable.
    """
    parts, silent, channel, channels = list[Tensor](), list[Tensor](), 0, 1
    while channel < channels:
        with opened(file) as sound:
            channels = sound.channels
            for part in tiles(resample(sound.blocks(channel), sound.rate, rate), length, hop):
                parts.append(each(part))
                silent.append(part.abs().amax(1) <= SILENT)
        channel += 1
    return Recording(torch.cat(parts), torch.cat(silent), sound.rate, channels, sound.samples)


def tiles(blocks: Iterable[Tensor], length: int, hop: int) -> Iterator[Tensor]:
    """Blocks (n,) to windows (W, length), one every `hop` ≤ `length` samples, until all is in one; zeros after the end."""
    held, first = torch.empty(0), True
    for block in blocks:
        held = torch.cat([held, block])
        if len(held) >= length:
            found = held.unfold(0, length, hop)
            yield found
            held, first = held[len(found) * hop :], False
    if first or len(held) > length - hop:
        yield F.pad(held, (0, length - len(held)))[None]


def inspect(file: File, rate: int, length: int, hop: int | None = None) -> list[str]:
    """A file to one line: what it holds, its windows, where it clips, and what is not used."""
    lost: Counter[str] = Counter()
    with opened(file) as sound:
        found = sum(map(len, windows(resample(sound.blocks(), sound.rate, rate), length, hop or length, lost)))
    channels = "1 channel" if sound.channels == 1 else f"{sound.channels} channels"
    line = f"{file.name}: {sound.rate} Hz, {channels}, {sound.kind}, {sound.seconds:.2f} s; windows used: {found}"
    loud = f"; clipped at {sound.clipped} places, which are used all the same" if sound.clipped else ""
    loud += f"; beyond full scale, up to {sound.loudest:.2f}" if sound.loudest > 1 else ""
    return [line + loud + "".join(f"; not used: {n} × {why}" for why, n in lost.items())]
