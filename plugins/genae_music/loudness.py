r"""How loud a sound is, and a sound as loud as others: ITU-R BS.1770-4, https://www.itu.int/rec/R-REC-BS.1770

    loudness = −0.691 + 10 log10 Σ_c mean(y_c²)     LUFS, y weighted by a high shelf (+4 dB) and a high-pass (38 Hz)

over blocks of 400 ms, three quarters of each shared, that are above −70 LUFS, and not more than 10 below the mean of these.

The filters are those of the standard at 48 kHz, worked out for other rates as in https://github.com/jiixyj/libebur128; they are
applied to the spectrum, of pieces some seconds long, since a loop over samples is slow. What would go beyond the ceiling is
made quieter where it does, by a gain that is nowhere above what is needed.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from genae_music.soundfont import RATE, Array

TARGET = -14.0  # LUFS, as streaming services play music
CEILING = 10 ** (-1 / 20)  # of full scale
BLOCK, HOP = 0.4, 0.1  # seconds
ABSOLUTE, RELATIVE, OFFSET = -70.0, -10.0, -0.691
TAIL = 0.5  # seconds for the filters to ring out
PIECE, REACH = 64, 16  # samples of which the limiter has one gain; so many pieces to either side that it looks at
TRIES, NEAR = 8, 0.05  # LU


def weighting(frequency: Array, rate: int) -> Array:
    """The filters' response (F,), complex, at frequencies in Hz."""
    z = np.exp(-2j * np.pi * frequency / rate)
    k, q = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    shelf = _ratio(z, (high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k), k, q)
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    return np.asarray(shelf * _ratio(z, (1.0, -2.0, 1.0), k, q) * (1 + k / q + k * k))


def _ratio(z: Array, above: tuple[float, float, float], k: float, q: float) -> Array:
    """A second-order filter's response."""
    below = (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)
    return np.asarray(np.polyval(above[::-1], z) / np.polyval(below[::-1], z))


def loudness(sound: Array, rate: int = RATE) -> float:
    """Of samples (N, channels), full scale 1, LUFS; −inf of silence."""
    total = np.append(0.0, (_weighted(sound, rate) ** 2).sum(1).cumsum())
    block = min(round(BLOCK * rate), len(sound))
    begins = np.arange(0, len(sound) - block + 1, round(HOP * rate))
    power = (total[begins + block] - total[begins]) / max(1, block)
    loud = power[power > _power(ABSOLUTE)]
    loud = loud[loud > _power(_lufs(float(loud.mean())) + RELATIVE)] if len(loud) else loud
    return _lufs(float(loud.mean())) if len(loud) else -math.inf


def _weighted(sound: Array, rate: int) -> npt.NDArray[np.float64]:
    """Samples (N, channels), filtered piece by piece: a spectrum of a whole song, whose length may be prime, takes a minute."""
    ring = round(TAIL * rate)
    size = 1 << (4 * ring).bit_length()
    step, response = size - ring, weighting(np.fft.rfftfreq(size, 1 / rate), rate)
    y = np.zeros((sound.shape[1], len(sound) + size))
    for at in range(0, len(sound), step):
        y[:, at : at + size] += np.fft.irfft(np.fft.rfft(sound[at : at + step].T, size) * response, size)
    return np.asarray(y[:, : len(sound)].T)


def _lufs(power: float) -> float:
    return OFFSET + 10 * math.log10(power) if power > 0 else -math.inf


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET) / 10))


def limited(sound: Array) -> Array:
    """Samples (N, channels) no higher than the ceiling."""
    peak = np.abs(sound).max(1, initial=0.0)
    pieces = -(-len(sound) // PIECE)
    needed = (
        np.minimum(1, CEILING / np.maximum(np.pad(peak, (0, pieces * PIECE - len(peak))), CEILING)).reshape(-1, PIECE).min(1)
    )
    # of pieces so near that each holds the one of the gain: an average of these is nowhere above what is needed
    around = np.lib.stride_tricks.sliding_window_view(np.pad(needed, 2 * REACH, mode="edge"), 2 * REACH + 1)
    least = np.lib.stride_tricks.sliding_window_view(around.min(1), 2 * REACH - 1).mean(1)[: pieces + 2]
    gain = np.interp(np.arange(len(sound)), (np.arange(len(least)) - 0.5) * PIECE, least)
    return np.asarray(np.clip(sound * gain[:, None], -CEILING, CEILING), np.float32)


def levelled(sound: Array) -> Array:
    """Samples (N, channels) at TARGET, as near as they come without going beyond the ceiling; silence stays."""
    peak = np.abs(sound).max(initial=0.0)
    if not peak:
        return sound
    sound = sound / peak  # or what is very quiet would be below the gate
    have = loudness(sound)
    gain, made = TARGET - have if math.isfinite(have) else 0.0, sound
    for _ in range(TRIES):
        made = limited(sound * np.float32(10 ** (gain / 20)))
        off = TARGET - loudness(made)
        if abs(off) < NEAR or not math.isfinite(off):
            break
        gain += off
    return made
