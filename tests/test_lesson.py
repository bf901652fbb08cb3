"""The lesson's notebook runs, and each of its cells shows something."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = json.loads((Path(__file__).parents[1] / "docs" / "lesson.ipynb").read_text("utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def ran(source: str, names: dict[str, Any]) -> object:
    """What a notebook would show under a cell: its last line, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_it_is_saved_without_what_it_showed() -> None:
    assert NOTEBOOK["nbformat"] == 4
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in NOTEBOOK["cells"] if "outputs" in cell)
    for name in (
        "simple",
        "sparse",
        "deep",
        "conv",
        "denoise",
        "super-resolve",
        "seq2seq",
        "vae",
        "conditional",
        "adversarial",
    ):
        assert any(f'"lesson-{name}"' in cell or f'"{name}"' in cell for cell in CELLS), name


@pytest.mark.slow
def test_every_cell_runs(tmp_path: Path, real: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    real("mnist")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "notebook"}
    shown = [ran(source, names) for source in CELLS]
    assert shown[0] is None
    assert all(value is not None for value in shown[1:])
    (compared,) = [value for value in shown if isinstance(value, dict) and "PCA" in value]
    assert compared["autoencoder"] < compared["PCA"]
    assert all("text/html" in value._repr_mimebundle_() for value in shown if isinstance(value, type(shown[1])))
