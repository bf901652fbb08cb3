"""Damaged, random and made-up files for the readers of every domain: read or refused with a reason, and nothing else.

    python bench/fuzz.py [--count 1000000] [--domain music …] [--seed 0] [--jobs 2] [--corpus FOLDER_OR_ZIP]
    python bench/fuzz.py --domain music --replay 4711 --out bad.mid       # input 4711 as a file

Input i is made from (seed, i) alone: a file that the domain writes, in every form that it reads, or one of the corpus, of which
places are flipped, cut out, doubled, overwritten by extreme numbers or spliced with another; or bytes that were never a file.
Prints what came of them, whatever was raised but Rejected and GenaeError, the slowest input and the most memory. An input that
takes longer than STUCK seconds of CPU time ends the whole, with its number and where it is.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import multiprocessing
import os
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import torch
from PIL import Image

from genae.data.domain import Domain
from genae.data.examples import File
from genae.data.found import read_found
from genae.data.local import Local
from genae.data.pieces import read_piece
from genae.data.pool import end_with_parent
from genae.errors import GenaeError, Rejected
from genae.recipe import registry
from genae.recipe.parts import instance

OPTIONS: dict[str, list[dict[str, object]]] = {
    "music": [
        {}, {"kind": "drums"}, {"kind": "drums", "kit": "full"}, {"kind": "trio", "bars": 4}, {"grid": "magenta"},
        {"grid": "magenta", "kind": "trio"}, {"steps_per_bar": 12, "bars": 16},
    ],
    "image": [{}, {"channels": 3, "size": 64, "fit": "pad"}],
}  # fmt: skip
LARGEST = 1 << 16  # bytes of a file of the corpus that is damaged; the rest of it is cut off
PART = 500  # inputs at once
STUCK = 60.0  # seconds of CPU time
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\1\0\0\0", b"\0\0\0\1")
WAITS = (
    b"\0",
    b"\x60",
    b"\x81\x70",
    b"\x83\x60",
    b"\x8f\0",
    b"\xff\x7f",
    b"\x84\xff\x7f",
    b"\xbf\xff\xff\x7f",
)  # deltas of MIDI,
WAITED = (0.4, 0.15, 0.15, 0.15, 0.1, 0.045, 0.004, 0.001)  # how often
OFTEN = (0.4, 0.35, 0.04, 0.04, 0.04, 0.04, 0.04, 0.02, 0.024, 0.003, 0.003)  # messages

Work = tuple[str, dict[str, object], range, int, Path | None]  # what `survey` takes


@dataclass
class Outcome:
    """What came of some inputs."""

    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)  # with what was raised
    slowest: tuple[float, str] = (0.0, "")
    memory: int = 0  # MiB

    def add(self, other: Outcome) -> None:
        self.read += other.read
        self.refused += other.refused
        self.broken += other.broken
        self.slowest = max(self.slowest, other.slowest)
        self.memory = max(self.memory, other.memory)


# -- whole files ------------------------------------------------------------------------------------------------------


def seeds(domain: Domain, corpus: Path | None = None) -> list[tuple[str, bytes]]:
    """Files to damage, with their suffixes."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{domain.suffixes[0]}"
        made = []
        for scale in (0.0, 1.0, 60.0):
            domain.write(domain.prepare((torch.rand(1, *domain.event) * scale).round(), "show")[0], path)
            made.append((domain.suffixes[0], path.read_bytes()))
    forms = [(suffix, body) for suffix in domain.suffixes if (body := _as(made[1][1], suffix))]
    return made + forms + _of(corpus, domain)


def _as(data: bytes, suffix: str) -> bytes:
    """A picture or a sound in another form; nothing where there is none."""
    out = io.BytesIO()
    try:
        if data.startswith(b"RIFF"):
            sound, rate = soundfile.read(io.BytesIO(data))
            soundfile.write(out, sound, rate, format=suffix[1:].upper())
        elif data.startswith(b"\x89PNG"):
            Image.open(io.BytesIO(data)).save(out, Image.registered_extensions()[suffix])
    except (ValueError, KeyError, OSError, soundfile.SoundFileError, TypeError):
        return b""
    return out.getvalue()


def _of(corpus: Path | None, domain: Domain) -> list[tuple[str, bytes]]:
    files = Local(corpus).split("train").files if corpus else ()
    return [(file.suffix, file.read()[:LARGEST]) for file in files if file.suffix in domain.suffixes]


# -- inputs -----------------------------------------------------------------------------------------------------------


def made(whole: Sequence[tuple[str, bytes]], seed: int, i: int) -> tuple[str, bytes]:
    """Input i: its suffix and bytes."""
    random = np.random.default_rng((seed, i))
    suffix, data = whole[int(random.integers(len(whole)))]
    way = random.random()
    if way < 0.03:
        return suffix, data[: int(random.integers(0, 16))] + random.bytes(int(random.integers(0, 400)))
    if way < 0.4 and data.startswith(b"MThd"):
        return suffix, tracks(random)
    for _ in range(int(random.choice([1, 1, 1, 2, 2, 3, 6]))):
        data = _damaged(data, whole, random)
    return suffix, data


def _damaged(data: bytes, whole: Sequence[tuple[str, bytes]], random: np.random.Generator) -> bytes:
    """One place of it changed."""
    at, end = sorted(random.integers(0, len(data) + 1, 2).tolist())
    some, other = min(end, at + 8), whole[int(random.integers(len(whole)))][1]
    ways: list[Callable[[], bytes]] = [
        lambda: data[:at] + bytes([int(random.integers(128))]) + data[at + 1 :],
        lambda: data[:at] + random.bytes(1) + data[at + 1 :],
        lambda: data[: at // 8] + random.bytes(1) + data[at // 8 + 1 :],  # near the head
        lambda: data[:at] + data[some:],
        lambda: data[:at] + random.bytes(int(random.integers(1, 9))) + data[at:],
        lambda: data[:some] + data[at:some] * int(random.integers(1, 40)) + data[some:],
        lambda: data[: at // 8] + EXTREMES[int(random.integers(len(EXTREMES)))] + data[at // 8 + 4 :],
        lambda: data[:at],
        lambda: data[:at] + other[int(random.integers(len(other) + 1)) :],
    ]
    chances = np.array([8, 4, 4, 2, 2, 1, 2, 1, 1])
    return ways[int(random.choice(len(ways), p=chances / chances.sum()))]()


def tracks(random: np.random.Generator) -> bytes:
    """A MIDI file of events that are mostly possible."""
    division = int(random.choice([1, 24, 480, 10080, 32767, int(random.integers(1, 32768))]))
    bodies = [_track(int(random.integers(0, 60)), random) for _ in range(int(random.integers(1, 5)))]
    head = b"MThd\0\0\0\6\0\1" + len(bodies).to_bytes(2, "big") + division.to_bytes(2, "big")
    return head + b"".join(b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies)


def _track(events: int, random: np.random.Generator) -> bytes:
    """So many deltas and messages: notes, programs, banks, meters, tempi, exclusive messages, others."""
    waits = random.choice(len(WAITS), events, p=WAITED).tolist()
    kinds = random.choice(len(OFTEN), events, p=OFTEN).tolist()
    numbers = random.integers(0, 128, (events, 3)).tolist()
    return b"".join(WAITS[w] + _message(k, *n, random) for w, k, n in zip(waits, kinds, numbers, strict=True))


def _message(kind: int, a: int, b: int, c: int, random: np.random.Generator) -> bytes:
    channel = (0, 0, 1, 9)[c % 4]
    if kind > 8:
        return random.bytes(1 + a % 4) if kind > 9 else bytes([a | 0x80, b, c])
    return (
        bytes([0x90 | channel, 30 + a % 40, b]), bytes([0x80 | channel, 30 + a % 40, b]), bytes([0xC0 | channel, a]),
        bytes([0xB0 | channel, 0, a]), bytes([0xFF, 0x58, 4, a % 13, b % 7, 24, 8]), b"\xff\x51\3" + bytes([a % 32, b, c]),
        bytes([0xFF, a, 3, b, c, 0]), bytes([0xF0, 9, 0x43, 0x10, 0x4C, 8, a % 16, 7, b % 3, 0, 0xF7]),
        b"\xf0\x0a\x41\x10\x42\x12\x40" + bytes([0x10 | a % 16, 0x15, b % 3, 0, 0xF7]),
    )[kind]  # fmt: skip


# -- reading them -----------------------------------------------------------------------------------------------------


def survey(name: str, options: dict[str, object], span: range, seed: int = 0, corpus: Path | None = None) -> Outcome:
    """The inputs of `span`, each read as examples, and some as a piece, for their style or as people see them."""
    domain = instance(Domain, "domain", {"name": name, **options})
    whole, outcome = seeds(domain, corpus), Outcome()
    calls: list[Callable[[File], object]] = [
        lambda file: read_found(file, domain), lambda file: read_piece(file, domain),
        lambda file: read_found(file, domain), lambda file: (domain.inspect(file), domain.style(file)),
    ]  # fmt: skip
    with _watched() as now:
        for i in span:
            suffix, data = made(whole, seed, i)
            start = time.process_time()
            now[0] = (start, f"{name} {options} input {i}")
            _try(calls[i % len(calls)], File(Path(f"{i}{suffix}"), content=data), outcome)
            outcome.slowest = max(outcome.slowest, (time.process_time() - start, now[0][1]))
    outcome.memory = _memory()
    return outcome


@contextmanager
def _watched() -> Iterator[list[tuple[float, str]]]:
    """The process ends, naming it, when the input that is put there takes too long; unnamed, where it lets no thread run."""
    now, done = [(time.process_time(), "the first input")], threading.Event()

    def watch() -> None:
        while not done.wait(1):
            if time.process_time() - now[0][0] > STUCK:
                print(f"\n{now[0][1]} takes longer than {STUCK:.0f} s of CPU time", file=sys.stderr, flush=True)
                faulthandler.dump_traceback()
                os._exit(1)

    faulthandler.dump_traceback_later(PART * STUCK / 10, exit=True)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield now
    finally:
        done.set()
        thread.join()
        faulthandler.cancel_dump_traceback_later()


def _try(call: Callable[[File], object], file: File, outcome: Outcome) -> None:
    try:
        call(file)
        outcome.read += 1
    except (Rejected, GenaeError) as error:
        outcome.refused[error.reason if isinstance(error, Rejected) and error.reason else "other reasons"] += 1
    except Exception:
        outcome.broken.append(f"{file.name}: {traceback.format_exc()}")


def surveyed(work: Sequence[Work], jobs: int) -> Iterator[tuple[Work, Outcome]]:
    """Each with what came of it, in so many processes, which end with this one and when it is interrupted."""
    if jobs == 1:
        yield from ((one, survey(*one)) for one in work)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=end_with_parent)
    try:
        yield from zip(work, pool.map(survey, *zip(*work, strict=True)), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _memory() -> int:
    """The most that this process has had, MiB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) >> (20 if sys.platform == "darwin" else 10)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--domain", nargs="*", default=registry.own("domain"))
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--replay", type=int)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    kinds = [(name, options) for name in asked.domain for options in OPTIONS.get(name, [{}])]
    if asked.replay is not None:
        domain = instance(Domain, "domain", {"name": kinds[0][0], **kinds[0][1]})
        asked.out.write_bytes(made(seeds(domain, asked.corpus), asked.seed, asked.replay)[1])
        return
    each = -(-asked.count // len(kinds))
    work = [(n, o, range(i, min(i + PART, each)), asked.seed, asked.corpus) for i in range(0, each, PART) for n, o in kinds]
    total, begun, done = Outcome(), time.monotonic(), 0
    for (name, options, span, *_), outcome in surveyed(work, asked.jobs):
        total.add(outcome)
        done += len(span)
        for line in outcome.broken:
            print(f"{name} {options} {line}", flush=True)
        print(f"\r{done:,} of {each * len(kinds):,}, {done / (time.monotonic() - begun):.0f}/s", end="", file=sys.stderr)
    print(f"\n{done:,} inputs: {total.read:,} read, {total.refused.total():,} refused, {len(total.broken)} broke a reader")
    print(f"slowest {total.slowest[0]:.2f} s: {total.slowest[1]}; most memory {total.memory:,} MiB")
    for reason, count in total.refused.most_common(20):
        print(f"{count:>10,} {reason}")
    sys.exit(bool(total.broken))


if __name__ == "__main__":
    main()
