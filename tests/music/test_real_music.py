"""Real files: every window that is written and read again is itself, and enough of them can be used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from genae.data.examples import File
from genae_music import drums, melody, midi, report, trio
from genae_music.quantise import Setting
from genae_music.reasons import Unusable


def inspected(name: str, data: bytes, *options: object) -> report.FileReport:
    """Of a file in memory."""
    return report.inspect(File(Path(name), content=data), *options)


TUNES = ("nottingham-midi.zip", "/MIDI/melody/")
SETTINGS = [Setting(), Setting(16), Setting(steps_per_bar=12)]


def there_and_back(files: Iterable[tuple[str, bytes]], kind: ModuleType, setting: Setting, per_file: int) -> int:
    """How many windows came back as they were; fails at the first that did not."""
    count = 0
    for name, data in files:
        try:
            found = kind.windows(midi.read(data), setting).tokens
        except Unusable:
            continue
        for window in found[:: max(len(found) // per_file, 1)]:
            written = midi.write(kind.score(window, tempo=97.0, velocity=99, steps_per_bar=setting.steps_per_bar))
            again = kind.windows(midi.read(written), setting).tokens
            assert again.shape == (1, *window.shape), name
            assert (again[0] == window).all(), name
            count += 1
    return count


@pytest.mark.parametrize("kind, archive, every", [
    (melody, "nottingham-midi.zip", 150), (melody, "pop909.zip", 80), (melody, "karaoke-midi.zip", 20),
    (drums, "groove-midionly.zip", 50), (drums, "karaoke-midi.zip", 10), (trio, "karaoke-midi.zip", 10),
])  # fmt: skip
def test_windows_come_back(real, kind: ModuleType, archive: str, every: int) -> None:
    for setting in SETTINGS[:2]:
        assert there_and_back(real(archive, every=every), kind, setting, 10) > 20


def test_windows_in_three_come_back(real) -> None:
    assert there_and_back(real(*TUNES, every=30), melody, Setting(steps_per_bar=12), 10) > 20


@pytest.mark.slow
@pytest.mark.parametrize("kind, archive", [
    (melody, "nottingham-midi.zip"), (melody, "pop909.zip"), (melody, "karaoke-midi.zip"),
    (drums, "groove-midionly.zip"), (drums, "karaoke-midi.zip"), (trio, "karaoke-midi.zip"),
])  # fmt: skip
def test_windows_of_every_file_come_back(real, kind: ModuleType, archive: str) -> None:
    for setting in SETTINGS:
        there_and_back(real(archive), kind, setting, 10)


@pytest.mark.parametrize("name, under, magenta, default", [(*TUNES, 0.60, 0.95), ("pop909.zip", "", 0.25, 0.95)])
def test_files_that_give_a_two_bar_melody(real, name: str, under: str, magenta: float, default: float) -> None:
    """Magenta's own setting uses about half of Nottingham and a fifth of POP909."""
    files = list(real(name, under, every=4))
    strict = [inspected(n, data, Setting(2, "magenta", programs=(0, 31))).windows > 0 for n, data in files]
    kind = [inspected(n, data, Setting()).windows > 0 for n, data in files]
    assert sum(strict) / len(files) < magenta
    assert sum(kind) / len(files) >= default
