"""Each of the zoo's models trains and gives pictures back; the page says what bench/zoo.py does."""

import runpy
from pathlib import Path

import pytest
import torch

import genae

ROOT = Path(__file__).parents[1]
BENCH = runpy.run_path(str(ROOT / "bench" / "zoo.py"))
ZOO = BENCH["ZOO"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_it_trains(name, tmp_path):
    run = genae.train("mnist-mlp", data="glyphs", steps=3, settings=BENCH["settings"](ZOO[name]), out=tmp_path / name)
    held = run.held_out()[1].take(torch.arange(4))
    inputs, outputs = run.reconstruct(held)
    assert outputs.shape == inputs.shape
    assert outputs.isfinite().all()
    if run.built.sampled:
        assert torch.equal(run.sample(2, seed=1), run.sample(2, seed=1))


def test_the_page_has_every_model():
    page = (ROOT / "docs" / "zoo.md").read_text("utf-8")
    for entry in ZOO.values():
        assert f"| {entry.title} |" in page
        assert all(f"--set {BENCH['_quoted'](setting)}" in page for setting in entry.settings)
        assert (ROOT / "tests" / entry.oracle).is_file()
    assert len(ZOO) == 26
