"""One seed gives one result for a given number of threads, and the card says how many there were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import genae
from genae.data.tensors import load_tensors
from genae.errors import Remark
from genae.learn.checkpoint import CARD, TRAINING

SETTINGS = ["network.hidden=[256]", "batch=64", 'stages=[{"sampler": {"name": "gaussian"}}]']


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_a_seed_and_a_number_of_threads_give_one_result(bars: Path, tmp_path: Path, threads: int) -> None:
    made = []
    for name in "ab":
        run = genae.train("mnist-mlp", data=str(bars), steps=6, out=tmp_path / name, settings=SETTINGS, device="cpu")
        state = load_tensors(tmp_path / name / TRAINING)[0]
        made.append([*state.values(), run.sample(5, seed=1), run.sample(5, seed=1, sampler="prior")])
    assert all(torch.equal(a, b) for a, b in zip(*made, strict=True))
    said = "1 thread," if threads == 1 else "2 threads,"
    assert said in (tmp_path / "a" / CARD).read_text()


def test_going_on_with_another_number_is_told(bars: Path, tmp_path: Path, threads: int) -> None:
    for progress in genae.Training("mnist-mlp", data=str(bars), steps=3, out=tmp_path / "run", settings=SETTINGS, device="cpu"):
        if progress.step == 1:
            break
    torch.set_num_threads(3 - threads)
    with pytest.warns(Remark, match=f"was trained with {threads} threads and goes on with {3 - threads}: the last digits"):
        list(genae.Training(resume=tmp_path / "run", device="cpu"))
