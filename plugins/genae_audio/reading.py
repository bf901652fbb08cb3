r"""Sound files to windows of mono samples: any format of libsndfile, any rate and number of channels, in bounded memory.

    file → blocks (n, channels) → the mean of the channels → another rate → windows (W, length)

Only the windows are ever whole. Windows without a sound are left out and counted, and so are ends shorter than half a window,
unless a file has no more; longer ends are filled up with zeros. Clipping is told by `inspect`, but clipped windows are used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, Unit, doc
from torch import Tensor

from genae.data.examples import File, Found
from genae_audio.files import RATES, Block, opened
from genae_audio.resample import resample

Rate = Annotated[int, Ge(RATES[0]), Le(RATES[1]), Unit("Hz"), doc("samples a second; other files are resampled")]
Seconds = Annotated[float, Gt(0), doc("length of a window, made longer until it suits the networks")]
SILENT = 2.0**-15  # one level of 16 bits

SILENCE = "windows of digital silence"
SHORT_END = "ends shorter than half a window"


def _mean(block: Block) -> Tensor:
    return torch.from_numpy(block.mean(1))


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
        yield _heard(torch.nn.functional.pad(held, (0, length - len(held)))[None], lost)
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
        found = windows(resample(map(_mean, sound.blocks()), sound.rate, rate), length, hop or length, lost)
        parts = [each(part) for part in found if len(part)]
    return Found(torch.cat(parts) if parts else torch.empty(0, length), dict(lost))


def inspect(file: File, rate: int, length: int, hop: int | None = None) -> list[str]:
    """A file to one line: what it holds, its windows, where it clips, and what is not used."""
    lost: Counter[str] = Counter()
    with opened(file) as sound:
        found = sum(map(len, windows(resample(map(_mean, sound.blocks()), sound.rate, rate), length, hop or length, lost)))
    channels = "1 channel" if sound.channels == 1 else f"{sound.channels} channels"
    line = f"{file.name}: {sound.rate} Hz, {channels}, {sound.kind}, {sound.seconds:.2f} s; windows used: {found}"
    loud = f"; clipped at {sound.clipped} places, which are used all the same" if sound.clipped else ""
    loud += f"; beyond full scale, up to {sound.loudest:.2f}" if sound.loudest > 1 else ""
    return [line + loud + "".join(f"; not used: {n} × {why}" for why, n in lost.items())]
