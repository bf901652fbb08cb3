"""Damaged and made-up files of every domain: read or refused with a reason, in bounded time and memory."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).parents[1] / "bench" / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module  # where its dataclass looks for itself
    spec.loader.exec_module(module)
    return module


def test_an_input_is_a_function_of_its_number(fuzz: ModuleType) -> None:
    whole = fuzz.seeds(fuzz.instance(fuzz.Domain, "domain", {"name": "music"}))
    assert [fuzz.made(whole, 0, i) for i in range(50)] == [fuzz.made(whole, 0, i) for i in range(50)]
    assert len({fuzz.made(whole, seed, i) for seed in range(2) for i in range(50)}) > 90
    assert fuzz.survey("music", {}, range(200)).read > 10


def test_what_a_reader_raises_is_caught_and_named(fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(file: object, domain: object) -> None:
        raise KeyError("no such chunk")

    monkeypatch.setattr(fuzz, "read_found", broken)
    outcome = fuzz.survey("image", {}, range(8))
    assert [line.split(".")[0] for line in outcome.broken if "no such chunk" in line] == ["0", "2", "4", "6"]


@pytest.mark.slow
@pytest.mark.parametrize("domain, count", [("image", 4000), ("music", 14_000), ("spectrogram", 300), ("waveform", 300)])
def test_no_input_breaks_a_reader(fuzz: ModuleType, domain: str, count: int) -> None:
    kinds = fuzz.OPTIONS.get(domain, [{}])
    total, before = fuzz.Outcome(), fuzz.survey(domain, kinds[0], range(0)).memory
    for options in kinds:
        total.add(fuzz.survey(domain, options, range(count // len(kinds))))
    assert not total.broken, total.broken[0]
    assert total.read > count // 20
    assert total.slowest[0] < 10, total.slowest
    assert total.memory - before < 1024
