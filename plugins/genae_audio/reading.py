r"""Sound files to windows of mono samples: any format of libsndfile, any rate and number of channels, in bounded memory.

    file → blocks (n, channels) → one channel → another rate → windows (W, length)

Only the windows are ever whole, and of a long sound they are mapped from the disk. Windows without a sound are left out and
counted, and so are ends shorter than half a window, unless a file has no more; longer ends are filled up with zeros. A sound
that goes beyond full scale, as floats and lossy formats can, is read again and made quieter as a whole. Clipping is told by
`inspect`, but clipped windows are used.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, Gt, Le, Unit, doc
from torch import Tensor

from genae.data.examples import File, Found
from genae.data.store import Store
from genae_audio.channels import Channels, Mix
from genae_audio.files import RATES, Sound, opened
from genae_audio.resample import resample

Rate = Annotated[int, Ge(RATES[0]), Le(RATES[1]), Unit("Hz"), doc("samples a second; other files are resampled")]
Seconds = Annotated[float, Gt(0), doc("length of a window, made longer until it suits the networks")]
SILENT = 2.0**-15  # one level of 16 bits
HEAP = 1 << 27  # bytes of one file's windows in memory; more are mapped

SILENCE = "windows of digital silence"
CANCELLED = "windows of silence, since the channels cancel each other (try domain.channels=left)"
SHORT_END = "ends shorter than half a window"
CANCEL = "sounds whose channels cancel each other (try domain.channels=left)"
BEYOND = "sounds beyond full scale, made quieter"


class Heard(NamedTuple):
    """What a file gave."""

    x: Tensor  # (W, …), of windows
    lost: Counter[str]
    sound: Sound
    mix: Mix

    @property
    def gain(self) -> float:
        """At which it stays within full scale."""
        return 1 / self.mix.loudest if self.mix.loudest > 1 + SILENT else 1.0


def windows(blocks: Iterable[Tensor], length: int, lost: Counter[str]) -> Iterator[Tensor]:
    """Blocks (n,) to windows (W, length), one after the other; those left out are counted in `lost`."""
    held, first = torch.empty(0), True
    for block in blocks:
        held = torch.cat([held, block])
        if len(held) >= length:
            found = held.unfold(0, length, length)
            yield _heard(found, lost)
            held, first = held[len(found) * length :], False
    if first or len(held) >= length / 2:
        yield _heard(torch.nn.functional.pad(held, (0, length - len(held)))[None], lost)
    elif len(held):
        lost[SHORT_END] += 1


def _heard(found: Tensor, lost: Counter[str]) -> Tensor:
    loud = found.abs().amax(1) > SILENT
    if not loud.all():
        lost[SILENCE] += int((~loud).sum())
    return found[loud]


def read_sound(file: File, rate: int, length: int, channels: Channels, each: Callable[[Tensor], Tensor]) -> Found:
    """A file to all of its windows at `rate` Hz. Rejected if unusable.

    `each` makes of windows (W, length) float32, as they come, what is kept of them.
    """
    heard = _hear(file, rate, length, channels, each)
    gain, cancels = heard.gain, heard.mix.cancels
    if gain < 1:
        heard = _hear(file, rate, length, channels, lambda part: each(part * gain))
    remarks = {why: 1 for why, so in ((CANCEL, cancels), (BEYOND, gain < 1)) if so and len(heard.x)}
    return Found(heard.x, dict(heard.lost), remarks=remarks)


def _hear(file: File, rate: int, length: int, channels: Channels, each: Callable[[Tensor], Tensor]) -> Heard:
    lost: Counter[str] = Counter()
    kept, mix = Store(HEAP), Mix(file.name, channels)
    with opened(file) as sound:
        for part in windows(resample(map(mix, sound.blocks()), sound.rate, rate), length, lost):
            if len(part):
                kept.add(each(part))
    if mix.cancels and lost[SILENCE]:
        lost[CANCELLED] = lost.pop(SILENCE)
    return Heard(kept.tensor((length,)), +lost, sound, mix)


def inspect(file: File, rate: int, length: int, channels: Channels) -> list[str]:
    """A file to one line: what it holds, its windows, where it clips, and what is not used."""
    heard = _hear(file, rate, length, channels, lambda part: part[:, :0])
    sound, mix = heard.sound, heard.mix
    held = "1 channel" if sound.channels == 1 else f"{sound.channels} channels"
    line = f"{file.name}: {sound.rate} Hz, {held}, {sound.kind}, {sound.seconds:.2f} s; windows used: {len(heard.x)}"
    loud = f"; clipped at {sound.clipped} places, which are used all the same" if sound.clipped else ""
    loud += f"; beyond full scale, up to {sound.loudest:.2f}" if sound.loudest > 1 else ""
    loud += f", made {-20 * math.log10(heard.gain):.1f} dB quieter" if heard.gain < 1 else ""
    loud += f"; its channels cancel each other: their mean is {mix.loss}" if mix.cancels else ""
    return [line + loud + "".join(f"; not used: {n} × {why}" for why, n in heard.lost.items())]
