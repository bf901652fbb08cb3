r"""SoundFont 2 files, and the sound of a note by one.

A preset's zones name instruments, whose zones name samples; a zone applies to a range of keys and velocities and carries
generators, an instrument's being absolute and a preset's added to them. A sample recorded at rate r with root key k plays a
note of key n at r · 2^((n − k) s / 1200 + tuning) samples a second, s cents a key. Its loudness follows an envelope: up, hold,
down to a sustained level and, from the note's end, to silence.

Sound is computed in numpy. symusic 0.5, a renderer that installs with pip alone, plays every sample as if it had been recorded
at 44.1 kHz, so a piano 20 semitones too high, and knows no velocity. https://www.synthfont.com/sfspec24.pdf
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genae.errors import GenaeError

Array = npt.NDArray[np.float32]

RATE = 44_100  # samples per second of what is computed
DRUM_BANK = 128
SILENT = 100.0  # dB below full scale
# generators, by their numbers in the standard
START, END, LOOP, LOOP_END = 0, 1, 2, 3
PAN, DELAY, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 17, 33, 34, 35, 36, 37, 38
INSTRUMENT, KEYS, VELOCITIES, ATTENUATION, COARSE, FINE = 41, 43, 44, 48, 51, 52
SAMPLE, LOOPS, SCALE, ROOT = 53, 54, 56, 58
COARSE_OFFSETS = {4: START, 12: END, 45: LOOP, 50: LOOP_END}  # in 32 768 samples
DEFAULTS = {DELAY: -12000, ATTACK: -12000, HOLD: -12000, DECAY: -12000, RELEASE: -12000, SCALE: 100, ROOT: -1}
RANGES = (KEYS, VELOCITIES)
_RECORDS = {
    "phdr": [("name", "S20"), ("preset", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "V12")],
    "inst": [("name", "S20"), ("bag", "<u2")],
    "bag": [("gen", "<u2"), ("mod", "<u2")],
    "gen": [("oper", "<u2"), ("amount", "<i2")],
    "shdr": [("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"),
             ("root", "u1"), ("correction", "i1"), ("link", "<u2"), ("kind", "<u2")],
}  # fmt: skip

Generators = dict[int, int]


@dataclass(frozen=True)
class Region:
    """One sample with its generators, for a range of keys and velocities."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    gens: Generators

    def __getitem__(self, generator: int) -> int:
        return self.gens.get(generator, DEFAULTS.get(generator, 0))

    def seconds(self, generator: int) -> float:
        """A time in timecents."""
        return float(2.0 ** (self[generator] / 1200))


class SoundFont:
    """A file's samples and presets."""

    def __init__(self, path: Path) -> None:
        try:
            chunks = _chunks(path.read_bytes())
            self.samples = np.frombuffer(chunks["smpl"], "<i2")
            tables = {n: np.frombuffer(chunks[n], np.dtype(_RECORDS[n])) for n in ("phdr", "inst", "shdr")}
            tables |= {n: np.frombuffer(chunks[n], np.dtype(_RECORDS[n[1:]])) for n in ("pbag", "pgen", "ibag", "igen")}
        except (OSError, KeyError, ValueError, struct.error) as error:
            raise GenaeError(
                f"{path} cannot be read as a SoundFont ({error}); reinstall pretty_midi, which ships it"
            ) from error
        self.tables = tables
        self.presets = {(int(p["bank"]), int(p["preset"])): i for i, p in enumerate(tables["phdr"][:-1])}

    @lru_cache(maxsize=256)  # noqa: B019 - a font lives as long as the process
    def regions(self, bank: int, program: int) -> tuple[Region, ...]:
        """All regions of a preset; those of the bank's first where it has no such program."""
        at = self.presets.get((bank, program), self.presets.get((bank, 0)))
        if at is None:
            return ()
        found = []
        for preset in self._zones("p", self.tables["phdr"]["bag"], at, INSTRUMENT):
            for inner in self._zones("i", self.tables["inst"]["bag"], preset[INSTRUMENT], SAMPLE):
                keys, velocities = (_both(_range(inner, r), _range(preset, r)) for r in RANGES)
                added = {g: inner.get(g, DEFAULTS.get(g, 0)) + v for g, v in preset.items() if g not in (*RANGES, INSTRUMENT)}
                found.append(Region(keys, velocities, inner | added))
        return tuple(found)

    def _zones(self, side: str, bags: npt.NDArray[np.uint16], at: int, last: int) -> list[Generators]:
        """The zones of a preset or instrument, each over its global one; `last` is what a real one ends with."""
        bag, gen = self.tables[f"{side}bag"]["gen"], self.tables[f"{side}gen"]
        common: Generators = {}
        found: list[Generators] = []
        for zone in range(int(bags[at]), int(bags[at + 1])):
            own = {int(g["oper"]): int(g["amount"]) for g in gen[bag[zone] : bag[zone + 1]]}
            if last in own:
                found.append(common | own)
            elif not found:
                common = own
        return found

    @lru_cache(maxsize=64)  # noqa: B019 - up to some 40 MB; clips that morph share most of their notes
    def note(self, program: int, drum: bool, pitch: int, velocity: int, seconds: float) -> Array:
        """A note of so many seconds, and what rings after it, (N, 2) float32 at RATE."""
        regions = self.regions(DRUM_BANK if drum else 0, program)
        parts = [
            self._play(region, pitch, velocity, seconds)
            for region in regions
            if region.keys[0] <= pitch <= region.keys[1] and region.velocities[0] <= velocity <= region.velocities[1]
        ]
        sound = np.zeros((max(map(len, parts), default=0), 2), np.float32)
        for part in parts:
            sound[: len(part)] += part
        sound.setflags(write=False)
        return sound

    def _play(self, region: Region, pitch: int, velocity: int, seconds: float) -> Array:
        header = self.tables["shdr"][region[SAMPLE]]
        root = region[ROOT] if region[ROOT] >= 0 else int(header["root"])
        cents = (pitch - root) * region[SCALE] + 100 * region[COARSE] + region[FINE] + int(header["correction"])
        step = float(header["rate"]) / RATE * 2.0 ** (cents / 1200)
        level = _envelope(region, seconds)
        wave = self._sample(region, header, step, len(level))
        gain = (
            10.0 ** (-0.4 * region[ATTENUATION] / 200) * (velocity / 127) ** 2
        )  # of attenuations 0.4 counts, as in the hardware
        right = np.clip(region[PAN] / 1000 + 0.5, 0, 1)
        sides = np.sqrt(np.array([1 - right, right], np.float32))
        return (wave * level[: len(wave)] * np.float32(gain))[:, None] * sides

    def _sample(self, region: Region, header: np.void, step: float, n: int) -> Array:
        """n samples at `step` samples of the recording each, looped if it is, else as long as it lasts; linear between them."""
        far = {fine: region[coarse] << 15 for coarse, fine in COARSE_OFFSETS.items()}
        start, end, loop, loop_end = (
            int(header[name]) + region[g] + far[g]
            for name, g in (("start", START), ("end", END), ("loop", LOOP), ("loop_end", LOOP_END))
        )
        at = np.arange(n) * step
        if region[LOOPS] & 1 and loop_end > loop:
            late = at >= loop_end - start
            at[late] = loop - start + (at[late] - (loop - start)) % (loop_end - loop)
        else:
            at = at[at < end - start - 1]
        whole = at.astype(np.int64)
        part = (at - whole).astype(np.float32)
        wave = self.samples[start : end + 1].astype(np.float32) / np.float32(32768)
        whole = np.minimum(whole, len(wave) - 2)
        return wave[whole] * (1 - part) + wave[whole + 1] * part


def _envelope(region: Region, seconds: float) -> Array:
    """Loudness over the note and its release, (N,) float32."""
    times = np.cumsum([region.seconds(g) for g in (DELAY, ATTACK, HOLD)])
    sustain = min(region[SUSTAIN] / 10, SILENT)  # dB below
    fall = region.seconds(RELEASE)  # to SILENT
    t = np.arange(round((seconds + min(fall, 8.0)) * RATE)) / RATE
    # a decay's time is that to SILENT, wherever it is held before
    decay = np.minimum(np.clip(t - times[2], 0, None) / region.seconds(DECAY) * SILENT, sustain)  # dB
    level = np.where(t < times[1], np.clip((t - times[0]) / (times[1] - times[0]), 0, 1), 10 ** (-decay / 20))
    level *= 10 ** (-np.clip(t - seconds, 0, None) / fall * SILENT / 20)
    return np.asarray(level, np.float32)


def _range(gens: Generators, which: int) -> tuple[int, int]:
    amount = gens.get(which, 127 << 8) & 0xFFFF
    return amount & 0xFF, amount >> 8


def _both(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return max(a[0], b[0]), min(a[1], b[1])


def _chunks(data: bytes) -> dict[str, bytes]:
    """The chunks inside the lists of a RIFF file, by name."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise ValueError("it does not begin as one")
    found: dict[str, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sL", data, place)
        if name == b"LIST":
            place += 12  # its members follow
            continue
        found[name.decode("latin-1")] = data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    return found
