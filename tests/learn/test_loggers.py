"""Numbers go to tools beside metrics.jsonl: the same ones, at the same steps."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import genae
from genae.errors import GenaeError
from genae.learn.metrics import read_metrics


class Tool(ModuleType):
    """What a run tells trackio."""

    def __init__(self) -> None:
        super().__init__("trackio")
        self.__spec__ = ModuleSpec("trackio", None)
        self.begun: list[dict[str, Any]] = []
        self.told: list[tuple[int, dict[str, float]]] = []
        self.ended = 0

    def init(self, **given: Any) -> None:
        self.begun.append(given)

    def log(self, numbers: dict[str, float], step: int) -> None:
        self.told.append((step, numbers))

    def finish(self) -> None:
        self.ended += 1


def test_a_tool_is_told_what_metrics_hold(bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = Tool()
    monkeypatch.setitem(sys.modules, "trackio", tool)
    out = tmp_path / "run"
    genae.train(
        "mnist-mlp", data=str(bars), steps=3, out=out, settings=("network.hidden=[8]",), log=["trackio"], progress=False
    )
    lines = read_metrics(out)
    assert [step for step, _ in tool.told] == [line["step"] for line in lines]
    assert [line["step"] for line in lines if line["split"] == "train"] == [1, 2, 3]
    for (_, numbers), line in zip(tool.told, lines, strict=True):
        wanted = {f"{line['split']}/{k}": v for k, v in line.items() if k not in ("step", "epoch", "seconds", "split")}
        assert numbers == wanted
    assert tool.told[-1][1].keys() >= {"valid/elbo", "valid/rate", "valid/distortion"}
    assert (tool.begun[0]["name"], tool.begun[0]["config"]["preset"], tool.ended) == ("run", "mnist-mlp", 1)


def test_what_is_not_installed_is_one_line_and_no_run(bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genae.learn.loggers.find_spec", lambda name: None)
    with pytest.raises(
        GenaeError, match=r"^--log tensorboard: tensorboard is not installed; pip install 'genae\[tensorboard\]'"
    ):
        genae.train("mnist-mlp", data=str(bars), out=tmp_path / "run", log=["tensorboard"])
    with pytest.raises(GenaeError, match="no logger 'tensorbord'; known: tensorboard, trackio; did you mean 'tensorboard'"):
        genae.train("mnist-mlp", data=str(bars), out=tmp_path / "run", log=["tensorbord"])
    assert not (tmp_path / "run").exists()
